"""The notification of a finished inference, in the service's exact JSON.

Key order, time format and texts follow messages that the service published in 2022 to 2025.
A failed one carries no responseParameters: where the failure object lies, only the answer to
InvokeEndpointAsync said. `Expired` follows the API reference; no such message was found.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.sagemaker.config import EndpointConfig
from infra.local.sagemaker.invocation import Invocation, Result

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceNotificationConfig.html
_MAX_INCLUDED_BYTES: Final = 128 * 1024
_ELSEWHERE: Final = "Check S3 path location(if configured) or Cloudwatch for additional details."


def topic_for(config: EndpointConfig, result: Result) -> str | None:
    """ARN the notification goes to; None when the endpoint has none for this end."""
    return config.success_topic if result.status == "Completed" else config.error_topic


def notification(invocation: Invocation, result: Result, *, config: EndpointConfig, region: str, now: float) -> str:
    """The SNS message; `now` is in seconds since the epoch."""
    message: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _iso(now),
        "receivedTime": _iso(invocation.received_at),
        "invocationStatus": result.status,
    }
    if result.reason is not None:
        message["failureReason"] = result.reason
    message["requestParameters"] = _present(
        accept=invocation.accept,
        contentType=invocation.content_type,
        endpointName=invocation.endpoint,
        inputLocation=invocation.input_location,
    )
    if result.status == "Completed":
        message["responseParameters"] = {
            "contentType": result.content_type,
            "outputLocation": invocation.output_location,
        }
    if _is_included(config, result):
        content = base64.b64encode(result.payload).decode()
        message["responseBody"] = {"content": content, "message": _ELSEWHERE, "encoding": "BASE64"}
    message |= {
        "inferenceId": invocation.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return json.dumps(message, separators=(",", ":"))


def _is_included(config: EndpointConfig, result: Result) -> bool:
    which = "SUCCESS_NOTIFICATION_TOPIC" if result.status == "Completed" else "ERROR_NOTIFICATION_TOPIC"
    return which in config.include_response_in and len(result.payload) <= _MAX_INCLUDED_BYTES


def _present(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
