"""Where every line of type goes: line breaks, size and place of requested words in a box.

Hides how the largest size is found. Draws nothing, and never decides what the words are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..masks import PixelBox
from .faces import TextDoesNotFit, measure, rise

MIN_SIZE_PX: Final = 8
MAX_LINES: Final = 12
LEADING: Final = 0.2
"""Clear space between two lines, in parts of the font size."""
SECOND: Final = 0.42
"""Largest size of the lines after the headline, against the headline's."""


@dataclass(frozen=True)
class Line:
    """One line of words at a pixel size; `x` and `baseline` in pixels of the image."""

    text: str
    block: int
    face: str
    size: int
    x: int
    baseline: int


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


def ink_box(lines: Sequence[Line]) -> PixelBox:
    """The rectangle the letters cover."""
    boxes = []
    for line in lines:
        up, down = rise(line.text, line.face, line.size)
        right = line.x + measure(line.text, line.face, line.size)
        boxes.append((line.x, line.baseline - up, right, line.baseline + down))
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _largest(text: str, face: str, width: int, height: int, *, limit: int) -> tuple[int, tuple[str, ...]]:
    """Font size and line breaks that fill the rectangle best; size 0 when nothing fits."""
    best: tuple[int, tuple[str, ...]] = (0, (text,))
    for lines in _breaks(text):
        low, high = 0, min(limit, 4 * height)
        while low < high:
            size = (low + high + 1) // 2
            fits = max(measure(line, face, size) for line in lines) <= width and _height(lines, face, size) <= height
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


def _height(lines: Sequence[str], face: str, size: int) -> int:
    if size < 1:
        return 0
    extents = [rise(line, face, size) for line in lines]
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
            up, down = rise(line, face, size)
            slack = box[2] - box[0] - measure(line, face, size)
            placed.append(Line(line, number, face, size, box[0] + (slack // 2 if centred else 0), y + up))
            y += up + down + int(LEADING * size)
        y += gap - int(LEADING * size)
    return tuple(placed)
