"""The viewer: what somebody who looks at a delivered picture would find wrong with it.

Hides which checks stand in for the eye: text recognition for the words, letter for letter, and the artifact checks,
which are told neither the recipe nor how the picture was made. The same for every way of working; the same reader, too,
that the stack's own verification uses, so what it cannot see it misses in both.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from shared.models import ArtifactFinding, Size, Value, Verdict, Verification, sha256_hex

Read = Callable[[bytes, Sequence[str]], Verification]
Inspect = Callable[[bytes, Size], Sequence[ArtifactFinding]]


class Impression(Value):
    """`misread`: what was read instead, for each text that cannot be read. `defects` by kind."""

    misread: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        return bool(self.misread or self.defects)


class Viewer:
    """Looks at every picture once, however often it is delivered."""

    def __init__(self, read: Read, inspect: Inspect) -> None:
        self._read = read
        self._inspect = inspect
        self._seen: dict[tuple[str, tuple[str, ...], str], Impression] = {}
        self._lock = threading.Lock()

    @classmethod
    def with_open_eyes(cls) -> Viewer:
        """Raises ConfigurationError or ImportError where what reads text is not installed."""
        from shared.artifacts import check
        from shared.typography import verify

        return cls(verify, lambda image, size: check(image, expected_size=size))

    def look(self, image: bytes, *, texts: Sequence[str], size: Size) -> Impression:
        key = (sha256_hex(image), tuple(texts), str(size))
        with self._lock:
            known = self._seen.get(key)
        if known is None:
            known = self._impression(image, texts, size)
            with self._lock:
                self._seen[key] = known
        return known

    def _impression(self, image: bytes, texts: Sequence[str], size: Size) -> Impression:
        checks = self._read(image, texts).texts if texts else ()
        return Impression(
            misread=tuple(each.recognized for each in checks if each.verdict is not Verdict.PASS),
            defects=tuple(finding.kind for finding in self._inspect(image, size)),
        )
