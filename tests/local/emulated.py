"""A bare emulator of our own kind for tests, and functions small enough to read beside the test."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from botocore.exceptions import ClientError

from infra.local import environment, ports, processes, state

ROLE = f"arn:aws:iam::{environment.ACCOUNT}:role/anyone"


class Emulated:
    """A running emulator process; `control` talks to its supervisor's door."""

    def __init__(self, process: subprocess.Popen[bytes], *, port: int, front_port: int, run_id: str) -> None:
        self.process = process
        self.run_id = run_id
        self.url = f"http://127.0.0.1:{port}"
        self.front_url = f"http://127.0.0.1:{front_port}"
        self.aws = environment.Emulator(self.url)
        self.lambda_ = self.aws.client("lambda")
        self._has_role = False

    def control(self, what: str, **body: Any) -> Any:
        return httpx.post(f"{self.url}/_presscheck/{what}", json=body, timeout=60, trust_env=False).json()

    def function(self, name: str, source: str, **more: Any) -> str:
        """Create a function from the source of its `handler`; returns its ARN."""
        if not self._has_role:
            with contextlib.suppress(ClientError):  # a kept state has it already
                self.aws.client("iam").create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument="{}")
            self._has_role = True
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("index.py", textwrap.dedent(source))
        created = self.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="index.handler",
            Code={"ZipFile": buffer.getvalue()},
            **{"Role": ROLE, "Timeout": 30, "MemorySize": 512, **more},
        )
        return str(created["FunctionArn"])

    def call(self, name: str, event: Any = None) -> tuple[Any, str | None]:
        """The function's answer and, if it failed, how."""
        answer = self.lambda_.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")


@contextmanager
def emulated(where: Path, **options: str) -> Iterator[Emulated]:
    """An emulator whose data lives in `where`; started again with the same folder it goes on where it was."""
    kept = state.Kept(where / "state")
    kept.prepare()
    tmp = where / "tmp"
    tmp.mkdir(exist_ok=True)
    run_id = state.new_run_id()
    port, front_port = ports.free(2)
    environ = environment.of_emulator(
        environment.of_run(os.environ, run_id=run_id, tmp=tmp),
        kept=kept,
        endpoint_url=f"http://127.0.0.1:{port}",
        sagemaker_url="http://127.0.0.1:9",
    )
    with (where / "emulator.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "infra.local.emulator", "--port", str(port), "--front-port", str(front_port)],
            env=environ | options,
            stdout=log,
            stderr=log,
        )
    running = Emulated(process, port=port, front_port=front_port, run_id=run_id)
    try:
        _await_answer(running, log=where / "emulator.log")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=20)
        processes.end(run_id)


def _await_answer(running: Emulated, *, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        try:
            running.control("stats")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the emulator did not start:\n{log.read_text()}")
