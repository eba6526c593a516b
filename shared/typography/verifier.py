"""The judgement: is this text on this picture, letter for letter?

Hides the cascade and its thresholds. An exact reading passes at once; otherwise the recogniser is asked how well
the pixels fit the expected text against the best it can read, and only a text that fits as well passes. Coarse
views first, finer ones on doubt. Never decides what happens next: see policy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import Levenshtein

from shared.models import Box, TextCheck, Verdict, Verification
from shared.typography.folding import (
    Case,
    Folded,
    character_error_rate,
    differences,
    fold,
    spellings,
)
from shared.typography.layout import MAX_LAYOUT_COST, Path, Word, paths, reading_order
from shared.typography.page import Engine, Page, page

MIN_LOG_RATIO: Final = -1.0
"""Measured on 185 labelled pictures, November 2025."""
_RESEMBLES: Final = 0.5
_LEGIBLE: Final = 0.6
_TEXT_BOX_MARGIN: Final = 0.5
_MIN_MARGIN: Final = 0.08


@dataclass(frozen=True, slots=True)
class _Found:
    """The best that a view offers for an expected text."""

    path: Path
    log_ratio: float

    @property
    def passes(self) -> bool:
        return self.log_ratio >= MIN_LOG_RATIO


def verify(
    image: bytes,
    expected: str | Sequence[str],
    *,
    text_box: Box | None = None,
    case: Case = "fold",
    engine: Engine = "ppocr",
) -> Verification:
    """Whether every expected text can be read on `image` as whole words, and what was read instead.

    `text_box` says roughly where: lettering whose centre is further off than half the box does not count.
    A blank picture fails; lettering that is there but cannot be made out is `unreadable`.
    `artifacts` stays empty. Raises ImageUnreadable for bytes that are no still picture, ValueError for a blank
    expected text, ConfigurationError when the engine is not installed.
    """
    started = time.perf_counter()
    wanted = (expected,) if isinstance(expected, str) else tuple(expected)
    if any(not text.strip() for text in wanted):
        raise ValueError("expected text is empty: there is nothing to verify")
    subject = page(image, engine)
    checks = tuple(_check(subject, text, text_box=text_box, case=case) for text in wanted)
    return Verification(
        verdict=_overall(checks),
        texts=checks,
        recognized=subject.text(),
        engine=subject.name,
        elapsed_ms=round((time.perf_counter() - started) * 1000),
    )


def run_ocr(image_bytes: bytes) -> str:
    """Everything that can be read on the picture, line by line; empty when there is no text.

    Raises ImageUnreadable for bytes that are no still picture.
    """
    subject = page(image_bytes, "ppocr")
    for _ in zip(range(2), subject.views(), strict=False):  # the coarse view misses small print
        pass
    return subject.text()


def _overall(checks: Sequence[TextCheck]) -> Verdict:
    verdicts = {check.verdict for check in checks}
    for verdict in (Verdict.FAIL, Verdict.UNREADABLE):
        if verdict in verdicts:
            return verdict
    return Verdict.PASS


def _check(subject: Page, expected: str, *, text_box: Box | None, case: Case) -> TextCheck:
    nearest: _Found | None = None
    for view in subject.views():
        words = [word for word in view if _is_inside(subject.box(word.region), text_box)]
        for found in _candidates(subject, expected, words, case=case):
            if found.passes:
                return _passed(subject, expected, found, case=case)
            if nearest is None or found.log_ratio > nearest.log_ratio:
                nearest = found
    inside = [word for word in subject.clearest() if _is_inside(subject.box(word.region), text_box)]
    return _failed(subject, expected, _resembling(expected, nearest, inside, case=case), inside, case=case)


def _candidates(subject: Page, expected: str, words: Sequence[Word], *, case: Case) -> Iterator[_Found]:
    bystanders = subject.seen()
    for spelling in spellings(expected, case):
        for path in paths(spelling, words, bystanders=bystanders, case=case):
            if path.layout_cost <= MAX_LAYOUT_COST:
                yield _Found(path, 0.0 if path.edits == 0 else _log_ratio(path, spelling, case=case))


def _log_ratio(path: Path, spelling: Folded, *, case: Case) -> float:
    """How much less likely `spelling` is than what was read, summed over the regions of `path`."""
    total = 0.0
    for match in path.matches:
        read = fold(match.word.reading.text, case).text
        hypothesis = read[: match.start] + "".join(spelling.words[match.first : match.last]) + read[match.end :]
        total += match.word.reading.ratio(hypothesis, case)
    return total


def _passed(subject: Page, expected: str, found: _Found, *, case: Case) -> TextCheck:
    read = _text_of(found.path, case)
    return _text_check(
        subject,
        expected,
        read,
        [match.word for match in found.path.matches],
        verdict=Verdict.PASS,
        case=case,
        how="" if found.path.edits == 0 else "+likelihood",
    )


def _failed(
    subject: Page, expected: str, nearest: tuple[str, Sequence[Word]], inside: Sequence[Word], *, case: Case
) -> TextCheck:
    read, words = nearest
    evidence = words or inside
    legible = not evidence or max(word.reading.confidence for word in evidence) >= _LEGIBLE
    verdict = Verdict.FAIL if legible else Verdict.UNREADABLE
    return _text_check(subject, expected, read, words, verdict=verdict, case=case)


def _text_check(
    subject: Page,
    expected: str,
    read: str,
    words: Sequence[Word],
    *,
    verdict: Verdict,
    case: Case,
    how: str = "",
) -> TextCheck:
    return TextCheck(
        expected=expected,
        recognized=read,
        verdict=verdict,
        cer=round(character_error_rate(expected, read, case=case), 4),
        confidence=round(min((word.reading.confidence for word in words), default=0.0), 4),
        boxes=tuple(subject.box(word.region) for word in words),
        differences=differences(expected, read, case=case),
        engine=subject.name + how,
    )


def _resembling(
    expected: str, nearest: _Found | None, words: Sequence[Word], *, case: Case
) -> tuple[str, Sequence[Word]]:
    """What stands on the picture in place of `expected`, and where; empty when nothing resembles it."""
    if nearest is not None:
        return _text_of(nearest.path, case), [match.word for match in nearest.path.matches]
    wanted = fold(expected, case).text or fold(expected, "exact").text
    ordered = [word for line in reading_order(words) for word in line]
    best, rate = ("", list[Word]()), _RESEMBLES
    for start in range(len(ordered)):
        for end in range(start + 1, min(len(ordered), start + 8) + 1):
            read = " ".join(word.reading.text for word in ordered[start:end])
            folded = fold(read, case).text
            if len(folded) > 2 * len(wanted):
                break
            distance = Levenshtein.normalized_distance(wanted, folded)
            if folded and distance < rate:
                best, rate = (read, ordered[start:end]), distance
    return best


def _text_of(path: Path, case: Case) -> str:
    parts = []
    for match in path.matches:
        text = match.word.reading.text
        parts.append(fold(text, case).source(text, match.start, match.end))
    return " ".join(parts)


def _is_inside(box: Box, text_box: Box | None) -> bool:
    """The centre of `box` lies in `text_box` or near it."""
    if text_box is None:
        return True
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    left, top, width, height = text_box
    across, deep = (max(_MIN_MARGIN, _TEXT_BOX_MARGIN * size) for size in (width, height))
    return left - across <= x <= left + width + across and top - deep <= y <= top + height + deep
