"""What every test may use: credentials that reach nothing, and a table, a bucket and queues in memory."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    POWERTOOLS_METRICS_DISABLED="true",
    POWERTOOLS_LOG_LEVEL="WARNING",
)
os.environ.pop("AWS_ENDPOINT_URL", None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: what tests interrupt must notice
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from moto import mock_aws

from tests import world
from tests.local.command import Command
from tests.local.running import Stack


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


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Whoever asks for the stack goes to its worker; a wrapper, so that xdist reads the mark after us."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("local-stack"))
    return (yield)


@pytest.fixture(scope="session")
def synthesis_cache(pytestconfig: pytest.Config) -> Path:
    """Kept between sessions: the template is synthesized again only when its source changed."""
    assert pytestconfig.cache is not None
    return Path(pytestconfig.cache.mkdir("presscheck"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, synthesis_cache: Path) -> Iterator[Stack]:
    """One full stack for the session, with state, in a home of its own; see tests/local/running.py."""
    root = tmp_path_factory.mktemp("stack")
    command = Command(root / "home", cache=synthesis_cache)
    ready = command("up", "--state", root / "state", "--time-scale", 0.01, "--painter", "sketch")
    assert ready["event"] == "ready", ready
    yield Stack(command)
    command("down")


_NO_TORCH = (
    "torch is not installed. To run them:\n"
    "  pip install -r infra/locks/dev.txt -r infra/locks/inference-test.txt -e . && pytest tests/inference"
)
LEFT_OUT = {
    "inference/mini": _NO_TORCH,
    "inference/sd35": _NO_TORCH,
    "browser": "there is no Chromium. To run them:\n  apt-get install -y chromium && pytest tests/browser",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, for want of something that the README's commands do not install, and how to get it."""
    skipped = terminalreporter.stats.get("skipped", [])
    for folder, why in LEFT_OUT.items():
        count = sum(f"tests/{folder}/" in report.nodeid for report in skipped)
        if count:
            terminalreporter.write_line(f"{count} of tests/{folder} left out: {why}")
