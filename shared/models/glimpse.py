"""What a list shows of a job without looking up its attempts: its pictures, and what people thought of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, StrictInt

from shared.models.attempt import Attempt, ImageRef
from shared.models.recipe import Tier
from shared.models.values import CleanText, Value
from shared.models.verification import Verdict

_DRAFTS_KEPT: Final = 16
"""A job may have 64; its item must stay small, and a board shows the newest."""


class Glimpse(Value):
    """One render that has a picture."""

    tier: Tier
    candidate: int
    attempt: int
    model: str
    fingerprint: str = ""
    """Of its recipe; empty for what was painted before it was kept here."""
    image: ImageRef
    simulated: bool
    cached: bool
    verdict: Verdict | None = None
    completed_at: datetime | None = None

    @classmethod
    def of(cls, attempt: Attempt) -> Self | None:
        """None for an attempt without a picture."""
        if attempt.image is None:
            return None
        return cls(
            tier=attempt.tier,
            candidate=attempt.candidate,
            attempt=attempt.attempt,
            model=attempt.model,
            fingerprint=attempt.fingerprint,
            image=attempt.image,
            simulated=attempt.simulated,
            cached=attempt.cached,
            verdict=attempt.verification.verdict if attempt.verification else None,
            completed_at=attempt.completed_at,
        )

    @property
    def order(self) -> tuple[bool, int, int]:
        """Drafts before finals, each in the order they were asked for."""
        return (self.tier is Tier.FINAL, self.candidate, self.attempt)


def glimpses(known: Sequence[Glimpse], attempts: Sequence[Attempt]) -> tuple[Glimpse, ...]:
    """What is known and what these attempts add or change: the newest drafts, and every final."""
    merged = {each.order: each for each in known}
    merged |= {new.order: new for attempt in attempts if (new := Glimpse.of(attempt))}
    ordered = [merged[order] for order in sorted(merged)]
    drafts = [each for each in ordered if each.tier is Tier.DRAFT]
    return (*drafts[-_DRAFTS_KEPT:], *ordered[len(drafts) :])


# ── what people thought ──────────────────────────────────────────────────────────────────────────


class Flaw(StrEnum):
    """What may be wrong with a picture: a closed list, so that it can be counted."""

    TEXT_WRONG = "text_wrong"
    TEXT_MISSING = "text_missing"
    TEXT_PLACEMENT = "text_placement"
    OFF_PROMPT = "off_prompt"
    OFF_BRAND = "off_brand"
    ANATOMY = "anatomy"
    FACE = "face"
    HANDS = "hands"
    OBJECT = "object"
    COMPOSITION = "composition"
    COLOUR = "colour"
    BLUR = "blur"
    NOISE = "noise"
    SEAM = "seam"
    REPEATED = "repeated"
    BANDING = "banding"
    CHANGED_FROM_DRAFT = "changed_from_draft"


class RatingRequest(Value):
    """What somebody thinks of a job's pictures. Saying it again replaces it."""

    stars: Annotated[StrictInt, Field(ge=1, le=5)]
    flaws: tuple[Flaw, ...] = Field((), max_length=len(Flaw))
    note: Annotated[CleanText, Field(max_length=1000)] = ""


class Rating(RatingRequest):
    by: str
    at: datetime
    shown: str = Field("", description="The render that was judged, such as `f-1`.")


class Stars(Value):
    """All ratings of one job, added up."""

    count: int = 0
    total: int = 0

    @property
    def mean(self) -> float | None:
        return round(self.total / self.count, 2) if self.count else None

    def with_rating(self, new: Rating, *, instead_of: Rating | None) -> Stars:
        before = instead_of.stars if instead_of else 0
        return Stars(count=self.count + (instead_of is None), total=self.total + new.stars - before)
