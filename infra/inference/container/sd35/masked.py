"""A request with a mask, from canvas to finished picture.

Hides which pass a sampler means and the strength each takes when the request names none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..lettering.faces import TextDoesNotFit
from ..protocol import InvalidRequest, InvocationRequest
from .account import Painting, account
from .canvas import Canvas, Painter
from .repaint import repaint
from .typography import REFINE_STRENGTH, Lettered, letter

REPAINT_STRENGTH: Final = 1.0
"""What is masked is to go: less would keep the old shapes."""


def paint_masked(
    request: InvocationRequest, canvas: Canvas, painter: Painter, *, side_px: int, shows_glyphs: bool = False
) -> Lettered:
    """The picture of a request whose canvas has an `init` and a `mask`; `canvas.strength` is not looked at.

    `side_px`: the square the model was trained on. `shows_glyphs`: a ControlNet conditions it on the letters set.
    Raises InvalidRequest for a text that cannot be set; nothing has been painted then.
    """
    if request.sampler == "default" or request.text is None:
        canvas = replace(canvas, strength=REPAINT_STRENGTH if request.strength is None else request.strength)
        done = repaint(canvas, painter, side_px=side_px)
        return Lettered(done.pixels, account(canvas, [Painting("repaint", canvas, done.crop)]))
    canvas = replace(canvas, strength=REFINE_STRENGTH if request.strength is None else request.strength)
    try:
        return letter(
            canvas,
            painter,
            content=request.text.content,
            text_box=request.text.box,
            sampler=request.sampler,
            side_px=side_px,
            shows_glyphs=shows_glyphs,
        )
    except TextDoesNotFit as error:
        raise InvalidRequest(f"text.content: {error}", param="text.content") from error
