"""The SageMaker stand-in end to end: real boto3 clients, the emulator's S3, SNS and SQS, a scripted container."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.local.sagemaker.aws import Aws
from infra.local.sagemaker.config import EndpointConfig, dump_endpoints
from infra.local.sagemaker.journal import Journal
from infra.local.sagemaker.server import create_app

pytestmark = pytest.mark.xdist_group("sagemaker")

ENDPOINT = "presscheck-local-sketch-fine"
ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
HTTP = httpx.Client(trust_env=False)
Answer = tuple[int, bytes]


class Container:
    """A model server whose answers a test writes; `calls` holds (headers, body), `called` counts them."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], Answer] = lambda body: (200, b"painted " + body)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.called = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.may_answer.set()
        container = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                container.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                container.called.release()
                container.may_answer.wait(PATIENCE_S)
                status, payload = container.answer(body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-picture")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """Quiet: pytest shows failures, not traffic."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """A stand-in that was killed leaves broken pipes behind; that is the point."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wait_for_call(self) -> None:
        assert self.called.acquire(timeout=PATIENCE_S), "the container was not called"

    def stop(self) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()


class Clock:
    """Seconds since the epoch, moved on by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@functools.lru_cache(maxsize=8)
def _client(service: str, url: str) -> Any:
    """boto3 as a caller has it, but without its own checks and retries: the stand-in's are under test."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, parameter_validation=False),
    )


@dataclass
class World:
    """One test's bucket, topics, queue and container; nothing is shared with another test."""

    aws_url: str
    container: Container
    folder: Path
    clock: Clock = field(default_factory=Clock)
    name: str = field(default_factory=lambda: f"t-{uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        self.s3, self.sns, self.sqs = (_client(service, self.aws_url) for service in ("s3", "sns", "sqs"))
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_object(Bucket=self.name, Key="in.json", Body=b'{"prompt": "a cat"}')
        self.queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.topics = {word: self.topic(word) for word in ("success", "error")}

    def topic(self, word: str) -> str:
        arn: str = self.sns.create_topic(Name=f"{self.name}-{word}")["TopicArn"]
        queue_arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]
        self.sns.subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=queue_arn["QueueArn"], Attributes={"RawMessageDelivery": "true"}
        )
        return arn

    def config(self, **changes: Any) -> EndpointConfig:
        values = {
            "container": self.container.url,
            "s3_output": f"s3://{self.name}/output/",
            "s3_failure": f"s3://{self.name}/failure",
            "success_topic": self.topics["success"],
            "error_topic": self.topics["error"],
            "max_concurrent": 1,
        }
        return EndpointConfig.model_validate(values | changes)

    @contextmanager
    def stand_in(self, *, state: Path | None = None, **changes: Any) -> Iterator[StandIn]:
        """The stand-in's server in a thread of this process; leaving the block stops it gracefully."""
        app = create_app(
            {ENDPOINT: self.config(**changes)},
            aws=Aws(s3=self.s3, sns=self.sns),
            journal=Journal(state),
            account="123456789012",
            region="us-east-1",
            clock=self.clock,
            grace_s=0.2,
        )
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield StandIn(self, f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            listener.close()

    def told(self, count: int) -> list[dict[str, Any]]:
        """The next `count` notifications, in the order they were published."""
        messages: list[dict[str, Any]] = []
        deadline = time.monotonic() + PATIENCE_S
        while len(messages) < count:
            assert time.monotonic() < deadline, f"only {len(messages)} of {count} notifications came: {messages}"
            reply = self.sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=1, MaxNumberOfMessages=1)
            for message in reply.get("Messages", []):
                messages.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def object(self, location: str) -> bytes:
        bucket, key = location.removeprefix("s3://").split("/", 1)
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def outputs(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.name, Prefix="output/")["Contents"]]


