"""The whole pipeline on the local stack: real template, real handlers, roles enforced; and what can go wrong."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
from typing import Any

import httpx
from PIL import Image

from tests.local.running import Stack

HERO = {
    "prompt": "Hero banner for a summer sale: a sunlit beach at golden hour",
    "model": "dalle3-hd",
    "seed": 42,
    "guidance": 7.5,
    "size": "512x512",
    "expected_text": "SALE",
}
ENDED = {"done", "failed", "rejected", "canceled", "expired"}
_seeds = iter(range(1_000_000, 2_000_000))


def submit(stack: Stack, **fields: Any) -> str:
    """A hero job nobody submitted before; its id."""
    reply = stack.api.post("/v1/jobs", json=HERO | {"seed": next(_seeds)} | fields)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


def intact(stack: Stack, job_id: str) -> bool:
    return bool(stack.api.get(f"/v1/jobs/{job_id}/audit").json()["intact"])


def stage(stack: Stack, job_id: str) -> str:
    return str(stack.api.get(f"/v1/jobs/{job_id}").json()["stage"])


def sweep(stack: Stack, *job_ids: str) -> dict[str, Any]:
    """Let these jobs be due now, and sweep."""
    table = stack.outputs["TableName"]
    for job_id in job_ids:
        stack.aws("dynamodb").update_item(
            TableName=table,
            Key={"pk": {"S": f"JOB#{job_id}"}, "sk": {"S": "JOB"}},
            UpdateExpression="SET open_sk = :past",
            ExpressionAttributeValues={":past": {"S": f"2000-01-01#{job_id}"}},
        )
    answer = stack.aws("lambda").invoke(FunctionName=stack.outputs["SweepFunction"], Payload=b"{}")
    report = json.loads(answer["Payload"].read())
    assert "looked_at" in report, report
    return dict(report)


def all_moved(stack: Stack, job_ids: list[str]) -> bool:
    """Sweep the jobs that still move; True when none does."""
    moving = [job_id for job_id in job_ids if stage(stack, job_id) not in {*ENDED, "awaiting_approval"}]
    for job_id in moving:
        sweep(stack, job_id)
    return not moving


def inferences(stack: Stack) -> int:
    """How many requests the endpoints have taken so far."""
    endpoints = httpx.get(f"{stack.status['sagemaker_url']}/_status", trust_env=False).json()
    return sum(endpoint["accepted"] for endpoint in endpoints.values())


def finals(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [attempt for attempt in job["attempts"] if attempt["tier"] == "final"]


# ── the story ────────────────────────────────────────────────────────────────────────────────────


def test_the_articles_hero_job_becomes_a_verified_picture_and_again_the_same_one(stack: Stack) -> None:
    first = stack.finished(stack.api.post("/generate", json=HERO).json()["id"])
    again = stack.finished(stack.api.post("/v1/jobs", json=HERO).json()["id"])

    assert first["status"] == "succeeded", first["error"]
    assert first["final"]["verification"]["verdict"] == "pass"
    assert first["final"]["simulated"] is True
    assert first["final"]["alias"]["asked"] == "dalle3-hd"
    picture = httpx.get(first["final"]["image"]["url"], trust_env=False).content
    assert hashlib.sha256(picture).hexdigest() == first["final"]["image"]["sha256"]
    assert Image.open(io.BytesIO(picture)).size == (512, 512)
    assert again["final"]["cached"] is True
    assert again["final"]["image"]["sha256"] == first["final"]["image"]["sha256"]
    assert again["cost_usd_micros"] == 0
    assert intact(stack, first["id"]) and intact(stack, again["id"])


def test_a_designer_asks_for_more_and_approves_one(stack: Stack) -> None:
    job_id = submit(stack, drafts=2, finalize="on_approval")
    stack.until(lambda: stage(stack, job_id) == "awaiting_approval")
    stack.api.post(f"/v1/jobs/{job_id}/drafts", json={"count": 1}).raise_for_status()
    stack.until(lambda: len(stack.api.get(f"/v1/jobs/{job_id}").json()["drafts"]) == 3)
    stack.until(lambda: stage(stack, job_id) == "awaiting_approval")

    approved = stack.api.post(f"/v1/jobs/{job_id}/approve", json={"draft": 3})

    assert approved.status_code == 200, approved.text
    job = stack.finished(job_id)
    assert (job["stage"], job["chosen_draft"]) == ("done", 3)
    assert finals(job)[0]["recipe"]["seed"] == job["drafts"][2]["recipe"]["seed"]
    assert intact(stack, job_id)


def test_a_rejected_a_draft_only_and_a_canceled_job_end_as_asked(stack: Stack) -> None:
    rejected, drafted, canceled = (
        submit(stack, finalize=finalize) for finalize in ("on_approval", "draft_only", "on_approval")
    )
    for job_id in (rejected, canceled):
        stack.until(lambda job_id=job_id: stage(stack, job_id) == "awaiting_approval")
    stack.api.post(f"/v1/jobs/{rejected}/reject", json={"reason": "too dark"}).raise_for_status()
    for _ in range(2):
        stack.api.post(f"/v1/jobs/{canceled}/cancel").raise_for_status()

    assert stack.finished(rejected)["stage"] == "rejected"
    assert stack.finished(drafted)["stage"] == "done"
    assert stack.finished(drafted)["final"] is None
    assert stack.finished(canceled)["stage"] == "canceled"
    execution = stack.outputs["WorkflowArn"].replace(":stateMachine:", ":execution:") + f":{canceled}"
    stack.until(lambda: stack.aws("stepfunctions").describe_execution(executionArn=execution)["status"] != "RUNNING")
    assert all(intact(stack, job_id) for job_id in (rejected, drafted, canceled))


def test_an_off_peak_job_waits_for_its_window_unless_it_is_open(stack: Stack) -> None:
    job_id = submit(stack, finalize="off_peak")

    waiting = stack.until(lambda: stage(stack, job_id) in {"waiting_off_peak", "done"})

    assert waiting
    stack.api.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()


def test_many_jobs_at_once_all_end_with_unbroken_chains_in_bounded_processes(stack: Stack) -> None:
    job_ids = [submit(stack) for _ in range(20)]

    jobs = [stack.finished(job_id, within_s=180) for job_id in job_ids]

    assert {job["stage"] for job in jobs} <= {"done", "failed"}
    assert all(job["stage"] == "done" or job["error"].startswith("rendered_") for job in jobs)
    assert all(intact(stack, job_id) for job_id in job_ids)
    assert stack.stats()["total"] <= 24


def test_equal_jobs_at_once_are_painted_once(stack: Stack) -> None:
    """Counted by the model server itself."""
    same = {"seed": next(_seeds), "expected_text": ()}
    before = inferences(stack)
    job_ids = [submit(stack, **same) for _ in range(20)]

    jobs = [stack.finished(job_id) for job_id in job_ids]

    assert inferences(stack) == before + 2
    painted = [attempt for job in jobs for attempt in job["attempts"] if not attempt["cached"]]
    assert [attempt["tier"] for attempt in painted] == ["draft", "final"]
    assert len({job["final"]["image"]["sha256"] for job in jobs}) == 1
    assert all(intact(stack, job_id) for job_id in job_ids)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_duplicate_and_reordered_notifications_change_nothing(stack: Stack) -> None:
    with stack.faults({"action": "duplicate", "copies": 3, "count": 4}, {"action": "reorder", "count": 2}):
        job_ids = [submit(stack) for _ in range(3)]
        stack.until(lambda: all_moved(stack, job_ids), within_s=90)  # the last one held back is never told
        jobs = [stack.finished(job_id) for job_id in job_ids]

    for job in jobs:
        numbers = [(attempt["tier"], attempt["candidate"], attempt["attempt"]) for attempt in job["attempts"]]
        assert len(numbers) == len(set(numbers))
        assert intact(stack, job["id"])


def test_a_lost_notification_is_made_good(stack: Stack) -> None:
    with stack.faults({"action": "drop", "count": 1}):
        job_id = submit(stack)
        stack.until(lambda: stage(stack, job_id) == "drafting")
        stack.until(lambda: sweep(stack, job_id)["woken"] == 1)
        job = stack.finished(job_id)

    assert job["stage"] in {"done", "failed"}
    assert len(job["drafts"]) == 1


def test_a_model_error_is_tried_again_and_on_record(stack: Stack) -> None:
    with stack.faults({"action": "fail", "status": 500, "count": 1}):
        job = stack.finished(submit(stack, finalize="draft_only"))

    statuses = [attempt["status"] for attempt in job["attempts"]]
    assert statuses == ["failed", "rendered"]
    assert job["attempts"][0]["error"]["code"] == "render_failed"


def test_killed_workers_and_containers_cost_time_not_jobs(stack: Stack) -> None:
    job_ids = [submit(stack) for _ in range(4)]
    for function in ("render", "resume", "verify"):
        for pid in stack.workers(function):
            os.kill(pid, signal.SIGKILL)
    stack.kill("container")
    stack.kill("sagemaker")

    jobs = [stack.finished(job_id, within_s=120) for job_id in job_ids]

    assert all(job["stage"] == "done" or job["error"].startswith("rendered_") for job in jobs)
    assert all(intact(stack, job_id) for job_id in job_ids)


def test_a_poison_message_ends_with_the_dead_letters_and_says_why(stack: Stack) -> None:
    sqs = stack.aws("sqs")
    sqs.send_message(QueueUrl=stack.outputs["InteractiveQueueUrl"], MessageBody="this is no job")

    def buried() -> Any:
        found = sqs.receive_message(QueueUrl=stack.outputs["PoisonQueueUrl"], MessageAttributeNames=["All"])
        return found.get("Messages")

    message = stack.until(buried)[0]
    assert message["Body"] == "this is no job"
    assert "Invalid JSON" in message["MessageAttributes"]["reason"]["StringValue"]


def test_bad_requests_get_the_documented_body_through_the_gateway(stack: Stack) -> None:
    for body, status in ((HERO | {"drafts": 9}, 422), (HERO | {"prompt": "x" * 300_000}, 413)):
        reply = stack.api.post("/v1/jobs", json=body)
        assert (reply.status_code, reply.json()["status"]) == (status, status)
    anonymous = httpx.post(f"{stack.api_url}/v1/jobs", json=HERO, trust_env=False)
    wrong = httpx.post(
        f"{stack.api_url}/v1/jobs", json=HERO, headers={"Authorization": "Bearer pc_live_x"}, trust_env=False
    )
    assert [reply.status_code for reply in (anonymous, wrong)] == [401, 401]
    assert anonymous.json()["error"]["code"] == "not_authenticated"


def test_an_emulator_killed_with_jobs_on_the_way_loses_none_of_them(stack: Stack) -> None:
    """kill -9 takes running executions with it; sweep starts them again, as it would on AWS."""
    job_ids = [submit(stack) for _ in range(3)] + [submit(stack, finalize="on_approval")]
    stack.until(lambda: stage(stack, job_ids[-1]) == "awaiting_approval")
    stack.aws("s3").list_buckets()
    httpx.post(f"{stack.endpoint_url}/_presscheck/save", json={}, timeout=30, trust_env=False)
    stack.kill("emulator")

    sweep(stack, job_ids[-1])
    stack.until(lambda: all_moved(stack, job_ids), within_s=120)
    stack.until(
        lambda: stack.api.post(f"/v1/jobs/{job_ids[-1]}/approve", json={}).status_code in {200, 409}, within_s=60
    )
    jobs = [stack.finished(job_id, within_s=120) for job_id in job_ids]

    assert all(job["stage"] == "done" or job["error"].startswith("rendered_") for job in jobs)
    assert all(intact(stack, job_id) for job_id in job_ids)
