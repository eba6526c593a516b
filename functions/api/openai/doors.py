"""The two doors of OpenAI's clients, and what happens while one of them waits in there.

A call that may wait no longer is answered 503 with `x-should-retry: true`; the SDK asks again by itself and goes on
waiting for the jobs it began: see shared.pipeline.calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, ValidationError

from functions.api import live
from functions.api.errors import invalid
from functions.api.http import base_url, body, header, json_reply
from functions.api.multipart import Form
from functions.api.openai.events import CONTENT_TYPE, Kind, told
from functions.api.openai.reply import Pictures, pictures, still_working
from functions.api.openai.request import ImageParameters, Wish, understood
from functions.api.replays import HEADER, checked_key
from functions.api.routes import Routes
from functions.api.uploads import MAX_BODY_BYTES, form, store, stored_input
from functions.api.waiting import MAX_WAIT_S, since_taken_s, wait_for
from shared import wiring
from shared.errors import InvalidRequest, ModelNotFound, ModelRetired, RequestError
from shared.ledger.calls import Call
from shared.models import Door, Job, Principal, canonical_json, sha256_hex

routes = Routes("OpenAI")

_THEIR_NAMES: Final = {"init_image": "image", "mask_image": "mask"}
_NUMBERS: Final = frozenset(
    {
        "n",
        "partial_images",
        "output_compression",
        "seed",
        "guidance",
        "guidance_scale",
        "steps",
        "drafts",
        "strength",
        "text_box",
        "max_cost_usd_micros",
        "cancel_after_s",
    }
)
_READ_MARGIN_S: Final = 1.0


class EditParameters(ImageParameters):
    """As generations, and the picture to change."""

    image: str | None = Field(None, description="A file of the form; in JSON a data: URI or the sha256 of an upload.")
    mask: str | None = Field(
        None, description="Likewise; as large as the image. Where it is transparent (else: white) may be repainted."
    )


_DECLARED: Final[dict[str, Any]] = {
    "scope": "render",
    "max_bytes": MAX_BODY_BYTES,
    "gives": {200: (Pictures, "text/event-stream")},
    "errors": (404, 409, 503),
    "headers": (HEADER, "x-stainless-retry-count", "x-stainless-read-timeout"),
}


@routes.post("/v1/images/generations", takes=ImageParameters, **_DECLARED)
def generate_images(who: Principal, asked: ImageParameters) -> Response[str]:
    """Paint pictures as OpenAI's clients ask for them.

    Waits up to 25 seconds; later it answers 503 with `Retry-After`, and the same request again goes on waiting for the
    jobs already begun. With `stream` the reply is server-sent events. Any field of a job may stand beside OpenAI's.
    """
    wish = _understood(asked)
    return _answer(who, wish, kind="image_generation", body=asked.model_dump(mode="json", exclude_none=True))


@routes.post("/v1/images/edits", takes=EditParameters, media="multipart/form-data", **_DECLARED)
def edit_images(who: Principal) -> Response[str]:
    """Change a picture of yours, under a mask or as a whole.

    A form with the files `image` and, where only a part may change, `mask`: 4.4 MB together. Larger pictures are
    uploaded first and named in JSON. Everything else is as in generations.
    """
    kind = (header(routes.event, "content-type") or "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        asked, image, mask = _from_form(who, form(routes.event))
    else:
        asked = body(routes.event, EditParameters, limit=MAX_BODY_BYTES)
        image, mask = (_named(who, getattr(asked, name), param=name) for name in ("image", "mask"))
    if image is None:
        raise InvalidRequest("image: send the picture to change", param="image")
    plain = ImageParameters.model_validate(asked.model_dump(exclude={"image", "mask"}))
    wish = _understood(plain, init_image=image, mask_image=mask)
    said = plain.model_dump(mode="json", exclude_none=True) | {"image": image, "mask": mask}
    return _answer(who, wish, kind="image_edit", body=said)


def _understood(asked: ImageParameters, **pictures: str | None) -> Wish:
    use_cases = wiring.releases().policy().use_cases
    return understood(asked, catalogue=wiring.aliases().catalogue_for(asked.model), use_cases=use_cases, **pictures)


# ── reading a form ───────────────────────────────────────────────────────────────────────────────


def _from_form(who: Principal, sent: Form) -> tuple[EditParameters, str | None, str | None]:
    """The parameters, and the sha256 of the stored picture and mask. A form knows text alone: numbers are read here."""
    unknown = set(sent.files) - {"image", "mask"}
    if unknown:
        raise InvalidRequest(f"{min(unknown)[:80]}: no such file is taken; image and mask are", param=min(unknown))
    stored: dict[str, str | None] = {}
    for name in ("image", "mask"):
        files = sent.files.get(name, [])
        if len(files) > 1:
            raise InvalidRequest(f"{name}: one picture is changed at a time, not {len(files)}", param=name)
        stored[name] = store(who.tenant, files[0], param=name).sha256 if files else None
    fields = {name: _read(name, value) for name, value in sent.fields.items()}
    try:
        return EditParameters.model_validate(fields), stored["image"], stored["mask"]
    except ValidationError as error:
        raise invalid(error) from error


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_read(name, each) for each in value]
    if name == "stream":
        return {"true": True, "false": False}.get(value, value)
    if name not in _NUMBERS or not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value


def _named(who: Principal, value: str | None, *, param: str) -> str | None:
    return None if value is None else stored_input(routes.event, who.tenant, value, param=param)


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────


def _answer(who: Principal, wish: Wish, *, kind: Kind, body: dict[str, Any]) -> Response[str]:
    call = _call(who, wish, asked=sha256_hex(canonical_json([kind, body])))
    jobs = [wiring.ledger().job(job_id, tenant=who.tenant) for job_id in call.job_ids]
    if wish.stream and live.possible(routes.context):
        events = _events(call, jobs[0], wish, kind=kind, instance=routes.event.path, context=routes.context)
        return live.reply(events, CONTENT_TYPE, context=routes.context)
    jobs = _waited(jobs)
    if not all(job.stage.terminal for job in jobs):
        wiring.calls().leave(call)
        raise still_working(jobs)
    wiring.calls().answered(call)
    if wish.stream:
        whole = "".join(told(jobs, wish.shown, kind=kind, instance=routes.event.path))
        return Response(status_code=200, content_type=CONTENT_TYPE, body=whole)
    return json_reply(200, pictures(jobs, wish.shown))


def _call(who: Principal, wish: Wish, *, asked: str) -> Call:
    """The call this request repeats, else a new one."""
    key = checked_key(header(routes.event, HEADER))
    digest = sha256_hex(canonical_json([who.name, key or asked]))
    lasts_s = routes.context.get_remaining_time_in_millis() / 1000
    patience = timedelta(seconds=lasts_s if wish.stream and live.possible(routes.context) else _budget_s())
    repeat = (header(routes.event, "x-stainless-retry-count") or "0") != "0"
    calls = wiring.calls()
    call = calls.attach(who, digest, asked=asked, keyed=key is not None, repeat=repeat, patience=patience)
    if call:
        return call
    try:
        return calls.begin(
            who,
            digest,
            wish.request,
            asked=asked,
            keyed=key is not None,
            pictures=wish.pictures,
            patience=patience,
            door=Door(base_url=base_url(routes.event)),
        )
    except ModelRetired as error:
        raise ModelNotFound(error.message, param="model", **error.context) from error
    except RequestError as error:
        error.param = _THEIR_NAMES.get(error.param or "", error.param)
        raise


def _budget_s() -> float:
    """Seconds this request may still wait: fewer where the client would hang up sooner, and never hear to come back."""
    said = header(routes.event, "x-stainless-read-timeout") or ""
    try:
        most = min(float(MAX_WAIT_S), float(said) - _READ_MARGIN_S)
    except ValueError:
        most = float(MAX_WAIT_S)
    return max(0.0, most - since_taken_s(routes.event))


def _waited(jobs: Sequence[Job]) -> list[Job]:
    """The jobs when all have concluded, or as they are when the time is over."""
    deadline = wiring.now() + timedelta(seconds=_budget_s())
    done = []
    for job in jobs:
        left = (deadline - wiring.now()).total_seconds()
        done.append(wait_for(job, left, until=lambda each: each.stage.terminal, context=routes.context))
    return done


def _events(call: Call, job: Job, wish: Wish, *, kind: Kind, instance: str, context: LambdaContext) -> Iterator[str]:
    """The events while they happen, for as long as this invocation lasts."""
    concluded = False

    def watched() -> Iterator[Job | None]:
        nonlocal concluded
        for snapshot in live.watched(job, context=context):
            concluded = snapshot is not None and snapshot.stage.terminal
            yield snapshot

    yield from told(watched(), wish.shown, kind=kind, instance=instance)
    if concluded:
        wiring.calls().answered(call)
    else:
        wiring.calls().leave(call)
