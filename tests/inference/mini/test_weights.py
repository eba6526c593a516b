"""The shipped weights: what they paint, how large they are, and that the same request gives the same bytes."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from infra.inference.container.mini import networks
from infra.inference.container.mini.model import FAST, FINE, MiniModel, Tier
from infra.inference.container.protocol import InvocationRequest, Lettering
from infra.inference.mini.corpus.palettes import nearest
from shared.typography import verify

BOX = (0.08, 0.06, 0.84, 0.26)


@cache
def _model(tier: Tier, threads: int = 0) -> MiniModel:
    model = MiniModel(tier, load=lambda network, folder: networks.load(network, folder, threads=threads))
    model.warm()
    return model


def _request(prompt: str, **changes: object) -> InvocationRequest:
    usual = {"version": "1", "request_id": "r", "model": "mini", "prompt": prompt, "seed": 3}
    return InvocationRequest.model_validate(usual | {"width": 256, "height": 256} | changes)


def _pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def test_all_of_them_are_small_enough_to_be_cloned() -> None:
    files = list(networks.WEIGHTS.glob("*.onnx"))

    assert {path.name for path in files} == {networks.PAINTER, networks.STUDENT, networks.REFINER}
    assert sum(path.stat().st_size for path in files) < 60_000_000


@pytest.mark.parametrize("tier", [FAST, FINE], ids=lambda tier: tier.name)
def test_the_same_request_gives_the_same_bytes_whatever_the_thread_count(tier: Tier) -> None:
    request = _request("teal sea under a cream sky, a red balloon", text=Lettering(content=("HARBOR",), box=BOX))

    one, two = (_model(tier, threads).generate(request).png for threads in (1, 2))

    assert one == two


@pytest.mark.parametrize("colour", ["red", "blue", "green", "black", "cream"])
def test_the_ground_has_the_colour_asked_for(colour: str) -> None:
    pixels = _pixels(_model(FAST).generate(_request(f"plain {colour} background")).png) / 255

    assert nearest(tuple(np.median(pixels.reshape(-1, 3), axis=0))) == colour


def test_the_typography_pass_writes_words_it_was_never_shown() -> None:
    words = Lettering(content=("QUARTZ",), box=BOX)
    request = _request("navy and teal gradient, white letters", text=words, sampler="typography", width=512, height=512)

    png = _model(FINE).generate(request).png

    assert verify(png, ("QUARTZ",), text_box=BOX).verdict == "pass"
