"""The bundled fonts: which letters they have, and how wide and high words come out.

Hides font files and FreeType (of the pinned Pillow, basic layout, no system fonts).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

FONTS: Final = Path(__file__).resolve().parent.parent / "fonts"
FACES: Final = {
    "poster": "Anton-Regular.ttf",
    "modern": "Poppins-Bold.ttf",
    "geometric": "LeagueSpartan-ExtraBold.ttf",
    "elegant": "DMSerifDisplay-Regular.ttf",
}
TRACKING: Final = {"poster": 0.045, "modern": 0.01, "geometric": 0.015, "elegant": 0.02}
"""Extra space between letters, in parts of the font size."""
_NOT_DEFINED: Final = "\ue123"


class TextDoesNotFit(Exception):
    """The words cannot be set: too much text for the box, or letters the fonts do not have."""


def check_letters(content: Sequence[str], faces: Sequence[str] = tuple(FACES)) -> None:
    """Raise TextDoesNotFit for a letter that one of the faces lacks."""
    for char in sorted(set("".join(content))):
        if not char.isspace() and not all(_drawable(char, face) for face in faces):
            name = unicodedata.name(char, "no name")
            raise TextDoesNotFit(
                f"the bundled fonts carry Latin letters, figures and signs, not U+{ord(char):04X} ({name})"
            )


@lru_cache(maxsize=256)
def font(face: str, size: int) -> ImageFont.FreeTypeFont:
    """The face at a size in pixels."""
    return ImageFont.truetype(str(FONTS / FACES[face]), size, layout_engine=ImageFont.Layout.BASIC)


def advance(char: str, face: str, size: int) -> float:
    """From the pen's place before a letter to the one after it, in pixels."""
    return float(font(face, size).getlength(char)) + TRACKING[face] * size


def measure(text: str, face: str, size: int) -> int:
    """Width of a line in pixels."""
    return int(sum(advance(char, face, size) for char in text) - TRACKING[face] * size + 0.5)


def rise(text: str, face: str, size: int) -> tuple[int, int]:
    """Ink above and below the baseline, in pixels."""
    _, top, _, bottom = font(face, size).getbbox(text, anchor="ls")
    return int(-top), int(bottom)


@lru_cache(maxsize=4096)
def _drawable(char: str, face: str) -> bool:
    missing, glyph = font(face, 24).getmask(_NOT_DEFINED), font(face, 24).getmask(char)
    return (glyph.size, bytes(glyph)) != (missing.size, bytes(missing))
