"""Reading a request and writing its reply: who asks, what the body says, how JSON goes out.

Hides content types, base64 and the authorizer's context. Raises RequestErrors; knows no route.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Annotated, Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ValidationError

from functions.api.errors import invalid
from shared.errors import BodyTooLarge, MalformedBody, NotAuthenticated, NotPermitted, UnsupportedMediaType
from shared.models import Allowance, JobRequest, Principal

MAX_BODY_BYTES: Final = 256 * 1024
_WORTH_PACKING: Final = 1_400
"""Characters; what fits into one packet arrives no sooner compressed."""

Body = TypeVar("Body", bound=BaseModel)


def _dated(value: object) -> object:
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("must be a moment such as 2026-11-01T09:00:00Z")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_dated)]
"""A moment in a query, with its zone; never a count of seconds."""


def principal(event: BaseProxyEvent, scope: str | None = None) -> Principal:
    """Who the authorizer says is asking. Raises NotPermitted when their key lacks the scope."""
    vouched = event.raw_event["requestContext"].get("authorizer") or {}
    if "tenant" not in vouched:
        raise NotAuthenticated("no valid API key; send it as `Authorization: Bearer pc_live_…`")
    who = Principal(tenant=vouched["tenant"], name=vouched["name"], scopes=tuple(vouched.get("scopes", "").split()))
    if scope and scope not in who.scopes and "admin" not in who.scopes:
        raise NotPermitted(f"this key lacks the scope {scope}; it has: {', '.join(who.scopes) or 'none'}")
    return who


def body(event: BaseProxyEvent, model: type[Body], *, lenient: bool = False, limit: int = MAX_BODY_BYTES) -> Body:
    """The request body as a value; none is an empty one. Raises a RequestError that names what is wrong with it."""
    raw = raw_body(event, limit=limit)
    kind = ((event.headers or {}).get("content-type") or "").partition(";")[0].strip().lower()
    if not raw and model is not JobRequest:
        raw, lenient = b"{}", True
    if kind != "application/json" and not (kind.endswith("+json") or lenient):
        raise UnsupportedMediaType(f'send JSON with "content-type: application/json", not "{kind[:80] or "none"}"')
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(parsed, dict):
        raise MalformedBody("the body must be a JSON object")
    try:
        return model.model_validate(parsed)
    except ValidationError as error:
        raise invalid(error) from error


def query_of(event: BaseProxyEvent, model: type[Body]) -> Body:
    """The query parameters as a value. Raises InvalidRequest that names the wrong one."""
    try:
        return model.model_validate(event.query_string_parameters or {})
    except ValidationError as error:
        raise invalid(error) from error


def header(event: BaseProxyEvent, name: str) -> str | None:
    return (event.headers or {}).get(name)


def base_url(event: BaseProxyEvent) -> str:
    """Where this API answers, as the client reached it: the stage is part of the path behind API Gateway."""
    where = event.raw_event["requestContext"]
    host = header(event, "host") or where.get("domainName") or ""
    scheme = header(event, "x-forwarded-proto") or "https"
    prefix = str(where.get("path") or event.path).removesuffix(event.path).rstrip("/")
    return f"{scheme}://{host}{prefix}"


def unchanged(event: BaseProxyEvent, etag: str) -> bool:
    """Whether the client holds this state already."""
    seen = header(event, "if-none-match") or ""
    return etag in [each.strip().removeprefix("W/") for each in seen.split(",")]


def not_modified(etag: str) -> Response[str]:
    return Response(status_code=304, body="", headers={"etag": etag})


def allowance_headers(allowance: Allowance | None) -> dict[str, str]:
    """What is left of a tenant's requests: seconds until `ratelimit-limit` of them may be sent again."""
    if allowance is None:
        return {}
    left = {"limit": allowance.limit, "remaining": allowance.remaining, "reset": allowance.reset_s}
    return {f"ratelimit-{name}": str(value) for name, value in left.items()}


def json_reply(status: int, value: BaseModel, headers: dict[str, str] | None = None) -> Response[str]:
    text = value.model_dump_json()
    return Response(
        status_code=status,
        content_type="application/json",
        body=text,
        headers=dict(headers or {}),
        compress=len(text) > _WORTH_PACKING,
    )


def raw_body(event: BaseProxyEvent, *, limit: int = MAX_BODY_BYTES) -> bytes:
    """The bytes of the body. Raises BodyTooLarge above `limit`."""
    text = event.get("body") or ""
    try:
        raw = base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedBody("the body is not UTF-8 text") from error
    if len(raw) > limit:
        raise BodyTooLarge(f"the body has {len(raw)} bytes, at most {limit} are taken")
    return raw
