"""One full local stack for a whole test session, and what a test may do to it.

    def test_something(stack: Stack) -> None:
        job = stack.api.post("/v1/jobs", json={...}).json()
        with stack.faults({"action": "drop", "count": 1}):
            ...
        stack.kill("container")

The fixture `stack` lives in tests/conftest.py.
Every test that asks for it runs on one xdist worker, so that a session has one stack; the tests
share its tables, so none may rely on being alone: use own job ids, keys and prompts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from infra.local import environment, processes
from tests.local.command import Command

TERMINAL = {"succeeded", "failed", "canceled"}


class Stack:
    """A running stack: its API, its AWS account, its faults and its processes."""

    def __init__(self, command: Command, *, options: tuple[object, ...] = ()) -> None:
        self._command = command
        self._options = options
        self.refresh()

    def refresh(self) -> None:
        """Read addresses and key again, e.g. after a restart."""
        self.status = self._command("status")
        assert self.status["running"], self.status
        self.api_url: str = self.status["api_url"]
        self.api_key: str = self.status["api_key"]
        self.endpoint_url: str = self.status["endpoint_url"]
        self.outputs: dict[str, str] = self.status["outputs"]
        self.run_id: str = self.status["run_id"]
        self._aws = environment.Emulator(self.endpoint_url)
        self.api = httpx.Client(
            base_url=self.api_url,
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=60,
            trust_env=False,
        )

    @property
    def environ(self) -> dict[str, str]:
        """For a command that should find this stack as the local one."""
        return self._command.env

    def aws(self, service: str) -> Any:
        """A boto3 client of the account's owner."""
        return self._aws.client(service)

    def stats(self) -> dict[str, Any]:
        """Processes, running and queued invocations by function."""
        return dict(httpx.get(f"{self.endpoint_url}/_presscheck/stats", timeout=30, trust_env=False).json())

    @contextlib.contextmanager
    def faults(self, *rules: dict[str, Any]) -> Iterator[None]:
        """Rules of the SageMaker stand-in (infra/local/sagemaker/faults.py) while the block runs."""
        url = f"{self.status['sagemaker_url']}/_faults"
        httpx.put(url, json=list(rules), trust_env=False).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(url, trust_env=False).raise_for_status()

    def workers(self, function: str) -> list[int]:
        """Process ids of one function (the name of its folder), where /proc tells."""
        name = self.outputs[f"{function.capitalize()}Function"]
        mark = f"AWS_LAMBDA_FUNCTION_NAME={name}".encode()
        found = []
        for pid in processes.of_run(self.run_id):
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                    found.append(pid)
        return found

    def kill(self, child: str) -> None:
        """kill -9 one process (emulator, container, sagemaker) and wait until the supervisor has it back."""
        before = self._child(child)
        os.kill(before["pid"], signal.SIGKILL)
        self.until(lambda: self._child(child)["restarts"] > before["restarts"], within_s=60)
        self.until(lambda: f"{child} is back" in (self._command.home / "events.jsonl").read_text(), within_s=60)
        self.refresh()

    def finished(self, job_id: str, *, within_s: float = 120) -> dict[str, Any]:
        """The job, once it is in a terminal state."""
        return dict(self.until(lambda: self._if_finished(job_id), within_s=within_s))

    def until(self, true: Callable[[], Any], *, within_s: float = 60) -> Any:
        deadline = time.monotonic() + within_s
        while not (answer := true()):
            assert time.monotonic() < deadline, f"it did not happen within {within_s} s"
            time.sleep(0.1)
        return answer

    def _if_finished(self, job_id: str) -> dict[str, Any] | None:
        job = self.api.get(f"/v1/jobs/{job_id}").json()
        return job if job["status"] in TERMINAL else None

    def _child(self, name: str) -> dict[str, Any]:
        children = self._command("status")["children"]
        return dict(next(child for child in children if child["name"] == name))
