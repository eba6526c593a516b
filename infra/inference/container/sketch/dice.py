"""Seeded choices: the only source of variety in a picture.

Hides how a name under a key becomes numbers (SHA-256 and SHAKE-128). Never touches the clock, the
process's hash seed or numpy's generators, whose streams may change between releases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
T = TypeVar("T")


class Dice:
    """Independent draws by name: adding one never changes the others."""

    def __init__(self, *key: object) -> None:
        self._key = hashlib.sha256("\x1f".join(map(str, key)).encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dice) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def under(self, name: str) -> Dice:
        """A child whose names cannot collide with the parent's."""
        return Dice(self._key.hex(), name)

    def unit(self, name: str) -> float:
        """Uniform in [0, 1), a multiple of 2**-53."""
        return (int.from_bytes(self._bytes(name, 8), "big") >> 11) / (1 << 53)

    def between(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * self.unit(name)

    def whole(self, name: str, low: int, high: int) -> int:
        """Uniform integer, both ends included."""
        return low + int(self.unit(name) * (high - low + 1))

    def pick(self, name: str, choices: Sequence[T]) -> T:
        return choices[self.whole(name, 0, len(choices) - 1)]

    def chance(self, name: str, probability: float) -> bool:
        return self.unit(name) < probability

    def grid(self, name: str, *shape: int) -> Floats:
        """Uniform in [0, 1), float32, multiples of 2**-16."""
        count = 1
        for side in shape:
            count *= side
        raw = np.frombuffer(self._bytes(name, 2 * count), dtype=">u2").astype(np.float32)
        return (raw / np.float32(65536)).reshape(shape)

    def octets(self, name: str, count: int) -> NDArray[np.uint8]:
        """Uniform bytes, read-only."""
        return np.frombuffer(self._bytes(name, count), dtype=np.uint8)

    def _bytes(self, name: str, count: int) -> bytes:
        return hashlib.shake_128(self._key + name.encode()).digest(count)
