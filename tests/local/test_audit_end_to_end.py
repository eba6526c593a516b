"""The commands about the record on the local stack, with IAM enforced: audit, replay, restore, and names that move."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local.running import Stack
from tests.local.test_end_to_end import HERO

pytestmark = pytest.mark.xdist_group("local-stack")


def _presscheck(stack: Stack, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The command as a user runs it."""
    ran = subprocess.run(
        [sys.executable, "-m", "shared.cli.main", *arguments, "--json"],
        env={**os.environ, "PRESSCHECK_API_URL": stack.api_url, "PRESSCHECK_API_KEY": stack.api_key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def test_a_ledger_holds_until_somebody_writes_to_its_table(stack: Stack, tmp_path: Path) -> None:
    job = stack.finished(stack.api.post("/v1/jobs", json=HERO | {"size": "256x256", "seed": 4_000_001}).json()["id"])
    file = tmp_path / "then.jsonl"

    exported, said = _presscheck(stack, "audit", "export", str(file))
    recipe = subprocess.run([sys.executable, "-I", said["check_with"], str(file)], capture_output=True, check=False)
    whole, report = _presscheck(stack, "audit", "verify", "--against", str(file))
    table = stack.aws("dynamodb")
    key = {"pk": {"S": f"JOB#{job['id']}"}, "sk": {"S": "EVENT#00000001"}}
    stored = table.get_item(TableName=stack.outputs["TableName"], Key=key)["Item"]
    table.put_item(TableName=stack.outputs["TableName"], Item=stored | {"actor": {"S": "mallory"}})
    broken, shown = _presscheck(stack, "audit", "show", job["id"])
    table.put_item(TableName=stack.outputs["TableName"], Item=stored)

    assert (exported, recipe.returncode) == (0, 0)
    assert (whole, report["intact"], report["broken"]) == (0, True, [])
    assert broken == 1
    assert shown["breaks"][0]["kind"] == "altered"
    assert shown["breaks"][0]["found_by"] == ["stack", "here"]


def test_a_replay_paints_the_same_file_again_and_is_on_record(stack: Stack) -> None:
    job = stack.finished(stack.api.post("/v1/jobs", json=HERO | {"size": "256x256", "seed": 4_000_002}).json()["id"])

    code, said = _presscheck(stack, "replay", job["id"])
    _, trail = _presscheck(stack, "audit", "show", job["id"])

    assert (code, said["verdict"]) == (0, "bit_exact")
    assert said["original_sha256"] == said["replay_sha256"] == job["final"]["image"]["sha256"]
    assert said["job"]["drafts"][0]["cached"] is False
    (told,) = [event["data"] for event in trail["events"] if event["type"] == "job.replayed"]
    assert (told["replay"], told["verdict"]) == (said["replay_id"], "bit_exact")
    assert stack.api.get(f"/v1/jobs/{job['id']}").json()["final"]["image"]["sha256"] == job["final"]["image"]["sha256"]


def test_a_name_is_moved_for_the_next_job_and_back_with_one_command(stack: Stack) -> None:
    _presscheck(stack, "models", "release", "e2e-house", "sd35-large", "--reason", "our look")
    moved, said = _presscheck(stack, "models", "release", "e2e-house", "sd35-medium", "--reason", "cheaper")
    job = stack.api.post("/v1/jobs", json=HERO | {"size": "256x256", "seed": 4_000_003, "model": "e2e-house"}).json()
    back, rolled = _presscheck(stack, "models", "rollback", "e2e-house", "--reason", "hands got worse")
    final = stack.finished(job["id"])["final"]
    restored, shown = _presscheck(
        stack, "jobs", "restore", job["id"], "--attempt", str(final["attempt"]), "--reason", "r"
    )

    assert (moved, said["target"], back, rolled["target"]) == (0, "sd35-medium", 0, "sd35-large")
    assert final["alias"]["asked"] == "e2e-house"
    assert (restored, shown["final"]["attempt"]) == (0, final["attempt"])
    assert stack.api.get(f"/v1/jobs/{job['id']}/audit").json()["events"][0]["data"]["aliases"] == {
        "e2e-house": "sd35-medium"
    }


def test_a_trace_counts_what_the_stack_painted(stack: Stack) -> None:
    stack.finished(stack.api.post("/v1/jobs", json=HERO | {"size": "256x256", "seed": 4_000_004}).json()["id"])

    code, found = _presscheck(stack, "trace", "--since", "1h")

    assert code == 0
    assert found["overall"]["of"] >= 1
    assert found["complete"] is True
