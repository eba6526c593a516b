"""Every function from its sample event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from functions.authorize.handler import handler as authorize
from functions.conclude.handler import handler as conclude
from functions.dispatch.handler import handler as dispatch
from functions.golden.handler import handler as golden
from functions.render.handler import handler as render
from functions.resume.handler import handler as resume
from functions.sweep.handler import handler as sweep
from functions.verify.handler import handler as verify
from shared import wiring
from shared.errors import NotFound
from shared.models import Stage
from tests.handlers.conftest import Context
from tests.world import WORKFLOW_ARN, Resources

Sample = Callable[[str], dict[str, Any]]


def test_authorize_vouches_for_a_known_key(sample: Sample, context: Context) -> None:
    answer = authorize(sample("authorize-request"), context)  # type: ignore[arg-type]

    assert answer["context"] == {"tenant": "acme", "name": "dana", "scopes": "render approve audit admin"}
    assert answer["policyDocument"]["Statement"][0]["Resource"].endswith("abc123/prod/*")


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer pc_live_" + "B" * 32, "Basic abc", "Bearer x" * 500])
def test_authorize_turns_everybody_else_away_in_one_voice(header: str, sample: Sample, context: Context) -> None:
    event = sample("authorize-request")
    event["headers"]["Authorization"] = header

    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize(event, context)  # type: ignore[arg-type]


def test_dispatch_starts_the_job_and_buries_the_poison(sample: Sample, context: Context, job_id: str) -> None:
    answer = dispatch(sample("dispatch-batch"), context)  # type: ignore[arg-type]

    executions = boto3.client("stepfunctions").list_executions(stateMachineArn=WORKFLOW_ARN)["executions"]
    assert [execution["name"] for execution in executions] == [job_id]
    assert answer == {"batchItemFailures": []}
    buried = boto3.client("sqs").receive_message(QueueUrl=wiring.settings().poison_queue_url)["Messages"]
    assert [message["Body"] for message in buried] == ["this is no job"]


def test_dispatching_twice_starts_once(sample: Sample, context: Context, job_id: str) -> None:
    for _ in range(2):
        dispatch(sample("dispatch-batch"), context)  # type: ignore[arg-type]

    assert len(boto3.client("stepfunctions").list_executions(stateMachineArn=WORKFLOW_ARN)["executions"]) == 1


def test_render_starts_an_attempt_and_answers_with_its_ticket(sample: Sample, context: Context, job_id: str) -> None:
    answer = render(sample("render-start"), context)  # type: ignore[arg-type]

    assert answer["next"] == "await"
    assert answer["ticket"] == f"{job_id}-d1-1"
    assert wiring.ledger().job(job_id).stage is Stage.DRAFTING


def test_render_collects_only_what_was_started(sample: Sample, context: Context) -> None:
    with pytest.raises(NotFound):
        render(sample("render-collect"), context)  # type: ignore[arg-type]


def test_resume_takes_tokens_and_notifications_in_any_order(sample: Sample, context: Context) -> None:
    resume(sample("resume-notification"), context)  # type: ignore[arg-type]
    resume(sample("resume-park"), context)  # type: ignore[arg-type]
    resume(sample("resume-notification"), context)  # type: ignore[arg-type]


def test_verify_needs_an_image(sample: Sample, context: Context) -> None:
    with pytest.raises(NotFound):
        verify(sample("verify-final"), context)  # type: ignore[arg-type]


def test_conclude_settles_and_ends_a_job_without_drafts(sample: Sample, context: Context, job_id: str) -> None:
    assert conclude(sample("conclude-settle"), context)["outcome"] == "failed"  # type: ignore[arg-type]
    assert conclude(sample("conclude-decide"), context)["outcome"] == "expired"  # type: ignore[arg-type]
    assert conclude(sample("conclude-accepted"), context)["stage"] == "done"  # type: ignore[arg-type]


def test_conclude_hears_of_a_dead_execution(sample: Sample, context: Context, job_id: str) -> None:
    conclude(sample("conclude-execution-failed"), context)  # type: ignore[arg-type]

    assert wiring.ledger().job(job_id).stage is Stage.FAILED


def test_sweep_reports_what_it_did(sample: Sample, context: Context, deployed: Resources) -> None:
    assert sweep(sample("sweep-schedule"), context)["looked_at"] == 0  # type: ignore[arg-type]


def test_golden_orders_the_set_once_for_each_time_the_schedule_comes_round(
    sample: Sample, context: Context, deployed: Resources
) -> None:
    first, again = (golden(sample("golden-schedule"), context) for _ in range(2))  # type: ignore[arg-type]
    by_hand = golden(sample("golden-run"), context)  # type: ignore[arg-type]

    assert first == again
    assert (len(first["jobs"]), first["refused"]) == (6, {})
    assert len({*first["jobs"], *by_hand["jobs"]}) == 12


def test_golden_compares_and_accepts_its_own_jobs_only(sample: Sample, context: Context, job_id: str) -> None:
    for event in ("golden-job-over", "golden-accept"):
        with pytest.raises(NotFound):
            golden(sample(event), context)  # type: ignore[arg-type]
