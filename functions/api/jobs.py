"""Routes about jobs: submit, look, decide, audit.

Each calls one method of the pipeline and shapes the answer.
"""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import Field, StrictInt

from functions.api.http import base_url, header, json_reply, not_modified, unchanged
from functions.api.routes import Routes
from functions.api.waiting import preferred_wait_s, wait_for
from shared import wiring
from shared.ledger import Once
from shared.models import (
    MAX_DRAFTS,
    CleanText,
    Door,
    Job,
    JobFilter,
    JobRequest,
    Principal,
    RatingRequest,
    Value,
    sha256_hex,
)
from shared.pipeline.estimates import Estimate
from shared.views import AuditView, JobList, JobView, audit_view, job_summary, job_view

routes = Routes("Jobs")


class Approval(Value):
    draft: Annotated[StrictInt, Field(ge=1)] | None = None
    off_peak: bool = False


class Rejection(Value):
    reason: Annotated[str, Field(max_length=500)] = ""


class Acceptance(Value):
    attempt: Annotated[StrictInt, Field(ge=1)] | None = None
    reason: Annotated[str, Field(max_length=500)] = ""


class Restoration(Value):
    attempt: Annotated[StrictInt, Field(ge=1, description="Which final.")]
    reason: Annotated[CleanText, Field(min_length=1, max_length=500, pattern=r"\S", description="Why; kept on record.")]


class Replaying(Value):
    render: Annotated[str, Field(pattern=r"^(d[1-9]\d?|f)-[1-9]\d?$", examples=["f-1", "d2-1"])] | None = None


class MoreDrafts(Value):
    count: Annotated[StrictInt, Field(ge=1, le=MAX_DRAFTS)] = 1


class Page(JobFilter):
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[str, Field(max_length=1024)] | None = None


@routes.post(
    "/v1/jobs",
    scope="render",
    takes=JobRequest,
    idempotent=True,
    gives={201: JobView, 202: JobView},
    headers=("Prefer",),
)
def submit(who: Principal, asked: JobRequest, once: Once | None) -> Response[str]:
    """Submit a job.

    Answers 202 at once. With `Prefer: wait=N` it answers 201 when the job has settled or N seconds (at most 25) are
    over, whichever comes first.
    """
    return _submit(who, asked, once)


@routes.post(
    "/generate",
    scope="render",
    takes=JobRequest,
    lenient=True,
    idempotent=True,
    gives={201: JobView, 202: JobView},
    headers=("Prefer",),
)
def generate(who: Principal, asked: JobRequest, once: Once | None) -> Response[str]:
    """Submit a job under the article's name.

    Plain `curl -d` labels its JSON as a form; here the body decides.
    """
    return _submit(who, asked, once)


def _submit(who: Principal, asked: JobRequest, once: Once | None) -> Response[str]:
    return _accepted(wiring.submissions().submit(who, asked, once=once, door=Door(base_url=base_url(routes.event))))


def _accepted(job: Job) -> Response[str]:
    wait_s = preferred_wait_s(header(routes.event, "prefer"))
    headers = {"location": f"{base_url(routes.event)}/v1/jobs/{job.id}"}
    if wait_s is None:
        return json_reply(202, view(job), headers)
    job = wait_for(job, wait_s, context=routes.context)
    return json_reply(201, view(job), headers | {"preference-applied": f"wait={wait_s}"})


@routes.post("/v1/estimate", scope="render", takes=JobRequest, gives={200: Estimate}, errors=(404, 410))
def estimate(who: Principal, asked: JobRequest) -> Response[str]:
    """Say what a job would be, without making it.

    Its models, the words they would be given, what it would cost and how long it would take. Refused for what
    submitting it would be refused for.
    """
    return json_reply(200, wiring.estimates().of(who, asked))


@routes.get("/v1/jobs", query=Page, gives={200: JobList, 304: None}, headers=("If-None-Match",))
def list_jobs(who: Principal, query: Page) -> Response[str]:
    """List jobs, newest first, with their pictures.

    A filter may answer fewer than `limit`, with a cursor to go on from: rare jobs are looked for a thousand at a time.
    """
    only = JobFilter(**query.model_dump(include=set(JobFilter.model_fields)))
    found = wiring.ledger().jobs(who.tenant, limit=query.limit, cursor=query.cursor, only=only)
    etag = _etag(*(f"{job.id}:{job.seq}" for job in found.jobs), str(found.cursor))
    if unchanged(routes.event, etag):
        return not_modified(etag)
    link, here = wiring.images().link, base_url(routes.event)
    jobs = tuple(job_summary(job, link=link, base_url=here) for job in found.jobs)
    return json_reply(200, JobList(jobs=jobs, cursor=found.cursor), _state(etag))


@routes.get("/v1/jobs/<job_id>", gives={200: JobView, 304: None}, headers=("If-None-Match",))
def get_job(who: Principal, job_id: str) -> Response[str]:
    """Look at a job, with links to its pictures.

    `If-None-Match` answers 304 while nothing happened to it, as long as its links work.
    """
    job = wiring.ledger().job(job_id, tenant=who.tenant)
    etag = _etag(f"{job.id}:{job.seq}")
    return not_modified(etag) if unchanged(routes.event, etag) else json_reply(200, view(job), _state(etag))


