"""What clients see: jobs, audit trails, models, templates, as the API writes them and the CLI reads them.

Hides the mapping from ledger values to the wire. Knows nothing of HTTP or S3: links come in as a function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol

from pydantic import Field, ValidationError

from shared.models import (
    Alias,
    Attempt,
    AttemptStatus,
    BatchRef,
    Box,
    Break,
    Determinism,
    ErrorDetail,
    Event,
    Glimpse,
    ImageRef,
    Job,
    JobRecord,
    JobRequest,
    Latency,
    Rating,
    Recipe,
    Replay,
    SeedRecord,
    Size,
    SkippedStep,
    Stage,
    TemplateRef,
    Tier,
    Value,
    Verdict,
    Verification,
)
from shared.releases import Release


class Link(Protocol):
    """A short-lived address of a stored image, or of its thumbnail."""

    def __call__(self, image: ImageRef, *, thumbnail: bool = False) -> str: ...


class ImageView(ImageRef):
    """A stored image with short-lived links to it."""

    url: str
    thumb_url: str = Field("", description="A WebP of at most 256 px, for lists.")


class GlimpseView(Value):
    """One render in a list; the job itself says more."""

    tier: Tier
    candidate: int
    attempt: int
    model: str
    fingerprint: str = Field("", description="Of its recipe.")
    image: ImageView
    simulated: bool
    cached: bool
    verdict: Verdict | None


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
    step: str | None = Field(None, description="The repair's step by its name in the policy.")
    skipped: tuple[SkippedStep, ...] = Field((), description="Repair steps passed over before it, and why.")
    typeset: bool = Field(False, description="Whether the words were typeset, not painted.")
    mask: ImageView | None = Field(None, description="What was repainted: white yes, black no.")
    image: ImageView | None
    host_image: ImageView | None = Field(
        None, description="What the host sent, where `image` is that under the mask and the original around it."
    )
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
    accept: str
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
    replay: Replay | None = Field(None, description="The recorded render it paints again, and what came of that.")
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
    ratings: tuple[Rating, ...] = ()
    input: JobRequest
    output: tuple[str, ...]
    metrics: JobMetrics


class SummaryMetrics(Value):
    """Milliseconds."""

    draft_ms: int | None = Field(description="Submit to first draft.")
    total_ms: int | None = Field(description="Submit to conclusion.")


class JobSummary(Value):
    """A job in a list: what a board shows. Named as in the job itself; `drafts` are the newest 16."""

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
    size: str
    expected_text: tuple[str, ...]
    drafts: tuple[GlimpseView, ...]
    chosen_draft: int | None
    final: GlimpseView | None
    cost_usd_micros: int
    error: str | None
    ratings: int = Field(description="How many people rated it.")
    stars: float | None = Field(description="The mean of their stars, 1 to 5.")
    urls: JobUrls
    input: JobRequest
    metrics: SummaryMetrics


class JobList(Value):
    jobs: tuple[JobSummary, ...]
    cursor: str | None = None


class ModelAlias(Value):
    """One name and the model it stands for."""

    alias: str
    model: str = Field(description="For the very next job.")
    catalogue_model: str | None = Field(None, description="What the catalogue says; null for a name made here.")
    history: tuple[Release, ...] | None = Field(None, description="For admins: every move, oldest first.")
    problem: str | None = Field(None, description="What is wrong with the history, should it have been tampered with.")


class ModelAliasList(Value):
    aliases: tuple[ModelAlias, ...]


class AuditView(Value):
    """A job's hash chain. `intact` is recomputed on every read, never stored."""

    job_id: str
    intact: bool
    problem: str | None
    events: tuple[Event, ...]
    breaks: tuple[Break, ...] = ()


def audit_view(record: JobRecord) -> AuditView:
    """The chain of a record; an event that is none any more is told of by its break only."""
    events: list[Event] = []
    for event in record.events:
        with contextlib.suppress(ValidationError):
            events.append(Event.model_validate(event))
    problem = record.breaks[0].problem if record.breaks else None
    return AuditView(
        job_id=record.job_id, intact=record.intact, problem=problem, events=tuple(events), breaks=record.breaks
    )


