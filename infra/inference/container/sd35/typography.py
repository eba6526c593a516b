"""The typography pass: clean the box, set the expected text, let the model restyle letters that are already right.

Hides the order of the passes, their prompts and their strengths. Never judges the result. Measured on a small model
trained for it (headlines read exactly right): set over garbled letters 56 %, into the cleaned box 98 %; then refined at
strength 0.3 90 %, at 0.5 62 %, at 0.7 21 %. So the box is cleaned first, and a refinement above 0.3 needs a model
that is shown the glyphs, by a ControlNet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from pydantic import JsonValue

from ..lettering.typeset import lay_out, typeset
from ..masks import Box, Floats, PixelBox, Pixels, pixel_box, solid, within
from ..protocol import MAX_SEED
from .account import Painting, Setting, account
from .canvas import Canvas, Painter
from .repaint import repaint
from .wordless import without_words

REFINE_STRENGTH: Final = 0.3
CLEAN_STRENGTH: Final = 1.0
NO_LETTERING: Final = "text, letters, watermark"


@dataclass(frozen=True, eq=False)
class Lettered:
    """The whole picture, and how its words got there."""

    pixels: Pixels
    detail: Mapping[str, JsonValue]


def letter(
    canvas: Canvas,
    painter: Painter,
    *,
    content: Sequence[str],
    text_box: Box | None,
    sampler: Literal["typography", "typeset"],
    side_px: int,
    shows_glyphs: bool = False,
) -> Lettered:
    """The canvas's `init` with `content` in place of what its mask covers; "typeset" leaves out the refinement.

    The words fill `text_box` (fractions of the picture) as far as the mask covers it, else all of the mask.
    `shows_glyphs` says that the painter is conditioned on them: only then may the refinement exceed REFINE_STRENGTH.
    Raises TextDoesNotFit before anything is painted.
    """
    if canvas.init is None or canvas.mask is None:
        raise ValueError("text is set into an init and a mask")
    layout = lay_out(content, _room(canvas.mask, text_box), style=canvas.prompt)
    cleaning = _cleaning(canvas, content)
    cleaned = repaint(cleaning, painter, side_px=side_px, spare=True)
    words = typeset(cleaned.pixels, layout, within=canvas.mask)
    passes: list[Painting | Setting] = [Painting("clean", cleaning, cleaned.crop), Setting(layout, words)]
    if sampler == "typeset":
        return Lettered(words.pixels, account(canvas, passes))
    refining = _refining(canvas, content, words.pixels, shows_glyphs=shows_glyphs)
    refined = repaint(refining, painter, side_px=side_px)
    return Lettered(refined.pixels, account(canvas, [*passes, Painting("refine", refining, refined.crop)]))


def _cleaning(canvas: Canvas, content: Sequence[str]) -> Canvas:
    """What paints the ground behind the words."""
    unwanted = ", ".join(filter(None, (canvas.negative_prompt.strip(" ,"), NO_LETTERING)))
    prompt = without_words(canvas.prompt, content)
    return replace(canvas, prompt=prompt, negative_prompt=unwanted, strength=CLEAN_STRENGTH)


def _refining(canvas: Canvas, content: Sequence[str], init: Pixels, *, shows_glyphs: bool) -> Canvas:
    """What restyles the words. Noise of its own: the cleaning's would be laid over what it has made."""
    missing = [text for text in content if text not in canvas.prompt]
    prompt = ", ".join((canvas.prompt, *(f'the words "{text}"' for text in missing)))
    strength = canvas.strength if shows_glyphs else min(canvas.strength, REFINE_STRENGTH)
    return replace(canvas, prompt=prompt, seed=(canvas.seed + 1) & MAX_SEED, init=init, strength=strength)


def _room(mask: Floats, text_box: Box | None) -> PixelBox:
    """Where the words may stand: in the text box as far as the mask covers it solidly, or in all it covers."""
    height, width = mask.shape
    return within(pixel_box(text_box, width, height), solid(mask)) if text_box else solid(mask)
