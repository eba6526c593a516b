"""mini behind the port, with networks that need no weights: what a request means, and what a reply tells."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from infra.inference.container.masks import Floats
from infra.inference.container.mini.model import FAST, FINE, MiniModel
from infra.inference.container.mini.networks import Networks
from infra.inference.container.mini.settling import settled
from infra.inference.container.models import offer
from infra.inference.container.protocol import InvalidRequest, InvocationRequest, Lettering


def _white_letters(noisy: Floats, condition: Floats, level: Floats, codes: NDArray[np.int64], frames: Floats) -> Floats:
    """Blue, and white where the glyph channel is."""
    blue = np.array([-1.0, -1.0, 1.0], np.float32)[None, :, None, None]
    return np.asarray(blue + condition[:, 4:5] * (1 - blue), np.float32)


def _each_pixel_four_times(picture: Floats, glyph: Floats) -> Floats:
    return picture.repeat(2, axis=1).repeat(2, axis=2)


def _model(fast: bool = False) -> MiniModel:
    nets = Networks(_white_letters, _each_pixel_four_times)
    model = MiniModel(FAST if fast else FINE, load=lambda *_: nets)
    model.warm()
    return model


def _request(**changes: object) -> InvocationRequest:
    usual = {"version": "1", "request_id": "r", "model": "mini", "prompt": "red stripes", "seed": 5}
    return InvocationRequest.model_validate(usual | {"width": 256, "height": 256} | changes)


def _pixels(png: bytes) -> NDArray[np.int64]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB")).astype(np.int64)


def _png(colour: str) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_the_reply_says_which_words_were_understood() -> None:
    detail = _model().generate(_request(prompt="a baroque red star")).detail

    assert detail["understood"] == ["red", "star"]
    assert detail["choices"] == settled({"subject": "star", "subject_colour": "red"}, seed=5)


def test_what_a_picture_shown_tells_is_not_the_seeds_to_settle() -> None:
    detail = _model().generate(_request(init_image=_png("red"))).detail

    assert detail["choices"] == {"ground": "stripes", "first": "red"}


@pytest.mark.parametrize(("width", "height"), [(64, 64), (256, 256), (832, 512), (1536, 640)])
def test_the_picture_has_the_size_asked_for(width: int, height: int) -> None:
    assert _pixels(_model().generate(_request(width=width, height=height)).png).shape == (height, width, 3)


def test_a_mask_changes_nothing_outside_of_it() -> None:
    box = (0.25, 0.5, 0.5, 0.25)
    request = _request(init_image=_png("red"), mask=box, sampler="typography", text=Lettering(content=("SALE",)))

    pixels = _pixels(_model().generate(request).png)
    outside = np.ones((256, 256), bool)
    outside[128:192, 64:192] = False

    assert (pixels[outside] == (255, 0, 0)).all()
    assert (pixels[160, 70:186] != (255, 0, 0)).any(axis=1).all()


def test_an_ordinary_render_sees_the_words_at_a_glance_and_the_typography_pass_in_full() -> None:
    words = Lettering(content=("WONDERFUL",), box=(0.1, 0.4, 0.8, 0.2))

    glance, full = (_sharpest_glyph(_request(text=words, sampler=sampler)) for sampler in ("default", "typography"))

    assert glance < full / 2


def _sharpest_glyph(request: InvocationRequest) -> float:
    """The hardest edge in the glyphs that the last doubling was shown."""
    seen: list[Floats] = []

    def double(picture: Floats, glyph: Floats) -> Floats:
        seen.append(glyph)
        return _each_pixel_four_times(picture, glyph)

    model = MiniModel(FINE, load=lambda *_: Networks(_white_letters, double))
    model.warm()
    model.generate(request)
    return float(np.abs(np.diff(seen[-1], axis=1)).max())


def test_a_masked_pass_doubles_no_more_than_its_surroundings() -> None:
    doubled: list[int] = []

    def double(picture: Floats, glyph: Floats) -> Floats:
        assert glyph.shape == (2 * picture.shape[1], 2 * picture.shape[2])
        doubled.append(picture[0].size)
        return _each_pixel_four_times(picture, glyph)

    model = MiniModel(FINE, load=lambda *_: Networks(_white_letters, double))
    model.warm()
    model.generate(_request(init_image=_png("red"), mask=(0.25, 0.5, 0.5, 0.25)))

    assert doubled[0] < 128 * 128 / 3


def test_typeset_words_are_set_on_a_ground_painted_without_them() -> None:
    mask = (0.1, 0.3, 0.8, 0.4)
    request = _request(init_image=_png("red"), mask=mask, sampler="typeset", text=Lettering(content=("SALE",)))

    pixels = _pixels(_model().generate(request).png)

    assert (pixels[100:156, 60:196].min(axis=2) > 200).mean() > 0.1
    assert tuple(pixels[92, 40]) == pytest.approx((0, 0, 255), abs=2)


def test_quoted_words_are_painted_where_no_text_is_given() -> None:
    with_words, without = (
        _pixels(_model().generate(_request(prompt=prompt)).png)[..., 0] for prompt in ('red "SALE"', "red")
    )

    assert with_words.max() > 200
    assert without.max() < 5


def test_letters_no_bundled_face_has_are_the_callers_to_change() -> None:
    with pytest.raises(InvalidRequest, match="U\\+4E00"):
        _model().generate(_request(text=Lettering(content=("\u4e00",))))


def test_without_weights_the_container_says_which_files_are_missing_and_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"lacks painter.onnx, refiner.onnx; python -m infra.inference.mini"):
        offer([f"mini={tmp_path}"])


def test_the_draft_thinks_once_a_step_and_the_final_twice() -> None:
    assert _model(fast=True).generate(_request()).detail["guidance_scale"] == 1
    assert _model().generate(_request()).detail["guidance_scale"] == 2
