"""Lambda packages, built without Docker and the same to the byte from the same inputs.

Hides which wheels go where, how they are fetched for Lambda's platform and what of them is left out.
Never resolves a version: infra/locks/functions.txt has every one, with its hashes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Literal

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "infra" / "locks" / "functions.txt"
BUILD: Final = ROOT / "build" / "bundles"
PYTHON: Final = "3.14"

UNZIPPED_LIMIT: Final = 250 * 1024 * 1024
"""Lambda's limit in bytes: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

BOTO_SERVICES: Final = frozenset(
    {
        "bedrock-runtime",
        "dynamodb",
        "events",
        "kms",
        "s3",
        "sagemaker-runtime",
        "secretsmanager",
        "sns",
        "sqs",
        "stepfunctions",
        "sts",
    }
)
"""The services a function may call. Models of the other 400 are 25 MB that every cold start would carry."""

_SOURCE: Final = ("functions", "shared", "templates")
_NOT_FOR_LAMBDA: Final = ("shared/bench/", "shared/cli/")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold; every file has it, so that zips differ only where files do."""


@dataclass(frozen=True)
class Bundle:
    """What one kind of function needs: `extras` of pyproject.toml, for a machine."""

    name: str
    machine: Literal["aarch64", "x86_64"]
    extras: tuple[str, ...] = ()


CORE: Final = Bundle("core", machine="aarch64")

# onnxruntime aborts at import on Lambda's arm64: its cpuinfo cannot read /sys/devices/system/cpu there.
# https://github.com/microsoft/onnxruntime/issues/10038 (open, read 2026-11)
# Cryptography is 15 MB that no other function should load.
AUTHORIZE: Final = Bundle("authorize", machine="aarch64", extras=("people",))

VERIFY: Final = Bundle("verify", machine="x86_64", extras=("ocr",))


def build(
    bundle: Bundle, *, kind: Literal["lambda", "source"] = "lambda", root: Path = ROOT, into: Path = BUILD
) -> Path:
    """Path of the zip to deploy; built once for each state of lock and source.

    `root` is the folder of our own code; kind "source" leaves the packages to the host.
    """
    own = _source_files(root)
    if kind == "source":
        return _zip("source", own, digest=_content_digest(own), into=into)
    folder = packages(bundle, into=into)
    wheels = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    return _zip(bundle.name, wheels | own, digest=_digest(folder.name, _content_digest(own)), into=into)


def requirements(bundle: Bundle) -> str:
    """The part of the lock that the bundle needs, as a requirements file with hashes."""
    entries = dict(_entries(LOCK.read_text(encoding="utf-8")))
    needed: set[str] = set()
    waiting = list(_direct(bundle))
    while waiting:
        name = waiting.pop()
        if name not in entries:
            raise LookupError(f'"{name}" is not in {LOCK.name}: run infra/locks/compile.sh')
        if name not in needed:
            needed.add(name)
            waiting += [other for other, entry in entries.items() if name in _wanted_by(entry)]
    return "".join(entries[name] for name in sorted(needed))


def packages(bundle: Bundle, *, into: Path = BUILD) -> Path:
    """Folder with the bundle's wheels unpacked and pruned; kept between calls."""
    wanted = requirements(bundle)
    target = into / f"packages-{bundle.name}-{_digest(wanted, bundle.machine, _rules())}"
    if not target.exists():
        with _staging(into) as staging:
            _install(wanted, machine=bundle.machine, target=staging / "packages")
            _settle(staging / "packages", target)
        _forget_old(into, f"packages-{bundle.name}-*", keep=2)
    return target


def _rules() -> str:
    """This module: what is fetched and what is left out follows from it and the lock alone."""
    return Path(__file__).read_text(encoding="utf-8")


def _direct(bundle: Bundle) -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [project["optional-dependencies"][extra] for extra in bundle.extras]
    for line in chain(project["dependencies"], *extras):
        yield re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0].lower()


