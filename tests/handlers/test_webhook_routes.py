"""The routes about webhooks, and the notify function from its sample event."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from functions.api.handler import handler
from functions.notify.handler import handler as notify
from shared import wiring
from shared.models import Delivery, DisabledEndpoint, WebhookEvent
from tests.handlers.conftest import Context
from tests.world import DESIGNER, Resources, hero

Sample = Callable[[str], dict[str, Any]]
Call = Callable[..., tuple[int, Any, dict[str, str]]]
GLOBAL = "https://93.184.215.14/hook"
GONE = "https://93.184.215.15/gone"


@pytest.fixture
def call(sample: Sample, context: Context) -> Call:
    """`call("GET", "/v1/…", scopes=…, tenant=…)` through API Gateway's event."""

    def send(
        method: str, path: str, *, body: Any = None, tenant: str = "acme", scopes: str = "render approve audit"
    ) -> tuple[int, Any, dict[str, str]]:
        event = sample("api-get") | {
            "httpMethod": method,
            "path": path,
            "body": None if body is None else json.dumps(body),
            "headers": {"content-type": "application/json", "host": "api.test"},
        }
        event["requestContext"] = event["requestContext"] | {
            "path": "/prod" + path,
            "authorizer": {"tenant": tenant, "name": "dana", "scopes": scopes},
        }
        reply = handler(event, context)  # type: ignore[arg-type]
        headers = {key.lower(): value[0] for key, value in reply["multiValueHeaders"].items()}
        return reply["statusCode"], json.loads(reply["body"]) if reply["body"] else None, headers

    return send


@pytest.fixture
def delivery(deployed: Resources) -> tuple[str, str]:
    """A job of acme with a delivery that was given up: their ids."""
    job = wiring.submissions().submit(DESIGNER, hero(webhook=GLOBAL))
    now = wiring.now()
    given_up = Delivery(
        id=f"msg_{job.id}_job_completed_1",
        event=WebhookEvent.JOB_COMPLETED,
        occurred_at=now,
        url=GLOBAL,
        status="failed",
        reason="answered 500",
        created_at=now,
    )
    wiring.ledger().deliveries.open(job.id, given_up)
    return job.id, given_up.id


def test_the_signing_secret_is_for_admins_and_kept_by_no_cache(call: Call, deployed: Resources) -> None:
    status, first, headers = call("GET", "/v1/webhooks/secret", scopes="admin")

    assert (status, headers["cache-control"]) == (200, "no-store")
    assert first["secret"].startswith("whsec_")
    assert call("GET", "/v1/webhooks/secret", scopes="admin")[1] == first
    assert call("GET", "/v1/webhooks/secret", scopes="admin", tenant="rival")[1]["secret"] != first["secret"]
    for method, path in (("GET", "/v1/webhooks/secret"), ("POST", "/v1/webhooks/secret/rotate")):
        assert call(method, path)[0] == 403
    status, rotated, _ = call("POST", "/v1/webhooks/secret/rotate", scopes="admin")
    assert (status, rotated["secret"] == first["secret"]) == (200, False)
    assert rotated["previous_until"] is not None


def test_deliveries_are_listed_on_their_job_and_tried_again_on_request(call: Call, delivery: tuple[str, str]) -> None:
    job_id, delivery_id = delivery

    status, listed, _ = call("GET", f"/v1/jobs/{job_id}/deliveries")
    assert (status, [each["id"] for each in listed["deliveries"]]) == (200, [delivery_id])
    assert listed["deliveries"][0]["reason"] == "answered 500"
    status, again, _ = call("POST", f"/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver")

    assert (status, again["status"]) == (202, "pending")
    url = wiring.settings().webhook_queue_url
    (message,) = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["job_id"] == job_id


def test_another_tenant_sees_and_moves_no_delivery(call: Call, delivery: tuple[str, str]) -> None:
    job_id, delivery_id = delivery

    assert call("GET", f"/v1/jobs/{job_id}/deliveries", tenant="rival")[0] == 404
    assert call("POST", f"/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver", tenant="rival")[0] == 404
    assert call("POST", f"/v1/jobs/{job_id}/deliveries/msg_none/redeliver")[0] == 404
    assert call("POST", f"/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver", scopes="audit")[0] == 403


def test_a_url_that_was_switched_off_is_shown_and_enabled_by_its_tenant(call: Call, deployed: Resources) -> None:
    gone = DisabledEndpoint(url=GONE, disabled_at=wiring.now(), delivery_id="msg_1")
    wiring.ledger().deliveries.disable("acme", gone)

    assert [each["url"] for each in call("GET", "/v1/webhooks/disabled")[1]["endpoints"]] == [GONE]
    assert call("GET", "/v1/webhooks/disabled", tenant="rival")[1] == {"endpoints": []}
    assert call("POST", "/v1/webhooks/enable", body={"url": GONE}, tenant="rival")[0] == 404
    assert call("POST", "/v1/webhooks/enable", body={"url": GONE})[:2] == (200, {"endpoints": []})
    assert call("POST", "/v1/webhooks/enable", body={"url": GONE})[0] == 404
    assert call("POST", "/v1/webhooks/enable", body={"url": "no url"})[0] == 422


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"webhook": "https://169.254.169.254/"}, "webhook_refused", "webhook"),
        ({"webhook": "http://93.184.215.14/"}, "webhook_refused", "webhook"),
        ({"webhook": "https://user:secret@93.184.215.14/"}, "webhook_refused", "webhook"),
        ({"webhook": GLOBAL, "webhook_events": ["job.finished"]}, "invalid_request", "webhook_events"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_by_name(
    call: Call, deployed: Resources, fields: dict[str, Any], code: str, param: str
) -> None:
    status, problem, _ = call("POST", "/v1/jobs", body={"prompt": "x"} | fields)

    assert (status, problem["error"]["code"], problem["error"]["param"]) == (422, code, param)


def test_notify_is_done_with_what_nobody_asked_to_hear(sample: Sample, context: Context, job_id: str) -> None:
    assert notify(sample("notify-batch"), context) == {"batchItemFailures": []}  # type: ignore[arg-type]


def test_notify_keeps_what_is_not_delivered_yet_in_the_queue_until_its_time(
    sample: Sample, context: Context, delivery: tuple[str, str]
) -> None:
    """The receipt is real, the receiver is not reached: somebody else has the delivery."""
    job_id, _ = delivery
    event = sample("notify-batch")
    record = event["Records"][0]
    record["body"] = record["body"].replace(json.loads(record["body"])["job_id"], job_id)
    url, sqs = wiring.settings().webhook_queue_url, boto3.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody=record["body"])
    record["receiptHandle"] = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    now = wiring.now()
    taken = Delivery(
        id=f"msg_{job_id}_job_draft_ready_1",
        event=WebhookEvent.JOB_DRAFT_READY,
        occurred_at=now,
        url=GLOBAL,
        next_try_at=now,
        created_at=now,
    )
    wiring.ledger().deliveries.open(job_id, taken)
    wiring.ledger().deliveries.take(job_id, taken.id)

    answer = notify(event, context)  # type: ignore[arg-type]

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
