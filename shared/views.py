"""What clients see: the job, its renders and its audit trail as the API writes them and the CLI reads them.

Hides the mapping from ledger values to the wire. Knows nothing of HTTP or S3: links come in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.models import (
    Alias,
    Attempt,
    AttemptStatus,
    ErrorDetail,
    Event,
    ImageRef,
    Job,
    JobRequest,
    Latency,
    Recipe,
    SeedRecord,
    Stage,
    TemplateRef,
    Tier,
    Value,
    Verification,
)


class ImageView(ImageRef):
    """A stored image with a short-lived link to it."""

    url: str


class RenderView(Value):
    """One attempt: which model painted what from which recipe, how fast, how dear and how well."""

    tier: Tier
    candidate: int
    attempt: int
    status: AttemptStatus
    model: str
    provider: str
    provider_model: str
    model_revision: str
    alias: Alias | None
    simulated: bool
    recipe: Recipe
    fingerprint: str
    seed: SeedRecord
    template: TemplateRef | None
    repair: str | None
    image: ImageView | None
    cached: bool
    latency_ms: Latency
    cost_usd_micros: int
    verification: Verification | None
    error: ErrorDetail | None
    started_at: datetime
    completed_at: datetime | None


class JobUrls(Value):
    get: str
    cancel: str
    approve: str
    reject: str
    audit: str


class JobMetrics(Value):
    """Milliseconds. `overhead` is what the pipeline itself added: total less waiting for people, queues and models."""

    draft_ms: int | None = Field(None, description="Submit to first draft.")
    total_ms: int | None = Field(None, description="Submit to conclusion.")
    inference_ms: int = Field(0, description="Painting, all renders of the accepted path.")
    predict_time: float | None = Field(None, description="Seconds from start to end; Replicate's name.")


class JobView(Value):
    """The job, as `GET /v1/jobs/{id}` answers it."""

    id: str
    status: Literal["starting", "processing", "succeeded", "failed", "canceled"]
    stage: Stage
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    use_case: str
    template: TemplateRef | None
    prompt: str
    seed: int
    seed_set: str | None
    size: str
    policy_version: int
    expected_text: tuple[str, ...]
    drafts: tuple[RenderView, ...]
    chosen_draft: int | None
    final: RenderView | None
    verification: Verification | None
    attempts: tuple[RenderView, ...]
    cost_usd_micros: int
    error: str | None
    error_detail: ErrorDetail | None
    urls: JobUrls
    input: JobRequest
    output: tuple[str, ...]
    metrics: JobMetrics


class JobList(Value):
    jobs: tuple[JobView, ...]
    cursor: str | None = None


class AuditView(Value):
    """A job's hash chain. `intact` is recomputed on every read, never stored."""

    job_id: str
    intact: bool
    problem: str | None
    events: tuple[Event, ...]


def render_view(attempt: Attempt, *, link: Callable[[ImageRef], str]) -> RenderView:
    image = attempt.image
    fields: dict[str, Any] = {name: getattr(attempt, name) for name in RenderView.model_fields if name != "image"}
    return RenderView(image=ImageView(**image.model_dump(), url=link(image)) if image else None, **fields)


def job_view(job: Job, attempts: Sequence[Attempt], *, link: Callable[[ImageRef], str], base_url: str) -> JobView:
    """The whole job; `attempts` in the order they were made, `base_url` without a trailing slash."""
    views = [render_view(attempt, link=link) for attempt in attempts]
    drafts = tuple(view for view in views if view.tier is Tier.DRAFT and view.status is AttemptStatus.RENDERED)
    finals = tuple(view for view in views if view.tier is Tier.FINAL)
    final = next((view for view in finals if view.attempt == job.final_attempt), None)
    error = job.error if job.stage is Stage.FAILED else None
    shown = final if final and final.image else None
    here = f"{base_url}/v1/jobs/{job.id}"
    return JobView(
        id=job.id,
        status=job.stage.status,
        stage=job.stage,
        created_at=job.created_at,
        started_at=job.started_at,
        completed_at=job.completed_at,
        use_case=job.use_case,
        template=job.template,
        prompt=job.prompt,
        seed=job.seed,
        seed_set=job.seed_set,
        size=str(job.size),
        policy_version=job.policy_version,
        expected_text=job.expected_text,
        drafts=drafts,
        chosen_draft=job.chosen_draft,
        final=final,
        verification=final.verification if final else None,
        attempts=tuple(views),
        cost_usd_micros=job.cost_usd_micros,
        error=error.message if error else None,
        error_detail=error,
        urls=JobUrls(
            get=here, cancel=f"{here}/cancel", approve=f"{here}/approve", reject=f"{here}/reject", audit=f"{here}/audit"
        ),
        input=job.request,
        output=(shown.image.url,) if shown and shown.image and job.stage is Stage.DONE else (),
        metrics=_metrics(job, drafts, final),
    )


def _metrics(job: Job, drafts: Sequence[RenderView], final: RenderView | None) -> JobMetrics:
    ready = [draft.completed_at for draft in drafts if draft.completed_at]
    path = [*drafts[:1], *([final] if final else [])]
    total_ms = _ms(job.created_at, job.completed_at)
    return JobMetrics(
        draft_ms=_ms(job.created_at, min(ready)) if ready else None,
        total_ms=total_ms,
        inference_ms=sum(view.latency_ms.inference for view in path),
        predict_time=total_ms / 1000 if total_ms is not None else None,
    )


def _ms(start: datetime, end: datetime | None) -> int | None:
    return None if end is None else round((end - start).total_seconds() * 1000)