def _entries(lock: str) -> Iterator[tuple[str, str]]:
    """Name and full text of each entry: requirement, hashes, and the `# via` that says who wanted it."""
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", lock):
        if "==" in entry:
            yield entry.split("==", 1)[0], entry


def _wanted_by(entry: str) -> frozenset[str]:
    return frozenset(re.findall(r"(?m)^\s+#\s+(?:via\s+)?([A-Za-z0-9._-]+)$", entry))


def _install(wanted: str, *, machine: str, target: Path) -> None:
    from uv import find_uv_bin

    target.mkdir()
    listed = target.with_name("requirements.txt")
    listed.write_text(wanted, encoding="utf-8")
    # manylinux_2_28 is at most glibc 2.28; the Lambda runtime is Amazon Linux 2023 with 2.34.
    platform = ["--python-platform", f"{machine}-manylinux_2_28", "--python-version", PYTHON]
    command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--no-deps", "--require-hashes"]
    subprocess.run([*command, "--only-binary", ":all:", *platform, "--requirements", str(listed)], check=True)
    for path in _files(target):
        if not _ships(path.relative_to(target)):
            path.unlink()


def _ships(path: Path) -> bool:
    """Whether a file of an installed wheel belongs in a bundle: not caches, tests, or what an installer noted down."""
    if path.parts[0] in {"bin", ".lock"} or {"tests", "__pycache__"} & set(path.parts):
        return False
    if path.parts[0].endswith(".dist-info"):
        return path.name not in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"} and not path.name.startswith(
            "uv_"
        )
    if path.parts[:2] == ("botocore", "data") and len(path.parts) > 3:  # noqa: PLR2004
        return path.parts[2] in BOTO_SERVICES
    if path.parts[:2] == ("boto3", "data") and len(path.parts) > 3:  # noqa: PLR2004
        return path.parts[2] in BOTO_SERVICES
    return True


def _source_files(root: Path) -> dict[str, Path]:
    files = {path.relative_to(root).as_posix(): path for folder in _SOURCE for path in _files(root / folder)}
    return {name: path for name, path in files.items() if not name.startswith(_NOT_FOR_LAMBDA)}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _zip(name: str, files: dict[str, Path], *, digest: str, into: Path) -> Path:
    """Zip in an order and with times that depend on nothing but the files."""
    target = into / f"{name}-{digest}.zip"
    if target.exists():
        target.touch()
        return target
    ordered = sorted(files.items())
    size = sum(path.stat().st_size for _, path in ordered)
    if size > UNZIPPED_LIMIT:
        raise ValueError(f"bundle {name} unpacks to {size:,} bytes, Lambda takes {UNZIPPED_LIMIT:,}: prune it")
    with _staging(into) as staging:
        with zipfile.ZipFile(staging / target.name, "w") as archive:
            for inside, path in ordered:
                info = zipfile.ZipInfo(inside, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (0o100755 if inside.endswith(".sh") else 0o100644) << 16
                archive.writestr(info, path.read_bytes(), compresslevel=6)
        _settle(staging / target.name, target)
    _forget_old(into, f"{name}-*.zip", keep=4)
    return target


def _forget_old(folder: Path, pattern: str, *, keep: int) -> None:
    """Every change leaves a build behind; the last few are enough, also for a synth that runs beside this one."""
    builds = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[keep:]:
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _content_digest(files: dict[str, Path]) -> str:
    return _digest(*(f"{name}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for name, path in sorted(files.items())))


@contextmanager
def _staging(into: Path) -> Iterator[Path]:
    """A folder on the same disk, so that what is finished can be moved into place at once."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix="making-") as folder:
        yield Path(folder)


def _settle(made: Path, target: Path) -> None:
    """Move into place. Where another process was first, its result is the same and stays."""
    try:
        made.replace(target)
    except OSError:
        if not target.exists():
            raise
