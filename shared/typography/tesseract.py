"""The other engine: tesseract, where its binary is installed and someone asks for it.

Hides pytesseract. Reads only: tesseract gives no evidence for a text it did not read, so nothing is forgiven.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from shared.errors import ConfigurationError, ImageUnreadable
from shared.typography.folding import Case, fold
from shared.typography.geometry import Region
from shared.typography.words import Word

_SPARSE_TEXT: Final = "--psm 11"  # posters are no pages: finds half as much again as the default (typography bench)
_TIMEOUT_S: Final = 30


@dataclass(frozen=True, slots=True)
class PlainReading:
    """A word without the evidence behind it."""

    text: str
    confidence: float

    def ratio(self, hypothesis: str, rival: str, case: Case) -> float:  # noqa: ARG002 - the port's signature
        """0.0 for what was read, minus infinity for anything else."""
        return 0.0 if hypothesis == fold(self.text, case).text else float("-inf")


def read(picture: Image.Image) -> list[Word]:
    """All words on `picture`. Raises ConfigurationError where the tesseract binary is missing."""
    import pytesseract  # type: ignore[import-untyped]  # ships no stubs

    try:
        table = pytesseract.image_to_data(
            picture, config=_SPARSE_TEXT, timeout=_TIMEOUT_S, output_type=pytesseract.Output.DICT
        )
    except pytesseract.TesseractNotFoundError as error:
        raise ConfigurationError(
            'engine "tesseract" needs the tesseract binary on the PATH; engine "ppocr" needs nothing'
        ) from error
    except RuntimeError as error:  # pytesseract's timeout
        raise ImageUnreadable(f"tesseract gave no answer within {_TIMEOUT_S} s") from error
    return list(_words(table))


def _words(table: dict[str, list[str]]) -> Iterator[Word]:
    columns = (table[name] for name in ("text", "conf", "left", "top", "width", "height"))
    for text, confidence, left, top, width, height in zip(*columns, strict=True):
        if not text.strip():
            continue
        x, y, w, h = float(left), float(top), float(width), float(height)
        region = Region(np.array([x + w / 2, y + h / 2]), np.array([1.0, 0.0]), w, h)
        yield Word(region, PlainReading(text.strip(), max(0.0, float(confidence)) / 100))