def _etag(*states: str) -> str:
    """Names what a client holds: states of jobs, and links, which are new before the old ones end."""
    links = int(wiring.now().timestamp()) // (wiring.images().url_ttl_s // 2)
    return f'"{sha256_hex(" ".join([*states, str(links)]))[:32]}"'


def _state(etag: str) -> dict[str, str]:
    return {"etag": etag, "cache-control": "private, no-cache"}


@routes.post("/v1/jobs/<job_id>/approve", scope="approve", takes=Approval, gives={200: JobView}, errors=(409,))
def approve(who: Principal, job_id: str, asked: Approval) -> Response[str]:
    """Choose a draft: its final follows.

    Without a number the first rendered draft is taken.
    """
    job = wiring.decisions().approve(who, job_id, draft=asked.draft, off_peak=asked.off_peak)
    return json_reply(200, view(job))


@routes.post("/v1/jobs/<job_id>/reject", scope="approve", takes=Rejection, gives={200: JobView}, errors=(409,))
def reject(who: Principal, job_id: str, asked: Rejection) -> Response[str]:
    """Reject all drafts, which ends the job."""
    return json_reply(200, view(wiring.decisions().reject(who, job_id, reason=asked.reason)))


@routes.post("/v1/jobs/<job_id>/drafts", scope="approve", takes=MoreDrafts, gives={200: JobView}, errors=(409,))
def more_drafts(who: Principal, job_id: str, asked: MoreDrafts) -> Response[str]:
    """Ask for another round of drafts."""
    return json_reply(200, view(wiring.decisions().more(who, job_id, drafts=asked.count)))


@routes.post("/v1/jobs/<job_id>/accept", scope="approve", takes=Acceptance, gives={200: JobView}, errors=(409,))
def accept(who: Principal, job_id: str, asked: Acceptance) -> Response[str]:
    """Accept a final that failed its verification.

    Without a number the best attempt is taken. The audit chain keeps who did so, and why.
    """
    return json_reply(200, view(wiring.decisions().accept(who, job_id, attempt=asked.attempt, reason=asked.reason)))


@routes.post("/v1/jobs/<job_id>/restore", scope="approve", takes=Restoration, gives={200: JobView}, errors=(409,))
def restore(who: Principal, job_id: str, asked: Restoration) -> Response[str]:
    """Let a job that is done deliver another of its finals.

    The audit chain keeps who did so, and why. Restoring the one it delivers changes nothing.
    """
    return json_reply(200, view(wiring.decisions().restore(who, job_id, attempt=asked.attempt, reason=asked.reason)))


@routes.post("/v1/jobs/<job_id>/cancel", scope="render", gives={200: JobView}, errors=(409,))
def cancel(who: Principal, job_id: str) -> Response[str]:
    """Stop a job wherever it is.

    One that is over is answered as it is.
    """
    return json_reply(200, view(wiring.decisions().cancel(who, job_id)))


@routes.get("/v1/jobs/<job_id>/audit", scope="audit", gives={200: AuditView})
def audit(who: Principal, job_id: str) -> Response[str]:
    """Read a job's audit chain, checked at this moment."""
    return json_reply(200, audit_view(wiring.ledger().record(job_id, tenant=who.tenant)))


@routes.post("/v1/jobs/<job_id>/rating", scope="approve", takes=RatingRequest, gives={200: JobView}, errors=(409,))
def rate(who: Principal, job_id: str, asked: RatingRequest) -> Response[str]:
    """Say what you think of a job's pictures.

    Stars and, from a closed list, what is wrong. Your next rating of the same job replaces this one; the audit chain
    keeps both.
    """
    return json_reply(200, view(wiring.decisions().rate(who, job_id, asked)))


@routes.post(
    "/v1/jobs/<job_id>/replay",
    scope="render",
    takes=Replaying,
    idempotent=True,
    gives={201: JobView, 202: JobView},
    errors=(409,),
    headers=("Prefer",),
)
def replay(who: Principal, job_id: str, asked: Replaying, once: Once | None) -> Response[str]:
    """Paint a recorded render once more, and compare.

    Answers with a job of its own, tagged `replay`: it paints the recorded recipe past the cache, costs what that costs
    and replaces nothing. Its `replay.outcome` says whether the picture is bit exact, perceptually equal or not
    reproducible, and why; the chain of the replayed job keeps it as well. Without a render: what the job delivered.
    """
    return _accepted(wiring.replays_of_renders().start(who, job_id, render=asked.render, once=once))


def view(job: Job) -> JobView:
    """The job with its attempts and links, as it stands in the ledger now."""
    ledger = wiring.ledger()
    return job_view(
        job,
        ledger.attempts(job.id),
        link=wiring.images().link,
        base_url=base_url(routes.event),
        ratings=ledger.ratings(job.id) if job.stars.count else (),
    )
