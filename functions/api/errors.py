"""One error body for every client: RFC 9457 problem details with OpenAI's `error` object inside."""

from __future__ import annotations

from typing import Final, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import InvalidRequest, PresscheckError, StillRunning, Throttled
from shared.models.complaints import complaints

_SOON_S = 60
TITLES: Final = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    413: "Body too large",
    415: "Unsupported media type",
    422: "Invalid request",
    429: "Too many requests",
    503: "Try again",
}


class ErrorObject(BaseModel):
    """The error as OpenAI's clients read it."""

    message: str
    type: Literal["invalid_request_error", "api_error"]
    param: str | None = Field(description="The field that is wrong.")
    code: str = Field(description="The word to program against.")


class Problem(BaseModel):
    """Any error, for any client. Some errors say more in fields of their own, e.g. `successor` or `errors`."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: ErrorObject


def problem(error: PresscheckError, *, instance: str) -> Response[str]:
    """The reply for an error of ours."""
    headers = {"x-should-retry": "true" if _worth_a_retry(error) else "false"}
    if "retry_after_s" in error.context:
        headers["retry-after"] = str(error.context["retry_after_s"])
    return Response(
        status_code=error.status,
        content_type="application/problem+json",
        body=problem_body(error, instance=instance).model_dump_json(),
        headers=headers,
    )


def problem_body(error: PresscheckError, *, instance: str) -> Problem:
    """The one body of every error."""
    common = {
        "type": f"urn:presscheck:error:{error.code}",
        "title": TITLES.get(error.status, "Internal error"),
        "status": error.status,
        "detail": error.message,
        "instance": instance,
        "error": {
            "message": error.message,
            "type": "invalid_request_error" if error.status < 500 else "api_error",  # noqa: PLR2004
            "param": error.param,
            "code": error.code,
        },
    }
    return Problem.model_validate(error.context | common)


def _worth_a_retry(error: PresscheckError) -> bool:
    """Whether the same request may fare better within a minute: an SDK that is told so asks again by itself."""
    soon = int(error.context.get("retry_after_s", 0)) <= _SOON_S
    return error.status == 503 or (isinstance(error, Throttled | StillRunning) and soon)  # noqa: PLR2004


def invalid(error: ValidationError, *, under: str | None = None) -> InvalidRequest:
    """The first broken rule, with the field it belongs to; all of them in `errors`.

    `under`: the field of the body that holds what was checked.
    """
    found = [{"param": _joined(under, field), "message": rule} for field, rule in complaints(error)]
    first = found[0]
    where = f"{first['param']}: " if first["param"] else ""
    return InvalidRequest(f"{where}{first['message']}", param=first["param"] or None, errors=found)


def _joined(above: str | None, field: str | None) -> str:
    return ".".join(part for part in (above, field) if part)
