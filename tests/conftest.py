"""What every test may use: credentials that reach nothing, and a table, a bucket and queues in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_METRICS_DISABLED="true",
    POWERTOOLS_LOG_LEVEL="WARNING",
)
os.environ.pop("AWS_ENDPOINT_URL", None)

import pytest
from moto import mock_aws

from tests import world


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws() -> Iterator[world.Resources]:
    """Table, bucket, bus and queues as the CDK app shapes them, inside moto."""
    with mock_aws():
        yield world.create_resources()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out: the SD3.5 tests need torch, which the README's commands do not install."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "inference/sd35" in report.nodeid]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} files of tests/inference/sd35 left out: torch is not installed. To run them:\n"
            "  pip install -r infra/locks/dev.txt -r infra/locks/inference-test.txt -e . && pytest tests/inference/sd35"
        )
