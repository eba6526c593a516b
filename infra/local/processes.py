"""Processes of a stack: how to find, wait for and end them.

Every process of a run carries its run id in the environment, Lambda workers included, so that
none can be missed and no stranger is ever signalled because a process id was used again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from infra.local.state import RUN_VARIABLE

_LOOK_EVERY_S: Final = 0.05


def of_run(run_id: str) -> list[int]:
    """Process ids that carry the run's id, without our own. Zombies are not counted."""
    found = _of_run_proc(run_id) if sys.platform == "linux" else _of_run_ps(run_id)
    return [pid for pid in found if pid != os.getpid()]


def end(run_id: str, *, patience_s: float = 0.0) -> list[int]:
    """Ask every process of the run to stop, and after `patience_s` seconds make it. Returns who was made to."""
    deadline = time.monotonic() + patience_s
    if patience_s > 0:
        _signal_all(of_run(run_id), signal.SIGTERM)
        while of_run(run_id) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
    forced: list[int] = []
    while left := of_run(run_id):  # again, because a dying process may just have started another
        forced += left
        _signal_all(left, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_S)
    return sorted(set(forced))


def resident_mb(pid: int) -> float:
    """Resident memory of one process in MiB; 0.0 when it is gone."""
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return int(shown.stdout.strip() or 0) / 1024


def _signal_all(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _of_run_proc(run_id: str) -> list[int]:
    marker = f"{RUN_VARIABLE}={run_id}".encode()
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if marker in (directory / "environ").read_bytes().split(b"\0"):
                state = (directory / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z":
                    found.append(int(directory.name))
    return found


def _of_run_ps(run_id: str) -> list[int]:
    shown = subprocess.run(["ps", "-axeww", "-o", "pid=,stat=,command="], capture_output=True, text=True, check=False)  # noqa: S607
    found = []
    for line in shown.stdout.splitlines():
        pid, state, command = [*line.split(None, 2), "", ""][:3]
        if f"{RUN_VARIABLE}={run_id}" in command and "Z" not in state:
            found.append(int(pid))
    return found
