"""The serving container over HTTP: SageMaker's contract, and a server that outlives every failure."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from starlette.testclient import TestClient

from infra.inference.container import server as server_module
from infra.inference.container.__main__ import main
from infra.inference.container.models import offer
from infra.inference.container.port import Model, Picture
from infra.inference.container.protocol import InvocationReply, InvocationRequest
from infra.inference.container.server import Service, create_app

SAMPLE = json.loads((Path(__file__).parents[2] / "events" / "inference-request.json").read_text())


class Stage:
    """A model under the test's control: it waits for a cue, or fails with what it was given."""

    name, revision, simulated = "stage", "1", False
    determinism: Literal["exact", "best_effort"] = "best_effort"

    def __init__(self, failure: BaseException | None = None) -> None:
        self.failure = failure
        self.entered, self.cue, self.warmed = threading.Semaphore(0), threading.Event(), threading.Event()

    def warm(self) -> None:
        self.warmed.wait(10)

    def generate(self, request: InvocationRequest) -> Picture:
        self.entered.release()
        if self.failure:
            raise self.failure
        self.cue.wait(10)
        return Picture(b"png", encode_ms=0)


def client_of(models: Mapping[str, Model], **options: Any) -> TestClient:
    return TestClient(create_app(Service(models, time_scale=0.0, **options)), raise_server_exceptions=False)


def until_ready(client: TestClient) -> None:
    while client.get("/ping").status_code != 200:
        pass


@pytest.fixture
def sketch() -> Iterator[TestClient]:
    with client_of(offer(["sketch-fast", "sketch-fine"])) as client:
        until_ready(client)
        yield client


def test_the_sample_request_gets_a_reply_with_a_picture(sketch: TestClient) -> None:
    response = sketch.post("/invocations", json=SAMPLE)

    assert response.status_code == 200
    reply = InvocationReply.model_validate_json(response.content)
    png = base64.b64decode(reply.image.data)
    assert png.startswith(b"\x89PNG")
    assert hashlib.sha256(png).hexdigest() == reply.image.sha256
    assert (reply.request_id, reply.seed, reply.determinism, reply.simulated) == (
        SAMPLE["request_id"],
        42,
        "exact",
        True,
    )
    assert reply.timings_ms.total >= reply.timings_ms.inference


def test_an_invalid_request_names_its_field(sketch: TestClient) -> None:
    response = sketch.post("/invocations", json=SAMPLE | {"seed": -1})

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_request"
    assert response.json()["error"]["param"] == "seed"


def test_an_unknown_model_is_refused_with_those_on_offer(sketch: TestClient) -> None:
    response = sketch.post("/invocations", json=SAMPLE | {"model": "dalle3-hd"})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "model"
    assert "sketch-fast, sketch-fine" in response.json()["error"]["message"]


def test_a_first_picture_that_is_no_png_is_refused(sketch: TestClient) -> None:
    response = sketch.post("/invocations", json=SAMPLE | {"init_image": base64.b64encode(b"GIF89a").decode()})

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "init_image"


def test_a_body_over_the_limit_is_refused(sketch: TestClient) -> None:
    response = sketch.post("/invocations", content=b" " * (server_module.MAX_BODY_BYTES + 1))

    assert response.status_code == 413
    assert response.json()["error"]["code"] == "body_too_large"


def test_ping_says_not_ready_until_the_models_are_warm() -> None:
    stage = Stage()
    with client_of({"stage": stage}) as client:
        assert client.get("/ping").status_code == 503
        assert client.post("/invocations", json=SAMPLE).status_code == 503

        stage.warmed.set()
        until_ready(client)

        assert client.get("/ping").json() == {"status": "ready", "models": ["stage"], "in_flight": 0}


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [(RuntimeError("boom"), 500, "inference_failed"), (MemoryError("9 GB"), 507, "out_of_memory")],
)
def test_the_server_outlives_a_failing_model(failure: Exception, status: int, code: str) -> None:
    broken, sound = Stage(failure), Stage()
    for stage in (broken, sound):
        stage.warmed.set()
        stage.cue.set()
    with client_of({"stage": broken, "sound": sound}) as client:
        until_ready(client)

        failed = client.post("/invocations", json=SAMPLE | {"model": "stage"})
        served = client.post("/invocations", json=SAMPLE | {"model": "sound"})

    assert (failed.status_code, failed.json()["error"]["code"]) == (status, code)
    assert served.status_code == 200
    assert served.json()["nominal_inference_ms"] == served.json()["timings_ms"]["inference"]


def test_a_full_queue_refuses_at_once_and_ping_still_answers() -> None:
    stage = Stage()
    stage.warmed.set()
    with client_of({"stage": stage}, workers=1, queue=1) as client:
        until_ready(client)
        answers: list[int] = []
        body = SAMPLE | {"model": "stage"}
        posts = [
            threading.Thread(target=lambda: answers.append(client.post("/invocations", json=body).status_code))
            for _ in range(2)
        ]
        for post in posts:
            post.start()
        stage.entered.acquire(timeout=10)
        while client.get("/ping").json()["in_flight"] < 2:
            pass

        refused = client.post("/invocations", json=body)
        stage.cue.set()
        for post in posts:
            post.join(10)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert refused.headers["retry-after"] == "1"
    assert answers == [200, 200]


def test_an_unknown_model_on_the_command_line_ends_with_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--model", "sd99"]) == 2
    assert 'model "sd99" is unknown' in capsys.readouterr().err


def test_sigterm_lets_running_requests_finish(tmp_path: Path) -> None:
    """The folder copied alone, started as SageMaker starts it, told to stop while it paints."""
    alone = tmp_path / "container"
    alone.symlink_to(Path(server_module.__file__).parent, target_is_directory=True)
    command = [
        sys.executable,
        "-m",
        "container",
        "serve",
        "--port",
        "0",
        "--model",
        "sketch-fine",
        "--time-scale",
        "30",
    ]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": ""}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_for(client, lambda ping: ping["status"] == "ready")
            answers: list[httpx.Response] = []
            # 64 x 64 pixels of a 14 s model at 30 times its speed: about 1.6 s in which to say stop.
            post = threading.Thread(
                target=lambda: answers.append(httpx.post(f"{client.base_url}/invocations", json=SAMPLE, timeout=30))
            )
            post.start()
            wait_for(client, lambda ping: ping["in_flight"] == 1)

            process.send_signal(signal.SIGTERM)
            post.join(30)

        assert process.wait(30) == 0
        assert [answer.status_code for answer in answers] == [200]
    finally:
        process.kill()
        process.wait()


def wait_for(client: httpx.Client, condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition(client.get("/ping").json()):
        assert time.monotonic() < deadline, "the container did not get there"
