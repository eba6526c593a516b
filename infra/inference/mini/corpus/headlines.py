"""Words on posters: what they say, where they stand, and their letters as coverage.

Hides the word lists, the fonts and the setting. None of these words and fonts is in the evaluation, whose fonts are
those the container sets type with.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

SETTING_PX: Final = 512
"""The shorter side of the picture in which lines are set; every size shows the same lines, scaled."""
FONTS: Final = Path(__file__).resolve().parent.parent / "fonts"
FACES: Final = tuple(sorted(path.stem for path in FONTS.glob("*.ttf")))
BOXES: Final = {
    "top": (0.08, 0.06, 0.84, 0.26),
    "middle": (0.08, 0.38, 0.84, 0.26),
    "bottom": (0.08, 0.68, 0.84, 0.26),
}
"""`(x, y, w, h)` in fractions of the picture."""
SECOND: Final = 0.45
"""Size of the lines after the headline, against the headline's."""
LEAST_PX: Final = 20
_MEASURED_PX: Final = 100
_WORDS: Final = tuple((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())


@dataclass(frozen=True)
class Row:
    """One line of words at a pixel size; the pen starts at `x` on `baseline`."""

    text: str
    size: int
    x: float
    baseline: float


@dataclass(frozen=True)
class Headline:
    """Words with their places in a picture whose shorter side is SETTING_PX; `slant` is a lean of the letters."""

    content: tuple[str, ...]
    rows: tuple[Row, ...]
    face: str
    width: int
    height: int
    slant: float

    @property
    def ink(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the letters in fractions of the picture."""
        left, top, right, bottom = self.letters().getbbox() or (0, 0, 1, 1)
        return left / self.width, top / self.height, right / self.width, bottom / self.height

    def letters(self) -> Image.Image:
        """Coverage 0..255 at the size it was set in."""
        return _letters(self)


def invent(dice: random.Random) -> tuple[str, ...]:
    """Words for a poster: from the list, alone or in pairs, or letters without sense."""
    kind = dice.random()
    if kind < 0.4:
        return (_cased(dice.choice(_WORDS), dice),)
    if kind < 0.56:
        return (_cased(f"{dice.choice(_WORDS)} {dice.choice(_WORDS)}", dice),)
    if kind < 0.64:
        return (dice.choice(_WORDS), _cased(" ".join(dice.choices(_WORDS, k=2)), dice))
    letters = string.ascii_uppercase + ("0123456789&!%?" if dice.random() < 0.4 else "AEIOUAEIOU")
    return (_cased("".join(dice.choices(letters, k=dice.randint(2, 10))), dice),)


def place(
    content: tuple[str, ...], box: tuple[float, float, float, float], size: tuple[int, int], face: str, slant: float
) -> Headline | None:
    """The words as large as the box allows; None where they would be too small to read."""
    width, height = (round(side * SETTING_PX / min(size)) for side in size)
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    rows = max((_fitted(lines, face, w, h) for lines in _splits(content)), key=lambda fitted: fitted[0][1])
    if min(pixels for _, pixels in rows) < LEAST_PX:
        return None
    tall = sum(pixels * 1.08 for _, pixels in rows)
    pen, placed = y + (h - tall) / 2, []
    for text, pixels in rows:
        long = _font(face, pixels).getlength(text)
        placed.append(Row(text, pixels, x + (w - long) / 2, pen + pixels * 0.9))
        pen += pixels * 1.08
    return Headline(content, tuple(placed), face, width, height, slant)


def _splits(content: tuple[str, ...]) -> list[list[tuple[str, float]]]:
    """The first string on one line or on two, each line with its share of the largest size."""
    rest = [(text, SECOND) for text in content[1:]]
    words = content[0].split(" ")
    options = [[(content[0], 1.0), *rest]]
    if len(words) > 1:
        options.append([(" ".join(words[:1]), 1.0), (" ".join(words[1:]), 1.0), *rest])
    return options


def _fitted(lines: list[tuple[str, float]], face: str, wide: float, high: float) -> list[tuple[str, int]]:
    measured = _font(face, _MEASURED_PX)
    by_width = min(wide / (measured.getlength(text) * share) for text, share in lines) * _MEASURED_PX
    size = min(by_width, high / sum(1.08 * share for _, share in lines))
    return [(text, max(1, int(size * share))) for text, share in lines]


@lru_cache(maxsize=512)
def _font(face: str, pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / f"{face}.ttf"), pixels, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4)
def _letters(headline: Headline) -> Image.Image:
    letters = Image.new("L", (headline.width, headline.height))
    pen = ImageDraw.Draw(letters)
    for row in headline.rows:
        pen.text((row.x, row.baseline), row.text, fill=255, font=_font(headline.face, row.size), anchor="ls")
    if headline.slant:
        middle = headline.rows[0].baseline
        lean = (1, headline.slant, -headline.slant * middle, 0, 1, 0)
        letters = letters.transform(letters.size, Image.Transform.AFFINE, lean, Image.Resampling.BILINEAR)
    return letters


def _cased(words: str, dice: random.Random) -> str:
    return words if dice.random() < 0.75 else words.title()
