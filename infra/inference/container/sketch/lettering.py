"""Lettering: sets requested words in a box with the bundled fonts.

Hides fonts, line breaking and rasterising (FreeType of the pinned Pillow, basic layout, no system
fonts). Never decides what the words are, nor whether they come out right: see misprint.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .dice import Dice, Floats

FONTS: Final = Path(__file__).resolve().parent.parent / "fonts"
FACES: Final = {
    "poster": "Anton-Regular.ttf",
    "modern": "Poppins-Bold.ttf",
    "geometric": "LeagueSpartan-ExtraBold.ttf",
    "elegant": "DMSerifDisplay-Regular.ttf",
}
TRACKING: Final = {"poster": 0.045, "modern": 0.01, "geometric": 0.015, "elegant": 0.02}
"""Extra space between letters, in parts of the font size."""
MIN_SIZE_PX: Final = 8
MAX_LINES: Final = 12
LEADING: Final = 0.2
"""Clear space between two lines, in parts of the font size."""
SECOND: Final = 0.42
"""Largest size of the lines after the headline, against the headline's."""
_NOT_DEFINED: Final = "\ue123"


class TextDoesNotFit(Exception):
    """The words cannot be set: too much text for the box, or letters the fonts do not have."""


@dataclass(frozen=True)
class Line:
    """One line of words at a pixel size; `x` and `baseline` in pixels of the image."""

    text: str
    block: int
    face: str
    size: int
    x: int
    baseline: int


@dataclass(frozen=True)
class Flaw:
    """A letter that comes out misshapen: `index` counts the letters of `block`, spaces and line breaks included."""

    block: int
    index: int
    kind: str


PixelBox = tuple[int, int, int, int]
"""left, top, right, bottom."""


def check_letters(content: Sequence[str]) -> None:
    """Raise TextDoesNotFit for a letter that some bundled font lacks."""
    for char in sorted(set("".join(content))):
        if not char.isspace() and not all(_drawable(char, face) for face in FACES):
            name = unicodedata.name(char, "no name")
            raise TextDoesNotFit(
                f"the bundled fonts carry Latin letters, figures and signs, not U+{ord(char):04X} ({name})"
            )


