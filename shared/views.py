"""What clients see: jobs, audit trails, models, templates, as the API writes them and the CLI reads them.

Hides the mapping from ledger values to the wire. Knows nothing of HTTP or S3: links come in as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from shared.models import (
    Alias,
    Attempt,
    AttemptStatus,
    BatchRef,
    Box,
    Determinism,
    ErrorDetail,
    Event,
    ImageRef,
    Job,
    JobRequest,
    Latency,
    Recipe,
    SeedRecord,
    Size,
    Stage,
    TemplateRef,
    Tier,
    Value,
    Verification,
)
from shared.releases import Release


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
    provider_request_id: str
    prompt_effective: str
    usage: dict[str, int]
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
    batch: BatchRef | None = Field(None, description="The batch and row it came from.")
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
        batch=job.batch,
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


# ── what there is to choose from ─────────────────────────────────────────────────────────────────


class PriceView(Value):
    """One price in millionths of a dollar, with where and when it was read."""

    per: Literal["image", "megapixel", "gpu_second"]
    usd_micros: int
    sizes: tuple[Size, ...]
    quality: str
    source: str
    on: date
    estimate: bool


class ModelView(Value):
    """One row of the catalogue, and what becomes of it in this deployment."""

    name: str
    aliases: tuple[str, ...]
    title: str
    provider: str
    provider_model: str
    hosts: tuple[str, ...] = Field(description="Other providers of the same model, chosen by a setting.")
    tiers: tuple[Tier, ...]
    seed: Determinism
    guidance_range: tuple[float, float] | None
    steps: tuple[int, int] | None
    negative_prompt: bool
    mask: bool
    init_image: bool
    text_guide: bool
    samplers: tuple[str, ...]
    sizes: str = Field(description="The sizes it offers, or the rule they keep.")
    max_prompt_chars: int
    prices: tuple[PriceView, ...]
    priced_as: str | None
    simulated: bool
    lifecycle: Literal["announced", "active", "deprecated", "retired"]
    active_from: date
    deprecated_at: date | None
    shutdown_at: date | None
    successor: str | None
    lifecycle_source: str
    available: bool = Field(description="Whether a job may name it here and be painted.")
    served_by: tuple[Alias, ...] = Field(description="Who answers for it here, where that is another.")
    problem: str | None = Field(description="Why a job may not name it here.")


class PickView(Value):
    """What one use case would take now, and why. `problem` says what is in the way where nothing can be had."""

    use_case: str
    title: str
    why: str
    draft: str | None
    final: str | None
    aliases: tuple[Alias, ...]
    problem: str | None = None


class ModelName(Value):
    """A name that OpenAI's clients may ask for: of a model, an alias, or `tier/` and a use case."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="When the model behind the name came up, in seconds since 1970.")
    owned_by: str
    shutdown_date: str | None = None


class ModelList(Value):
    """The catalogue, and what each use case would pick from it under the policy in force."""

    object: Literal["list"] = "list"
    data: tuple[ModelName, ...] = Field(description="What can be asked for, as OpenAI's clients list it.")

    policy_version: int
    profile: str
    default_use_case: str
    models: tuple[ModelView, ...]
    picks: tuple[PickView, ...]


class TemplateSummary(Value):
    name: str
    title: str
    use_cases: tuple[str, ...]
    released: int | None
    versions: tuple[int, ...]


class TemplateList(Value):
    templates: tuple[TemplateSummary, ...]
    seeds: Mapping[str, Mapping[int, int]] = Field(description="Seed sets: name, version, seed.")


class TemplateVersionView(Value):
    """One version as its file says it; `digest` is the sha256 of the file."""

    version: int
    digest: str
    title: str
    use_cases: tuple[str, ...]
    prompt: str
    negative_prompt: str
    expected_text: tuple[str, ...]
    text_box: Box | None
    size: Size | None
    variables: Mapping[str, Mapping[str, Any]]
    variants: Mapping[str, Mapping[str, str | None]]
    recipe: Mapping[str, float | None]
    example: Mapping[str, str | int | float | bool]


class TemplateView(Value):
    """All versions of a template, which is in force, and how that came to be."""

    name: str
    released: int | None
    versions: tuple[TemplateVersionView, ...]
    history: tuple[Release, ...] | None = Field(None, description="Every release, oldest first; for admins.")
    problem: str | None = Field(None, description="What is wrong with the history, recomputed on every read.")


class PolicyVersionView(Value):
    version: int
    digest: str


class PolicyView(Value):
    """Which version of the policy is in force, its rules, and how that came to be."""

    released: int
    versions: tuple[PolicyVersionView, ...]
    rules: Mapping[str, Any] = Field(description="policy.toml of the version in force.")
    history: tuple[Release, ...] | None = Field(None, description="Every release, oldest first; for admins.")
    problem: str | None = Field(None, description="What is wrong with the history, recomputed on every read.")
