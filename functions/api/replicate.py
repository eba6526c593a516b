"""Replicate's predictions over our jobs: the SDK works with a changed base URL.

Hides how their requests become ours. A version is the name of a use case or of a model; the owner of all is presscheck.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, ValidationError

from functions.api.errors import invalid
from functions.api.http import base_url, header, json_reply
from functions.api.routes import Routes
from functions.api.uploads import MAX_BODY_BYTES, stored_input
from functions.api.waiting import preferred_wait_s, settled, since_taken_s, wait_for
from shared import wiring
from shared.errors import InvalidRequest, NotFound
from shared.ledger import Once
from shared.models import Door, Job, JobRequest, Principal, Value
from shared.predictions import (
    OWNER,
    ModelCard,
    ModelVersion,
    Prediction,
    PredictionPage,
    model_card,
    model_version,
    prediction,
)
from shared.views import job_view

routes = Routes("Replicate")

ReplicateEvent = Literal["start", "output", "logs", "completed"]
# What each of Replicate's words is here. We write no logs that grow; "completed" is any end.
_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "start": ("job.started",),
    "output": ("job.draft_ready",),
    "logs": (),
    "completed": ("job.completed", "job.failed", "job.canceled"),
}
_PICTURES: Final = {"image": "init_image", "mask": "mask_image", "init_image": "init_image", "mask_image": "mask_image"}
_HEADROOM_S: Final = 0.5
"""The client hangs up half a second after the time it asked for: replicate/prediction.py, 1.0.7."""
_KEY: Final = re.compile(r"images/[\w.-]{1,128}/[0-9a-f]{2}/[0-9a-f]{64}")
_DURATION: Final = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s?)?")


class NewPrediction(BaseModel):
    """Replicate's body; `input` holds the fields of a job. `image` and `mask` may be data: URIs or uploaded files."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    version: Annotated[str, Field(max_length=160)] | None = Field(
        None, description="A use case or a model by name, with or without `presscheck/` before it."
    )
    input: dict[str, Any]
    webhook: HttpUrl | None = None
    webhook_completed: HttpUrl | None = Field(None, description="Older clients' word for a webhook of `completed`.")
    webhook_events_filter: tuple[ReplicateEvent, ...] | None = None
    stream: bool | None = None


class PageQuery(Value):
    cursor: Annotated[str, Field(max_length=1024)] | None = None


_CREATED: Final[dict[str, Any]] = {
    "scope": "render",
    "idempotent": True,
    "takes": NewPrediction,
    "max_bytes": MAX_BODY_BYTES,
    "gives": {201: Prediction},
    "headers": ("Prefer", "Cancel-After"),
}


@routes.post("/v1/predictions", **_CREATED)
def create_prediction(who: Principal, asked: NewPrediction, once: Once | None) -> Response[str]:
    """Submit a job as Replicate's clients do.

    `Prefer: wait` answers when it is done, or after 25 seconds with status `starting`.
    """
    if asked.version is None:
        raise InvalidRequest("version: name a use case or a model, e.g. hero", param="version")
    return _create(who, asked, named=asked.version.removeprefix(f"{OWNER}/"), once=once)


@routes.post("/v1/models/<owner>/<name>/predictions", **_CREATED)
def create_model_prediction(
    who: Principal, asked: NewPrediction, once: Once | None, owner: str, name: str
) -> Response[str]:
    """Submit a job for one use case or model, e.g. presscheck/hero."""
    if asked.version is not None:
        raise InvalidRequest("version: the path names the model already; leave it out", param="version")
    _described(owner, name)
    return _create(who, asked, named=name, once=once)


@routes.get("/v1/predictions", query=PageQuery, gives={200: PredictionPage})
def list_predictions(who: Principal, query: PageQuery) -> Response[str]:
    """Jobs as predictions, newest first."""
    found = wiring.ledger().jobs(who.tenant, cursor=query.cursor)
    more = f"{base_url(routes.event)}/v1/predictions?cursor={found.cursor}" if found.cursor else None
    return json_reply(200, PredictionPage(next=more, results=tuple(_shown(job) for job in found.jobs)))


@routes.get("/v1/predictions/<job_id>", gives={200: Prediction})
def get_prediction(who: Principal, job_id: str) -> Response[str]:
    """One job as a prediction."""
    return json_reply(200, _shown(wiring.ledger().job(job_id, tenant=who.tenant)))


@routes.post("/v1/predictions/<job_id>/cancel", scope="render", gives={200: Prediction})
def cancel_prediction(who: Principal, job_id: str) -> Response[str]:
    """Cancel a job. Canceling what is over changes nothing."""
    return json_reply(200, _shown(wiring.decisions().cancel(who, job_id)))


@routes.get("/v1/models/<owner>/<name>", gives={200: ModelCard})
def get_model(owner: str, name: str) -> Response[str]:
    """A use case or a model, as Replicate's clients know one."""
    return json_reply(200, model_card(name, _described(owner, name), base_url=base_url(routes.event)))


@routes.get("/v1/models/<owner>/<name>/versions/<version>", gives={200: ModelVersion})
def get_model_version(owner: str, name: str, version: str) -> Response[str]:
    """The one version there is, with the schema of its input."""
    _described(owner, name)
    if version != name:
        raise NotFound(f"{OWNER}/{name} has one version, {name}; templates and policies carry the numbers here")
    return json_reply(200, model_version(name))


