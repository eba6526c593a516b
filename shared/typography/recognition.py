"""What one region of a picture says, and how likely it is to say something else.

Hides the recogniser network and CTC (Graves et al., ICML 2006). Verifying is easier than reading: `Line.ratio`
asks how well the pixels fit a text we already know. Knows nothing of layout or of what was ordered.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.typography.folding import SEPARATORS, Case, fold, key_of, separator_of
from shared.typography.geometry import Region
from shared.typography.sessions import RECOGNISER, network

Matrix = NDArray[np.float64]

_HEIGHT_PX: Final = 48
_MIN_WIDTH_PX: Final = 320  # narrower crops are padded: the network was trained so
_MAX_WIDTH_PX: Final = 3200
_MAX_BATCH: Final = 8
_MAX_BATCH_PX: Final = 5120  # summed width: the network's answer holds 18,710 numbers for every 8 px
_NEGLIGIBLE: Final = 1e-6
_FLOOR: Final = 1e-8
_BLANK: Final = 0
_IMPOSSIBLE: Final = -1e30


class Line:
    """One region as read: the text, its confidence (0 to 1), and the evidence behind it."""

    def __init__(self, probabilities: NDArray[np.float32], alphabet: list[str]) -> None:
        """`probabilities`: (time steps, len(alphabet)), each row summing to 1; alphabet[0] is CTC's blank."""
        best, peak = probabilities.argmax(1), probabilities.max(1)
        spoken = np.nonzero((best != _BLANK) & np.r_[True, best[1:] != best[:-1]])[0]
        self.text = "".join(alphabet[index] for index in best[spoken])
        self.confidence = float(peak[spoken].mean()) if len(spoken) else 0.0
        # Of 18,710 characters a few dozen have any probability here: only those are kept.
        used = np.nonzero(probabilities.max(0) > _NEGLIGIBLE)[0]
        self._characters = [alphabet[index] if index != _BLANK else "" for index in used]
        self._probabilities = probabilities[:, used]
        self._likelihoods: dict[tuple[str, Case], float] = {}
        self._tables: dict[Case, tuple[Matrix, dict[str, int]]] = {}

    def ratio(self, hypothesis: str, rival: str, case: Case) -> float:
        """log P(hypothesis) - log P(rival or what was read, the likelier), all folded; 0.0: fits as well."""
        own = fold(self.text, case).text
        best = max(self._likelihood(rival, case), self._likelihood(own, case))
        return self._likelihood(hypothesis, case) - best

    def _likelihood(self, text: str, case: Case) -> float:
        if (text, case) not in self._likelihoods:
            if case not in self._tables:
                self._tables[case] = self._emissions(case)
            self._likelihoods[text, case] = _log_likelihood(text, *self._tables[case])
        return self._likelihoods[text, case]

    def _emissions(self, case: Case) -> tuple[Matrix, dict[str, int]]:
        """Log-probability per time step and folded character, and the column of each character.

        Column 0 is silence, column 1 silence where separators pass too: a dot counts only inside a number.
        """
        columns = {"": 0, " ": 1}
        sums = np.zeros((len(self._probabilities), 2 + len(self._characters)))
        for char, values in zip(self._characters, self._probabilities.T, strict=True):
            separator = separator_of(char) if case == "fold" else ""
            key = separator or (key_of(char, case) if char else "")
            sums[:, columns.setdefault(key, len(columns))] += values
            if key == "" or separator:
                sums[:, 1] += values
        return np.log(np.maximum(sums, _FLOOR)), columns


class Recogniser:
    """Reads regions of pictures. One per process: see `recogniser`."""

    def __init__(self) -> None:
        self._network = network(RECOGNISER)
        # CTC's blank comes first and a space last: the file lists what is between.
        self._alphabet = ["", *self._network.metadata["character"].split("\n"), " "]
        self._letters: dict[Case, frozenset[str]] = {}

    def knows(self, folded: str, case: Case) -> bool:
        """Whether every character of `folded` is one that this network can read."""
        if case not in self._letters:
            self._letters[case] = frozenset("".join(key_of(char, case) for char in self._alphabet if char)) | SEPARATORS
        return self._letters[case].issuperset(folded)

    def read(self, crops: Sequence[Image.Image]) -> list[Line]:
        """One line per crop (48 px high), in the order given."""
        lines: dict[int, Line] = {}
        for batch in _batches(crops):
            output = self._network.run(_stack([crops[index] for index in batch]))
            lines |= {index: Line(output[row], self._alphabet) for row, index in enumerate(batch)}
        return [lines[index] for index in range(len(crops))]


