"""A recorded render painted once more, and what came of it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.models.attempt import AttemptId
from shared.models.values import Value


class ReplayVerdict(StrEnum):
    BIT_EXACT = "bit_exact"
    """The same file, byte for byte."""
    PERCEPTUALLY_EQUAL = "perceptually_equal"
    """Another file that looks the same, within the thresholds beside it."""
    NOT_REPRODUCIBLE = "not_reproducible"
    """Another picture, or none: `why` and `said` tell the reason."""


class Likeness(Value):
    """How far two pictures are apart, with the limits within which they count as equal."""

    ssim: float = Field(description="Structural similarity of their luma at 256 px: 1.0 is the same picture.")
    ssim_at_least: float
    phash_distance: int = Field(description="Bits of 64 by which the perceptual hashes differ.")
    phash_distance_at_most: int
    mean: float = Field(description="Mean absolute difference of the channels, as a fraction of the full range.")
    changed: float = Field(description="Share of the pixels of which a channel differs by more than 8 of 255.")

    @property
    def equal(self) -> bool:
        return self.ssim >= self.ssim_at_least and self.phash_distance <= self.phash_distance_at_most


class ReplayOutcome(Value):
    """The answer: is the picture still to be had?"""

    verdict: ReplayVerdict
    why: str = Field(
        "",
        description="Where it is not reproducible, one word for the cause: `model_retired`, `model_revision_changed`, "
        "`seed_not_sent`, `seed_not_honoured`, `original_gone`, `unexplained`, or the error that kept the model from "
        "painting.",
    )
    said: str = Field(description="The same in one sentence.")
    original_sha256: str
    replay_sha256: str | None = None
    likeness: Likeness | None = Field(None, description="Null where there are no two pictures to compare.")


class Replay(Value):
    """What a job paints again."""

    of: AttemptId
    notes: tuple[str, ...] = Field((), description="What has changed since, without being part of the recipe.")
    outcome: ReplayOutcome | None = Field(None, description="Null while it is painted.")
