"""Batches through their doors: the API's routes, and the batch function's events and steps, over moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import httpx
import pytest
from openai.types import Batch as OpenAIBatch

from functions.batch.handler import handler as batch
from functions.sweep.handler import handler as sweep
from shared import wiring
from shared.errors import NotFound
from tests.handlers.conftest import Context
from tests.handlers.test_api import Call, Sample, call  # noqa: F401 - a fixture
from tests.world import BATCH_WORKFLOW_ARN, Resources

CSV = "prompt,use_case,size,finalize\na sunny beach,hero,512x512,draft_only\n,,,\nb,hero,1x1,\n"


@pytest.fixture(autouse=True)
def _machine(deployed: Resources) -> None:
    boto3.client("stepfunctions").create_state_machine(
        name=BATCH_WORKFLOW_ARN.rpartition(":")[2],
        definition=json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}),
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


@pytest.fixture
def api(call: Call) -> Callable[..., tuple[int, Any]]:  # noqa: F811 - the fixture
    def send(method: str, path: str, body: Any = ..., **changes: Any) -> tuple[int, Any]:
        name = "api-submit" if method == "POST" else "api-list"
        extra = {} if method == "POST" else {"queryStringParameters": None, "multiValueQueryStringParameters": None}
        status, answer, _ = call(name, path=path, body=body, httpMethod=method, **extra, **changes)
        return status, answer

    return send


Api = Callable[..., tuple[int, Any]]


def stored(sample: Sample, bucket: str, key: str) -> dict[str, Any]:
    event = sample("batch-file-stored")
    event["detail"]["bucket"]["name"], event["detail"]["object"]["key"] = bucket, key
    del event["detail"]["object"]["version-id"]
    return event


def test_a_batch_is_made_uploaded_read_and_looked_at(
    api: Api, sample: Sample, context: Context, deployed: Resources
) -> None:
    status, made = api("POST", "/v1/batches", {"finalize": "auto", "metadata": {"season": "spring"}})
    assert status == 201
    assert OpenAIBatch.model_validate(made, strict=True).status == "validating"
    assert httpx.URL(made["upload"]["url"]).path.endswith(f"batches/incoming/acme/{made['id']}.csv")
    key = f"batches/incoming/acme/{made['id']}.csv"
    boto3.client("s3").put_object(Bucket=deployed.settings.bucket_name, Key=key, Body=CSV)

    for _ in range(2):
        told = batch(stored(sample, deployed.settings.bucket_name, key), context)  # type: ignore[arg-type]
        assert told == {"batch_id": made["id"]}
    inspected = batch({"step": "inspect", "batch_id": made["id"]}, context)  # type: ignore[arg-type]
    assert (inspected["next"], inspected["key"]) == ("csv", key)
    record = sample("batch-record")
    record["task"]["batch_id"] = made["id"]
    assert batch(record, context) == {}  # type: ignore[arg-type]
    looked = batch({"step": "look", "batch_id": made["id"]}, context)  # type: ignore[arg-type]

    assert looked["next"] == "await"
    status, found = api("GET", f"/v1/batches/{made['id']}")
    assert status == 200
    assert (found["status"], found["request_counts"]) == ("in_progress", {"total": 3, "completed": 0, "failed": 1})
    assert (found["metadata"], found["upload"]) == ({"season": "spring"}, None)
    assert [each["id"] for each in api("GET", "/v1/batches")[1]["data"]] == [made["id"]]


def test_a_job_that_ended_is_counted_and_its_batch_finished(
    api: Api, sample: Sample, context: Context, deployed: Resources
) -> None:
    _, made = api("POST", "/v1/batches", {"format": "jsonl"})
    key = f"batches/incoming/acme/{made['id']}.jsonl"
    body = {"prompt": "a", "use_case": "hero", "size": "512x512", "seed": 1}
    boto3.client("s3").put_object(Bucket=deployed.settings.bucket_name, Key=key, Body=json.dumps(body))
    batch(stored(sample, deployed.settings.bucket_name, key), context)  # type: ignore[arg-type]
    batch({"step": "inspect", "batch_id": made["id"]}, context)  # type: ignore[arg-type]
    task = {"batch_id": made["id"], "items": [{"row": 1, "value": body}]}
    batch({"step": "record", "task": task}, context)  # type: ignore[arg-type]
    batch({"step": "look", "batch_id": made["id"]}, context)  # type: ignore[arg-type]
    (job,) = [job for job in wiring.ledger().jobs("acme").jobs if job.batch]
    wiring.milestones().conclude(job.id, "failed")

    moved = sample("batch-job-moved")
    moved["detail"]["job_id"] = job.id
    assert batch(moved, context) == {"job_id": job.id}  # type: ignore[arg-type]
    assert batch({"step": "look", "batch_id": made["id"]}, context)["next"] == "finish"  # type: ignore[arg-type]
    assert batch({"step": "finish", "batch_id": made["id"]}, context)["next"] == "end"  # type: ignore[arg-type]

    found = api("GET", f"/v1/batches/{made['id']}")[1]
    assert (found["status"], found["request_counts"]["failed"]) == ("completed", 1)
    assert "X-Amz-Signature" in found["output_file_url"] or "Signature" in found["output_file_url"]


def test_a_workflow_that_gives_up_says_why(api: Api, context: Context) -> None:
    _, made = api("POST", "/v1/batches", {})

    fail = {"step": "fail", "batch_id": made["id"], "error": "States.ItemReaderFailed", "cause": "no such thing"}
    batch(fail, context)  # type: ignore[arg-type]

    _, found = api("GET", f"/v1/batches/{made['id']}")
    assert found["status"] == "failed"
    assert found["errors"]["data"][0]["message"] == "States.ItemReaderFailed: no such thing"


def test_a_batch_of_another_tenant_is_not_there(api: Api, sample: Sample) -> None:
    _, made = api("POST", "/v1/batches", {})
    context = sample("api-list")["requestContext"]
    rival = context | {"authorizer": {"tenant": "rival", "name": "rex", "scopes": "render approve audit admin"}}

    for method, path in (("GET", f"/v1/batches/{made['id']}"), ("POST", f"/v1/batches/{made['id']}/cancel")):
        event = {"requestContext": rival | {"path": "/prod" + path}}
        assert api(method, path, {} if method == "POST" else ..., **event)[0] == 404
    assert api("GET", "/v1/batches", requestContext=rival | {"path": "/prod/v1/batches"})[1]["data"] == []
    assert wiring.ledger().batches.find(made["id"]).status == "validating"


@pytest.mark.parametrize(
    ("body", "param"),
    [({"format": "xlsx"}, "format"), ({"finalize": "soon"}, "finalize"), ({"rows": 3}, "rows")],
)  # fmt: skip
def test_a_wrong_request_names_its_field(api: Api, body: Any, param: str) -> None:
    status, answer = api("POST", "/v1/batches", body)

    assert (status, answer["error"]["param"]) == (422, param)


def test_cancel_answers_with_the_batch_and_again_with_the_same(api: Api) -> None:
    _, made = api("POST", "/v1/batches", {})

    answers = [api("POST", f"/v1/batches/{made['id']}/cancel", {}) for _ in range(2)]

    assert [(status, answer["status"]) for status, answer in answers] == [(200, "cancelled")] * 2
    assert api("POST", "/v1/batches/batch_nothing/cancel", {})[0] == 404


def test_sweep_reports_batches_too(context: Context, sample: Sample) -> None:
    assert sweep(sample("sweep-schedule"), context)["batches"] == {}  # type: ignore[arg-type]


def test_a_step_of_an_unknown_batch_is_not_found(context: Context) -> None:
    with pytest.raises(NotFound):
        batch({"step": "look", "batch_id": "batch_nothing"}, context)  # type: ignore[arg-type]