@functools.cache
def recogniser() -> Recogniser:
    return Recogniser()


def crop(picture: Image.Image, region: Region) -> Image.Image:
    """`region` cut out level, 48 px high."""
    width = max(1, min(_MAX_WIDTH_PX, math.ceil(_HEIGHT_PX * region.length / max(region.thickness, 1.0))))
    finer = max(1, min(4, int(region.thickness / _HEIGHT_PX)))  # sampled finer, then averaged: no aliasing
    right = region.along * region.length / (width * finer)
    down = region.down * region.thickness / (_HEIGHT_PX * finer)
    corner = region.centre - region.along * region.length / 2 - region.down * region.thickness / 2
    cut = picture.transform(
        (width * finer, _HEIGHT_PX * finer),
        Image.Transform.AFFINE,
        (right[0], down[0], corner[0], right[1], down[1], corner[1]),
        Image.Resampling.BICUBIC,
    )
    return cut if finer == 1 else cut.resize((width, _HEIGHT_PX), Image.Resampling.BOX)


def _batches(crops: Sequence[Image.Image]) -> Iterator[list[int]]:
    """Indices of crops of similar width, as many at a time as memory allows."""
    batch: list[int] = []
    for index in sorted(range(len(crops)), key=lambda index: crops[index].width):
        if len(batch) == _MAX_BATCH or (batch and (len(batch) + 1) * _padded(crops[index]) > _MAX_BATCH_PX):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _padded(cut: Image.Image) -> int:
    return max(_MIN_WIDTH_PX, (cut.width + 7) // 8 * 8)


def _stack(crops: Sequence[Image.Image]) -> NDArray[np.float32]:
    width = max(_padded(cut) for cut in crops)
    batch = np.zeros((len(crops), 3, _HEIGHT_PX, width), np.float32)
    for row, cut in enumerate(crops):
        pixels = np.asarray(cut, dtype=np.float32)[:, :, ::-1] / 127.5 - 1.0
        batch[row, :, :, : cut.width] = pixels.transpose(2, 0, 1)
    return batch


def _log_likelihood(text: str, log_probabilities: Matrix, columns: dict[str, int]) -> float:
    """log P(text) by the CTC forward recursion over `log_probabilities` (time steps, columns)."""
    states = _states(text, columns, nowhere=log_probabilities.shape[1])
    floor = np.full((len(log_probabilities), 1), math.log(_FLOOR))
    emitted = np.concatenate([log_probabilities, floor], axis=1)[:, states]
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]  # a silence may be left out, but not between equal letters
    reached = np.full(len(states), _IMPOSSIBLE)
    reached[:2] = emitted[0, :2]
    for now in emitted[1:]:
        stepped = reached.copy()
        stepped[1:] = np.logaddexp(stepped[1:], reached[:-1])
        stepped[2:] = np.logaddexp(stepped[2:], np.where(may_skip[2:], reached[:-2], _IMPOSSIBLE))
        reached = stepped + now
    return float(np.logaddexp(reached[-1], reached[-2])) if text else float(reached[-1])


def _states(text: str, columns: dict[str, int], *, nowhere: int) -> NDArray[np.intp]:
    """Columns of: silence, first character, silence, second ... silence. A letter never seen is `nowhere`."""
    states = np.ones(2 * len(text) + 1, dtype=np.intp)
    states[1::2] = [columns.get(char, nowhere) for char in text]
    for index, (one, other) in enumerate(itertools.pairwise(text)):
        numeric = (one.isdigit() or one in SEPARATORS) and (other.isdigit() or other in SEPARATORS)
        states[2 * index + 2] = 0 if numeric else 1
    return states
