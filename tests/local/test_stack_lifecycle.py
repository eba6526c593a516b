"""One command brings the stack up, another takes it down, and nothing that happens in between leaves a mess."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import processes
from infra.local.environment import Emulator
from tests.local import mini
from tests.local.command import Command

pytestmark = pytest.mark.xdist_group("stack-lifecycle")


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path / "home", cache=tmp_path / "cache")
    yield command
    command("down")


def until(true: Callable[[], Any], *, within_s: float = 40) -> Any:
    deadline = time.monotonic() + within_s
    while not (answer := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return answer


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=30, trust_env=False)


def test_up_twice_is_one_stack_and_down_leaves_nothing(command: Command, tmp_path: Path) -> None:
    assembly = mini.write(tmp_path / "assembly")

    both = [command.start("up", "--json", "--assembly", assembly) for _ in range(2)]
    first, second = (json.loads(each.communicate(timeout=120)[0].splitlines()[-1]) for each in both)
    now = command("status")
    elsewhere = command("up", "--state", tmp_path / "elsewhere")
    answer = get(first["api_url"] + "/").json()
    run = command.home / "runs" / now["run_id"]
    ended = command("down")

    assert first["event"] == "ready"
    assert (first["api_url"], first["api_key"], first["pid"]) == (second["api_url"], second["api_key"], second["pid"])
    assert now["running"]
    assert {child["name"] for child in now["children"]} == {"emulator", "container", "sagemaker"}
    assert elsewhere["event"] == "error"
    assert "another --state" in elsewhere["message"]
    assert answer["answer"] == "first"
    assert answer["context"]["path"] == "/"
    assert ended == {"event": "down", "was_up": True}
    assert processes.of_run(now["run_id"]) == []
    assert not run.exists()
    assert command("status")["running"] is False
    assert command("down") == {"event": "down", "was_up": False}


def test_kill_9_leaves_no_process_and_the_state_comes_back(command: Command, tmp_path: Path) -> None:
    """Also: what the emulator drops from a template is there, a changed template is an update, the key stays."""
    options = ("--state", tmp_path / "state", "--assembly")
    before = command("up", *options, mini.write(tmp_path / "assembly"))
    aws = Emulator(before["endpoint_url"])
    aws.client("dynamodb").put_item(TableName="mini-ledger", Item={"pk": {"S": "JOB#1"}, "sk": {"S": "JOB"}})
    aws.client("s3").put_object(Bucket="mini-images", Key="images/a.png", Body=b"bytes")
    until(lambda: "JOB#1" in (tmp_path / "state/emulator/dynamodb.json").read_text())
    run_id = command("status")["run_id"]

    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: not processes.of_run(run_id))
    after = command("up", *options, mini.write(tmp_path / "assembly", answer="second"))

    assert after["event"] == "ready", after
    aws = Emulator(after["endpoint_url"])
    assert after["api_key"] == before["api_key"]
    assert after["api_url"] == before["api_url"]
    assert get(after["api_url"] + "/").json()["answer"] == "second"
    assert "Item" in aws.client("dynamodb").get_item(
        TableName="mini-ledger", Key={"pk": {"S": "JOB#1"}, "sk": {"S": "JOB"}}
    )
    assert aws.client("s3").get_object(Bucket="mini-images", Key="images/a.png")["Body"].read() == b"bytes"
    assert _repaired(aws) == ("ENABLED", 7, True)
    assert [each.name for each in (command.home / "runs").iterdir()] == [command("status")["run_id"]]


def _repaired(aws: Emulator) -> tuple[str, int, bool]:
    """TTL of the table, days of the bucket's rule, and whether the function has a dead-letter queue."""
    ttl = aws.client("dynamodb").describe_time_to_live(TableName="mini-ledger")["TimeToLiveDescription"]
    rule = aws.client("s3").get_bucket_lifecycle_configuration(Bucket="mini-images")["Rules"][0]
    (function,) = aws.client("lambda").list_functions()["Functions"]
    return ttl["TimeToLiveStatus"], rule["Expiration"]["Days"], "TargetArn" in function["DeadLetterConfig"]


def test_a_part_that_falls_is_started_again(command: Command, tmp_path: Path) -> None:
    ready = command("up", "--assembly", mini.write(tmp_path / "assembly"))
    children = {child["name"]: child["pid"] for child in command("status")["children"]}

    for name in ("container", "emulator"):
        os.kill(children[name], signal.SIGKILL)
    story = command.home / "events.jsonl"
    until(lambda: all(f"{name} is back" in story.read_text() for name in ("container", "emulator")))

    now = command("status")
    assert get(ready["api_url"] + "/").json()["answer"] == "first"
    assert now["pid"] == ready["pid"]
    assert {child["name"]: child["restarts"] for child in now["children"]} == {
        "emulator": 1,
        "container": 1,
        "sagemaker": 0,
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_takes_everything_down(command: Command, tmp_path: Path, number: signal.Signals) -> None:
    starting = command.start("up", "--json", "--assembly", mini.write(tmp_path / "assembly"))
    assert starting.stdout is not None
    while '"deploy"' not in starting.stdout.readline():
        assert starting.poll() is None
    run_id = command("status")["run_id"]

    starting.send_signal(number)
    last = starting.communicate(timeout=40)[0].splitlines()[-1]

    assert starting.returncode == 130
    assert "nothing is left running" in last
    assert processes.of_run(run_id) == []
    assert list((command.home / "runs").iterdir()) == []


def test_a_port_in_use_is_an_error_that_names_it(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        answer = command("up", "--port", port)

    assert answer["event"] == "error"
    assert f"port {port} on 127.0.0.1 is already in use" in answer["message"]
    assert "--port" in answer["hint"]


def test_a_template_that_does_not_deploy_is_told_and_cleaned_up(command: Command, tmp_path: Path) -> None:
    answer = command("up", "--assembly", mini.write(tmp_path / "assembly", broken=True))

    assert answer["event"] == "error"
    assert "AWS::Presscheck::Nonsense" in answer["message"]
    assert command("status")["running"] is False
    assert list((command.home / "runs").iterdir()) == []
