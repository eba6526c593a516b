"""Every path of the render workflow, run from the ASL file itself.

The functions are played by one scripted actor; the interpreter is the local stack's. Waits take no time here.
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

ASL = Path(__file__).parents[2] / "infra" / "workflow" / "render.asl.json"

ACTOR = """
import fcntl, json, pathlib, boto3

DEFAULTS = {
    "start": {"next": "await"}, "collect": {"next": "continue"}, "verify": {"next": "accept"},
    "settle": {"next": "finalize", "attempt": 1}, "decide": {"next": "finalize", "attempt": 1},
    "conclude": {"stage": "done"}, "park": {},
}

def handler(event, context):
    task = event.get("task") or (event if "tier" in event else {})
    step = event.get("step") or ("park" if "token" in event else "verify")
    where = f" {task['tier']}{task['candidate'] or ''}.{task['attempt']}" if task else ""
    job = task.get("job_id") or event.get("job_id") or event["ticket"].split("-")[0]
    stage = pathlib.Path("STAGE")
    with (stage / f"{job}.log").open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        said = [line.rstrip() for line in log]
        label = f"{step}{where}" if step != "conclude" else f"conclude {event['outcome']}"
        nth = sum(1 for line in said if line == label)
        log.write(label + "\\n")
    script = json.loads((stage / f"{job}.json").read_text())
    lines = script.get(label) or script.get(step) or []
    answer = lines[min(nth, len(lines) - 1)] if lines else DEFAULTS[step]
    if isinstance(answer, str):
        raise type(answer, (Exception,), {})("scripted")
    answer = {"attempt": task.get("attempt", 0), "outcome": "", "ticket": f"{job}-ticket", **answer}
    if step == "park" and not answer.get("silent"):
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output="{}")
    return answer
