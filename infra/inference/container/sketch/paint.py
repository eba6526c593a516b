"""The painter: recipe in, pixels out.

Hides the order of work: compose, paint the scene, set the words, finish. Deterministic to the byte
(see canvas); knows nothing of HTTP, of time or of the service around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from PIL import Image

from ..lettering.faces import TextDoesNotFit, check_letters
from ..masks import Floats, PixelBox, Pixels, extent, feather, feather_width, pixel_box, solid, within
from ..protocol import Sampler
from .canvas import Canvas
from .composition import Box, Composition, compose
from .dice import Dice
from .finish import caption, finish, to_pixels
from .headline import draw_headline
from .misprint import STRICT_BELOW, USUAL_GUIDANCE, Mode, Spelling, misprint
from .retouch import restored, same_scene
from .scenes import SCENES

THUMB_PX: Final = 160
"""Shorter side of the small rough picture on which colours are chosen: the same for a draft and its final."""
WHOLE: Final[Box] = (0.05, 0.05, 0.9, 0.85)
"""All but the margins, and the corner of the caption."""
FULL_STEPS: Final = 20
"""From here on a picture is painted at full resolution; fewer steps are softer."""


@dataclass(frozen=True)
class Sketch:
    """All that determines a sketch. Boxes are fractions of the image; `mask` needs an `init` of the same size.

    `weights` (height, width) says how much of every pixel a masked pass renews; None feathers `mask` inwards.
    """

    model: str
    prompt: str
    seed: int
    width: int
    height: int
    negative_prompt: str = ""
    rough: bool = False
    guidance: float = USUAL_GUIDANCE
    steps: int = 28
    sampler: Sampler = "default"
    text: tuple[str, ...] = ()
    text_box: Box | None = None
    mask: Box | None = None
    weights: Floats | None = None
    init: Pixels | None = None
    strength: float = 0.6

    @property
    def mode(self) -> Mode:
        """How the words get there: every mode but `plain` needs a mask, and a picture to start from."""
        if self.mask is None or self.init is None or self.sampler == "default":
            return "plain"
        if self.sampler == "typeset":
            return "typeset"
        return "masked" if self.strength >= STRICT_BELOW else "strict"


@dataclass(frozen=True)
class Painted:
    """The picture, and what became of the words; `text_box` is the ink in pixels."""

    pixels: Pixels
    composition: Composition
    spelling: Spelling | None
    text_box: PixelBox | None


def paint(sketch: Sketch) -> Painted:
    """The picture of a sketch. Raises TextDoesNotFit when the words cannot be set."""
    check_letters(sketch.text)
    comp = compose(
        sketch.prompt, negative_prompt=sketch.negative_prompt, seed=sketch.seed, aspect=sketch.width / sketch.height
    )
    spelling = None
    if sketch.text:
        spelling = misprint(
            sketch.text,
            seed=sketch.seed,
            prompt=sketch.prompt,
            model=sketch.model,
            mode=sketch.mode,
            guidance=sketch.guidance,
        )
    if sketch.mask is not None and sketch.init is not None:
        return _repaint(sketch, sketch.init, sketch.mask, comp, spelling)
    canvas = _scene(sketch, comp)
    if sketch.init is not None:
        _start_from(canvas, sketch, sketch.init, comp)
    ink = None
    if spelling:
        ink = _headline(canvas, sketch, comp, spelling)
    caption(canvas)
    return Painted(finish(canvas, guidance=sketch.guidance, dice=_grain(sketch)), comp, spelling, ink)


def _grain(sketch: Sketch) -> Dice:
    """A picture of its own for every model and every word of the recipe, even where the scene is the same."""
    return Dice(
        "grain", sketch.model, sketch.prompt, sketch.negative_prompt, sketch.seed, sketch.steps, sketch.guidance
    )


def _scene(sketch: Sketch, comp: Composition) -> Canvas:
    """The scene without words. A rough one, or one of few steps, is painted smaller and enlarged."""
    share = 0.5 if sketch.rough else max(0.4, min(1.0, sketch.steps / FULL_STEPS))
    canvas = Canvas(sketch.width, sketch.height, rough=sketch.rough)
    if share == 1.0:
        SCENES[comp.scene](canvas, comp)
        return canvas
    small = Canvas(max(16, int(sketch.width * share)), max(16, int(sketch.height * share)), rough=sketch.rough)
    SCENES[comp.scene](small, comp)
    canvas.rgb[:] = _planar(_resized(to_pixels(small.rgb), sketch.width, sketch.height))
    return canvas


def _headline(canvas: Canvas, sketch: Sketch, comp: Composition, spelling: Spelling) -> PixelBox:
    """The words where the recipe wants them, or in the quiet zone; where that is too small, anywhere."""
    beneath = _thumbnail(sketch, comp)
    place = partial(draw_headline, canvas, comp, spelling, beneath=beneath)
    if sketch.text_box is not None:
        return place(pixel_box(sketch.text_box, sketch.width, sketch.height), centred=True)
    try:
        return place(pixel_box(comp.zone, sketch.width, sketch.height), centred=not comp.wide)
    except TextDoesNotFit:
        return place(pixel_box(WHOLE, sketch.width, sketch.height), centred=True)


def _start_from(canvas: Canvas, sketch: Sketch, init: Pixels, comp: Composition) -> None:
    """Let `init` show through by 1 - strength, but not where words come: two headlines would ghost."""
    weight = np.full((sketch.height, sketch.width), 1 - sketch.strength, np.float32)
    if sketch.text:
        x, y, w, h = sketch.text_box or comp.zone
        room = (max(0.0, x - 0.06), max(0.0, y - 0.06), min(1.0, w + 0.12), min(1.0, h + 0.12))
        left, top, right, bottom = pixel_box(room, sketch.width, sketch.height)
        weight[top:bottom, left:right] *= 1 - feather((left, top, right, bottom), canvas.side // 20)
    canvas.rgb += (_planar(_resized(init, sketch.width, sketch.height)) - canvas.rgb) * weight


def _thumbnail(sketch: Sketch, comp: Composition) -> Pixels:
    side = min(sketch.width, sketch.height)
    share = min(1.0, THUMB_PX / side)
    canvas = Canvas(max(8, int(sketch.width * share)), max(8, int(sketch.height * share)), rough=True)
    SCENES[comp.scene](canvas, comp)
    return to_pixels(canvas.rgb)


def _repaint(sketch: Sketch, init: Pixels, mask: Box, comp: Composition, spelling: Spelling | None) -> Painted:
    """Clear what the mask covers, set the words there, and leave every other pixel of `init` alone."""
    small = _thumbnail(sketch, comp)
    thumb_size = (small.shape[1], small.shape[0])
    seen = np.asarray(Image.fromarray(init).resize(thumb_size, Image.Resampling.BOX))
    guide = None
    if same_scene(seen, small, pixel_box(mask, *thumb_size)):
        guide = finish(_scene(sketch, comp), guidance=sketch.guidance, dice=_grain(sketch))
    canvas = Canvas(sketch.width, sketch.height, rough=sketch.rough)
    canvas.rgb[:] = _planar(init)
    region = _region(sketch, mask)
    left, top, right, bottom = region.box
    window = (slice(top, bottom), slice(left, right))
    canvas.rgb[:, window[0], window[1]] = restored(init, region.box, guide)
    ink = None
    if spelling:
        room = region.solid
        if sketch.text_box:
            room = within(pixel_box(sketch.text_box, sketch.width, sketch.height), room)
        ink = draw_headline(canvas, comp, spelling, room, beneath=to_pixels(canvas.rgb), centred=True)
    old = _planar(init)[:, window[0], window[1]]
    new = old + (canvas.rgb[:, window[0], window[1]] - old) * region.weights
    pixels = init.copy()
    pixels[window] = to_pixels(new)
    return Painted(pixels, comp, spelling, ink)


@dataclass(frozen=True)
class _Region:
    """What a masked pass renews: `weights` cover `box`; in `solid` nothing of the old picture shines through."""

    box: PixelBox
    solid: PixelBox
    weights: Floats


def _region(sketch: Sketch, mask: Box) -> _Region:
    if sketch.weights is None:
        box = pixel_box(mask, sketch.width, sketch.height)
        edge = feather_width(box)
        middle = (
            box[0] + edge,
            box[1] + edge,
            max(box[0] + edge + 1, box[2] - edge),
            max(box[1] + edge + 1, box[3] - edge),
        )
        return _Region(box, middle, feather(box, edge))
    box = extent(sketch.weights) or pixel_box(mask, sketch.width, sketch.height)
    return _Region(box, solid(sketch.weights), sketch.weights[box[1] : box[3], box[0] : box[2]])


def _planar(pixels: Pixels) -> Floats:
    return pixels.transpose(2, 0, 1).astype(np.float32)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
