"""Which words on a picture belong together, and whether they say an expected text.

Hides reading order: words run to the right and down, at one size, with nothing between them. Works on words
and rectangles only; knows no network and no pixels.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from rapidfuzz.distance import Levenshtein

from shared.typography.folding import Case, Folded, fold
from shared.typography.geometry import Region

MAX_LAYOUT_COST: Final = 1.4
"""Measured on 180 labelled pictures, November 2026: above it, words of different lines were strung together."""
_BLOCKED: Final = 1.5  # another word stands between
_TOUCHING: Final = -0.9  # line heights: regions overlap by what the detector's unclip added
_ADJACENT: Final = 1.5  # line heights: a gap up to this is a space between words
_BEAM: Final = 16
_BEST_PATHS: Final = 3
_MAX_MATCHES: Final = 32  # at each expected word: "a b a b ..." fits a page of it in millions of ways
_SOLID: Final = 0.7  # confidence from which a reading is lettering, not texture


class Reading(Protocol):
    """What an engine says about one region."""

    @property
    def text(self) -> str: ...

    @property
    def confidence(self) -> float:
        """0 to 1."""
        ...

    def ratio(self, hypothesis: str, rival: str, case: Case) -> float:
        """log P(hypothesis) - log P(rival or what was read, the likelier), all folded; 0.0: fits as well."""
        ...


@dataclass(frozen=True, eq=False)
class Word:
    """One region and what it says: a word, a part of one, or a whole line."""

    region: Region
    reading: Reading

    @property
    def solid(self) -> bool:
        return self.reading.confidence > _SOLID and any(char.isalnum() for char in self.reading.text)

    @functools.cached_property
    def core(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the lettering itself, without the rim that the detector adds."""
        left, top, right, bottom = self.region.bounds
        rim = min(right - left, bottom - top) * 0.225
        return left + rim, top + rim, right - rim, bottom - rim

    def seen_from(self, other: Word) -> tuple[float, float]:
        """Steps right and down from the centre of `other`, along its own reading direction, in pixels."""
        offset = self.region.centre - other.region.centre
        return float(offset @ other.region.along), float(offset @ other.region.down)

    def same_place(self, other: Word) -> bool:
        """Both are about the same lettering: their cores overlap by more than two fifths of the smaller one."""
        ours, theirs = self.core, other.core
        width = min(ours[2], theirs[2]) - max(ours[0], theirs[0])
        height = min(ours[3], theirs[3]) - max(ours[1], theirs[1])
        return width > 0 and height > 0 and width * height > 0.4 * min(_area(ours), _area(theirs))


@dataclass(frozen=True, slots=True)
class Match:
    """Expected words `first` up to `last` set against `start:end` of the folded text of `word`."""

    word: Word
    first: int
    last: int
    start: int
    end: int
    edits: int


@dataclass(frozen=True, slots=True)
class Path:
    """A way to read all expected words, one region after the other."""

    matches: tuple[Match, ...]
    layout_cost: float
    edits: int

    @property
    def cost(self) -> float:
        return self.layout_cost + self.edits


def paths(expected: Folded, words: Sequence[Word], *, bystanders: Sequence[Word], case: Case) -> list[Path]:
    """The best ways to find `expected` in `words` as one unbroken run of whole words, cheapest first.

    `bystanders` are all words seen, also at other scales: one of them between two steps breaks the run.
    """
    wanted = expected.words
    by_first: dict[int, list[Match]] = {}
    for word in words:
        for match in _matches(wanted, word, case):
            by_first.setdefault(match.first, []).append(match)
    for first, matches in by_first.items():
        by_first[first] = sorted(matches, key=lambda match: (match.edits, match.first - match.last))[:_MAX_MATCHES]
    solid = [word for word in bystanders if word.solid]
    steps = _Steps(solid)
    reached: dict[int, list[Path]] = {0: [Path((), 0.0, 0)]}
    for first in range(len(wanted)):
        for path in sorted(reached.get(first, ()), key=lambda path: path.cost)[:_BEAM]:
            for match in by_first.get(first, ()):
                if any(match.word is earlier.word for earlier in path.matches):
                    continue
                reached.setdefault(match.last, []).append(
                    Path(
                        (*path.matches, match),
                        path.layout_cost + steps.cost(path.matches, match.word),
                        path.edits + match.edits,
                    )
                )
    return sorted(reached.get(len(wanted), ()), key=lambda path: path.cost)[:_BEST_PATHS]


def reading_order(words: Sequence[Word]) -> list[list[Word]]:
    """Lines from top to bottom, words of a line from left to right."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: float(word.region.centre[1])):
        for line in lines:
            _, step = word.seen_from(line[-1])
            if abs(step) < 0.5 * min(word.region.thickness, line[-1].region.thickness):
                line.append(word)
                break
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: float(word.region.centre[0])) for line in lines]


def _matches(wanted: Sequence[str], word: Word, case: Case) -> Iterator[Match]:
    """Runs of wanted words that `word` may say with few edits.

    Only the first and the last wanted word may begin or end inside a region, and only where a word of it does:
    SALE is not found in WHOLESALE.
    """
    folded = fold(word.reading.text, case)
    text, whole = folded.text, len(folded.text)
    if not text:
        return
    ends_of = list(itertools.accumulate(map(len, wanted), initial=0))
    joined = "".join(wanted)
    for first, last in itertools.combinations(range(len(wanted) + 1), 2):
        piece = joined[ends_of[first] : ends_of[last]]
        allowed = _allowed_edits(len(piece))
        if len(piece) - allowed > whole:
            continue
        for start in folded.cuts[:-1] if first == 0 else (0,):
            for end in folded.cuts[1:] if last == len(wanted) else (whole,):
                if abs(end - start - len(piece)) > allowed or end <= start:
                    continue
                edits = Levenshtein.distance(piece, text[start:end], score_cutoff=allowed)
                if edits <= allowed:
                    yield Match(word, first, last, start, end, edits)


def _allowed_edits(length: int) -> int:
    """How far a reading may be off and still be worth asking the recogniser about."""
    return next((edits for longest, edits in ((1, 0), (4, 1), (8, 2)) if length <= longest), length // 4)


class _Steps:
    """Cost of reading one word right after another; remembers what it computed."""

    def __init__(self, solid: Sequence[Word]) -> None:
        self._solid = solid
        self._costs: dict[tuple[Word, Word], float] = {}
        self._others: dict[tuple[Word, Word], list[Word]] = {}

    def cost(self, so_far: Sequence[Match], word: Word) -> float:
        if not so_far:
            return 0.0
        before = so_far[-1].word
        key = before, word
        if key not in self._costs:
            self._others[key] = self._between(before, word)
            self._costs[key] = _step_cost(before, word, self._others[key])
        if self._costs[key] < _BLOCKED:
            return self._costs[key]
        # What blocks may be a word of this very run: "PARIS" between the lines of "PARIS / in spring".
        used = [match.word for match in so_far]
        others = [w for w in self._others[key] if not any(w is u or w.same_place(u) for u in used)]
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


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
