"""Masks: what may change, what may not, and the words hosts and clients have for it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from shared import masks
from shared.errors import ImageUnreadable
from shared.models import Box
from tests.world import picture

SIZE = (120, 80)
fractions = st.floats(0, 1)
boxes = st.tuples(fractions, fractions, fractions, fractions).map(
    lambda box: (box[0], box[1], min(box[2], 1 - box[0]), min(box[3], 1 - box[1]))
)


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def drawn(box: Box, *, feather: float = 0.1) -> Image.Image:
    return opened(masks.drawn(box, width=SIZE[0], height=SIZE[1], feather=feather))


def test_a_mask_rises_from_0_on_the_boxs_edge_to_255_in_its_middle() -> None:
    mask = drawn((0.25, 0.25, 0.5, 0.5))

    assert (mask.mode, mask.size) == ("L", SIZE)
    assert [mask.getpixel((x, 40)) for x in (29, 30, 34, 38, 60, 81, 89, 90)] == [0, 0, 128, 255, 255, 255, 0, 0]


def test_a_side_on_the_pictures_edge_does_not_fade() -> None:
    """Beyond it there is nothing to blend with: half-faded letters would be left standing there."""
    assert [drawn((0.0, 0.0, 1.0, 0.5)).getpixel((60, y)) for y in (0, 20, 39, 40)] == [255, 255, 0, 0]


@settings(deadline=None)
@given(boxes, st.floats(0, 0.2))
def test_a_mask_stays_inside_its_box_and_always_lets_something_change(box: Box, feather: float) -> None:
    mask = drawn(box, feather=feather)
    seen = mask.getbbox()

    assert seen is not None
    assert mask.getextrema()[1] == 255
    x, y, w, h = (side * length for side, length in zip(box, (*SIZE, *SIZE), strict=True))
    assert seen[0] >= x - 1 and seen[1] >= y - 1
    assert seen[2] <= x + w + 1.5 and seen[3] <= y + h + 1.5  # a pixel at least, and rounded to whole ones


def test_openai_may_touch_every_pixel_that_may_change_at_all() -> None:
    png = masks.drawn((0.25, 0.25, 0.5, 0.5), width=120, height=80, feather=0.1)

    holed = opened(masks.with_hole(png))

    assert holed.mode == "RGBA"
    assert [holed.getpixel((x, 40)) for x in (30, 31, 60)] == [(0, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_a_clients_mask_speaks_by_its_transparency_where_it_has_any_and_else_by_its_tones() -> None:
    holed = Image.new("RGBA", SIZE, "white")
    holed.paste((0, 0, 0, 0), (10, 10, 30, 20))
    white = Image.new("RGB", SIZE, "black")
    ImageDraw.Draw(white).rectangle((10, 10, 29, 19), fill="white")
    opaque = white.convert("RGBA")

    seen = {masks.bounds(masks.from_client(encoded(mask))) for mask in (holed, white, opaque, white.convert("L"))}

    assert seen == {(0.083333, 0.125, 0.166667, 0.125)}
    assert masks.bounds(encoded(Image.new("L", SIZE, 0))) is None
    with pytest.raises(ImageUnreadable, match="mask"):
        masks.from_client(b"no mask")


def test_our_own_mask_is_taken_as_it_is() -> None:
    mask = masks.drawn((0.25, 0.25, 0.5, 0.5), width=120, height=80, feather=0.1)

    assert masks.from_client(mask) is mask


def test_what_lies_outside_the_mask_is_the_originals_to_the_pixel() -> None:
    original, repainted = (picture(seed, size=SIZE) for seed in (1, 2))
    mask = masks.drawn((0.25, 0.25, 0.5, 0.5), width=120, height=80, feather=0.1)

    laid = masks.laid_into(original, repainted, mask)

    assert laid is not None
    changed = ImageChops.difference(opened(laid), opened(original)).convert("L").point(lambda value: 255 * (value > 0))
    outside = opened(mask).point(lambda value: 255 * (value == 0))
    assert ImageChops.multiply(changed, outside).getbbox() is None
    assert opened(laid).getpixel((60, 40)) == opened(repainted).getpixel((60, 40))


def test_pictures_of_two_sizes_are_not_laid_into_one_another() -> None:
    mask = masks.drawn((0.25, 0.25, 0.5, 0.5), width=120, height=80, feather=0.1)

    assert masks.laid_into(picture(1, size=SIZE), picture(2, size=(80, 120)), mask) is None
