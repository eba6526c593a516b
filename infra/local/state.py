"""Where a local stack keeps its things, and how one process learns about another.

Hides the layout of the run directory, the locks and the record of a running stack. A stack is
*up* exactly while its supervisor holds the lock: a process id in a file is never trusted alone.
Never starts or stops anything.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

HOME_VARIABLE: Final = "PRESSCHECK_HOME"
CACHE_VARIABLE: Final = "PRESSCHECK_CACHE"
RUN_VARIABLE: Final = "PRESSCHECK_RUN_ID"

_LOOKERS_GONE_S: Final = 1.0


Painter = Literal["mini", "sketch"]
DEFAULT_PAINTER: Final = "mini"


class Options(BaseModel):
    """What `up` was asked for. `painter` stands in for models without weights; `port` 0 means any free one;
    `time_scale` multiplies simulated inference times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Path | None = None
    port: int = 0
    time_scale: float | None = None
    painter: Painter | None = None
    models: dict[str, Path] = {}
    """Weights on disk by the model's name."""
    assembly: Path | None = None

    @property
    def stage(self) -> str:
        """The stage that is deployed, by infra.config.STAGES."""
        return "simulated" if (self.painter or DEFAULT_PAINTER) == "sketch" else "local"


class ChildRecord(BaseModel):
    """One process of the stack as last seen by the supervisor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pid: int
    url: str
    restarts: int = 0


class StackRecord(BaseModel):
    """What a client needs to know of a stack. Written by its supervisor only, readable by its owner only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    pid: int
    phase: Literal["starting", "ready", "stopping"]
    options: Options
    started_at: float
    ready_ms: int | None = None
    api_url: str | None = None
    api_key: str | None = None
    endpoint_url: str | None = None
    sagemaker_url: str | None = None
    container_url: str | None = None
    outputs: dict[str, str] = {}
    function_env: dict[str, str] = {}
    children: list[ChildRecord] = []


class Home:
    """The directory of one stack: `${XDG_STATE_HOME:-~/.local/state}/presscheck`, or `PRESSCHECK_HOME`.

    Two stacks live beside each other when their homes differ.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.record_path = root / "stack.json"
        self.events_path = root / "events.jsonl"
        self.logs = root / "logs"
        self.runs = root / "runs"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Home:
        if named := environ.get(HOME_VARIABLE):
            return cls(Path(named).expanduser().resolve())
        state = environ.get("XDG_STATE_HOME") or "~/.local/state"
        return cls(Path(state).expanduser().resolve() / "presscheck")

    def prepare(self) -> None:
        for directory in (self.root, self.logs, self.runs):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def run_dir(self, run_id: str) -> Path:
        return self.runs / run_id

    def read_record(self) -> StackRecord | None:
        """The record on disk, whoever wrote it; None when there is none or an older version wrote it."""
        try:
            return StackRecord.model_validate_json(self.record_path.read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write_record(self, record: StackRecord) -> None:
        write_private(self.record_path, record.model_dump_json(indent=1))

    def supervised(self) -> bool:
        """Whether a supervisor holds this home right now."""
        self.prepare()
        with (self.root / "supervisor.lock").open("a") as handle:
            return not _try_lock(handle.fileno())

    def hold(self) -> int | None:
        """Take this home for the life of the process; None when another process has it."""
        self.prepare()
        deadline = time.monotonic() + _LOOKERS_GONE_S
        while (held := hold_lock(self.root / "supervisor.lock")) is None and time.monotonic() < deadline:
            time.sleep(0.02)  # `supervised` of another process takes the lock for a moment to see whether it can
        return held

    @contextlib.contextmanager
    def one_caller(self) -> Iterator[None]:
        """Let one `up` or `down` at a time through."""
        self.prepare()
        with (self.root / "caller.lock").open("a") as handle:
            fcntl.flock(handle.fileno(), fcntl.LOCK_EX)
            yield

    def forget_runs(self, *, keep: str | None = None) -> None:
        """Remove the temporary directories of earlier runs."""
        for directory in self.runs.iterdir() if self.runs.exists() else ():
            if directory.name != keep:
                shutil.rmtree(directory, ignore_errors=True)


class Kept:
    """The data of one stack: the emulator's snapshot, its objects, and our few facts beside them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.emulator = root / "emulator"
        self.objects = root / "objects"
        self.sagemaker = root / "sagemaker"
        self._facts = root / "presscheck.json"

    def prepare(self) -> None:
        for directory in (self.root, self.emulator, self.objects, self.sagemaker):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def hold(self) -> int | None:
        """Keep other stacks off this data for the life of the process; None when one has it already."""
        return hold_lock(self.root / "lock")

    def facts(self) -> dict[str, Any]:
        try:
            facts = json.loads(self._facts.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def remember(self, **facts: Any) -> None:
        write_private(self._facts, json.dumps(self.facts() | facts, indent=1))


def new_run_id() -> str:
    return "run-" + secrets.token_hex(6)


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """What may be deleted at any time and costs only seconds to rebuild. Shared by all stacks of a user."""
    named = environ.get(CACHE_VARIABLE) or (environ.get("XDG_CACHE_HOME") or "~/.cache") + "/presscheck"
    return Path(named).expanduser().resolve()


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; its owner alone may read it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(text)
    beside.replace(path)


def hold_lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    if _try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