"""


class Theatre:
    """One machine made of the file, and jobs played on it."""

    def __init__(self, emulator: Emulated, stage: Path) -> None:
        self._stage = stage
        self._sfn = emulator.aws.client("stepfunctions")
        arn = emulator.function("actor", ACTOR.replace("STAGE", str(stage)))
        text = re.sub(r"\$\{\w+FunctionArn\}", arn, ASL.read_text(encoding="utf-8"))
        text = re.sub(r'("Await \w+": \{.*?"TimeoutSeconds": )\d+', r"\g<1>2", text, flags=re.DOTALL)
        self._machine = self._sfn.create_state_machine(name="render", definition=text, roleArn=ROLE)["stateMachineArn"]
        self._number = 0

    def play(self, script: dict[str, list[Any]] | None = None, *, candidates: int = 1) -> tuple[str, list[str]]:
        """Run a job to its end; answers the execution's status and what was asked of the functions, in order."""
        self._number += 1
        job = f"job{self._number}"
        (self._stage / f"{job}.json").write_text(json.dumps(script or {}))
        execution = self._sfn.start_execution(
            stateMachineArn=self._machine,
            name=job,
            input=json.dumps({"job_id": job, "candidates": list(range(1, candidates + 1))}),
        )["executionArn"]
        deadline = time.monotonic() + 30
        while (end := self._sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, (self._stage / f"{job}.log").read_text()
            time.sleep(0.02)
        return end["status"], (self._stage / f"{job}.log").read_text().splitlines()


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    where = tmp_path_factory.mktemp("workflow")
    with emulated(where, AUTH="false", SFN_WAIT_SCALE="0") as emulator:
        yield Theatre(emulator, where)


FINAL = ["start final.1", "park", "collect final.1", "verify final.1"]
DRAFT = ["start draft1.1", "park", "collect draft1.1", "settle"]


def test_draft_final_verify_conclude(theatre: Theatre) -> None:
    assert theatre.play() == ("SUCCEEDED", [*DRAFT, *FINAL, "conclude accepted"])


def test_cached_renders_wait_for_nothing(theatre: Theatre) -> None:
    status, asked = theatre.play({"start": [{"next": "continue"}]})

    assert (status, asked) == (
        "SUCCEEDED",
        ["start draft1.1", "settle", "start final.1", "verify final.1", "conclude accepted"],
    )


def test_eight_drafts_are_rendered_each_once(theatre: Theatre) -> None:
    status, asked = theatre.play({"start": [{"next": "continue"}]}, candidates=8)

    assert status == "SUCCEEDED"
    assert sorted(asked[:8]) == [f"start draft{number}.1" for number in range(1, 9)]


def test_a_draft_is_tried_again_when_told_so(theatre: Theatre) -> None:
    _, asked = theatre.play({"collect draft1.1": [{"next": "retry", "attempt": 2}]})

    assert asked[:7] == [
        "start draft1.1",
        "park",
        "collect draft1.1",
        "start draft1.2",
        "park",
        "collect draft1.2",
        "settle",
    ]


def test_a_draft_that_fails_does_not_stop_the_others(theatre: Theatre) -> None:
    status, asked = theatre.play({"collect draft1.1": [{"next": "fail"}], "start draft2.1": ["NotFound"]}, candidates=3)

    assert status == "SUCCEEDED"
    assert asked.index("settle") > asked.index("collect draft3.1")
    assert asked[-1] == "conclude accepted"


def test_no_draft_at_all_ends_the_job(theatre: Theatre) -> None:
    _, asked = theatre.play({"settle": [{"next": "conclude", "outcome": "failed"}]})

    assert asked == [*DRAFT, "conclude failed"]


def test_draft_only_ends_after_the_drafts(theatre: Theatre) -> None:
    _, asked = theatre.play({"settle": [{"next": "conclude", "outcome": "drafted"}]})

    assert asked == [*DRAFT, "conclude drafted"]


def test_approval_is_waited_for_and_then_the_decision_is_taken(theatre: Theatre) -> None:
    _, asked = theatre.play({"settle": [{"next": "approval"}]})

    assert asked == [*DRAFT, "park", "decide", *FINAL, "conclude accepted"]


def test_an_approval_nobody_gives_times_out_into_the_decision(theatre: Theatre) -> None:
    _, asked = theatre.play(
        {
            "start": [{"next": "continue"}],
            "settle": [{"next": "approval"}],
            "park": [{"silent": True}],
            "decide": [{"next": "conclude", "outcome": "expired"}],
        }
    )

    assert asked == ["start draft1.1", "settle", "park", "decide", "conclude expired"]


def test_a_rejection_concludes_declined(theatre: Theatre) -> None:
    _, asked = theatre.play({"settle": [{"next": "approval"}], "decide": [{"next": "conclude", "outcome": "declined"}]})

    assert asked[-2:] == ["decide", "conclude declined"]


def test_more_drafts_open_another_round(theatre: Theatre) -> None:
    _, asked = theatre.play(
        {
            "start": [{"next": "continue"}],
            "settle": [{"next": "approval"}],
            "decide": [{"next": "drafts", "candidates": [2, 3]}, {"next": "finalize", "attempt": 1, "outcome": ""}],
        }
    )

    assert asked[:4] == ["start draft1.1", "settle", "park", "decide"]
    assert sorted(asked[4:6]) == ["start draft2.1", "start draft3.1"]
    assert asked[6:] == ["settle", "park", "decide", "start final.1", "verify final.1", "conclude accepted"]


@pytest.mark.parametrize("asker", ["settle", "decide"])
def test_off_peak_waits_until_its_hour(asker: str, theatre: Theatre) -> None:
    script: dict[str, list[Any]] = {
        asker: [{"next": "off_peak", "resume_at": "2020-01-01T00:00:00Z", "attempt": 1, "outcome": ""}]
    }
    if asker == "decide":
        script["settle"] = [{"next": "approval"}]

    status, asked = theatre.play(script)

    assert status == "SUCCEEDED"
    assert asked[-5:] == [*FINAL, "conclude accepted"]


def test_a_misprint_is_repaired_until_it_passes(theatre: Theatre) -> None:
    _, asked = theatre.play(
        {
            "start": [{"next": "continue"}],
            "verify final.1": [{"next": "repair", "attempt": 2}],
            "verify final.2": [{"next": "repair", "attempt": 3}],
        }
    )

    finals = [line for line in asked if "final" in line]
    assert finals == [f"{step} final.{n}" for n in (1, 2, 3) for step in ("start", "verify")]
    assert asked[-1] == "conclude accepted"


def test_exhausted_repairs_conclude_as_a_mismatch(theatre: Theatre) -> None:
    assert theatre.play({"verify": [{"next": "reject"}]})[1][-1] == "conclude mismatch"


def test_a_final_that_is_lost_is_started_again_and_one_that_fails_ends_the_job(theatre: Theatre) -> None:
    _, asked = theatre.play(
        {"collect final.1": [{"next": "retry", "attempt": 2}], "collect final.2": [{"next": "fail"}]}
    )

    assert asked[4:] == [
        "start final.1",
        "park",
        "collect final.1",
        "start final.2",
        "park",
        "collect final.2",
        "conclude failed",
    ]


def test_a_notification_that_never_comes_costs_only_time(theatre: Theatre) -> None:
    status, asked = theatre.play({"park": [{"silent": True}]})

    assert (status, asked) == ("SUCCEEDED", [*DRAFT, *FINAL, "conclude accepted"])


def test_a_passing_fault_is_retried(theatre: Theatre) -> None:
    for step in ("start final.1", "collect final.1", "settle", "verify final.1", "conclude accepted"):
        status, asked = theatre.play({step: ["LedgerConflict", {"next": "continue", **_DEFAULT.get(step, {})}]})
        assert (status, asked[-1]) == ("SUCCEEDED", "conclude accepted"), step


_DEFAULT: dict[str, dict[str, Any]] = {
    "settle": {"next": "finalize", "attempt": 1, "outcome": ""},
    "verify final.1": {"next": "accept"},
}


@pytest.mark.parametrize("step", ["settle", "decide", "start final.1", "collect final.1", "verify final.1"])
def test_the_unforeseen_is_concluded_as_a_failure_from_every_state(step: str, theatre: Theatre) -> None:
    script: dict[str, list[Any]] = {step: ["ConfigurationError"]}
    if step == "decide":
        script["settle"] = [{"next": "approval"}]

    status, asked = theatre.play(script)

    assert (status, asked[-1]) == ("SUCCEEDED", "conclude failed")


@pytest.mark.parametrize("step", ["settle", "decide", "start final.1", "collect final.1", "verify final.1"])
def test_a_job_canceled_meanwhile_ends_the_execution_quietly(step: str, theatre: Theatre) -> None:
    script: dict[str, list[Any]] = {step: ["JobConcluded"]}
    if step == "decide":
        script["settle"] = [{"next": "approval"}]

    status, asked = theatre.play(script)

    assert status == "SUCCEEDED"
    assert not any(line.startswith("conclude") for line in asked)


def test_a_conclusion_that_cannot_be_written_fails_the_execution_for_the_rule_to_see(theatre: Theatre) -> None:
    assert theatre.play({"conclude": ["ConfigurationError"]})[0] == "FAILED"
