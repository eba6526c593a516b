"""Batches on the local stack: the same template as on AWS, with the map, the bus and IAM at work."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.config import LOCAL
from shared.cli.main import app
from tests.bench.batch import BAD_EVERY, TERMINAL, lines, newest, table
from tests.local.running import Stack

_seeds = itertools.count(time.time_ns() % 10**8, 1000)


def ended(stack: Stack, name: str, *, within_s: float = 240) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        batch = newest(stack.api, name)
        return batch if batch and batch["status"] in TERMINAL else None

    return dict(stack.until(over, within_s=within_s))


def drop(stack: Stack, text: str, *, name: str, tenant: str = "dev") -> None:
    key = f"batches/incoming/{tenant}/{name}"
    stack.aws("s3").put_object(Bucket=stack.outputs["BucketName"], Key=key, Body=text.encode())


def test_a_table_in_the_bucket_becomes_jobs_explained_errors_and_one_results_file(stack: Stack) -> None:
    """And whoever wants a draft meanwhile does not wait for it to end."""
    seed = next(_seeds)
    name = f"spring-{seed}.csv"
    for _ in range(2):  # the second time it is the same file: one batch
        drop(stack, table(40, seed=seed), name=name)
    stack.until(lambda: (newest(stack.api, name) or {}).get("status") == "in_progress")

    body = {"prompt": "a poster", "use_case": "hero", "size": "512x512", "finalize": "draft_only", "seed": seed}
    job = stack.finished(stack.api.post("/v1/jobs", json=body).json()["id"])
    meanwhile = newest(stack.api, name)
    batch = ended(stack, name)

    assert job["stage"] == "done"
    assert meanwhile is not None and meanwhile["status"] == "in_progress"
    assert meanwhile["stages"]["in_flight"] <= LOCAL.bulk_in_flight
    assert (batch["status"], batch["request_counts"]["total"]) == ("completed", 40)
    results, errors = lines(batch["output_file_url"]), lines(batch["error_file_url"])
    assert [line["row"] for line in results] == [row for row in range(1, 41) if row % BAD_EVERY]
    assert {line["stage"] for line in results} == {"done"}
    assert [line["row"] for line in errors] == [20, 40]
    found = stack.api.get("/v1/batches", params={"limit": 100}).json()["data"]
    assert sum(each["input_file_id"].endswith(name) for each in found) == 1
    first = stack.api.get(f"/v1/jobs/{results[0]['job_id']}").json()
    assert first["batch"] == {"id": batch["id"], "row": 1}
    assert stack.api.get(f"/v1/jobs/{results[0]['job_id']}/audit").json()["intact"]
    machine = stack.outputs["BatchWorkflowArn"]
    executions = stack.aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [each["status"] for each in executions if each["name"] == batch["id"]] == ["SUCCEEDED"]


def test_a_presigned_upload_takes_its_file_at_its_key_only(stack: Stack) -> None:
    made = stack.api.post("/v1/batches", json={"format": "jsonl", "finalize": "draft_only"}).json()
    url, headers = made["upload"]["url"], made["upload"]["headers"]
    body = f'{{"prompt":"a poster","use_case":"thumbnail","size":"256x256","seed":{next(_seeds)}}}\nnot json\n'.encode()

    astray = httpx.put(url.replace("/dev/", "/rival/"), content=body, headers=headers, trust_env=False)
    stored = httpx.put(url, content=body, headers=headers, trust_env=False)
    stack.until(lambda: stack.api.get(f"/v1/batches/{made['id']}").json()["status"] in TERMINAL, within_s=120)

    batch = stack.api.get(f"/v1/batches/{made['id']}").json()
    assert (astray.status_code, stored.status_code) == (403, 200)
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 2, "completed": 1, "failed": 1})


def test_a_file_that_cannot_be_read_fails_its_batch_with_the_reason(stack: Stack) -> None:
    name = f"broken-{next(_seeds)}.csv"

    drop(stack, "promt,size\na,256x256\n", name=name)

    batch = ended(stack, name)
    assert batch["status"] == "failed"
    assert 'did you mean "prompt"' in batch["errors"]["data"][0]["message"]
    assert lines(batch["error_file_url"])[0]["code"] == "wrong_header"


def test_a_batch_is_canceled_with_its_jobs(stack: Stack) -> None:
    name = f"canceled-{next(_seeds)}.csv"
    rows = "".join(f"poster {n},hero,256x256,{next(_seeds)},on_approval\n" for n in range(8))
    drop(stack, "prompt,use_case,size,seed,finalize\n" + rows, name=name)
    stack.until(lambda: (newest(stack.api, name) or {"stages": {"resting": 0}})["stages"]["resting"] >= 2, within_s=120)
    batch = newest(stack.api, name)
    assert batch is not None

    stack.api.post(f"/v1/batches/{batch['id']}/cancel").raise_for_status()

    batch = ended(stack, name)
    assert batch["status"] == "cancelled"
    assert batch["stages"]["canceled"] == 8
    assert {line["status"] for line in lines(batch["output_file_url"])} == {"canceled"}


def test_the_command_line_sends_follows_and_fetches(stack: Stack, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from shared.cli.world import World

    file = tmp_path / "spring.csv"
    file.write_text(table(3, seed=next(_seeds)))
    world = World(environ={"PRESSCHECK_API_URL": stack.api_url, "PRESSCHECK_API_KEY": stack.api_key})
    run = CliRunner()

    sent = run.invoke(app, ["batch", "submit", str(file), "--wait", "--json"], obj=world, catch_exceptions=False)
    saved = run.invoke(app, ["batch", "results", "last", "--out", str(tmp_path / "out")], obj=world)

    assert (sent.exit_code, saved.exit_code) == (0, 0), sent.output
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 3


@pytest.mark.parametrize("tenant", ["nobody"])
def test_a_file_of_an_unknown_tenant_starts_nothing(stack: Stack, tenant: str) -> None:
    name = f"stray-{next(_seeds)}.csv"
    drop(stack, table(1, seed=1), name=name, tenant=tenant)
    drop(stack, "promt\nx\n", name=f"after-{name}")

    ended(stack, f"after-{name}")

    machine = stack.outputs["BatchWorkflowArn"]
    executions = stack.aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    batches = stack.api.get("/v1/batches", params={"limit": 100}).json()["data"]
    assert not [batch for batch in batches if batch["input_file_id"].endswith(f"/{name}")]
    assert {each["name"].partition("-r")[0] for each in executions} <= {batch["id"] for batch in batches}
