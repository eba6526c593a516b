"""Handlers as AWS runs them: the real wiring from the environment, over moto."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from shared import wiring
from shared.keys import Keys
from tests.conftest import Clock
from tests.world import DESIGNER, WORKFLOW_ARN, Resources, hero

EVENTS = Path(__file__).parents[2] / "events"
KEY = "pc_live_" + "A" * 32


@dataclass(frozen=True)
class Context:
    """What Lambda passes beside the event."""

    function_name: str = "presscheck-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:presscheck-test"
    aws_request_id: str = "52fdfc07-2182-454f-963f-5f0f9a621d72"

    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def sample(job_id: str) -> Callable[[str], dict[str, Any]]:
    """A sample event by name, with the job of this test in it."""

    def load(name: str) -> dict[str, Any]:
        text = (EVENTS / f"{name}.json").read_text(encoding="utf-8")
        event: dict[str, Any] = json.loads(text.replace("01JDB8Q4T0V7N9XK2M3P5R6S8W", job_id))
        return event

    return load


@pytest.fixture
def deployed(aws: Resources, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    """The functions' environment, a state machine to start and a key to knock with."""
    for name, value in aws.settings.to_env().items():
        monkeypatch.setenv(name, value)
    _forget()
    boto3.client("stepfunctions").create_state_machine(
        name=WORKFLOW_ARN.rpartition(":")[2],
        definition=json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}),
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )
    Keys(wiring.ledger(), clock=Clock()).issue("acme", "dana", key=KEY)
    yield aws
    _forget()


@pytest.fixture
def job_id(deployed: Resources) -> str:
    """A job submitted by Dana of acme, waiting in the queue."""
    return wiring.submissions().submit(DESIGNER, hero()).id


def _forget() -> None:
    for member in vars(wiring).values():
        if hasattr(member, "cache_clear"):
            member.cache_clear()
