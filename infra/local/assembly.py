"""The cloud assembly of the local stage: synthesized once for each state of the source, then kept.

Synthesis takes ten seconds or so, and the local stack is started many times between two changes.
Never reads a template's meaning: see deploy.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from infra.local.state import cache_dir

ROOT: Final = Path(__file__).resolve().parents[2]

_SOURCE: Final = ("infra", "shared", "functions", "templates")
_IGNORED: Final = (
    *("__pycache__", "infra/local/", "infra/inference/container/", "infra/cdk.out/"),
    *("shared/bench/", "shared/cli/"),
)
_TOOLS: Final = ("aws-cdk-lib", "cdk-nag", "constructs")
_KEEP: Final = 5


class SynthesisError(RuntimeError):
    """The CDK app did not synthesize; the message holds the end of what it said."""


def assembly(environ: Mapping[str, str] = os.environ, *, log: Path, stage: str, models: Sequence[str] = ()) -> Path:
    """Folder of a stage's assembly that the source on disk stands for, with endpoints for `models` besides.

    Raises SynthesisError.
    """
    shelf = cache_dir(environ) / "assemblies"
    shelf.mkdir(parents=True, exist_ok=True)
    wanted = shelf / "-".join([source_digest(), stage, *sorted(models)])
    with _alone(shelf / "lock"):
        if not (wanted / "manifest.json").exists():
            _synthesize(wanted, environ, log=log, arguments=[stage, *models])
            _forget_old(shelf)
        os.utime(wanted)
    return wanted


def source_digest() -> str:
    """Changes with every file and tool that the template or a function's bundle is made of."""
    total = hashlib.sha256(sys.version.encode())
    for tool in _TOOLS:
        with contextlib.suppress(PackageNotFoundError):
            total.update(f"{tool} {version(tool)}\n".encode())
    for name, path in _source_files():
        total.update(f"{name}\n{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()[:24]


def _source_files() -> Iterator[tuple[str, Path]]:
    for folder in _SOURCE:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not any(part in name for part in _IGNORED):
                yield name, path


def _synthesize(wanted: Path, environ: Mapping[str, str], *, log: Path, arguments: Sequence[str]) -> None:
    making = wanted.with_name(f"{wanted.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    command = [sys.executable, "-P", "-m", "infra.app", *arguments]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**environ, "CDK_OUTDIR": str(making), "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log.write_text(run.stdout)
    if run.returncode or not (making / "manifest.json").exists():
        shutil.rmtree(making, ignore_errors=True)
        raise SynthesisError(f"`{' '.join(command[1:])}` failed:\n{run.stdout[-2000:]}")
    making.rename(wanted)


def _forget_old(shelf: Path) -> None:
    kept = sorted((each for each in shelf.iterdir() if each.is_dir()), key=lambda each: each.stat().st_mtime)
    for old in kept[:-_KEEP]:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
        yield
