"""Which word is read after which: to the right and down, at one size, with nothing between them.

Hides the costs of gaps, steps back and line breaks. Works on rectangles only; knows no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shared.typography.geometry import Region
from shared.typography.words import Word

_BLOCKED: Final = 1.5  # another word stands between
_TOUCHING: Final = -0.9  # line heights: regions overlap by what the detector's unclip added
_ADJACENT: Final = 1.5  # line heights: a gap up to this is a space between words


class Steps:
    """Cost of reading one word right after another; remembers what it computed."""

    def __init__(self, bystanders: Sequence[Word]) -> None:
        self._solid = [word for word in bystanders if word.solid]
        self._costs: dict[tuple[Word, Word], float] = {}
        self._others: dict[tuple[Word, Word], list[Word]] = {}

    def cost(self, so_far: Sequence[Word], word: Word) -> float:
        if not so_far:
            return 0.0
        before = so_far[-1]
        key = before, word
        if key not in self._costs:
            self._others[key] = self._between(before, word)
            self._costs[key] = _step_cost(before, word, self._others[key])
        if self._costs[key] < _BLOCKED:
            return self._costs[key]
        # What blocks may be a word of this very run: "PARIS" between the lines of "PARIS / in spring".
        others = [w for w in self._others[key] if not any(w is u or w.same_place(u) for u in so_far)]
        return _step_cost(before, word, others)

    def _between(self, before: Word, after: Word) -> list[Word]:
        smaller = min(before.region.thickness, after.region.thickness)
        return [
            word
            for word in self._solid
            if word is not before
            and word is not after
            and word.region.thickness >= 0.35 * smaller
            and not word.same_place(before)
            and not word.same_place(after)
        ]


def _step_cost(before: Word, after: Word, others: Sequence[Word]) -> float:
    """0 for the natural next word, more for gaps and steps back, _BLOCKED and more when a word stands between."""
    right, down = after.seen_from(before)
    height = max(before.region.thickness, after.region.thickness)
    gap_right = abs(right) - (before.region.length + after.region.length) / 2
    gap_down = abs(down) - (before.region.thickness + after.region.thickness) / 2
    same_line = abs(down) < 0.55 * height and right > 0
    if same_line:
        cost = 0.0 if gap_right < 2.5 * height else 0.4
    elif down > 0 or (down > -0.6 * height and right > 0):
        cost = (0.0 if gap_down < 2 * height else 0.4 if gap_down < 5 * height else 0.8) + (
            0.4 if gap_right > 1.5 * height else 0.0
        )
    else:
        cost = 0.6
    blocked = _blocks_line if same_line else _blocks_line_break
    return cost + (_BLOCKED if any(blocked(other, before, after) for other in others) else 0.0)


def _blocks_line(other: Word, before: Word, after: Word) -> bool:
    right, down = other.seen_from(before)
    reach, _ = after.seen_from(before)
    height = max(before.region.thickness, after.region.thickness)
    return abs(down) < 0.5 * height and 0 < right < reach


def _blocks_line_break(other: Word, before: Word, after: Word) -> bool:
    """`other` stands in the gap between the two lines, continues the first, or precedes `after` on the second."""
    right, down = other.seen_from(before)
    step_right, step_down = after.seen_from(before)
    one, two = before.region, after.region
    low, high = min(0.0, step_down), max(0.0, step_down)
    middle = low + 0.35 * (high - low) < down < low + 0.65 * (high - low)
    apart = low < down < high and abs(down) > 0.6 * one.thickness and abs(down - step_down) > 0.6 * two.thickness
    if middle or apart:
        left_edge = min(-one.length / 2, step_right - two.length / 2)
        right_edge = max(one.length / 2, step_right + two.length / 2)
        half = other.region.length / 2
        shared = min(right + half, right_edge) - max(right - half, left_edge)
        if shared > 0.5 * min(other.region.length, right_edge - left_edge):
            return True
    follows = (right - (one.length + other.region.length) / 2) / one.thickness
    if (
        abs(down) < 0.4 * one.thickness
        and _same_size(other.region, one)
        and right > 0
        and _TOUCHING < follows < _ADJACENT
    ):
        return True
    leads = (step_right - right - (two.length + other.region.length) / 2) / two.thickness
    return (
        abs(down - step_down) < 0.4 * two.thickness
        and _same_size(other.region, two)
        and right < step_right
        and _TOUCHING < leads < _ADJACENT
    )


def _same_size(one: Region, other: Region) -> bool:
    return other.thickness / 1.8 < one.thickness < 1.8 * other.thickness
