"""What was seen on an image: texts read, defects found, likeness to the draft."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared.models.values import Box, Name, Value


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNREADABLE = "unreadable"


class TextDifference(Value):
    """One edit between what was expected and what was read; `op` names it from the expected side."""

    op: Literal["substitute", "missing", "extra"]
    position: int
    expected: str = ""
    recognized: str = ""


class TextCheck(Value):
    """One expected string: what was read for it, where, and how far off."""

    expected: str
    recognized: str
    verdict: Verdict
    cer: float
    """Character error rate: edit distance / length of the expected text; 0.0 is equal."""
    confidence: float
    boxes: tuple[Box, ...] = ()
    differences: tuple[TextDifference, ...] = ()
    engine: str = ""


class ArtifactFinding(Value):
    """One visible defect; `score` runs from 0.0 (clean) to 1.0 and beyond, `limit` is where it fails."""

    kind: Name
    score: float
    limit: float
    box: Box | None = None
    detail: str = ""


class Similarity(Value):
    """How like two pictures are."""

    phash_distance: int = Field(ge=0, le=64)
    """Bits by which their perceptual hashes differ; up to 8 they look alike."""
    ssim: float = Field(ge=-1.0, le=1.0)
    """Structural similarity of their luma at 256 px: 1.0 is the same picture."""
    colour_shift: float = Field(ge=0.0)
    """How far their colours are apart, in CIELAB units and wherever they stand: 2 can just be seen, 10 is plain."""


class Verification(Value):
    """Does the image say what was asked, and does it look broken? All checks of one image."""

    verdict: Verdict
    texts: tuple[TextCheck, ...] = ()
    artifacts: tuple[ArtifactFinding, ...] = ()
    recognized: str = ""
    """Everything read on the picture, in reading order."""
    similarity: Similarity | None = None
    """How like the chosen draft the final came out; None without a draft to compare with."""
    engine: str = ""
    elapsed_ms: int = 0

    @property
    def missing(self) -> tuple[TextCheck, ...]:
        """The expected strings that did not pass."""
        return tuple(check for check in self.texts if check.verdict is not Verdict.PASS)
