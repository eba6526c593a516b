"""The emulator keeps AWS's word where this pipeline depends on it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import patches, processes
from tests.local.emulated import ROLE, Emulated, emulated

pytestmark = pytest.mark.xdist_group("emulator")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    with emulated(tmp_path_factory.mktemp("emulator")) as running:
        yield running


def until(true: Callable[[], Any], *, within_s: float = 20) -> Any:
    deadline = time.monotonic() + within_s
    while not (answer := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return answer


def execute(emulator: Emulated, states: dict[str, Any]) -> dict[str, Any]:
    """Run a machine that starts with its first state to its end."""
    client = emulator.aws.client("stepfunctions")
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}
    name = f"machine-{time.monotonic_ns()}"
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = client.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    return dict(until(ended))


def test_an_exception_keeps_its_class_name_and_the_process_lives_on(emulator: Emulated) -> None:
    emulator.function(
        "raises",
        """
        import os
        class ProviderThrottled(Exception): pass
        def handler(event, context):
            if event: raise ProviderThrottled("slow down")
            return os.getpid()
        """,
    )
    before, _ = emulator.call("raises")

    answer, failed = emulator.call("raises", {"fail": True})
    after, _ = emulator.call("raises")

    assert failed
    assert answer["errorType"] == "ProviderThrottled"
    assert answer["errorMessage"] == "slow down"
    assert before == after


def test_a_retry_by_class_name_matches(emulator: Emulated, tmp_path: Path) -> None:
    emulator.function(
        "second-time",
        """
        import pathlib
        class ProviderUnavailable(Exception): pass
        def handler(event, context):
            been_here = pathlib.Path(event["marker"])
            if not been_here.exists():
                been_here.touch()
                raise ProviderUnavailable("once")
            return "well"
        """,
    )
    arguments = {"FunctionName": "second-time", "Payload": {"marker": str(tmp_path / "marker")}}
    retry = [{"ErrorEquals": ["ProviderUnavailable"], "IntervalSeconds": 1, "MaxAttempts": 2}]

    ended = execute(
        emulator,
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": arguments,
                "TimeoutSeconds": 20,
                "Retry": retry,
                "Output": "{% $states.result.Payload %}",
                "End": True,
            }
        },
    )

    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == "well"


def test_a_handler_that_fails_under_a_token_fails_its_state_at_once(emulator: Emulated) -> None:
    emulator.function("breaks", 'def handler(event, context): raise KeyError("job")')

    ended = execute(
        emulator,
        {
            "Await": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": {"FunctionName": "breaks", "Payload": {"token": "{% $states.context.Task.Token %}"}},
                "TimeoutSeconds": 600,
                "End": True,
            }
        },
    )

    assert ended["status"] == "FAILED"
    assert ended["error"] == "KeyError"


SLEEPER = """
import os, time
def handler(event, context):
    time.sleep(event["s"])
    return os.getpid()