@dataclass
class StandIn:
    """A running stand-in as its clients see it."""

    world: World
    url: str

    def __post_init__(self) -> None:
        self.runtime = _client("sagemaker-runtime", self.url)

    def invoke(self, inference_id: str = "01J-f-1", **changes: Any) -> dict[str, Any]:
        call = {"EndpointName": ENDPOINT, "InferenceId": inference_id, "ContentType": "application/json"}
        call["InputLocation"] = f"s3://{self.world.name}/in.json"
        reply: dict[str, Any] = self.runtime.invoke_endpoint_async(**call | changes)
        return reply

    def http(self, method: str, path: str, **options: Any) -> httpx.Response:
        return HTTP.request(method, self.url + path, **options)

    def fault(self, **rule: Any) -> None:
        assert self.http("PUT", "/_faults", json=[rule]).status_code == 200

    def status(self) -> dict[str, int]:
        report: dict[str, int] = self.http("GET", "/_status").json()[ENDPOINT]
        return report

    def wait_until(self, **expected: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (status := self.status()) != status | expected:
            assert time.monotonic() < deadline, f"{status} never became {expected}"
            time.sleep(0.01)


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    """The local stack's own emulator, on a port that was free because we hold it."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        emulator = subprocess.Popen(
            [sys.executable, "-m", "hypercorn", "--bind", f"fd://{listener.fileno()}", "ministack.app:app"],
            env=os.environ | {"GATEWAY_PORT": str(port), "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"},
            pass_fds=[listener.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield f"http://127.0.0.1:{port}"
        emulator.kill()
        emulator.wait()


@pytest.fixture
def world(aws_url: str, tmp_path: Path) -> Iterator[World]:
    container = Container()
    yield World(aws_url, container, tmp_path)
    container.stop()


# ── the good way ─────────────────────────────────────────────────────────────────────────────────


def test_a_request_ends_in_an_output_object_and_a_success_notification(world: World) -> None:
    with world.stand_in() as stand_in:
        reply = stand_in.invoke(Accept="image/png", CustomAttributes="trace=7")
        (message,) = world.told(1)

    headers, body = world.container.calls[0]
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert reply["InferenceId"] == "01J-f-1"
    assert reply["OutputLocation"].startswith(f"s3://{world.name}/output/")
    assert reply["FailureLocation"].startswith(f"s3://{world.name}/failure/")
    assert world.object(reply["OutputLocation"]) == b'painted {"prompt": "a cat"}'
    assert body == b'{"prompt": "a cat"}'
    assert (headers["content-type"], headers["accept"]) == ("application/json", "image/png")
    assert headers["x-amzn-sagemaker-custom-attributes"] == "trace=7"
    assert message["invocationStatus"] == "Completed"
    assert message["inferenceId"] == "01J-f-1"
    assert message["responseParameters"] == {
        "contentType": "application/x-picture",
        "outputLocation": reply["OutputLocation"],
    }


def test_an_inline_body_a_path_and_a_filename_are_honoured(world: World) -> None:
    with world.stand_in() as stand_in:
        reply = stand_in.runtime.invoke_endpoint_async(
            EndpointName=ENDPOINT, Body=b"hello", S3OutputPathExtension="01J/f-1/", Filename="answer.json"
        )
        (message,) = world.told(1)

    assert reply["OutputLocation"] == f"s3://{world.name}/output/01J/f-1/answer.json"
    assert world.object(reply["OutputLocation"]) == b"painted hello"
    assert "inputLocation" not in message["requestParameters"]


def test_without_topics_the_objects_are_the_only_trace(world: World) -> None:
    with world.stand_in(success_topic=None) as stand_in:
        reply = stand_in.invoke()
        stand_in.wait_until(completed=1, in_flight=0, unpublished=0)

    assert world.object(reply["OutputLocation"]).startswith(b"painted")


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"EndpointName": "none"}, "ValidationError", "Endpoint none of account 123456789012 not found."),
        ({"RequestTTLSeconds": 59}, "ValidationError", "have value greater than or equal to 60"),
        ({"Body": b"{}"}, "ValidationError", "exactly one of InputLocation and Body"),
        ({"Body": b"x" * 128_001}, "ValidationError", "Value at 'body' failed"),
    ],
)
def test_boto3_reads_a_refusal(world: World, changes: dict[str, Any], code: str, message: str) -> None:
    with world.stand_in() as stand_in, pytest.raises(ClientError) as refusal:
        stand_in.invoke(**changes)

    assert refusal.value.response["Error"]["Code"] == code
    assert message in refusal.value.response["Error"]["Message"]


def test_an_asynchronous_endpoint_answers_no_synchronous_call(world: World) -> None:
    with world.stand_in() as stand_in, pytest.raises(ClientError, match="only supports InvokeEndpointAsync"):
        stand_in.runtime.invoke_endpoint(EndpointName=ENDPOINT, Body=b"{}")


def test_a_full_queue_throttles_and_keeps_what_it_accepted(world: World) -> None:
    world.container.may_answer.clear()
    with world.stand_in(max_concurrent=1, queue_size=2) as stand_in:
        stand_in.invoke("first")
        world.container.wait_for_call()
        stand_in.invoke("second")
        stand_in.invoke("third")

        with pytest.raises(ClientError) as refusal:
            stand_in.invoke("fourth")
        status = stand_in.status()
        world.container.may_answer.set()
        messages = world.told(3)

    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert (status["waiting"], status["in_flight"], status["throttled"]) == (2, 1, 1)
    assert {message["inferenceId"] for message in messages} == {"first", "second", "third"}


def test_no_more_than_max_concurrent_requests_are_inside_the_container(world: World) -> None:
    inside, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(2)

    def answer(body: bytes) -> Answer:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        together.wait(PATIENCE_S)
        with lock:
            inside -= 1
        return 200, body

    world.container.answer = answer
    with world.stand_in(max_concurrent=2) as stand_in, ThreadPoolExecutor(6) as threads:
        list(threads.map(stand_in.invoke, (f"id-{n}" for n in range(6))))
        world.told(6)

    assert most == 2


# ── the model fails ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("status", "side"), [(400, "client"), (500, "server"), (507, "server")])
def test_a_model_error_is_a_failure_object_and_an_error_notification(world: World, status: int, side: str) -> None:
    world.container.answer = lambda _: (status, b'{"error": {"code": "out_of_memory"}}')
    with world.stand_in() as stand_in:
        reply = stand_in.invoke()
        (message,) = world.told(1)

    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith(f"ClientError: Received {side} error ({status}) from model.")
    assert "responseParameters" not in message
    assert world.object(reply["FailureLocation"]) == b'{"error": {"code": "out_of_memory"}}'
    assert len(world.container.calls) == 1
    with pytest.raises(ClientError, match="NoSuchKey"):
        world.object(reply["OutputLocation"])


def test_a_busy_container_is_asked_again(world: World) -> None:
    answers = iter([(503, b"busy"), (503, b"busy"), (200, b"done")])
    world.container.answer = lambda _: next(answers)
    with world.stand_in() as stand_in:
        reply = stand_in.invoke()
        (message,) = world.told(1)

    assert message["invocationStatus"] == "Completed"
    assert world.object(reply["OutputLocation"]) == b"done"


def test_a_model_that_does_not_answer_in_time_is_a_failure(world: World) -> None:
    world.container.may_answer.clear()
    with world.stand_in() as stand_in:
        reply = stand_in.invoke(InvocationTimeoutSeconds=1)
        (message,) = world.told(1)

    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith("ClientError: Received server error (0) from model.")
    assert world.object(reply["FailureLocation"]).startswith(b"ClientError: Received server error (0)")


def test_a_missing_input_object_is_a_failure_and_the_model_is_not_called(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.invoke(InputLocation=f"s3://{world.name}/nowhere.json")
        (message,) = world.told(1)

    assert message["invocationStatus"] == "Failed"
    assert "NoSuchKey" in message["failureReason"]
    assert world.container.calls == []


def test_a_request_that_waited_too_long_expires(world: World) -> None:
    world.container.may_answer.clear()
    with world.stand_in() as stand_in:
        stand_in.invoke("first")
        world.container.wait_for_call()
        reply = stand_in.invoke("second", RequestTTLSeconds=60)
        world.clock.now += 61
        world.container.may_answer.set()
        messages = world.told(2)

    statuses = {message["inferenceId"]: message["invocationStatus"] for message in messages}
    assert statuses == {"first": "Completed", "second": "Expired"}
    assert b"RequestTTLSeconds (60)" in world.object(reply["FailureLocation"])
    assert len(world.container.calls) == 1


# ── faults ───────────────────────────────────────────────────────────────────────────────────────


def test_fault_drop_leaves_the_object_and_tells_nobody(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="drop", inference_id="*-f-1", count=1)
        reply = stand_in.invoke("a-f-1")
        stand_in.invoke("b-f-1")
        (message,) = world.told(1)
        rules = stand_in.http("GET", "/_faults").json()

    assert message["inferenceId"] == "b-f-1"
    assert world.object(reply["OutputLocation"]).startswith(b"painted")
    assert (rules[0]["action"], rules[0]["hits"]) == ("drop", 1)


def test_fault_delay_lets_later_notifications_overtake(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="delay", inference_id="slow", seconds=3600)
        for name in ("slow", "quick"):
            stand_in.invoke(name)
        (message,) = world.told(1)

        assert message["inferenceId"] == "quick"
        stand_in.wait_until(completed=2, unpublished=1)


def test_fault_reorder_tells_a_notification_after_the_next_one(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="reorder", inference_id="held")
        for name in ("held", "next"):
            stand_in.invoke(name)
        messages = world.told(2)

    assert [message["inferenceId"] for message in messages] == ["next", "held"]


def test_fault_reorder_ends_when_the_faults_are_lifted(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="reorder")
        stand_in.invoke("held")
        stand_in.wait_until(held=1)

        assert stand_in.http("DELETE", "/_faults").json() == []
        (message,) = world.told(1)

    assert message["inferenceId"] == "held"


def test_fault_duplicate_tells_again_with_the_same_words(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="duplicate", copies=2)
        stand_in.invoke()
        first, second, third = world.told(3)

    assert first == second == third


@pytest.mark.parametrize(
    ("rule", "told"),
    [({"action": "fail", "status": 507}, "server error (507)"), ({"action": "timeout"}, "server error (0)")],
)
def test_fault_fail_and_timeout_are_failures_without_a_model(world: World, rule: dict[str, Any], told: str) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(**rule)
        reply = stand_in.invoke()
        (message,) = world.told(1)

    assert told in message["failureReason"]
    assert told.encode() in world.object(reply["FailureLocation"])
    assert world.container.calls == []


def test_fault_lose_leaves_no_trace_even_after_a_restart(world: World) -> None:
    with world.stand_in(state=world.folder) as stand_in:
        stand_in.fault(action="lose", inference_id="lost")
        stand_in.invoke("lost")
        stand_in.wait_until(lost=1, in_flight=0)
    with world.stand_in(state=world.folder) as stand_in:
        stand_in.invoke("kept")
        (message,) = world.told(1)

    assert message["inferenceId"] == "kept"
    assert len(world.outputs()) == 1


def test_a_malformed_fault_is_refused_and_changes_nothing(world: World) -> None:
    with world.stand_in() as stand_in:
        stand_in.fault(action="drop")

        refusal = stand_in.http("PUT", "/_faults", json=[{"action": "explode"}])

        assert (refusal.status_code, "action" in refusal.json()["message"]) == (400, True)
        assert [rule["action"] for rule in stand_in.http("GET", "/_faults").json()] == ["drop"]


# ── durability ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rule", [{"action": "delay", "seconds": 3600}, {"action": "reorder"}])
def test_a_notification_that_is_due_later_survives_a_restart(world: World, rule: dict[str, Any]) -> None:
    with world.stand_in(state=world.folder) as stand_in:
        stand_in.fault(**rule)
        stand_in.invoke()
        stand_in.wait_until(completed=1, in_flight=0)
    world.clock.now += 3601

    with world.stand_in(state=world.folder):
        (message,) = world.told(1)

    assert message["inferenceId"] == "01J-f-1"
    assert len(world.container.calls) == 1


def test_a_notification_waits_for_a_topic_that_is_deployed_again(world: World) -> None:
    world.sns.delete_topic(TopicArn=world.topics["success"])
    with world.stand_in() as stand_in:
        stand_in.invoke()
        stand_in.wait_until(completed=1, unpublished=1)

        world.topic("success")
        (message,) = world.told(1)

    assert message["inferenceId"] == "01J-f-1"


def test_kill_9_loses_no_accepted_request(world: World) -> None:
    """One request inside the container and two in the queue, then SIGKILL; the next process answers all three."""
    world.container.may_answer.clear()
    with _process(world) as (process, stand_in):
        replies = [stand_in.invoke(f"id-{n}") for n in range(3)]
        world.container.wait_for_call()
        process.kill()
        process.wait(PATIENCE_S)
    world.container.may_answer.set()

    with _process(world) as (process, _):
        messages = world.told(3)
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE_S)

    assert {message["inferenceId"] for message in messages} == {"id-0", "id-1", "id-2"}
    assert [world.object(reply["OutputLocation"]) for reply in replies] == [b'painted {"prompt": "a cat"}'] * 3
    assert status == 0


def test_a_process_that_cannot_start_says_why(world: World) -> None:
    path = world.folder / "endpoints.json"
    path.write_text('{"sketch": {"container": "nowhere"}}')

    done = subprocess.run(_command(path), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == 2
    assert "cannot start the SageMaker stand-in" in done.stderr
    assert "sketch.container" in done.stderr


def _command(config: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "infra.local.sagemaker", "--port", "0", "--config", str(config), *options]


@contextmanager
def _process(world: World) -> Iterator[tuple[subprocess.Popen[str], StandIn]]:
    config = world.folder / "endpoints.json"
    config.write_bytes(dump_endpoints({ENDPOINT: world.config()}))
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "NO_PROXY": "127.0.0.1"}
    process = subprocess.Popen(
        _command(config, "--state", str(world.folder / "state")),
        cwd=ROOT,
        env=os.environ | keys | {"AWS_ENDPOINT_URL": world.aws_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, StandIn(world, process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.communicate()