def image_view(image: ImageRef, *, link: Link) -> ImageView:
    return ImageView(**image.model_dump(), url=link(image), thumb_url=link(image, thumbnail=True))


def render_view(attempt: Attempt, *, link: Link) -> RenderView:
    refs = {name: getattr(attempt, name) for name in ("image", "host_image", "mask")}
    pictures = {name: image_view(ref, link=link) if ref else None for name, ref in refs.items()}
    rest = RenderView.model_fields.keys() - refs.keys() - {"typeset"}
    fields: dict[str, Any] = {name: getattr(attempt, name) for name in rest}
    return RenderView(typeset=attempt.recipe.sampler == "typeset", **pictures, **fields)


def job_summary(job: Job, *, link: Link, base_url: str) -> JobSummary:
    """The job as its own item tells it; `base_url` without a trailing slash."""
    views = [_glimpse_view(each, link=link) for each in job.pictures]
    finals = [view for view in views if view.tier is Tier.FINAL]
    ready = [each.completed_at for each in job.pictures if each.tier is Tier.DRAFT and each.completed_at]
    same = {name: getattr(job, name) for name in JobSummary.model_fields if name in Job.model_fields}
    return JobSummary(
        **same
        | {
            "status": job.stage.status,
            "size": str(job.size),
            "drafts": tuple(view for view in views if view.tier is Tier.DRAFT),
            "final": next((view for view in finals if view.attempt == job.final_attempt), None),
            "error": job.error.message if job.error and job.stage is Stage.FAILED else None,
            "ratings": job.stars.count,
            "stars": job.stars.mean,
            "urls": _urls(job, base_url),
            "input": job.request,
            "metrics": SummaryMetrics(
                draft_ms=_ms(job.created_at, min(ready)) if ready else None,
                total_ms=_ms(job.created_at, job.completed_at),
            ),
        }
    )


def _glimpse_view(glimpse: Glimpse, *, link: Link) -> GlimpseView:
    same = {name: getattr(glimpse, name) for name in GlimpseView.model_fields if name != "image"}
    return GlimpseView(image=image_view(glimpse.image, link=link), **same)


def _urls(job: Job, base_url: str) -> JobUrls:
    here = f"{base_url}/v1/jobs/{job.id}"
    return JobUrls(
        get=here,
        cancel=f"{here}/cancel",
        approve=f"{here}/approve",
        reject=f"{here}/reject",
        accept=f"{here}/accept",
        audit=f"{here}/audit",
    )


def job_view(
    job: Job, attempts: Sequence[Attempt], *, link: Link, base_url: str, ratings: Sequence[Rating] = ()
) -> JobView:
    """The whole job; `attempts` in the order they were made, `base_url` without a trailing slash."""
    views = [render_view(attempt, link=link) for attempt in attempts]
    drafts = tuple(view for view in views if view.tier is Tier.DRAFT and view.status is AttemptStatus.RENDERED)
    finals = tuple(view for view in views if view.tier is Tier.FINAL)
    final = next((view for view in finals if view.attempt == job.final_attempt), None)
    error = job.error if job.stage is Stage.FAILED else None
    shown = final if final and final.image else None
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
        replay=job.replay,
        expected_text=job.expected_text,
        drafts=drafts,
        chosen_draft=job.chosen_draft,
        final=final,
        verification=final.verification if final else None,
        attempts=tuple(views),
        cost_usd_micros=job.cost_usd_micros,
        error=error.message if error else None,
        error_detail=error,
        urls=_urls(job, base_url),
        ratings=tuple(ratings),
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


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


class KeyView(Value):
    """An API key as its tenant's admins see it."""

    id: str
    name: str
    begins_with: str = Field(description="The first characters of the key.")
    scopes: tuple[str, ...]
    works: bool = Field(description="Neither revoked nor expired.")
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None


class IssuedKeyView(KeyView):
    """The one answer that holds the key itself."""

    key: str


class KeyList(Value):
    keys: tuple[KeyView, ...]


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
