"""Bundles: the same from the same inputs, complete, and small enough for Lambda."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import bundle

pytestmark = pytest.mark.xdist_group("cdk")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of our own code, which nobody edits while the tests run."""
    return _copied(bundle.ROOT, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def core(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The core bundle with its wheels for Lambda's platform, built from nothing."""
    return bundle.build(bundle.CORE, root=checkout, into=tmp_path_factory.mktemp("core"))


def test_the_same_inputs_make_the_same_bytes(core: Path, checkout: Path, tmp_path: Path) -> None:
    """Neither the place nor the time of a checkout is an input."""
    elsewhere = _copied(checkout, tmp_path / "elsewhere")
    for path in elsewhere.rglob("*.py"):
        os.utime(path, (0, 0))

    again = bundle.build(bundle.CORE, root=elsewhere, into=tmp_path / "built")

    assert again.name == core.name
    assert _sha256(again) == _sha256(core)


def test_the_core_bundle_is_for_lambda_and_has_nothing_of_a_laptop(core: Path) -> None:
    """Extension modules of the right Python and machine, no caches, no command line, no OCR."""
    names = zipfile.ZipFile(core).namelist()

    compiled = [name for name in names if re.search(r"\.cpython-\d+.*\.so$", name)]
    assert compiled
    assert all(f"cpython-{bundle.PYTHON.replace('.', '')}-aarch64" in name for name in compiled)
    assert {"functions/api/handler.py", "shared/policy.toml", "templates/versions.lock"} <= set(names)
    unwanted = ("shared/bench/", "shared/cli/", "onnxruntime/", "numpy/", "rapidocr/", "infra/", "tests/", "bin/")
    assert not [
        name for name in names if name.startswith(unwanted) or "__pycache__" in name or name.endswith("/RECORD")
    ]


def test_a_bundle_carries_only_the_services_we_call(core: Path) -> None:
    names = zipfile.ZipFile(core).namelist()

    services = {name.split("/")[2] for name in names if re.match(r"botocore/data/[^/]+/.", name)}

    assert _services_called() <= services <= bundle.BOTO_SERVICES


def test_the_source_bundle_is_our_code_alone(tmp_path: Path) -> None:
    names = zipfile.ZipFile(bundle.build(bundle.VERIFY, kind="source", into=tmp_path)).namelist()

    assert {name.split("/")[0] for name in names} == {"functions", "shared", "templates"}


def test_only_verify_carries_the_reader_and_nobody_opencv() -> None:
    core, verify = _pinned(bundle.CORE), _pinned(bundle.VERIFY)

    assert core < verify
    assert {"onnxruntime", "rapidocr", "rapidfuzz", "numpy"} <= verify - core
    assert not {name for name in verify if "opencv" in name or name in {"shapely", "pyclipper"}}


ELSEWHERE = {
    bundle.CORE.name: {"typography", "artifacts", "pictures", "tokens"},
    bundle.VERIFY.name: {"tokens"},
    bundle.AUTHORIZE.name: {"typography", "artifacts", "pictures"},
}
"""Modules that only another function loads: looking at pictures is verify's, checking tokens authorize's."""


@pytest.mark.parametrize("made", [bundle.CORE, bundle.VERIFY, bundle.AUTHORIZE], ids=lambda made: made.name)
def test_every_package_a_handler_imports_is_in_its_bundle(made: bundle.Bundle) -> None:
    distributions = importlib.metadata.packages_distributions()
    pinned = _pinned(made)

    for path in _lambda_sources():
        if ELSEWHERE[made.name] & {*path.parts, path.stem}:
            continue
        for package in _imported(path):
            owners = {_normal(owner) for owner in distributions.get(package, [package])}
            assert owners & pinned, f"{path.relative_to(bundle.ROOT)} imports {package}"


def test_every_requirement_is_pinned_with_hashes() -> None:
    for name in ("functions.txt", "inference.txt"):
        lock = (bundle.LOCK.parent / name).read_text(encoding="utf-8")

        assert len(re.findall(r"(?m)^[a-z0-9].*==", lock)) == len(
            re.findall(r"(?m)^[a-z0-9].*==\S+ \\\n\s+--hash=", lock)
        )


def _copied(root: Path, target: Path) -> Path:
    for folder in ("functions", "shared", "templates"):
        shutil.copytree(root / folder, target / folder)
    return target


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pinned(made: bundle.Bundle) -> set[str]:
    return set(re.findall(r"(?m)^([a-z0-9-]+)==", bundle.requirements(made)))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _lambda_sources() -> Iterator[Path]:
    for folder in ("functions", "shared"):
        for path in (bundle.ROOT / folder).rglob("*.py"):
            if "cli" not in path.relative_to(bundle.ROOT).parts:
                yield path


def _imported(path: Path) -> set[str]:
    """Third-party packages that running the module may import; what only a type checker reads does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    roots: set[str] = set()
    for node in set(ast.walk(tree)) - typing_only:
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    return roots - sys.stdlib_module_names - {"shared", "functions"}


def _services_called() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in _lambda_sources()]
    return {name for text in sources for name in re.findall(r'client\("([a-z0-9-]+)"', text)}


def test_only_authorize_carries_cryptography() -> None:
    core, authorize = _pinned(bundle.CORE), _pinned(bundle.AUTHORIZE)

    assert {"pyjwt", "cryptography"} <= authorize - core
    assert "onnxruntime" not in authorize
