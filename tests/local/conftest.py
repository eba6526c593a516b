"""The session's local stack, and the rule that keeps everything that uses it on one worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local.command import Command
from tests.local.running import Stack


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the stack goes to its worker; xdist reads the mark after us."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("local-stack"))


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
    ready = command("up", "--state", root / "state", "--time-scale", 0.01)
    assert ready["event"] == "ready", ready
    yield Stack(command)
    command("down")
