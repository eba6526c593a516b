"""The job API: one Lambda behind API Gateway's proxy, one thin route a verb.

Parses, calls one method of the pipeline, shapes the answer. No business facts.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, StrictInt, ValidationError

from functions.api import choices
from functions.api.errors import invalid, problem
from functions.api.http import Body, body, json_reply, principal
from shared import wiring
from shared.errors import NotFound, PresscheckError
from shared.ledger import chain_problem
from shared.models import MAX_DRAFTS, Job, JobRequest, Principal, Stage, Value
from shared.telemetry import logger
from shared.views import AuditView, JobList, JobView, job_view

app = APIGatewayRestResolver(strip_prefixes=[])
app.include_router(choices.router)


class Approval(Value):
    draft: Annotated[StrictInt, Field(ge=1)] | None = None
    off_peak: bool = False


class Rejection(Value):
    reason: Annotated[str, Field(max_length=500)] = ""


class MoreDrafts(Value):
    count: Annotated[StrictInt, Field(ge=1, le=MAX_DRAFTS)] = 1


class Page(Value):
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[str, Field(max_length=1024)] | None = None
    stage: Stage | None = None


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one HTTP request. Input: events/api-*.json."""
    return app.resolve(event, context)


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────


@app.post("/v1/jobs")
def submit() -> Response[str]:
    return _submit(_body(JobRequest))


@app.post("/generate")
def generate() -> Response[str]:
    """The article's wrapper: the same job. Plain `curl -d` labels its JSON as a form; the body decides."""
    return _submit(_body(JobRequest, lenient=True))


def _submit(request: JobRequest) -> Response[str]:
    job = wiring.submissions().submit(_principal("render"), request)
    return json_reply(202, _view(job), {"location": f"{_base_url()}/v1/jobs/{job.id}"})


@app.get("/v1/jobs")
def list_jobs() -> Response[str]:
    try:
        page = Page.model_validate(app.current_event.query_string_parameters or {})
    except ValidationError as error:
        raise invalid(error) from error
    found = wiring.ledger().jobs(_principal().tenant, limit=page.limit, cursor=page.cursor, stage=page.stage)
    return json_reply(200, JobList(jobs=tuple(_view(job) for job in found.jobs), cursor=found.cursor))


@app.get("/v1/jobs/<job_id>")
def get_job(job_id: str) -> Response[str]:
    """The job with links; `If-None-Match` answers 304 while nothing happened to it."""
    job = wiring.ledger().job(job_id, tenant=_principal().tenant)
    etag = f'"{hashlib.sha256(f"{job.id}:{job.seq}".encode()).hexdigest()[:32]}"'
    seen = (app.current_event.headers or {}).get("if-none-match") or ""
    if etag in [each.strip().removeprefix("W/") for each in seen.split(",")]:
        return Response(status_code=304, body="", headers={"etag": etag})
    return json_reply(200, _view(job), {"etag": etag, "cache-control": "private, no-cache"})


@app.post("/v1/jobs/<job_id>/approve")
def approve(job_id: str) -> Response[str]:
    asked = _body(Approval)
    return json_reply(
        200,
        _view(wiring.decisions().approve(_principal("approve"), job_id, draft=asked.draft, off_peak=asked.off_peak)),
    )


@app.post("/v1/jobs/<job_id>/reject")
def reject(job_id: str) -> Response[str]:
    return json_reply(
        200, _view(wiring.decisions().reject(_principal("approve"), job_id, reason=_body(Rejection).reason))
    )


@app.post("/v1/jobs/<job_id>/drafts")
def more_drafts(job_id: str) -> Response[str]:
    return json_reply(
        200, _view(wiring.decisions().more(_principal("approve"), job_id, drafts=_body(MoreDrafts).count))
    )


@app.post("/v1/jobs/<job_id>/cancel")
def cancel(job_id: str) -> Response[str]:
    return json_reply(200, _view(wiring.decisions().cancel(_principal("render"), job_id)))


@app.get("/v1/jobs/<job_id>/audit")
def audit(job_id: str) -> Response[str]:
    job = wiring.ledger().job(job_id, tenant=_principal("audit").tenant)
    events = wiring.ledger().events(job_id)
    wrong = chain_problem(job, events)
    return json_reply(200, AuditView(job_id=job_id, intact=wrong is None, problem=wrong, events=events))


@app.get("/health")
def health() -> Response[str]:
    """Alive, and able to read its settings. Needs no key."""
    body = json.dumps({"status": "ok", "stage": wiring.settings().stage})
    return Response(status_code=200, content_type="application/json", body=body)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@app.exception_handler(PresscheckError)  # type: ignore[untyped-decorator]  # Powertools does not type it
def _ours(error: PresscheckError) -> Response[str]:
    log = logger.exception if error.status >= 500 else logger.info  # noqa: PLR2004
    log("request_refused", extra={"code": error.code, "param": error.param})
    return problem(error, instance=app.current_event.path)


@app.not_found
def _no_route(_: Exception) -> Response[str]:
    event = app.current_event
    return problem(NotFound(f"{event.http_method} {event.path} is no route of this API"), instance=event.path)


# ── reading and writing ──────────────────────────────────────────────────────────────────────────


def _principal(scope: str | None = None) -> Principal:
    return principal(app.current_event, scope)


def _body(model: type[Body], *, lenient: bool = False) -> Body:
    return body(app.current_event, model, lenient=lenient)


def _view(job: Job) -> JobView:
    attempts = wiring.ledger().attempts(job.id)
    return job_view(job, attempts, link=wiring.images().link, base_url=_base_url())


def _base_url() -> str:
    """Where this API answers, as the client reached it: the stage is part of the path behind API Gateway."""
    event = app.current_event
    host = (event.headers or {}).get("host") or event.request_context.domain_name or ""
    scheme = (event.headers or {}).get("x-forwarded-proto") or "https"
    prefix = (event.request_context.path or event.path).removesuffix(event.path).rstrip("/")
    return f"{scheme}://{host}{prefix}"
