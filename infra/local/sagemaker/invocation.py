"""The nouns of the stand-in: an accepted request and how it ended. Pure values; no I/O."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["Completed", "Failed", "Expired"]

_CLIENT_ERRORS: Final = range(400, 500)
_SEE_LOGS: Final = "See the SageMaker Endpoint logs in your account for more information."


class Value(BaseModel):
    """Immutable; bytes travel as base64 in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Invocation(Value):
    """A request that was answered with 202. `received_at` is in seconds since the epoch."""

    endpoint: str
    inference_id: str
    received_at: float
    ttl_s: int
    timeout_s: int
    output_location: str
    failure_location: str | None
    input_location: str | None = None
    body: bytes | None = None
    """The inline payload; exactly one of it and `input_location` is set."""
    content_type: str | None = None
    accept: str | None = None
    custom_attributes: str | None = None

    def expired(self, now: float) -> bool:
        """True when it waited longer than RequestTTLSeconds."""
        return now - self.received_at > self.ttl_s


class Result(Value):
    """How a request ended; `payload` is what the output or the failure object holds."""

    status: Status
    payload: bytes
    content_type: str
    reason: str | None = None
    """`failureReason` of the notification; None for a completed request."""


def completed(payload: bytes, *, content_type: str) -> Result:
    return Result(status="Completed", payload=payload, content_type=content_type)


def model_error(status: int, payload: bytes = b"", *, content_type: str = "text/plain") -> Result:
    """The model answered with an error; status 0 is the service's word for no answer at all.

    The text is the service's own, as seen in published notifications of 2023 to 2026.
    """
    side = "client" if status in _CLIENT_ERRORS else "server"
    reason = f"ClientError: Received {side} error ({status}) from model. {_SEE_LOGS}"
    return Result(status="Failed", payload=payload or reason.encode(), content_type=content_type, reason=reason)


def failed(reason: str) -> Result:
    """The service itself could not do its part, e.g. read the input object. The wording is ours."""
    return Result(status="Failed", payload=reason.encode(), content_type="text/plain", reason=reason)


def expired(ttl_s: int) -> Result:
    """The request waited longer than RequestTTLSeconds. Status from the API reference; the wording is ours."""
    reason = f"ClientError: Request expired: it waited in the queue longer than RequestTTLSeconds ({ttl_s})."
    return Result(status="Expired", payload=reason.encode(), content_type="text/plain", reason=reason)
