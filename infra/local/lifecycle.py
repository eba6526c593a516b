"""Bring the stack up, take it down, say how it is: what the command line does, without its words.

`up` returns when the stack is ready and leaves it running. Called twice, also at the same time,
there is one stack. Whatever an earlier one left behind is cleaned up first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

from infra.local import environment, ports, processes
from infra.local.progress import Event, follow
from infra.local.state import Home, Options, StackRecord, new_run_id

_STOP_WITHIN_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.05


class StackError(RuntimeError):
    """The stack cannot be had; `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def up(home: Home, options: Options, *, environ: Mapping[str, str] = os.environ) -> Iterator[Event]:
    """Events of progress, the last one `ready`. Interrupting it takes down what it started. Raises StackError."""
    with home.one_caller():
        if home.supervised():
            yield from _join(home, options)
            return
        clean_up(home)
        if options.port:
            _check_port(options.port)
        run_id = new_run_id()
        supervisor = _spawn(home, run_id, options, environ)
        try:
            yield from _until_ready(home, alive=lambda: supervisor.poll() is None)
        except BaseException:
            _end(home, supervisor.pid, run_id, gone=lambda: supervisor.poll() is not None)
            raise


def down(home: Home) -> bool:
    """Stop the stack and wait for its last process; False when there was none. Cleans up either way."""
    was_up = home.supervised()
    record = home.read_record()
    if was_up and record is not None:
        _end(home, record.pid, record.run_id, gone=lambda: not home.supervised())
    clean_up(home)
    return was_up


def status(home: Home) -> dict[str, Any]:
    """What is up, where, and how much memory it takes (MiB). `running` is True once the stack is ready."""
    record = home.read_record()
    if record is None or not home.supervised():
        return {"running": False, "phase": "down"}
    pids = processes.of_run(record.run_id)
    return {
        "running": record.phase == "ready",
        **record.model_dump(mode="json", exclude={"function_env", "options"}),
        "state": str(record.options.state) if record.options.state else None,
        "emulator": _stats(record),
        "processes": len(pids),
        "memory_mb": round(sum(processes.resident_mb(pid) for pid in pids)),
    }


def clean_up(home: Home) -> None:
    """Remove what a stack that was killed left behind: processes, temporary files, its record."""
    if home.supervised():
        return
    for run in home.runs.iterdir():
        processes.end(run.name)
    home.forget_runs()
    home.record_path.unlink(missing_ok=True)


def _join(home: Home, options: Options) -> Iterator[Event]:
    """The stack that is there, once it is ready, if it is the one that was asked for."""
    yield from _until_ready(home, alive=home.supervised)
    record = home.read_record()
    if record is None:
        raise StackError("the stack went down meanwhile", hint="try again")
    for name in ("state", "port", "time_scale", "painter", "models"):
        asked, has = getattr(options, name), getattr(record.options, name)
        if asked and asked != has:
            raise StackError(
                f"a stack is already up with another --{name.replace('_', '-')}: {has or 'none'}",
                hint="take it down first: presscheck down",
            )


def _until_ready(home: Home, *, alive: Any) -> Iterator[Event]:
    for event in follow(home.events_path, alive=alive):
        if event["event"] == "error":
            raise StackError(event["message"], hint=event["hint"])
        yield event
        if event["event"] == "ready":
            return
    log = home.logs / "supervisor.log"
    said = log.read_text()[-2000:].strip() if log.exists() else ""
    raise StackError(f"the stack ended before it was ready: {said or 'it said nothing'}", hint=f"see {home.logs}")


def _spawn(home: Home, run_id: str, options: Options, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    tmp = home.run_dir(run_id) / "tmp"
    tmp.mkdir(parents=True)
    home.events_path.unlink(missing_ok=True)
    for old in home.logs.iterdir():
        old.unlink()
    command = ["--home", str(home.root), "--run-id", run_id, "--options", options.model_dump_json()]
    with (home.logs / "supervisor.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "infra.local.supervisor", *command],
            env=environment.of_run(environ, run_id=run_id, tmp=tmp),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.root,
            start_new_session=True,
        )


def _end(home: Home, pid: int, run_id: str, *, gone: Any) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WITHIN_S
    while not gone() and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    processes.end(run_id)
    clean_up(home)


def _check_port(port: int) -> None:
    try:
        ports.claim(port)
    except ports.PortTakenError as error:
        raise StackError(str(error), hint="choose another with --port, or leave it out for a free one") from error


def _stats(record: StackRecord) -> dict[str, Any]:
    try:
        answer = httpx.get(f"{record.endpoint_url}/_presscheck/stats", timeout=5, trust_env=False)
        return dict(answer.json())
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return {}
