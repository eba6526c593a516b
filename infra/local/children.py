"""One long-running process of the stack: started on a leash, watched, started again when it falls.

Hides back-off and log files. Never decides the order in which the parts come up: see supervisor.py.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from infra.local.state import ChildRecord

_LOOK_EVERY_S: Final = 0.05
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
_GOOD_AFTER_S: Final = 30.0
_TAIL_CHARACTERS: Final = 2000


class ChildError(RuntimeError):
    """A part of the stack ended or did not answer; the message holds the end of its log."""


@dataclass
class Child:
    """`url` is the base URL, `probe` the path below it that answers below 500 once the process is ready."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    url: str
    probe: str
    log: Path
    on_parents_death: str = "SIGKILL"
    restarts: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started: float = 0.0
    _pause_s: float = _FIRST_PAUSE_S
    _again_at: float | None = None

    def start(self) -> None:
        """Call from the main thread only: the leash is tied to the thread that holds it."""
        leash = [sys.executable, "-P", "-m", "infra.local.leash", self.on_parents_death]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*leash, *self.command], env=dict(self.env), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._started = time.monotonic()
        self._again_at = None

    def await_answer(self, *, within_s: float) -> None:
        """Return once the process answers. Raises ChildError."""
        deadline = time.monotonic() + within_s
        while not self.answers():
            if not self.alive():
                raise ChildError(f"{self.name} ended as it started:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ChildError(f"{self.name} did not answer within {within_s:.0f} s:\n{self.tail()}")
            time.sleep(_LOOK_EVERY_S)

    def answers(self) -> bool:
        try:
            return (
                httpx.get(self.url + self.probe, timeout=5, trust_env=False).status_code
                < httpx.codes.INTERNAL_SERVER_ERROR
            )
        except httpx.TransportError:
            return False

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def revive(self, say: Callable[[str], None]) -> bool:
        """Start a fallen process again when its pause is over; True when it was started now."""
        if self.alive():
            return False
        now = time.monotonic()
        if self._again_at is None:
            if now - self._started > _GOOD_AFTER_S:
                self._pause_s = _FIRST_PAUSE_S
            self._again_at = now + self._pause_s
            code = self._process.returncode if self._process else None
            say(f"{self.name} ended with status {code}; starting it again in {self._pause_s:.1f} s")
            self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        if now < self._again_at:
            return False
        self.restarts += 1
        self.start()
        return True

    def ask_to_stop(self) -> None:
        if self._process is not None and self.alive():
            self._process.terminate()

    def await_end(self, *, until: float) -> None:
        """Wait until then (monotonic seconds), after that end it the hard way."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-_TAIL_CHARACTERS:] if self.log.exists() else ""

    def record(self) -> ChildRecord:
        pid = self._process.pid if self._process else 0
        return ChildRecord(name=self.name, pid=pid, url=self.url, restarts=self.restarts)
