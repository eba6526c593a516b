"""Every path of the batch workflow, run from the ASL file itself; the map reads real objects.

The functions are played by one scripted actor that writes down what it is asked; the interpreter is the local stack's.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.emulated import ROLE, Emulated, emulated

pytestmark = pytest.mark.xdist_group("workflow")

ASL = Path(__file__).parents[2] / "infra" / "workflow" / "batch.asl.json"

ACTOR = """
import fcntl, json, pathlib, boto3

DEFAULTS = {"look": {"next": "finish"}, "record": {}, "finish": {"next": "end"}, "fail": {"next": "end"}, "park": {}}

def handler(event, context):
    step = event.get("step") or "park"
    batch = event.get("batch_id") or event.get("task", {}).get("batch_id") or event["ticket"].split("-")[0]
    stage = pathlib.Path("STAGE")
    with (stage / f"{batch}.log").open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        nth = sum(1 for line in log if json.loads(line)[0] == step)
        log.write(json.dumps([step, event.get("task", {}).get("items") or event.get("error")]) + "\\n")
    lines = json.loads((stage / f"{batch}.json").read_text()).get(step) or []
    answer = lines[min(nth, len(lines) - 1)] if lines else DEFAULTS[step]
    if isinstance(answer, str):
        raise type(answer, (Exception,), {})("scripted")
    if step == "park" and not answer.get("silent"):
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output="{}")
    return {"bucket": "files", "key": "", "version": "", "ticket": f"{batch}-round-1", **answer}
