"""What the stand-in must know of each endpoint: where its container answers, where results go.

Hides the configuration file. Never looks into a CloudFormation template: see template.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

S3Uri = Annotated[str, Field(pattern=r"^s3://[^/]+(/.*)?$")]
NotificationTopic = Literal["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]


class EndpointConfig(BaseModel):
    """One asynchronous endpoint: the part of `AsyncInferenceConfig` that clients can notice, and its container."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    container: str = Field(pattern=r"^http://[^/]+/?$", description="Base URL; `/invocations` is appended.")
    s3_output: S3Uri
    s3_failure: S3Uri | None = Field(None, description="Without it no failure object is written and none is announced.")
    success_topic: str | None = None
    error_topic: str | None = None
    include_response_in: tuple[NotificationTopic, ...] = ()
    max_concurrent: int = Field(4, ge=1, description="Requests inside the container at once.")
    queue_size: int = Field(1000, ge=1, description="Requests waiting; one more is throttled.")


Endpoints = dict[str, EndpointConfig]
_ENDPOINTS = TypeAdapter(Endpoints)


def load_endpoints(path: Path) -> Endpoints:
    """The endpoints of a JSON file `{endpoint name: {…}}`. Raises ValueError naming the file and every wrong field."""
    try:
        return _ENDPOINTS.validate_json(path.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ValueError(f"{path}: {wrong}") from error


def dump_endpoints(endpoints: Endpoints) -> bytes:
    """The text that `load_endpoints` reads back to equal values."""
    return _ENDPOINTS.dump_json(endpoints, indent=2)
