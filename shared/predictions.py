"""A job as Replicate's clients read it: the prediction, its model and the model's version.

Hides Replicate's shapes (replicate-python 1.0.7). Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from shared.models import AttemptStatus, Finalize, JobRequest, Stage, Tier, Value
from shared.views import JobView, RenderView

OWNER: Final = "presscheck"
Status = Literal["starting", "processing", "succeeded", "failed", "canceled"]
_BORN: Final = datetime(2026, 11, 1, tzinfo=UTC)
_COG: Final = "0.16.0"
"""Above 0.3.9 the client takes a list of outputs for a list, not for a stream of pieces."""


class PredictionUrls(Value):
    """No `stream`: the client takes its absence for "does not stream"."""

    get: str
    cancel: str
    web: str


class Prediction(Value):
    """Replicate's prediction, field by field. Everything else there is to know stands in the job of the same id."""

    id: str
    model: str
    version: str
    input: dict[str, Any]
    logs: str
    output: tuple[str, ...] | None
    data_removed: bool = False
    error: str | None
    status: Status
    created_at: str
    started_at: str | None
    completed_at: str | None
    metrics: dict[str, float]
    urls: PredictionUrls


class PredictionPage(Value):
    previous: str | None = None
    next: str | None
    results: tuple[Prediction, ...]


class ModelVersion(Value):
    """There is one version of each, named like it: what changes is recorded with every render instead."""

    id: str
    created_at: str
    cog_version: str = _COG
    openapi_schema: dict[str, Any]


class ModelCard(Value):
    """A use case or a model of the catalogue, as `replicate.models.get("presscheck/hero")` shows it."""

    url: str
    owner: str = OWNER
    name: str
    description: str
    visibility: Literal["public", "private"] = "private"
    github_url: str | None = None
    paper_url: str | None = None
    license_url: str | None = None
    run_count: int = 0
    cover_image_url: str | None = None
    default_example: None = None
    latest_version: ModelVersion


def prediction(job: JobView) -> Prediction:
    """The prediction of a job."""
    here = f"{_base_url(job)}/v1/predictions/{job.id}"
    name = job.input.model or job.use_case
    return Prediction(
        id=job.id,
        model=f"{OWNER}/{name}",
        version=name,
        input=job.input.model_dump(mode="json", exclude_defaults=True),
        logs="".join(f"{_line(attempt)}\n" for attempt in job.attempts),
        output=_output(job) if job.stage is Stage.DONE else None,
        error=job.error,
        status=job.status,
        created_at=_time(job.created_at),
        started_at=_time(job.started_at) if job.started_at else None,
        completed_at=_time(job.completed_at) if job.completed_at else None,
        metrics=_metrics(job),
        urls=PredictionUrls(get=here, cancel=f"{here}/cancel", web=job.urls.get),
    )


def model_card(name: str, description: str, *, base_url: str) -> ModelCard:
    return ModelCard(
        url=f"{base_url}/v1/models/{OWNER}/{name}",
        name=name,
        description=description,
        latest_version=model_version(name),
    )


def model_version(name: str) -> ModelVersion:
    """With the schemas of what goes in and comes out, where the client looks for them."""
    fields = JobRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = fields.pop("$defs", {}) | {
        "Input": fields | {"title": "Input"},
        "Output": {"type": "array", "items": {"type": "string", "format": "uri"}, "title": "Output"},
    }
    schema = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": name},
        "paths": {},
        "components": {"schemas": schemas},
    }
    return ModelVersion(id=name, created_at=_time(_BORN), openapi_schema=schema)


def _output(job: JobView) -> tuple[str, ...]:
    """The final, or the drafts of a job that wanted no more."""
    drafts = tuple(draft.image.url for draft in job.drafts if draft.image)
    links = drafts if job.input.finalize is Finalize.DRAFT_ONLY else job.output
    return tuple(_through_us(link, base_url=_base_url(job)) for link in links)


def _through_us(link: str, *, base_url: str) -> str:
    """The same presigned link, by way of our own address.

    `output.read()` sends the API key along, and S3 refuses a signed link that comes with another credential:
    https://github.com/penpot/penpot/issues/10776. Our address takes it with a key and without.
    """
    parts = urlsplit(link)
    key = parts.path[parts.path.index("/images/") :]
    return f"{base_url}/files{key}?{parts.query}"


def _base_url(job: JobView) -> str:
    return job.urls.get.removesuffix(f"/v1/jobs/{job.id}")


def _metrics(job: JobView) -> dict[str, float]:
    if job.completed_at is None:
        return {}
    total = (job.completed_at - job.created_at).total_seconds()
    painting = (job.completed_at - (job.started_at or job.created_at)).total_seconds()
    return {"predict_time": round(painting, 3), "total_time": round(total, 3)}


def _line(attempt: RenderView) -> str:
    """`final 2: sd35-large, 8.1 s, fail: read "SAIE"`."""
    which = f"draft {attempt.candidate}" if attempt.tier is Tier.DRAFT else f"final {attempt.attempt}"
    said = [attempt.status.value if attempt.status is not AttemptStatus.RENDERED else
            f"{attempt.latency_ms.total / 1000:.1f} s"]  # fmt: skip
    if attempt.error:
        said.append(attempt.error.code)
    if attempt.verification:
        said.append(f'{attempt.verification.verdict}: read "{attempt.verification.recognized[:80]}"')
    return f"{which}: {attempt.model}, {', '.join(said)}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