"""


def test_a_burst_shares_few_processes_and_loses_nothing(emulator: Emulated) -> None:
    emulator.function("burst", SLEEPER)
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.05):
            peak = max(peak, emulator.control("stats")["workers"].get("burst", 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(24) as clients:
        answers = list(clients.map(lambda _: emulator.call("burst", {"s": 0.02}), range(96)))
    over.set()
    watcher.join()

    assert [failed for _, failed in answers] == [None] * 96
    assert len({pid for pid, _ in answers}) <= peak <= emulator.control("stats")["total"] // 8


def test_long_calls_of_one_function_do_not_hold_up_another(emulator: Emulated) -> None:
    emulator.function("polls", SLEEPER)
    emulator.function("quick", SLEEPER)
    emulator.control("warm", functions=["quick"])
    for _ in range(8):
        emulator.lambda_.invoke(FunctionName="polls", Payload='{"s": 2}', InvocationType="Event")
    until(lambda: _of("polls", emulator.control("stats")["queued"]))

    answer, failed = emulator.call("quick", {"s": 0})

    assert failed is None
    assert answer
    assert _of("polls", emulator.control("stats")["queued"])


def test_waiting_for_a_slot_does_not_use_up_a_tasks_timeout(emulator: Emulated) -> None:
    """One instance at a time; the second execution waits longer than its timeout before it runs."""
    emulator.function("narrow", SLEEPER, MemorySize=3008)
    emulator.lambda_.put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=1)
    emulator.control("warm", functions=["narrow"])
    states = {
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "narrow", "Payload": {"s": 2}},
            "TimeoutSeconds": 3,
            "End": True,
        }
    }

    with ThreadPoolExecutor(2) as clients:
        ended = list(clients.map(lambda _: execute(emulator, states), range(2)))

    assert [each["status"] for each in ended] == ["SUCCEEDED"] * 2


def test_warming_names_what_cannot_start(emulator: Emulated) -> None:
    emulator.function("warm", "def handler(event, context): return 1")
    emulator.function("broken", "import nothing_of_that_name")

    report = emulator.control("warm", functions=["warm", "broken", "absent"])

    assert report["warm"]["ms"] >= 0
    assert "nothing_of_that_name" in report["broken"]["error"]
    assert "no function absent" in report["absent"]["error"]


def test_the_front_door_says_so_until_it_knows_the_api(emulator: Emulated) -> None:
    answer = httpx.get(emulator.front_url + "/v1/jobs", trust_env=False)

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


def test_iam_is_enforced_for_handlers(emulator: Emulated) -> None:
    """A role without a policy may call nothing, also here."""
    iam = emulator.aws.client("iam")
    role = iam.create_role(RoleName="powerless", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    source = """
        import boto3
        def handler(event, context):
            return boto3.client("s3").list_buckets()["Buckets"]
    """
    emulator.function("curious", source, Role=role)

    answer, failed = emulator.call("curious")

    assert failed
    assert "AccessDenied" in answer["errorMessage"]


def test_a_queue_that_wants_tls_takes_messages_on_loopback(emulator: Emulated) -> None:
    sqs = emulator.aws.client("sqs")
    queue = sqs.create_queue(QueueName="tls-only")["QueueUrl"]
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})

    sqs.send_message(QueueUrl=queue, MessageBody="01J")

    assert sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "01J"


def test_kill_9_loses_seconds_only_and_leaves_no_process(tmp_path: Path) -> None:
    with emulated(tmp_path) as first:
        table = {
            "TableName": "ledger",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        first.aws.client("dynamodb").create_table(**table)
        first.aws.client("dynamodb").put_item(TableName="ledger", Item={"pk": {"S": "JOB#1"}})
        first.aws.client("s3").create_bucket(Bucket="images")
        first.aws.client("s3").put_object(Bucket="images", Key="a.png", Body=b"bytes")
        first.function("sleeps", SLEEPER)
        first.lambda_.invoke(FunctionName="sleeps", Payload='{"s": 20}', InvocationType="Event")
        until(lambda: first.control("stats")["running"])
        until(lambda: "JOB#1" in _read(tmp_path / "state/emulator/dynamodb.json"))
        until(lambda: "sleeps" in _read(tmp_path / "state/emulator/lambda.json"))
        until(lambda: "images" in _read(tmp_path / "state/emulator/s3.json"))

        first.process.kill()
        first.process.wait()

        until(lambda: not processes.of_run(first.run_id))

    with emulated(tmp_path) as second:
        assert second.aws.client("dynamodb").get_item(TableName="ledger", Key={"pk": {"S": "JOB#1"}})["Item"]
        assert second.aws.client("s3").get_object(Bucket="images", Key="a.png")["Body"].read() == b"bytes"
        assert second.call("sleeps", {"s": 0})[1] is None


def test_another_version_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "version", lambda _: "1.6.0")

    with pytest.raises(patches.UnknownEmulatorError, match=r"ministack 1\.6\.0 is installed"):
        patches.apply(None)  # type: ignore[arg-type]  # it must not get that far


def _of(function: str, counts: dict[str, int]) -> int:
    return sum(count for key, count in counts.items() if key.endswith(f":{function}"))


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