def set_lines(content: Sequence[str], box: PixelBox, *, face: str, centred: bool) -> tuple[Line, ...]:
    """The words as large as the box allows: the first string is the headline, the others follow smaller below.

    A string breaks at its line ends and, where that lets it be larger, between words.
    Raises TextDoesNotFit when letters would be smaller than MIN_SIZE_PX.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    head_height = height if len(content) == 1 else int(height * 0.66)
    head = _largest(content[0], face, width, head_height, limit=max(width, height))
    rest: list[tuple[int, tuple[str, ...]]] = []
    if len(content) > 1:
        each = (height - head_height) // (len(content) - 1)
        fits = [_largest(text, face, width, int(each * 0.78), limit=int(head[0] * SECOND) + 1) for text in content[1:]]
        size = min(size for size, _ in fits)
        rest = [(size, lines) for _, lines in fits]
    blocks = [head, *rest]
    if min(size for size, _ in blocks) < MIN_SIZE_PX:
        raise TextDoesNotFit(
            f"the text does not fit {width} x {height} pixels in letters of {MIN_SIZE_PX} pixels or more"
        )
    return _place(blocks, box, face=face, centred=centred)


def draw_lines(
    lines: Sequence[Line], size: tuple[int, int], *, flaws: Sequence[Flaw] = (), coarse: bool = False
) -> tuple[Floats, Floats]:
    """Coverage 0..1 (height, width) of the headline and of the lines after it. `coarse` softens the edges."""
    head, rest = Image.new("L", size), Image.new("L", size)
    offsets: dict[int, int] = {}
    for line in lines:
        start = offsets.get(line.block, 0)
        marks = {flaw.index - start: flaw.kind for flaw in flaws if flaw.block == line.block}
        _draw_line(rest if line.block else head, line, marks)
        offsets[line.block] = start + len(line.text) + 1
    layers = []
    for layer in (head, rest):
        soft = layer
        if coarse:
            soft = layer.resize((max(1, size[0] // 2), max(1, size[1] // 2)), Image.Resampling.BOX).resize(
                size, Image.Resampling.BILINEAR
            )
        layers.append(np.asarray(soft, np.float32) / np.float32(255))
    return layers[0], layers[1]


def ink_box(lines: Sequence[Line]) -> PixelBox:
    """The rectangle the letters cover."""
    boxes = []
    for line in lines:
        _, top, _, bottom = _font(line.face, line.size).getbbox(line.text, anchor="ls")
        boxes.append(
            (
                line.x,
                line.baseline + int(top),
                line.x + _measure(line.text, line.face, line.size),
                line.baseline + int(bottom),
            )
        )
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def caption_mask(text: str, size: tuple[int, int]) -> tuple[Floats, tuple[int, int]] | None:
    """Coverage of a small note and its left and top in the lower right corner; None where it would be a smudge."""
    side = min(size)
    letters = side * 13 // 1024
    if letters < 6:  # noqa: PLR2004 - pixels; below that a smudge
        return None
    font = _font("geometric", letters)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text, anchor="ls"))
    layer = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(layer).text((-left, -top), text, fill=255, font=font, anchor="ls")
    margin = side // 64
    return np.asarray(layer, np.float32) / np.float32(255), (
        size[0] - margin - layer.width,
        size[1] - margin - layer.height,
    )


# ── measuring ────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=256)
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / FACES[face]), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _drawable(char: str, face: str) -> bool:
    font = _font(face, 24)
    missing, glyph = font.getmask(_NOT_DEFINED), font.getmask(char)
    return (glyph.size, bytes(glyph)) != (missing.size, bytes(missing))


def _advance(char: str, face: str, size: int) -> float:
    return float(_font(face, size).getlength(char)) + TRACKING[face] * size


def _measure(text: str, face: str, size: int) -> int:
    return int(sum(_advance(char, face, size) for char in text) - TRACKING[face] * size + 0.5)


def _largest(text: str, face: str, width: int, height: int, *, limit: int) -> tuple[int, tuple[str, ...]]:
    """Font size and line breaks that fill the rectangle best; size 0 when nothing fits."""
    best: tuple[int, tuple[str, ...]] = (0, (text,))
    for lines in _breaks(text):
        low, high = 0, min(limit, 4 * height)
        while low < high:
            size = (low + high + 1) // 2
            fits = max(_measure(line, face, size) for line in lines) <= width and _height(lines, face, size) <= height
            low, high = (size, high) if fits else (low, size - 1)
        # A break must earn its keep: one line reads better than two of nearly the same size.
        if low > best[0] * 1.15:
            best = (low, lines)
    return best


def _breaks(text: str) -> list[tuple[str, ...]]:
    hard = tuple(" ".join(line.split()) for line in text.splitlines() if line.strip())
    if len(hard) > 1:
        return [hard]
    words = hard[0].split(" ")
    options = [tuple(words[:1]) if len(words) == 1 else (" ".join(words),)]
    for count in range(2, min(len(words), MAX_LINES) + 1):
        options.append(_balanced(words, count))
    return options


def _balanced(words: Sequence[str], count: int) -> tuple[str, ...]:
    """The words on `count` lines of about equal length."""
    lines: list[str] = []
    left = list(words)
    while left:
        remaining = count - len(lines)
        target = (sum(map(len, left)) + len(left) - 1) / remaining
        line = left.pop(0)
        while left and len(left) >= remaining and (remaining == 1 or len(line) + (1 + len(left[0])) / 2 <= target):
            line += " " + left.pop(0)
        lines.append(line)
    return tuple(lines)


def _extent(line: str, face: str, size: int) -> tuple[int, int]:
    """Ink above and below the baseline."""
    _, top, _, bottom = _font(face, size).getbbox(line, anchor="ls")
    return int(-top), int(bottom)


def _height(lines: Sequence[str], face: str, size: int) -> int:
    if size < 1:
        return 0
    extents = [_extent(line, face, size) for line in lines]
    return sum(up + down for up, down in extents) + int(LEADING * size) * (len(lines) - 1)


def _place(
    blocks: Sequence[tuple[int, tuple[str, ...]]], box: PixelBox, *, face: str, centred: bool
) -> tuple[Line, ...]:
    gap = int(blocks[0][0] * 0.26)
    heights = [_height(lines, face, size) for size, lines in blocks]
    free = box[3] - box[1] - sum(heights)
    gap = min(gap, free // max(1, len(blocks) - 1)) if len(blocks) > 1 else 0
    y = box[1] + (free - gap * (len(blocks) - 1)) // 2
    placed = []
    for number, (size, lines) in enumerate(blocks):
        for line in lines:
            up, down = _extent(line, face, size)
            slack = box[2] - box[0] - _measure(line, face, size)
            placed.append(Line(line, number, face, size, box[0] + (slack // 2 if centred else 0), y + up))
            y += up + down + int(LEADING * size)
        y += gap - int(LEADING * size)
    return tuple(placed)


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────


def _draw_line(layer: Image.Image, line: Line, flaws: dict[int, str]) -> None:
    font = _font(line.face, line.size)
    pen = float(line.x)
    for index, char in enumerate(line.text):
        mask, (left, top) = font.getmask2(char, mode="L", anchor="ls")
        if mask.size[0] and mask.size[1]:
            glyph = Image.frombytes("L", mask.size, bytes(mask))
            if index in flaws:
                glyph = _deform(glyph, flaws[index])
            at = (int(pen + 0.5) + left, line.baseline + top)
            layer.paste(255, (*at, at[0] + glyph.width, at[1] + glyph.height), glyph)
        pen += _advance(char, line.face, line.size)


def _deform(glyph: Image.Image, kind: str) -> Image.Image:
    """The way diffusion models get letters wrong: melted, mirrored, with a stroke torn out."""
    pixels = np.array(glyph)
    height, width = pixels.shape
    if kind == "mirrored":
        return Image.fromarray(pixels[:, ::-1].copy())
    if kind == "torn":
        pixels[int(height * 0.4) : int(height * 0.58), : int(width * 0.62)] = 0
        return Image.fromarray(pixels)
    lattice = Dice("melt", width, height).grid("rows", 9) * 2 - 1
    rows = np.arange(height, dtype=np.float32) * np.float32(8) / np.float32(max(height, 1))
    cell = np.floor(rows).astype(np.intp)
    shift = lattice[cell] + (lattice[np.minimum(cell + 1, 8)] - lattice[cell]) * (rows - cell)
    columns = np.clip(
        np.arange(width)[None, :] + (shift * np.float32(0.13 * width)).astype(np.intp)[:, None], 0, width - 1
    )
    return Image.fromarray(np.take_along_axis(pixels, columns, axis=1))
