"""The painter: recipe in, pixels out.

Hides the order of work: compose, paint the scene, set the words, finish. Deterministic to the byte
(see canvas); knows nothing of HTTP, of time or of the service around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .canvas import Canvas
from .composition import Box, Composition, compose
from .dice import Dice, Floats
from .finish import caption, finish, to_pixels
from .headline import draw_headline
from .lettering import PixelBox, TextDoesNotFit, check_letters
from .misprint import USUAL_GUIDANCE, Mode, Spelling, misprint
from .retouch import feather, restored, same_scene
from .scenes import SCENES

Pixels = NDArray[np.uint8]
"""RGB, uint8, (height, width, 3)."""
THUMB_PX: Final = 160
"""Shorter side of the small rough picture on which colours are chosen: the same for a draft and its final."""
WHOLE: Final[Box] = (0.05, 0.05, 0.9, 0.85)
"""All but the margins, and the corner of the caption."""
FULL_STEPS: Final = 20
"""From here on a picture is painted at full resolution; fewer steps are softer."""


@dataclass(frozen=True)
class Sketch:
    """All that determines a sketch. Boxes are fractions of the image; `mask` needs an `init` of the same size."""

    model: str
    prompt: str
    seed: int
    width: int
    height: int
    negative_prompt: str = ""
    rough: bool = False
    guidance: float = USUAL_GUIDANCE
    steps: int = 28
    typography: bool = False
    text: tuple[str, ...] = ()
    text_box: Box | None = None
    mask: Box | None = None
    init: Pixels | None = None
    strength: float = 0.6

    @property
    def mode(self) -> Mode:
        """`masked` is the article's repair: typography sampler, mask, and a picture to start from."""
        return "masked" if self.typography and self.mask is not None and self.init is not None else "plain"


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
        return _repaint(sketch, sketch.init, pixel_box(sketch.mask, sketch.width, sketch.height), comp, spelling)
    canvas = _scene(sketch, comp)
    if sketch.init is not None:
        _start_from(canvas, sketch, sketch.init, comp)
    ink = None
    if spelling:
        ink = _headline(canvas, sketch, comp, spelling)
    caption(canvas)
    return Painted(finish(canvas, guidance=sketch.guidance, dice=_grain(sketch)), comp, spelling, ink)


def pixel_box(box: Box, width: int, height: int) -> PixelBox:
    """The box in whole pixels, at least one wide and high, inside the image."""
    left, top = min(width - 1, int(box[0] * width + 0.5)), min(height - 1, int(box[1] * height + 0.5))
    right, bottom = int((box[0] + box[2]) * width + 0.5), int((box[1] + box[3]) * height + 0.5)
    return left, top, min(width, max(left + 1, right)), min(height, max(top + 1, bottom))


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


def _repaint(sketch: Sketch, init: Pixels, mask: PixelBox, comp: Composition, spelling: Spelling | None) -> Painted:
    """Clear what the mask covers, set the words there, and leave every other pixel of `init` alone."""
    small = _thumbnail(sketch, comp)
    thumb_size = (small.shape[1], small.shape[0])
    seen = np.asarray(Image.fromarray(init).resize(thumb_size, Image.Resampling.BOX))
    guide = None
    if same_scene(seen, small, pixel_box(sketch.mask or (0, 0, 1, 1), *thumb_size)):
        guide = finish(_scene(sketch, comp), guidance=sketch.guidance, dice=_grain(sketch))
    canvas = Canvas(sketch.width, sketch.height, rough=sketch.rough)
    canvas.rgb[:] = _planar(init)
    window = (slice(mask[1], mask[3]), slice(mask[0], mask[2]))
    edge = max(1, min(24, (mask[2] - mask[0]) // 12, (mask[3] - mask[1]) // 12))
    ground = restored(init, mask, guide)
    canvas.rgb[:, window[0], window[1]] = ground
    ink = None
    if spelling:
        box = _inside(mask, edge, pixel_box(sketch.text_box, sketch.width, sketch.height) if sketch.text_box else mask)
        ink = draw_headline(canvas, comp, spelling, box, beneath=to_pixels(canvas.rgb), centred=True)
    weight = feather(mask, edge)
    old = _planar(init)[:, window[0], window[1]]
    new = old + (canvas.rgb[:, window[0], window[1]] - old) * weight
    pixels = init.copy()
    pixels[window] = to_pixels(new)
    return Painted(pixels, comp, spelling, ink)


def _inside(mask: PixelBox, edge: int, box: PixelBox) -> PixelBox:
    """The part of the box within the mask's solid middle; all of the middle where they do not meet."""
    middle = (
        mask[0] + edge,
        mask[1] + edge,
        max(mask[0] + edge + 1, mask[2] - edge),
        max(mask[1] + edge + 1, mask[3] - edge),
    )
    common = (max(box[0], middle[0]), max(box[1], middle[1]), min(box[2], middle[2]), min(box[3], middle[3]))
    return common if common[0] < common[2] and common[1] < common[3] else middle


def _planar(pixels: Pixels) -> Floats:
    return pixels.transpose(2, 0, 1).astype(np.float32)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