"""


class Theatre:
    """One machine made of the file, and batches played on it."""

    def __init__(self, emulator: Emulated, stage: Path) -> None:
        self._stage = stage
        self._sfn, self._s3 = emulator.aws.client("stepfunctions"), emulator.aws.client("s3")
        self._s3.create_bucket(Bucket="files")
        self._s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
        arn = emulator.function("actor", ACTOR.replace("STAGE", str(stage)))
        text = re.sub(r"\$\{\w+FunctionArn\}", arn, ASL.read_text(encoding="utf-8"))
        text = re.sub(r'("Await the jobs": \{.*?"TimeoutSeconds": )\d+', r"\g<1>2", text, flags=re.DOTALL)
        self._machine = self._sfn.create_state_machine(name="batch", definition=text, roleArn=ROLE)["stateMachineArn"]
        self._number = 0

    def store(self, text: str) -> dict[str, str]:
        """An object, as the inspection names it."""
        stored = self._s3.put_object(Bucket="files", Key="rows", Body=text.encode())
        return {"bucket": "files", "key": "rows", "version": stored["VersionId"]}

    def play(self, script: dict[str, list[Any]]) -> tuple[str, list[tuple[str, Any]]]:
        """Run a batch to its end; answers the execution's status and what was asked of the functions."""
        self._number += 1
        batch = f"batch{self._number}"
        (self._stage / f"{batch}.json").write_text(json.dumps(script))
        execution = self._sfn.start_execution(
            stateMachineArn=self._machine, name=batch, input=json.dumps({"batch_id": batch})
        )["executionArn"]
        log, deadline = self._stage / f"{batch}.log", time.monotonic() + 30
        while (end := self._sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        return end["status"], [tuple(json.loads(line)) for line in log.read_text().splitlines()]


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    where = tmp_path_factory.mktemp("batches")
    with emulated(where, AUTH="false", SFN_WAIT_SCALE="0") as emulator:
        yield Theatre(emulator, where)


def steps(asked: list[tuple[str, Any]]) -> list[str]:
    return [step for step, _ in asked]


def rows(asked: list[tuple[str, Any]]) -> list[list[dict[str, Any]]]:
    """The chunks that were recorded, in the order of their rows."""
    return sorted((items for step, items in asked if step == "record"), key=lambda items: items[0]["row"])


def test_a_table_is_read_by_the_map_itself_in_chunks_of_fifty_numbered_rows(theatre: Theatre) -> None:
    file = theatre.store("prompt,seed\n" + "".join(f'"poster, no. {n}",{n}\n' for n in range(1, 121)))

    status, asked = theatre.play({"inspect": [{"next": "csv", **file}]})

    assert (status, steps(asked)) == ("SUCCEEDED", ["inspect", *["record"] * 3, "look", "finish"])
    assert [len(chunk) for chunk in rows(asked)] == [50, 50, 20]
    everything = [item for chunk in rows(asked) for item in chunk]
    assert [item["row"] for item in everything] == list(range(1, 121))
    assert everything[6] == {"row": 7, "value": {"prompt": "poster, no. 7", "seed": "7"}}


def test_json_lines_are_handed_on_as_they_are(theatre: Theatre) -> None:
    file = theatre.store('{"prompt":"{% $evil %}","tags":["a"]}\n"just a text"\n')

    status, asked = theatre.play({"inspect": [{"next": "jsonl", **file}]})

    assert status == "SUCCEEDED"
    assert rows(asked) == [
        [{"row": 1, "value": {"prompt": "{% $evil %}", "tags": ["a"]}}, {"row": 2, "value": "just a text"}]
    ]


def test_long_rows_travel_in_smaller_chunks(theatre: Theatre) -> None:
    file = theatre.store("prompt\n" + "".join("x" * 60_000 + "\n" for _ in range(10)))

    _, asked = theatre.play({"inspect": [{"next": "csv", **file}]})

    assert [len(chunk) for chunk in rows(asked)] == [4, 4, 2]


def test_exactly_the_announced_version_is_read(theatre: Theatre) -> None:
    file = theatre.store("prompt\nthe first\n")
    theatre.store("prompt\nthe second\n")

    _, asked = theatre.play({"inspect": [{"next": "csv", **file}]})

    assert rows(asked)[0][0]["value"] == {"prompt": "the first"}


def test_a_file_that_cannot_be_read_ends_it(theatre: Theatre) -> None:
    assert theatre.play({"inspect": [{"next": "end"}]}) == ("SUCCEEDED", [("inspect", None)])


def test_a_batch_whose_rows_are_in_goes_on_with_its_jobs(theatre: Theatre) -> None:
    assert steps(theatre.play({"inspect": [{"next": "again"}]})[1]) == ["inspect", "look", "finish"]


def test_jobs_are_waited_for_and_looked_after_again_when_time_was_short(theatre: Theatre) -> None:
    looks = [{"next": "again"}, {"next": "await"}, {"next": "await"}, {"next": "finish"}]

    status, asked = theatre.play({"inspect": [{"next": "again"}], "look": looks})

    assert (status, steps(asked)) == (
        "SUCCEEDED",
        ["inspect", "look", "look", "park", "look", "park", "look", "finish"],
    )


def test_a_wake_up_that_never_comes_costs_only_time(theatre: Theatre) -> None:
    script = {"inspect": [{"next": "again"}], "look": [{"next": "await"}, {"next": "finish"}]}

    status, asked = theatre.play({**script, "park": [{"silent": True}]})

    assert (status, steps(asked)) == ("SUCCEEDED", ["inspect", "look", "park", "look", "finish"])


def test_a_batch_that_was_concluded_meanwhile_is_left_alone(theatre: Theatre) -> None:
    status, asked = theatre.play({"inspect": [{"next": "again"}], "look": [{"next": "end"}]})

    assert (status, steps(asked)) == ("SUCCEEDED", ["inspect", "look"])


def test_what_the_map_cannot_read_fails_the_batch_with_its_reason(theatre: Theatre) -> None:
    file = theatre.store('{"prompt": "a"}\nnot json\n')

    status, asked = theatre.play({"inspect": [{"next": "jsonl", **file}]})

    assert (status, asked) == ("SUCCEEDED", [("inspect", None), ("fail", "States.ItemReaderFailed")])


@pytest.mark.parametrize("step", ["inspect", "record", "look", "finish"])
def test_a_passing_fault_is_retried(step: str, theatre: Theatre) -> None:
    file = theatre.store("prompt\na\n")
    answer = {"inspect": {"next": "csv", **file}, "look": {"next": "finish"}}.get(step, {})

    status, asked = theatre.play({"inspect": [{"next": "csv", **file}], step: ["LedgerConflict", answer]})

    assert (status, steps(asked)[-1]) == ("SUCCEEDED", "finish")
    assert steps(asked).count(step) == 2


@pytest.mark.parametrize("step", ["inspect", "record"])
def test_a_fault_that_stays_fails_the_batch_before_anything_was_painted(step: str, theatre: Theatre) -> None:
    file = theatre.store("prompt\na\n")

    status, asked = theatre.play({"inspect": [{"next": "csv", **file}], step: ["ConfigurationError"]})

    assert (status, steps(asked)[-1]) == ("SUCCEEDED", "fail")


def test_jobs_that_cannot_be_looked_after_break_the_execution_for_sweep_to_start_again(theatre: Theatre) -> None:
    assert theatre.play({"inspect": [{"next": "again"}], "look": ["ConfigurationError"]})[0] == "FAILED"
