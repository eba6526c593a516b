"""Repainting and the typography pass against a painter that records: what is painted where, and what never changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.inference.container.masks import Box, Pixels, boxed_weights, extent, pixel_box
from infra.inference.container.protocol import InvalidRequest, InvocationRequest, Sampler
from infra.inference.container.sd35.canvas import Canvas
from infra.inference.container.sd35.masked import REPAINT_STRENGTH, paint_masked
from infra.inference.container.sd35.repaint import (
    CONTEXT_PX,
    GRID_PX,
    LATENT_PX,
    MAX_ENLARGED,
    SHAPES,
    crop_around,
    repaint,
)
from infra.inference.container.sd35.typography import CLEAN_STRENGTH, NO_LETTERING, REFINE_STRENGTH
from infra.inference.container.sd35.wordless import without_words

PROMPT = 'Hero banner, sun over calm ocean, bold headline "SALE"'
GROUND = (180, 90, 30)


def noise(width: int, height: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@dataclass
class Recorder:
    """A painter that keeps what it was asked for and paints one colour over everything, mask or not."""

    colour: tuple[int, int, int] = GROUND
    asked: list[Canvas] = field(default_factory=list)

    def paint(self, canvas: Canvas) -> Pixels:
        self.asked.append(canvas)
        return np.full((canvas.height, canvas.width, 3), self.colour, np.uint8)


class Faithful(Recorder):
    """A painter that gives back what it was given."""

    def paint(self, canvas: Canvas) -> Pixels:
        super().paint(canvas)
        assert canvas.init is not None
        return canvas.init


def canvas_of(width: int = 512, height: int = 512, box: Box = (0.1, 0.1, 0.8, 0.3)) -> Canvas:
    mask = boxed_weights(pixel_box(box, width, height), width, height)
    return Canvas(PROMPT, "blurry", 7, width, height, 28, 4.5, noise(width, height), mask, 0.6)


def a_request(sampler: Sampler = "typography", **changes: Any) -> InvocationRequest:
    values = {"version": "1", "request_id": "r", "model": "m", "prompt": PROMPT, "seed": 7, "width": 512, "height": 512}
    masked = {"mask": (0.1, 0.1, 0.8, 0.3), "init_image": "AAAA", "text": {"content": ["SALE"]}, "sampler": sampler}
    return InvocationRequest.model_validate(values | masked | changes)


boxes = st.tuples(st.floats(0, 0.95), st.floats(0, 0.95), st.floats(0.02, 1), st.floats(0.02, 1)).map(
    lambda b: (b[0], b[1], min(b[2], 1 - b[0]), min(b[3], 1 - b[1]))
)
sides = st.integers(64, 700)


@settings(max_examples=60, deadline=None)
@given(boxes, sides, sides, st.integers(0, 2), st.data())
def test_no_pixel_whose_weight_is_0_ever_changes(
    box: Box, width: int, height: int, kind: int, data: st.DataObject
) -> None:
    """Whatever the size, the box, the shape of the mask and the pass."""
    canvas = canvas_of(width, height, box)
    assert canvas.mask is not None and canvas.init is not None
    if kind == 1:  # not a box: a mask with holes
        canvas.mask[:] *= noise(width, height, seed=data.draw(st.integers(0, 99)))[..., 0] / np.float32(255)
    if not canvas.mask.any():
        return
    sampler: Sampler = data.draw(st.sampled_from(("default", "typography", "typeset")))

    try:
        done = paint_masked(a_request(sampler, text={"content": ["A"]}), canvas, Recorder(), side_px=256)
    except InvalidRequest:  # a box too small for letters
        return

    kept = canvas.mask == 0
    assert (done.pixels[kept] == canvas.init[kept]).all()
    assert done.pixels.shape == canvas.init.shape


@given(boxes, st.integers(64, 4096), st.integers(64, 4096), st.sampled_from((256, 512, 1024)))
def test_a_crop_holds_the_mask_and_suits_the_model(box: Box, width: int, height: int, side: int) -> None:
    covered = pixel_box(box, width, height)

    crop = crop_around(covered, width, height, side_px=side)

    left, top, right, bottom = crop.box
    assert 0 <= left <= covered[0] < covered[2] <= right <= width
    assert 0 <= top <= covered[1] < covered[3] <= bottom <= height
    assert crop.width % GRID_PX == crop.height % GRID_PX == 0
    assert crop.width * crop.height <= 1.35 * side * side
    assert crop.enlarged <= MAX_ENLARGED * 1.3


def test_a_small_headline_is_painted_larger_than_life_and_a_whole_picture_as_it_is() -> None:
    small = crop_around((400, 480, 620, 540), 1024, 1024, side_px=1024)
    whole = crop_around((20, 20, 1000, 1000), 1024, 1024, side_px=1024)

    assert small.enlarged > 2
    assert small.box[0] <= 400 - CONTEXT_PX
    assert (whole.box, whole.width, whole.height) == ((0, 0, 1024, 1024), 1024, 1024)


def test_working_sizes_are_few_so_that_compiled_graphs_are_reused() -> None:
    crops = [
        crop_around((x, y, x + w, y + h), 1344, 1024, side_px=1024)
        for x in range(0, 700, 90)
        for y in range(0, 500, 90)
        for w, h in ((600, 80), (200, 400), (500, 500))
    ]

    assert len({(crop.width, crop.height) for crop in crops}) <= len(SHAPES)


def test_what_is_painted_fills_the_mask_and_fades_with_it() -> None:
    canvas = canvas_of()
    painter = Recorder()

    done = repaint(canvas, painter, side_px=512)

    assert canvas.init is not None and canvas.mask is not None
    assert (done.pixels[canvas.mask == 1] == GROUND).all()
    edge = (canvas.mask > 0.3) & (canvas.mask < 0.7)
    apart = np.abs(done.pixels[edge].astype(int) - GROUND).mean(), np.abs(canvas.init[edge].astype(int) - GROUND).mean()
    assert 0.3 * apart[1] < apart[0] < 0.7 * apart[1]


@pytest.mark.parametrize("side", [128, 512, 1024])
def test_the_model_is_told_to_paint_wherever_the_feather_reaches(side: int) -> None:
    canvas, painter = canvas_of(), Recorder()

    done = repaint(canvas, painter, side_px=side)

    asked = painter.asked[0]
    assert asked.mask is not None and canvas.mask is not None
    assert asked.mask.shape == (done.crop.height, done.crop.width) == (asked.height, asked.width)
    assert set(np.unique(asked.mask)) <= {0.0, 1.0}
    covered, box = extent(asked.mask), extent(canvas.mask)
    assert covered is not None and box is not None
    scale = done.crop.enlarged
    assert covered[0] / scale + done.crop.box[0] <= box[0] + 0.5
    assert covered[2] / scale + done.crop.box[0] >= box[2] - 0.5
    assert all(edge % LATENT_PX == 0 for edge in covered)


def test_a_painter_that_changes_nothing_changes_next_to_nothing() -> None:
    """There and back through the scaling, on a picture without grain."""
    canvas = canvas_of(box=(0.3, 0.4, 0.3, 0.2))
    assert canvas.init is not None
    y, x = np.mgrid[:512, :512]
    canvas.init[:] = np.stack([x // 2, y // 2, (x + y) // 4], axis=2)

    done = repaint(canvas, Faithful(), side_px=1024)

    assert done.crop.enlarged > 1.5
    assert np.abs(done.pixels.astype(int) - canvas.init).max() <= 2


def test_the_typography_pass_cleans_first_then_sets_the_text_then_refines_gently() -> None:
    canvas, painter = canvas_of(), Recorder()

    done = paint_masked(a_request(), canvas, painter, side_px=512)

    clean, refine = painter.asked
    assert (clean.strength, refine.strength) == (CLEAN_STRENGTH, REFINE_STRENGTH)
    assert "SALE" not in clean.prompt and "headline" not in clean.prompt
    assert clean.negative_prompt == f"blurry, {NO_LETTERING}"
    assert (refine.prompt, refine.negative_prompt) == (PROMPT, "blurry")
    assert (clean.seed, refine.seed) == (7, 8)
    assert (clean.steps, clean.guidance_scale, refine.guidance_scale) == (28, 4.5, 4.5)
    assert refine.init is not None
    colours = {tuple(colour) for colour in refine.init.reshape(-1, 3).tolist()}
    assert GROUND in colours, "refined is what was cleaned"
    assert len(colours) > 50, "and it carries letters"
    assert [step["pass"] for step in passes(done.detail)] == ["clean", "typeset", "refine"]


def test_typeset_stops_before_any_model_touches_the_letters() -> None:
    painter = Recorder()

    done = paint_masked(a_request("typeset"), canvas_of(), painter, side_px=512)

    assert len(painter.asked) == 1
    assert [step["pass"] for step in passes(done.detail)] == ["clean", "typeset"]
    assert passes(done.detail)[1]["lines"] == ["SALE"]
    assert passes(done.detail)[1]["contrast"] >= 4.5


def passes(detail: Any) -> list[dict[str, Any]]:
    return list(detail["masked"])


@pytest.mark.parametrize(
    ("asked", "shows_glyphs", "applied"),
    [(None, False, 0.3), (0.2, False, 0.2), (0.6, False, 0.3), (0.6, True, 0.6)],
)
def test_only_a_model_that_sees_the_glyphs_may_refine_them_strongly(
    asked: float | None, shows_glyphs: bool, applied: float
) -> None:
    painter = Recorder()

    paint_masked(a_request(strength=asked), canvas_of(), painter, side_px=512, shows_glyphs=shows_glyphs)

    assert painter.asked[1].strength == applied


def test_without_a_text_or_a_typography_sampler_the_mask_is_repainted_from_the_prompt() -> None:
    for request in (a_request("default"), a_request(text=None)):
        painter = Recorder()

        done = paint_masked(request, canvas_of(), painter, side_px=512)

        assert [(canvas.prompt, canvas.strength) for canvas in painter.asked] == [(PROMPT, REPAINT_STRENGTH)]
        assert [step["pass"] for step in passes(done.detail)] == ["repaint"]


def test_the_share_of_inference_counts_steps_and_pixels_of_every_pass() -> None:
    """A headline on 1024 x 1024: cleaned at a quarter of the pixels, refined at 0.3 of the steps."""
    canvas = canvas_of(1024, 1024, (0.3, 0.4, 0.4, 0.12))

    both: Any = paint_masked(a_request(), canvas, Recorder(), side_px=1024).detail
    one: Any = paint_masked(a_request("typeset"), canvas, Recorder(), side_px=1024).detail

    (clean, _, refine), whole = passes(both), 28 * 1024 * 1024
    work = [step["steps"] * step["size"][0] * step["size"][1] for step in (clean, refine)]
    assert (clean["steps"], refine["steps"]) == (28, 9)
    assert both["inference_share"] == pytest.approx(sum(work) / whole, abs=1e-4)
    assert one["inference_share"] == pytest.approx(work[0] / whole, abs=1e-4)
    assert both["inference_share"] < 0.6


def test_a_text_that_cannot_be_set_is_refused_before_anything_is_painted() -> None:
    for content in ("日本", "word " * 90):
        painter = Recorder()

        with pytest.raises(InvalidRequest) as caught:
            paint_masked(a_request(text={"content": [content]}), canvas_of(128, 128), painter, side_px=512)

        assert caught.value.param == "text.content"
        assert painter.asked == []


def test_the_words_stand_where_the_mask_covers_their_box() -> None:
    inside = {"content": ["SALE"], "box": (0.5, 0.15, 0.3, 0.2)}

    done = paint_masked(a_request("typeset", text=inside), canvas_of(), Recorder(), side_px=512)

    left, top, right, bottom = passes(done.detail)[1]["box"]
    assert 256 <= left < right <= 410
    assert 76 <= top < bottom <= 180


def test_the_same_request_gives_the_same_bytes() -> None:
    first, second = (paint_masked(a_request(), canvas_of(), Faithful(), side_px=512).pixels for _ in range(2))

    assert (first == second).all()


@pytest.mark.parametrize(
    ("prompt", "content", "bare"),
    [
        (PROMPT, ("SALE",), "Hero banner, sun over calm ocean"),
        ("Banner for a summer sale, bold headline", ("SALE",), "Banner for a summer sale"),
        ('A coffee shop poster with the text "OPEN NOW" in gold', ("OPEN NOW",), "A coffee shop poster in gold"),
        ("neon sign reading “Café Noir”, rainy street", ("Café Noir",), "neon sign, rainy street"),
        ("Poster SALE 50% OFF, f/2.8, red", ("SALE", "50% OFF"), "Poster, f/2.8, red"),
        ("Don't look up, the dog's bone", ("UP",), "Don't look up, the dog's bone"),
        ('"SALE"', ("SALE",), "plain background"),
    ],
)
def test_the_cleaning_prompt_asks_for_no_lettering(prompt: str, content: tuple[str, ...], bare: str) -> None:
    assert without_words(prompt, content) == bare


def test_an_empty_mask_is_a_mistake_of_the_caller() -> None:
    empty = replace(canvas_of(), mask=np.zeros((512, 512), np.float32))

    with pytest.raises(ValueError, match="0 everywhere"):
        repaint(empty, Recorder(), side_px=512)
