"""Webhooks on the local stack: the real rule, queue, key and function, and a receiver on this machine."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest
from standardwebhooks import Webhook

from tests.local.running import Stack
from tests.local.test_end_to_end import submit
from tests.receiver import Receiver, receiver


def deliveries(stack: Stack, job_id: str) -> dict[str, dict[str, Any]]:
    reply = stack.api.get(f"/v1/jobs/{job_id}/deliveries")
    assert reply.status_code == 200, reply.text
    return {each["event"]: each for each in reply.json()["deliveries"]}


def checked(stack: Stack, there: Receiver) -> dict[str, dict[str, Any]]:
    """Bodies by their type, each signature checked by two libraries that know nothing of us."""
    secret = stack.api.get("/v1/webhooks/secret").json()["secret"]
    client = openai.OpenAI(api_key="none", webhook_secret=secret)
    found = {}
    for _, headers, body in there.received:
        client.webhooks.verify_signature(body, headers)
        told = Webhook(secret).verify(body, headers)
        found[told["type"]] = told
    return found


def test_a_job_tells_its_webhook_from_the_start_to_the_verified_final(stack: Stack) -> None:
    with receiver() as there:
        job_id = submit(stack, webhook=there.url)
        job = stack.finished(job_id)
        last = "job.completed" if job["stage"] == "done" else "job.failed"
        wanted = {"job.started", "job.draft_ready", last}
        stack.until(
            lambda: all(deliveries(stack, job_id).get(event, {}).get("status") == "delivered" for event in wanted)
        )
        told = checked(stack, there)

    assert set(told) == wanted
    data = told[last]["data"]
    assert (data["id"], data["status"], data["stage"]) == (job_id, job["status"], job["stage"])
    assert data["urls"] == job["urls"]
    assert httpx.get(data["final"]["image"]["url"], trust_env=False).status_code == 200
    assert all(each["status"] == "delivered" for each in deliveries(stack, job_id).values())


def test_what_fails_is_told_again_by_the_queue(stack: Stack) -> None:
    """The message is hidden until the next try is due: 5 s after the first."""
    with receiver(500, 200) as there:
        job_id = submit(stack, webhook=there.url, webhook_events=["job.draft_ready"])
        stack.until(lambda: deliveries(stack, job_id).get("job.draft_ready", {}).get("status") == "delivered")
        delivery = deliveries(stack, job_id)["job.draft_ready"]
        checked(stack, there)

    assert [each["status_code"] for each in delivery["tries"]] == [500, 200]
    assert len({headers["webhook-id"] for _, headers, _ in there.received}) == 1


def test_after_a_rotation_a_redelivery_carries_both_signatures(stack: Stack) -> None:
    with receiver() as there:
        job_id = submit(stack, webhook=there.url, webhook_events=["job.draft_ready"])
        stack.until(lambda: deliveries(stack, job_id).get("job.draft_ready", {}).get("status") == "delivered")
        old = stack.api.get("/v1/webhooks/secret").json()["secret"]
        new = stack.api.post("/v1/webhooks/secret/rotate").json()["secret"]
        delivery_id = deliveries(stack, job_id)["job.draft_ready"]["id"]
        stack.api.post(f"/v1/jobs/{job_id}/deliveries/{delivery_id}/redeliver").raise_for_status()
        stack.until(lambda: len(deliveries(stack, job_id)["job.draft_ready"]["tries"]) == 2)

    _, headers, body = there.received[-1]
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers) == json.loads(body)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/"]
)
def test_even_here_a_webhook_leads_to_this_machine_or_to_the_public(stack: Stack, url: str) -> None:
    reply = stack.api.post("/v1/jobs", json={"prompt": "x", "webhook": url})

    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "webhook_refused")
