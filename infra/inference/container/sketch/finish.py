"""The last coat: burnt-out colours at high guidance, vignette, grain, and the caption that says what it is.

Hides the grading. Returns 8-bit pixels.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from ..lettering.drawing import weights
from ..lettering.faces import font
from ..masks import Pixels
from .canvas import Canvas
from .dice import Dice, Floats

CAPTION: Final = "sketch · simulated"
VIVID_FROM: Final = 9.0
"""Guidance above which colours burn out, as in the article's first mitigation."""
GRAIN: Final = 1.6
"""Amplitude in 8-bit steps; also what keeps the gradients free of bands."""


def finish(canvas: Canvas, *, guidance: float, dice: Dice) -> Pixels:
    """RGB, uint8, (height, width, 3)."""
    if guidance > VIVID_FROM:
        _burn(canvas, min(guidance - VIVID_FROM, 12.0))
    _vignette(canvas)
    if not canvas.rough:
        noise = dice.octets("grain", canvas.width * canvas.height).reshape(canvas.height, canvas.width)
        canvas.rgb += (noise.astype(np.float32) - np.float32(127.5)) * np.float32(GRAIN / 127.5)
    return to_pixels(canvas.rgb)


def to_pixels(rgb: Floats) -> Pixels:
    """(3, height, width) float to (height, width, 3) uint8, rounded."""
    return np.ascontiguousarray(np.clip(rgb + np.float32(0.5), 0, 255).astype(np.uint8).transpose(1, 2, 0))


def caption(canvas: Canvas) -> None:
    """A small, pale note in the lower right corner: this picture is simulated."""
    mask = _caption_mask(CAPTION, (canvas.width, canvas.height))
    if mask is None:
        return
    cover, (left, top) = mask
    at = (slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1]))
    ground = canvas.rgb[:, at[0], at[1]]
    bright = int(ground.astype(np.int64).sum()) > 128 * ground.size
    shade = (20.0, 20.0, 30.0) if bright else (255.0, 255.0, 255.0)
    canvas.lay(cover * np.float32(0.42), shade, at)


def _burn(canvas: Canvas, excess: float) -> None:
    """More saturation and contrast until shadows and lights clip."""
    red, green, blue = canvas.rgb
    luma = red * np.float32(0.299) + green * np.float32(0.587) + blue * np.float32(0.114)
    canvas.rgb -= luma
    canvas.rgb *= np.float32(1 + 0.1 * excess)
    canvas.rgb += luma
    canvas.rgb -= 128
    canvas.rgb *= np.float32(1 + 0.055 * excess)
    canvas.rgb += 128
    np.clip(canvas.rgb, 0, 255, out=canvas.rgb)


def _vignette(canvas: Canvas) -> None:
    dx = (canvas.x / np.float32(canvas.right) - np.float32(0.5)) * 2
    dy = (canvas.y / np.float32(canvas.bottom) - np.float32(0.5)) * 2
    away = dx * dx + dy * dy
    canvas.rgb *= 1 - away * away * np.float32(0.045)


def _caption_mask(text: str, size: tuple[int, int]) -> tuple[Floats, tuple[int, int]] | None:
    """Coverage of a small note and its left and top in the lower right corner; None where it would be a smudge."""
    side = min(size)
    letters = side * 13 // 1024
    if letters < 6:  # noqa: PLR2004 - pixels; below that a smudge
        return None
    face = font("geometric", letters)
    left, top, right, bottom = (int(edge) for edge in face.getbbox(text, anchor="ls"))
    layer = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(layer).text((-left, -top), text, fill=255, font=face, anchor="ls")
    margin = side // 64
    return weights(layer), (
        size[0] - margin - layer.width,
        size[1] - margin - layer.height,
    )
