"""The pictures of a request: decoded as they were meant, or refused with the name of the field and no harm done."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given as each
from hypothesis import strategies as st
from PIL import Image

from infra.inference.container.masks import Box, extent, feather_width, paste, pixel_box
from infra.inference.container.pictures import given
from infra.inference.container.protocol import InvalidRequest, InvocationRequest

SIDE = 64


def png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def grey(value: int = 255, size: tuple[int, int] = (SIDE, SIDE), mode: str = "L") -> str:
    return png(Image.new(mode, size, value))


def a_request(**changes: Any) -> InvocationRequest:
    values = {"version": "1", "request_id": "r", "model": "m", "prompt": "x", "seed": 1, "width": SIDE, "height": SIDE}
    picture = {"init_image": png(Image.new("RGB", (SIDE, SIDE), "teal")), "mask": (0.0, 0.0, 1.0, 1.0)}
    return InvocationRequest.model_validate(values | picture | changes)


def test_a_mask_image_is_taken_as_weights_from_0_to_1() -> None:
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (10, 20, 30, 40))
    mask.putpixel((30, 25), 51)

    pictures = given(a_request(mask=(0.15, 0.3, 0.35, 0.33), mask_image=png(mask)))

    assert pictures.mask is not None
    assert (pictures.mask[25, 15], pictures.mask[0, 0]) == (1.0, 0.0)
    assert pictures.mask[25, 30] == pytest.approx(0.2)
    assert extent(pictures.mask) == (10, 20, 31, 40)


def test_a_box_without_a_mask_image_is_feathered_inwards() -> None:
    weights = given(a_request(mask=(0.25, 0.25, 0.5, 0.5))).mask

    assert weights is not None
    assert weights[32, 32] == 1
    assert 0 < weights[32, 17] < 1
    assert extent(weights) == (17, 17, 47, 47)


def _bomb() -> str:
    """A PNG of 30,000 x 30,000 black pixels in under a megabyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(30_001) * 16, 9)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"mask_image": grey(size=(SIDE, SIDE - 1))}, "mask_image"),
        ({"mask_image": grey(0)}, "mask_image"),
        ({"mask_image": grey(mode="RGB")}, "mask_image"),
        ({"mask_image": grey(mode="1")}, "mask_image"),
        ({"mask_image": base64.b64encode(b"GIF89a").decode()}, "mask_image"),
        ({"mask_image": grey()[:80]}, "mask_image"),
        ({"mask_image": _bomb()}, "mask_image"),
        ({"mask_image": grey(), "mask": (0.0, 0.0, 1.0, 0.5)}, "mask_image"),
        ({"init_image": _bomb()}, "init_image"),
        ({"init_image": _bomb(), "mask": None}, "init_image"),
        ({"init_image": grey(size=(SIDE, SIDE + 2))}, "init_image"),
        ({"mask": (0.5, 0.5, 0.02, 0.02)}, "mask"),
    ],
)
def test_a_picture_that_cannot_be_used_is_refused_by_name(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        given(a_request(**changes))

    assert caught.value.param == param
    assert str(caught.value).startswith(f"{param}: ")


@each(
    box=st.tuples(*[st.floats(0, 1)] * 2, *[st.floats(0.01, 1)] * 2).map(
        lambda b: (min(b[0], 1 - b[2]), min(b[1], 1 - b[3]), b[2], b[3])
    ),
    width=st.integers(1, 200),
    height=st.integers(1, 200),
)
def test_a_box_in_pixels_lies_inside_the_picture(box: Box, width: int, height: int) -> None:
    left, top, right, bottom = pixel_box(box, width, height)

    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert 1 <= feather_width((left, top, right, bottom)) <= 24


def test_pasting_keeps_the_original_at_0_and_the_painted_at_1() -> None:
    old, new = (np.full((1, 3, 3), value, np.uint8) for value in (10, 250))
    weights = np.array([[0, 0.5, 1]], np.float32)

    assert paste(old, new, weights)[0, :, 0].tolist() == [10, 130, 250]
