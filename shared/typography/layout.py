"""Where an expected text may stand: the runs of words that say it, or nearly.

Hides the search: a region may hold one word, several or part of a line, and a text may run over many regions.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein

from shared.typography.adjacency import Steps
from shared.typography.folding import Case, Folded, fold
from shared.typography.words import Word

MAX_LAYOUT_COST: Final = 1.4
"""Measured on 180 labelled pictures, November 2026: above it, words of different lines were strung together."""
_BEAM: Final = 16
_BEST_PATHS: Final = 3
_MAX_MATCHES: Final = 32  # at each expected word: "a b a b ..." fits a page of it in millions of ways


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
    steps = Steps(bystanders)
    reached: dict[int, list[Path]] = {0: [Path((), 0.0, 0)]}
    for first in range(len(wanted)):
        for path in sorted(reached.get(first, ()), key=lambda path: path.cost)[:_BEAM]:
            so_far = [match.word for match in path.matches]
            for match in by_first.get(first, ()):
                if match.word in so_far:
                    continue
                reached.setdefault(match.last, []).append(
                    Path(
                        (*path.matches, match),
                        path.layout_cost + steps.cost(so_far, match.word),
                        path.edits + match.edits,
                    )
                )
    return sorted(reached.get(len(wanted), ()), key=lambda path: path.cost)[:_BEST_PATHS]


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
