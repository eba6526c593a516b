"""One measured request, from the job it became: times, money, and what verification thought of its first final.

Hides which of a job's numbers a figure counts. Pure: reads views, asks nobody.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.errors import DefectsRemain, TextMismatch
from shared.models import AttemptStatus, Stage, Tier, Value
from shared.views import JobView

_TURNED_DOWN: Final = (TextMismatch.code, DefectsRemain.code)
_MS: Final = 1000


class Sample(Value):
    """A request of a bench. Milliseconds; what a request without a job cannot know is null."""

    index: int
    job_id: str | None = None
    intended_ms: int = Field(description="When it was meant to start, from the start of the load.")
    late_ms: int = Field(description="How much later it left, for want of a thread. Counted in total_ms.")
    total_ms: int | None = Field(None, description="Intended start to conclusion; null unless a picture was delivered.")
    draft_ms: int | None = Field(None, description="Submit to first draft, by the stack's clock.")
    queue_ms: int | None = Field(None, description="Waiting at the model server, all renders that were painted.")
    inference_ms: int | None = Field(None, description="Painting, likewise.")
    cost_usd_micros: int = 0
    repeats: bool = Field(False, description="Equal to an earlier request, on purpose.")
    cached: bool = Field(False, description="Every picture came from the cache.")
    checked: bool = Field(False, description="It had words to say, and a final was verified.")
    mismatched: bool = Field(False, description="The first final did not say them.")
    flawed: bool = Field(False, description="A defect was seen on the first final.")
    repairs: int = Field(0, description="Finals after the first.")
    rejected: bool = Field(False, description="No final passed, and the job said so.")
    error: str | None = Field(None, description="Why there is no picture, by its code; a rejection is none.")


def sample_of(
    job: JobView, *, index: int, intended_s: float, started_s: float, accepted_s: float, ended_s: float, repeats: bool
) -> Sample:
    """Seconds since the load began: when it was meant to start, left, was accepted, and was seen to have ended.

    Two bounds of the total are known: until we saw the end, which is late by a look, and acceptance plus the time the
    ledger counts, which has the accepting call twice. The smaller is taken.
    """
    painted = [each for each in job.attempts if each.status is AttemptStatus.RENDERED]
    fresh = [each for each in painted if not each.cached]
    finals = sorted((each for each in painted if each.tier is Tier.FINAL), key=lambda each: each.attempt)
    judged = finals[0].verification if finals else None
    code = job.error_detail.code if job.error_detail else None
    rejected = code in _TURNED_DOWN
    seen_s = ended_s - intended_s
    told_s = accepted_s - intended_s + job.metrics.total_ms / _MS if job.metrics.total_ms is not None else seen_s
    return Sample(
        index=index,
        job_id=job.id,
        intended_ms=round(intended_s * _MS),
        late_ms=round((started_s - intended_s) * _MS),
        total_ms=round(min(seen_s, told_s) * _MS) if job.stage is Stage.DONE else None,
        draft_ms=job.metrics.draft_ms,
        queue_ms=sum(each.latency_ms.queue for each in fresh) if fresh else None,
        inference_ms=sum(each.latency_ms.inference for each in fresh) if fresh else None,
        cost_usd_micros=job.cost_usd_micros,
        repeats=repeats,
        cached=bool(painted) and not fresh,
        checked=bool(judged and judged.texts),
        mismatched=bool(judged and judged.missing),
        flawed=bool(judged and judged.artifacts),
        repairs=max(0, len(finals) - 1),
        rejected=rejected,
        error=None if job.stage is Stage.DONE or rejected else code or job.stage.value,
    )
