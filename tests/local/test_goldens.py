"""The golden set on the local stack: ordered by hand, painted through the whole pipeline, compared when it is over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.running import Stack

pytestmark = pytest.mark.xdist_group("local-stack")

EACH = {("sketch-fast", "same"), ("sketch-fine", "same")}


def _golden(stack: Stack, **asked: Any) -> dict[str, Any]:
    answer = stack.aws("lambda").invoke(FunctionName=stack.outputs["GoldenFunction"], Payload=json.dumps(asked))
    return dict(json.loads(answer["Payload"].read()))


def _compared(stack: Stack, job_id: str) -> list[dict[str, Any]] | None:
    """What its audit chain says, once the job's end has reached the golden function."""
    items = stack.aws("dynamodb").query(
        TableName=stack.outputs["TableName"],
        KeyConditionExpression="pk = :job AND begins_with(sk, :event)",
        ExpressionAttributeValues={":job": {"S": f"JOB#{job_id}"}, ":event": {"S": "EVENT#"}},
    )["Items"]
    notes = [json.loads(item["data"]["S"]) for item in items if item["type"]["S"] == "golden.compared"]
    return list(notes[0]["sightings"]) if notes else None


def test_two_runs_paint_everything_anew_and_find_the_same_pictures(stack: Stack) -> None:
    first = _golden(stack, step="run", run="first")
    seen = [stack.until(lambda job_id=job_id: _compared(stack, job_id), within_s=240) for job_id in first["jobs"]]
    second = _golden(stack, step="run", run="second")
    again = [stack.until(lambda job_id=job_id: _compared(stack, job_id), within_s=240) for job_id in second["jobs"]]

    assert (len(first["jobs"]), first["refused"], len(second["jobs"])) == (6, {}, 6)
    assert {each["word"] for sights in seen for each in sights} == {"first"}
    assert {(each["model"], each["word"]) for sights in again for each in sights} == EACH
    assert len([each for sights in again for each in sights]) == 12
