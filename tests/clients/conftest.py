"""The real client libraries, pointed at the api function behind a small HTTP server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import openai
import pytest
import replicate

from tests.clients.bridge import Now, Press, Server, serving
from tests.handlers.conftest import KEY, deployed  # noqa: F401 - a fixture
from tests.test_pipeline import Studio
from tests.world import Resources


@pytest.fixture
def press(deployed: Resources) -> Iterator[Press]:  # noqa: F811 - the fixture
    press = Press(Studio(deployed, Now()))  # type: ignore[arg-type]
    press.gate.set()
    press.finals.set()
    thread = threading.Thread(target=press.run, daemon=True)
    thread.start()
    yield press
    press.over.set()
    thread.join()


@pytest.fixture
def server(press: Press) -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def openai_client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
        yield client


@pytest.fixture
def replicate_client(server: Server) -> replicate.Client:
    client = replicate.Client(api_token=KEY, base_url=server.url)
    client.poll_interval = 0.05
    return client
