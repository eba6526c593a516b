"""The stand-in's notifications are the sample events, to the byte of their compact JSON."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path

import pytest

from infra.local.sagemaker.config import EndpointConfig
from infra.local.sagemaker.invocation import Invocation, Result, completed, expired, model_error
from infra.local.sagemaker.notification import notification, topic_for

EVENTS = Path(__file__).parents[2] / "events"
BUCKET = "s3://presscheck-dev-images-123456789012"
ATTEMPT = "01KAQ3M8Z5T7W9X1Y3A5C7E9G1-f-1"
CONFIG = EndpointConfig(container="http://127.0.0.1:8080", s3_output=BUCKET, success_topic="good", error_topic="bad")
RECEIVED, SOON, LATE = "2026-11-22T09:30:04.279Z", "2026-11-22T09:30:12.877Z", "2026-11-22T15:30:05.010Z"


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _invocation() -> Invocation:
    return Invocation(
        endpoint="presscheck-dev-sd35-large",
        inference_id=ATTEMPT,
        received_at=_seconds(RECEIVED),
        ttl_s=21_600,
        timeout_s=900,
        output_location=f"{BUCKET}/inference/output/2f4dcf85-01b8-418c-8c93-2b30fcdd1ab8.out",
        failure_location=f"{BUCKET}/inference/failure/any-error.out",
        input_location=f"{BUCKET}/inference/input/{ATTEMPT}.json",
        content_type="application/json",
        accept="application/json",
    )


@pytest.mark.parametrize(
    ("event", "result", "at", "topic"),
    [
        ("success", completed(b"{}", content_type="application/json"), SOON, "good"),
        ("failure", model_error(500), SOON, "bad"),
        ("expired", expired(21_600), LATE, "bad"),
    ],
)
def test_each_end_is_told_as_its_sample_event(event: str, result: Result, at: str, topic: str) -> None:
    expected = json.loads((EVENTS / f"sagemaker-{event}.json").read_text())

    message = notification(_invocation(), result, config=CONFIG, region="us-east-1", now=_seconds(at))

    assert message == json.dumps(expected, separators=(",", ":"))
    assert topic_for(CONFIG, result) == topic


def test_the_sample_lambda_event_wraps_the_success_notification() -> None:
    (record,) = json.loads((EVENTS / "resume-notification.json").read_text())["Records"]

    assert json.loads(record["Sns"]["Message"]) == json.loads((EVENTS / "sagemaker-success.json").read_text())


@pytest.mark.parametrize(("size", "included"), [(131_072, True), (131_073, False)])
def test_the_response_is_included_up_to_128_kb_where_asked(size: int, included: bool) -> None:
    config = CONFIG.model_copy(update={"include_response_in": ("SUCCESS_NOTIFICATION_TOPIC",)})
    payload = b"p" * size

    told = [
        json.loads(notification(_invocation(), result, config=config, region="us-east-1", now=0.0))
        for result in (completed(payload, content_type="text/plain"), model_error(500, payload))
    ]

    assert ["responseBody" in message for message in told] == [included, False]
    assert not included or base64.b64decode(told[0]["responseBody"]["content"]) == payload