@routes.get("/files/images/<tenant>/<shard>/<sha256>", public=True, gives={200: "image/*"}, errors=(404, 503))
def follow_output(tenant: str, shard: str, sha256: str) -> Response[bytes]:
    """Fetch an output of a prediction. The link itself is the permission, and it is short-lived."""
    key = f"images/{tenant}/{shard}/{sha256}"
    if not _KEY.fullmatch(key):
        raise NotFound("this link leads nowhere")
    query = urlencode(routes.event.query_string_parameters or {}, quote_via=quote)
    data, mime = wiring.images().follow(key, query)
    return Response(status_code=200, content_type=mime, body=data, headers={"cache-control": "private, max-age=600"})


# ── creating ─────────────────────────────────────────────────────────────────────────────────────


def _create(who: Principal, asked: NewPrediction, *, named: str, once: Once | None) -> Response[str]:
    if asked.stream:
        raise InvalidRequest("stream: predictions do not stream; wait for them, or ask for a webhook", param="stream")
    request = _request(who, asked, named=named)
    door = Door(base_url=base_url(routes.event), dialect="replicate")
    job = wiring.submissions().submit(who, request, once=once, door=door)
    seconds = preferred_wait_s(header(routes.event, "prefer"))
    if seconds is None:
        return json_reply(201, _shown(job))
    left_s = seconds - since_taken_s(routes.event) - _HEADROOM_S
    job = wait_for(job, left_s, context=routes.context)
    shown = _shown(job)
    if not settled(job):
        # The client takes every other status of a waited-for prediction for its end: replicate/run.py, 1.0.7.
        shown = shown.model_copy(update={"status": "starting"})
    return json_reply(201, shown, {"preference-applied": f"wait={seconds}"})


def _request(who: Principal, asked: NewPrediction, *, named: str) -> JobRequest:
    fields = {_PICTURES.get(name, name): value for name, value in asked.input.items() if value is not None}
    if len(fields) < sum(value is not None for value in asked.input.values()):
        raise InvalidRequest("input: give image or init_image, and mask or mask_image, not both", param="input")
    for name in ("init_image", "mask_image"):
        if name in fields:
            fields[name] = stored_input(routes.event, who.tenant, fields[name], param=f"input.{name}")
    fields |= _painter(named) | _webhook(asked) | _patience(header(routes.event, "cancel-after"))
    try:
        return JobRequest.model_validate(fields)
    except ValidationError as error:
        raise invalid(error, under="input") from error


def _painter(named: str) -> dict[str, str]:
    """A use case where there is one of that name, else a model. Raises NotFound."""
    if named in wiring.releases().policy().use_cases:
        return {"use_case": named}
    try:
        wiring.aliases().catalogue_for(named).find(named)
    except InvalidRequest as error:
        problem = f'version: "{named[:80]}" is neither a use case nor a model; GET /v1/models lists both'
        raise InvalidRequest(problem, param="version", **error.context) from error
    return {"model": named}


def _webhook(asked: NewPrediction) -> dict[str, Any]:
    url = asked.webhook or asked.webhook_completed
    if url is None:
        if asked.webhook_events_filter:
            raise InvalidRequest("webhook_events_filter needs a webhook", param="webhook_events_filter")
        return {}
    filtered = ("completed",) if asked.webhook is None else asked.webhook_events_filter
    if filtered is None:
        return {"webhook": str(url)}
    events = tuple(dict.fromkeys(event for word in filtered for event in _EVENTS[word]))
    if not events:
        problem = 'webhook_events_filter: "logs" alone tells nothing, they do not grow here; add output or completed'
        raise InvalidRequest(problem, param="webhook_events_filter")
    return {"webhook": str(url), "webhook_events": events}


def _patience(cancel_after: str | None) -> dict[str, int]:
    """`Cancel-After: 90`, `90s`, `1m`, `1h30m`."""
    if cancel_after is None:
        return {}
    match = _DURATION.fullmatch(cancel_after.strip())
    if not match or not any(match.groups()):
        raise InvalidRequest(f'Cancel-After must look like 90s, 5m or 1h30m, not "{cancel_after[:40]}"')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return {"cancel_after_s": hours * 3600 + minutes * 60 + seconds}


# ── showing ──────────────────────────────────────────────────────────────────────────────────────


def _shown(job: Job) -> Prediction:
    attempts = wiring.ledger().attempts(job.id)
    return prediction(job_view(job, attempts, link=wiring.images().link, base_url=base_url(routes.event)))


def _described(owner: str, name: str) -> str:
    """What a use case or model is. Raises NotFound, also for another owner's."""
    use_cases = wiring.releases().policy().use_cases
    if owner == OWNER and name in use_cases:
        return f"{use_cases[name].title}. {use_cases[name].why}"
    if owner == OWNER:
        try:
            return wiring.aliases().catalogue_for(name).find(name).title
        except InvalidRequest as error:
            raise NotFound(error.message, param="model", **error.context) from error
    raise NotFound(f"no model {owner[:40]}/{name[:40]}; all of ours are {OWNER}/…", param="model")
