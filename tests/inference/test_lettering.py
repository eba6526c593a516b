"""Set words can be read: by contrast, by the verifier that will judge them, on whatever they stand."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from infra.inference.container.lettering.contrast import ENOUGH, choose, contrast, luminance
from infra.inference.container.lettering.faces import FACES, TextDoesNotFit
from infra.inference.container.lettering.typeset import lay_out, typeset
from infra.inference.container.masks import PixelBox, Pixels
from infra.inference.container.sketch.paint import Sketch, paint
from shared.typography import verify

SIZE = (384, 256)
BOX: PixelBox = (30, 40, 354, 150)


def flat(red: int, green: int, blue: int) -> Pixels:
    return np.full((SIZE[1], SIZE[0], 3), (red, green, blue), np.uint8)


def checks() -> Pixels:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return np.repeat((((x // 14 + y // 14) % 2) * 255).astype(np.uint8)[..., None], 3, axis=2)


def noise() -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def night() -> Pixels:
    return paint(Sketch("sketch-fine", "city at night, neon", 2, *SIZE)).pixels


@pytest.mark.xdist_group("typography")
@pytest.mark.parametrize(
    ("ground", "text"),
    [
        (lambda: flat(0, 0, 0), ("SALE",)),
        (lambda: flat(120, 118, 119), ("50% OFF",)),
        (lambda: flat(200, 30, 40), ("Grand Opening Today",)),
        (checks, ("Café Noël",)),
        (night, ("BIG SALE", "this weekend")),
        (noise, ("$9.99",)),
    ],
)
def test_set_words_pass_the_verifier(ground: Callable[[], Pixels], text: tuple[str, ...]) -> None:
    """A few of those that tests/bench/lettering.py measures."""
    buffer = io.BytesIO()
    Image.fromarray(typeset(ground(), lay_out(text, BOX)).pixels).save(buffer, "PNG")

    assert [check.verdict for check in verify(buffer.getvalue(), text).texts] == ["pass"] * len(text)


colours = st.tuples(*[st.integers(0, 255)] * 3)


@given(colours, colours)
def test_whatever_the_ground_the_contrast_is_enough(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    ground = np.zeros((8, 8, 3), np.uint8)
    ground[:4], ground[4:] = one, other

    choice = choose(ground)

    assert choice.contrast >= ENOUGH
    assert contrast(choice.ink, choice.support) >= ENOUGH


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [((0, 0, 0), (255, 255, 255), 21.0), ((119, 119, 119), (255, 255, 255), 4.48), ((255, 0, 0), (0, 0, 255), 2.15)],
)
def test_contrast_is_that_of_wcag(one: tuple[int, int, int], other: tuple[int, int, int], ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.01)


def test_a_calm_ground_gets_plain_letters_and_a_busy_one_a_plate() -> None:
    layout = lay_out(("SALE",), BOX)

    plain, busy = typeset(flat(20, 30, 60), layout), typeset(checks(), layout)

    assert (plain.support, plain.choice.opacity) == ("none", 0)
    assert luminance(plain.choice.ink) > 0.7, "light letters on a dark ground"
    assert busy.support == "plate"


def test_letters_fade_with_what_they_stand_within() -> None:
    ground, within = flat(20, 30, 60), np.zeros((SIZE[1], SIZE[0]), np.float32)
    within[:, :192] = 1

    pixels = typeset(ground, lay_out(("SALE",), BOX), within=within).pixels

    assert (pixels[:, 192:] == ground[:, 192:]).all()
    assert (pixels[:, :192] != ground[:, :192]).any()


@pytest.mark.parametrize(
    ("text", "style", "face"),
    [
        (("SALE",), "", "modern"),
        (("SALE",), "elegant perfume bottle", "elegant"),
        (("SALE",), "Bauhaus, geometric", "geometric"),
        (("Extraordinary",), "", "poster"),
    ],
)
def test_the_face_suits_the_prompt_unless_the_words_are_far_larger_in_the_narrow_one(
    text: tuple[str, ...], style: str, face: str
) -> None:
    assert lay_out(text, BOX, style=style).face == face


@given(
    st.lists(st.text("ABCxyz 50%é\n", min_size=1, max_size=24).filter(str.strip), min_size=1, max_size=3),
    st.integers(1, 400),
    st.integers(1, 300),
)
def test_words_stand_in_their_box_whole_or_are_refused(content: list[str], width: int, height: int) -> None:
    box = (5, 7, 5 + width, 7 + height)
    try:
        layout = lay_out(content, box)
    except TextDoesNotFit:
        return

    left, top, right, bottom = layout.ink
    assert left >= 5 and top >= 7 and right <= box[2] and bottom <= box[3]
    assert "".join("".join(line.text.split()) for line in layout.lines) == "".join("".join(content).split())
    assert layout.face in FACES


def test_letters_no_face_has_are_refused_by_name() -> None:
    with pytest.raises(TextDoesNotFit, match=r"U\+65E5"):
        lay_out(("日本",), BOX)


def test_the_same_words_on_the_same_ground_are_the_same_bytes() -> None:
    first, second = (typeset(noise(), lay_out(("SALE",), BOX)).pixels for _ in range(2))

    assert (first == second).all()
