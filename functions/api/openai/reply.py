"""Concluded jobs as OpenAI's clients read them: pictures, or the error their SDK should raise.

Hides OpenAI's reply and which of a job's pictures stands for it. Never waits and starts nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from functions.api.openai.request import Presentation
from shared import wiring
from shared.errors import PresscheckError, RenderFailed, StillWorking, TextMismatch, WrongStage
from shared.formats import MIME, Format, converted
from shared.models import Attempt, AttemptStatus, ErrorDetail, Finalize, ImageRef, Job, Stage, Tier, Verification

RETRY_AFTER_S: Final = 2


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class TokenDetails(_Reply):
    """The SDK expects it; hosts tell us only the sums."""

    image_tokens: int = 0
    text_tokens: int = 0


class Usage(_Reply):
    """Tokens as the model's host counted them; 0 where it sells pictures or seconds. What it cost: the job says."""

    input_tokens: int = 0
    input_tokens_details: TokenDetails = TokenDetails()
    output_tokens: int = 0
    total_tokens: int = 0


class Picture(_Reply):
    """One picture: OpenAI's fields, and where it comes from."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    job_id: str
    seed: int
    model: str
    verification: Verification | None
    cost_usd_micros: int


class Pictures(_Reply):
    """OpenAI's ImagesResponse; the last three are ours, of the first picture."""

    created: int
    data: tuple[Picture, ...]
    background: str | None = None
    output_format: str
    quality: str | None = None
    size: str
    usage: Usage
    job_id: str
    seed: int
    model: str


class Render(NamedTuple):
    """An attempt that has a picture."""

    attempt: Attempt
    image: ImageRef


def renders(attempts: Sequence[Attempt], tier: Tier) -> list[Render]:
    done = [each for each in attempts if each.tier is tier and each.status is AttemptStatus.RENDERED]
    return [Render(each, each.image) for each in done if each.image]


def standing(job: Job, attempts: Sequence[Attempt]) -> list[Render]:
    """The pictures that stand for a job: its final, or its drafts where it wanted no more."""
    if job.request.finalize is Finalize.DRAFT_ONLY:
        return renders(attempts, Tier.DRAFT)
    return [each for each in renders(attempts, Tier.FINAL) if each.attempt.attempt == job.final_attempt]


def pictures(jobs: Sequence[Job], shown: Presentation) -> Pictures:
    """The reply when all jobs have concluded. Raises what went wrong, should one have failed."""
    attempts = {job.id: wiring.ledger().attempts(job.id) for job in jobs}
    failed = [job for job in jobs if job.stage is not Stage.DONE]
    if failed:
        passed = [job for job in jobs if job.stage is Stage.DONE]
        raise failure(failed[0], attempts[failed[0].id], beside=[(job, attempts[job.id]) for job in passed])
    found = [(job, render) for job in jobs for render in standing(job, attempts[job.id])]
    data = tuple(_picture(job, render, shown) for job, render in found)
    job, first = found[0]
    return Pictures(
        created=round((job.completed_at or job.updated_at).timestamp()),
        data=data,
        background=None if shown.background == "auto" else shown.background,
        output_format=format_of(first.image, shown),
        quality=None if shown.quality == "auto" else shown.quality,
        size=size_of(first.image),
        usage=usage([render for _, render in found]),
        job_id=job.id,
        seed=first.attempt.recipe.seed,
        model=first.attempt.model,
    )


def encoded(tenant: str, image: ImageRef, shown: Presentation) -> str:
    """The picture in base64, in the format asked for; the stored bytes where that is theirs."""
    data = wiring.images().load(tenant, image.sha256)
    wanted = format_of(image, shown)
    if wanted != MIME.get(image.mime):
        data = converted(data, wanted, quality=shown.output_compression)
    return base64.b64encode(data).decode()


def failure(
    job: Job, attempts: Sequence[Attempt], *, beside: Sequence[tuple[Job, Sequence[Attempt]]] = ()
) -> PresscheckError:
    """What went wrong with a concluded job, with its best attempt and the pictures of its siblings that passed."""
    if job.stage is not Stage.FAILED:
        return WrongStage(f"job {job.id} was {job.stage} before it had a picture", stage=job.stage, job_id=job.id)
    detail = job.error or ErrorDetail(code=RenderFailed.code, message="the render ended without a picture")
    kind = _KINDS.get(detail.code, RenderFailed)
    best = next(iter(standing(job, attempts)), None)
    context = detail.context | {"job_id": job.id}
    if kind is TextMismatch:
        context |= {"ocr_text": detail.context.get("recognized", "")}
    if best:
        context["best_asset"] = wiring.images().link(best.image)
    if beside:
        context["passed"] = [
            {"job_id": other.id, "url": wiring.images().link(render.image)}
            for other, tried in beside
            for render in standing(other, tried)
        ]
    return kind(detail.message, param=detail.param, **context)


def still_working(jobs: Sequence[Job]) -> StillWorking:
    """What a caller hears who may wait no longer: asking for the very same again goes on waiting."""
    ids = ", ".join(job.id for job in jobs)
    return StillWorking(
        f"still painting: the same request again waits on; or ask for the job: {ids}",
        retry_after_s=RETRY_AFTER_S,
        job_ids=[job.id for job in jobs],
        stages=[job.stage for job in jobs],
    )


def usage(found: Sequence[Render]) -> Usage:
    counted = [render.attempt.usage for render in found]
    took, gave = (sum(each.get(name, 0) for each in counted) for name in ("input_tokens", "output_tokens"))
    return Usage(input_tokens=took, output_tokens=gave, total_tokens=took + gave)


def size_of(image: ImageRef) -> str:
    return f"{image.width}x{image.height}"


def _picture(job: Job, render: Render, shown: Presentation) -> Picture:
    linked = shown.response_format == "url"
    return Picture(
        b64_json=None if linked else encoded(job.tenant, render.image, shown),
        url=wiring.images().link(render.image) if linked else None,
        revised_prompt=render.attempt.prompt_effective or None,
        **origin(job, render.attempt),
    )


def origin(job: Job, attempt: Attempt) -> dict[str, Any]:
    """Where a picture comes from: the fields of ours that ride along."""
    return {
        "job_id": job.id,
        "seed": attempt.recipe.seed,
        "model": attempt.model,
        "verification": attempt.verification,
        "cost_usd_micros": job.cost_usd_micros,
    }


def format_of(image: ImageRef, shown: Presentation) -> Format:
    """The format asked for, else the one the picture has."""
    return shown.output_format or MIME.get(image.mime, "png")


def _kinds(base: type[PresscheckError]) -> dict[str, type[PresscheckError]]:
    found = {base.code: base}
    for kind in base.__subclasses__():
        found |= _kinds(kind)
    return found


_KINDS = _kinds(PresscheckError)
