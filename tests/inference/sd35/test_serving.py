"""SD3.5 behind the real server: what SageMaker would send and see, on tiny weights."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: infra/locks/inference-test.txt")

from PIL import Image
from starlette.testclient import TestClient

from infra.inference.container import server as server_module
from infra.inference.container.protocol import InvocationReply
from infra.inference.container.sd35.model import SD35Model
from infra.inference.container.sd35.profiles import PROFILES, Serving
from infra.inference.container.sd35.weights import Weights, load
from infra.inference.container.server import Service, create_app

MODEL = "sd35-medium"
PIXELS = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)


def request(**changes: Any) -> dict[str, Any]:
    fields = {
        "version": "1",
        "request_id": "r1",
        "model": MODEL,
        "prompt": "a poster that says SALE",
        "seed": 42,
        "width": 128,
        "height": 96,
        "steps": 4,
    }
    return fields | changes


def png(pixels: Any) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def pixels_of(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    reply = InvocationReply.model_validate_json(response.content)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(reply.image.data))))


@dataclass
class Container:
    process: subprocess.Popen[str]
    url: str

    def post(self, **changes: Any) -> httpx.Response:
        return httpx.post(f"{self.url}/invocations", json=request(**changes), timeout=60)

    def ping(self) -> httpx.Response:
        return httpx.get(f"{self.url}/ping", timeout=10)


@contextmanager
def container(folder: Path, home: Path) -> Iterator[Container]:
    """The folder copied alone, started as SageMaker starts it."""
    home.mkdir()
    (home / "container").symlink_to(Path(server_module.__file__).parent, target_is_directory=True)
    command = [sys.executable, "-m", "container", "serve", "--port", "0", "--model", f"{MODEL}={folder}"]
    env = os.environ | {"PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        made = Container(process, f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}")
        wait_until(made, lambda ping: ping.status_code == 200)
        yield made
    finally:
        process.kill()
        process.wait()


def wait_until(served: Container, condition: Any) -> None:
    for _ in range(1200):
        ping = served.ping()
        if condition(ping):
            return
        assert "failed" not in ping.json()["status"], ping.text
        time.sleep(0.05)  # it loads on the same core
    raise AssertionError("the container did not get there")


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with container(folder, tmp_path_factory.mktemp("container") / "home") as made:
        yield made


def test_a_reply_says_all_that_is_needed_to_get_the_same_bytes_again(served: Container) -> None:
    response = served.post()

    assert pixels_of(response).shape == (96, 128, 3)
    reply = InvocationReply.model_validate_json(response.content)
    assert (reply.model, reply.determinism, reply.simulated) == (MODEL, "exact", False)
    detail = reply.detail
    assert reply.model_revision.startswith(f"sd35-{str(detail['weights_digest'])[:16]}-")
    assert (detail["gpu"], detail["precision"], detail["bucket"], detail["batch"]) == ("cpu", "fp32", 4, 1)
    assert (detail["steps"], detail["steps_run"], detail["guidance_scale"]) == (4, 4, 4.5)
    assert detail["torch"] == torch.__version__
    assert set(detail["phases_ms"]) == {"wait", "prompt", "encode", "denoise", "decode"}  # type: ignore[arg-type]
    assert reply.timings_ms.queue >= detail["phases_ms"]["wait"]  # type: ignore[call-overload,index]


def test_a_batch_of_mixed_seeds_and_guidances_gives_each_the_bytes_it_gets_alone(served: Container) -> None:
    asked = [
        {"seed": 1, "prompt": "red"},
        {"seed": 2, "guidance_scale": 7.0, "negative_prompt": "blue"},
        {"seed": 3, "guidance_scale": 1.0},
        {"seed": 4, "prompt": "last"},
    ]
    alone = [served.post(**one) for one in asked]

    with ThreadPoolExecutor(len(asked)) as pool:
        together = list(pool.map(lambda one: served.post(**one), asked))

    for single, shared in zip(alone, together, strict=True):
        assert single.json()["image"]["sha256"] == shared.json()["image"]["sha256"]
    assert len({response.json()["image"]["sha256"] for response in alone}) == len(asked)
    assert max(response.json()["detail"]["batch"] for response in together) > 1


def test_an_initial_picture_of_another_size_is_painted_over_by_strength(served: Container) -> None:
    small = png(PIXELS[:64, :64])

    weak, strong = (served.post(init_image=small, strength=strength) for strength in (0.25, 1.0))

    assert pixels_of(weak).shape == (96, 128, 3)
    assert (weak.json()["detail"]["steps_run"], strong.json()["detail"]["steps_run"]) == (1, 4)
    assert weak.json()["detail"]["strength"] == 0.25


def test_outside_a_mask_every_pixel_stays_the_originals(served: Container) -> None:
    response = served.post(init_image=png(PIXELS), mask=[0.25, 0.25, 0.5, 0.5])

    painted = pixels_of(response)
    kept = np.ones((96, 128), bool)
    kept[24:72, 32:96] = False
    assert np.array_equal(painted[kept], PIXELS[kept])
    assert not np.array_equal(painted[~kept], PIXELS[~kept])


@pytest.mark.parametrize("sampler", ["typography", "typeset"])
def test_words_are_set_inside_the_mask_and_every_other_pixel_is_kept(served: Container, sampler: str) -> None:
    ground = np.full((256, 256, 3), 200, np.uint8)
    changes = {"width": 256, "height": 256, "mask": [0.125, 0.25, 0.75, 0.375], "text": {"content": ["SALE"]}}

    response = served.post(init_image=png(ground), sampler=sampler, **changes)
    again = served.post(init_image=png(ground), sampler=sampler, **changes)

    painted = pixels_of(response)
    kept = np.ones((256, 256), bool)
    kept[64:160, 32:224] = False
    assert np.array_equal(painted[kept], ground[kept])
    assert not np.array_equal(painted[~kept], ground[~kept])
    assert again.json()["image"]["sha256"] == response.json()["image"]["sha256"]


@pytest.mark.parametrize(
    ("changes", "param", "message"),
    [
        ({"version": "2"}, "version", "version"),
        ({"model": "sd35-large"}, "model", "offered: sd35-medium"),
        ({"width": 120}, "width", "multiples of 16 px, not 120"),
        ({"height": 400}, "height", "at most 384 px, not 400"),
        ({"sampler": "euler"}, "sampler", "sampler"),
        ({"colour": "red"}, "colour", "colour"),
        ({"init_image": "////"}, "init_image", "not a readable PNG"),
        ({"init_image": png(PIXELS), "strength": 0.0}, "strength", "strength: 0"),
        ({"mask": [0, 0, 1, 1]}, "mask", "needs an init_image"),
    ],
)
def test_a_wrong_request_is_a_400_that_names_its_field(
    served: Container, changes: dict[str, Any], param: str, message: str
) -> None:
    response = served.post(**changes)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert message in response.json()["error"]["message"]


def test_sigterm_finishes_what_runs_and_ends_well(folder: Path, tmp_path: Path) -> None:
    with container(folder, tmp_path / "home") as served:
        answers: list[httpx.Response] = []
        posts = [
            threading.Thread(target=lambda seed=seed: answers.append(served.post(seed=seed, steps=16)))
            for seed in range(3)
        ]
        for post in posts:
            post.start()
        wait_until(served, lambda ping: ping.json()["in_flight"] == len(posts))

        served.process.send_signal(signal.SIGTERM)
        for post in posts:
            post.join(60)

        assert served.process.wait(60) == 0
    assert [answer.status_code for answer in answers] == [200, 200, 200]


class Faulty(torch.nn.Module):
    """The transformer, until it is told how to fail."""

    def __init__(self, sound: Any) -> None:
        super().__init__()
        self.sound, self.config, self.fault = sound, sound.config, ""

    def forward(self, **inputs: Any) -> Any:
        if self.fault == "memory":
            torch.empty(2**50, dtype=torch.uint8)  # a petabyte: the allocator itself refuses
        if self.fault == "device":
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        return self.sound(**inputs)


@pytest.fixture
def faulty(folder: Path) -> Iterator[tuple[TestClient, Faulty]]:
    """A server whose transformer can be made to fail."""
    broken: list[Faulty] = []

    def load_faulty(place: Path, *, device: Any, dtype: Any) -> Weights:
        weights = load(place, device=device, dtype=dtype)
        broken.append(Faulty(weights.transformer))
        return replace(weights, transformer=broken[0])

    model = SD35Model(PROFILES[MODEL], folder, Serving(device="cpu"), load=load_faulty)
    with TestClient(create_app(Service({MODEL: model}, workers=8)), raise_server_exceptions=False) as client:
        while client.get("/ping").status_code != 200:
            assert "failed" not in client.get("/ping").json()["status"]
        yield client, broken[0]


def test_out_of_memory_is_a_typed_failure_after_which_the_server_still_serves(
    faulty: tuple[TestClient, Faulty],
) -> None:
    client, transformer = faulty
    before = client.post("/invocations", json=request())

    transformer.fault = "memory"
    failed = client.post("/invocations", json=request())
    transformer.fault = ""
    after = client.post("/invocations", json=request())

    assert (failed.status_code, failed.json()["error"]["code"]) == (507, "out_of_memory")
    assert "1125899906842624 bytes" in failed.json()["error"]["message"]
    assert after.json()["image"]["sha256"] == before.json()["image"]["sha256"]
    assert client.get("/ping").status_code == 200


def test_a_lost_device_takes_the_server_out_of_service(faulty: tuple[TestClient, Faulty]) -> None:
    client, transformer = faulty

    transformer.fault = "device"
    failed = client.post("/invocations", json=request())

    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "inference_failed")
    ping = client.get("/ping")
    assert (ping.status_code, ping.json()["status"]) == (
        503,
        "failed: DeviceLost: CUDA error: an illegal memory access was encountered",
    )
    assert "illegal memory access" in client.post("/invocations", json=request()).json()["error"]["message"]
