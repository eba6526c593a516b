"""What an engine read, and where: the words of one picture.

Hides how one word sees another from where it stands, whichever way it is turned. Knows no network and no pixels.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.typography.folding import Case
from shared.typography.geometry import Region

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


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
