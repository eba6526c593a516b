"""One try at a tier: what the ledger stores of every render, successful or not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from shared.models.recipe import Recipe, TemplateRef, Tier
from shared.models.values import Name, Value
from shared.models.verification import Verdict, Verification


class Determinism(StrEnum):
    EXACT = "exact"
    BEST_EFFORT = "best_effort"
    NONE = "none"


class SeedRecord(Value):
    """What became of the seed: asked for, sent to the provider, reported back; never a claim beyond that."""

    requested: int
    sent: int | None = None
    reported: int | None = None
    determinism: Determinism = Determinism.NONE


class ImageRef(Value):
    """A stored image. `key` is its content-addressed S3 key."""

    key: str
    sha256: str
    phash: str
    """64-bit perceptual hash, 16 hex digits; pictures within a Hamming distance of 8 look alike."""
    width: int
    height: int
    mime: str
    size_bytes: int


class Latency(Value):
    """Milliseconds: waiting at the provider, painting, and both as the pipeline saw them."""

    queue: int = 0
    inference: int = 0
    total: int = 0


class Alias(Value):
    """An explicit, recorded replacement of one model by another."""

    asked: str
    served_by: str
    reason: str


class ErrorDetail(Value):
    """A failure as the client sees it: the `error` object of the error body."""

    code: str
    message: str
    param: str | None = None
    context: dict[str, Any] = Field(default_factory=dict)


class AttemptId(Value):
    """One try at a tier. `candidate` numbers the drafts from 1 and is 0 for a final."""

    job_id: str
    tier: Tier
    candidate: int = Field(ge=0)
    attempt: int = Field(ge=1)

    def __str__(self) -> str:
        """Short enough for a SageMaker InferenceId (64) and safe in S3 keys: `01J…-d2-1`, `01J…-f-3`."""
        where = f"d{self.candidate}" if self.tier is Tier.DRAFT else "f"
        return f"{self.job_id}-{where}-{self.attempt}"


class Ticket(Value):
    """Handle of a render still running at a provider: where its answer will appear."""

    id: str
    output_location: str
    failure_location: str
    submitted_at: datetime


class AttemptStatus(StrEnum):
    PENDING = "pending"
    RENDERED = "rendered"
    FAILED = "failed"


class SkippedStep(Value):
    """A step of the repair ladder that answered to what failed and was passed over all the same."""

    step: Name
    reason: str


class Attempt(Value):
    """One try at a tier, successful or not: what the ledger stores. With an image it is a render."""

    job_id: str
    tenant: str
    tier: Tier
    candidate: int
    attempt: int
    status: AttemptStatus
    use_case: str
    model: str
    provider: str
    provider_model: str
    model_revision: str = ""
    recipe: Recipe
    fingerprint: str
    seed: SeedRecord
    template: TemplateRef | None = None
    alias: Alias | None = None
    repair: str | None = None
    """What a repair changed against the attempt before it, in words a designer reads."""
    step: Name | None = None
    """The repair's step by its name in the policy; None for a first final, and for repairs under policy 1."""
    skipped: tuple[SkippedStep, ...] = ()
    """The steps passed over on the way to this one; each is told once a job."""
    mask: ImageRef | None = None
    """The picture of the mask: 255 was repainted, 0 kept."""
    image: ImageRef | None = None
    host_image: ImageRef | None = None
    """What the host sent, unaltered, where `image` is that laid into the original under the mask."""
    cached: bool = False
    simulated: bool = False
    """True when the picture comes from the painter of the local stack, not from a generative model."""
    latency_ms: Latency = Latency()
    cost_usd_micros: int = 0
    verification: Verification | None = None
    error: ErrorDetail | None = None
    ticket: Ticket | None = None
    provider_request_id: str = ""
    prompt_effective: str = ""
    """The prompt as the host rewrote it, or those words of it that the model knows; empty where it does not tell."""
    usage: dict[str, int] = Field(default_factory=dict)
    replays: AttemptId | None = None
    """The render of another job whose recipe this is, painted again."""
    waits_for: str | None = None
    """The attempt that paints this very recipe already; its picture will serve both."""
    started_at: datetime
    completed_at: datetime | None = None

    @property
    def id(self) -> AttemptId:
        return AttemptId(job_id=self.job_id, tier=self.tier, candidate=self.candidate, attempt=self.attempt)

    @property
    def misprinted(self) -> bool:
        """Verified, and it did not pass."""
        return self.verification is not None and self.verification.verdict is not Verdict.PASS
