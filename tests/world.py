"""The pipeline wired for tests: real modules over moto, and fakes where AWS has no emulation in memory."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from PIL import Image

from shared.errors import RenderFailed, RenderLost
from shared.models import Job, JobRequest, Principal, Ticket
from shared.providers import Order, Painted
from shared.settings import Settings

DESIGNER = Principal(tenant="acme", name="dana", scopes=("render", "approve", "audit"))
STRANGER = Principal(tenant="rival", name="rex", scopes=("render", "approve", "audit"))
WORKFLOW_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:presscheck-test-render"
BATCH_WORKFLOW_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:presscheck-test-batch"


@dataclass(frozen=True)
class Resources:
    settings: Settings


def create_resources() -> Resources:
    settings = Settings(
        stage="test",
        profile="simulated",
        table_name="ledger",
        bucket_name="images",
        bus_name="jobs",
        workflow_arn=WORKFLOW_ARN,
        batch_workflow_arn=BATCH_WORKFLOW_ARN,
        interactive_queue_url=boto3.client("sqs").create_queue(QueueName="interactive")["QueueUrl"],
        poison_queue_url=boto3.client("sqs").create_queue(QueueName="poison")["QueueUrl"],
        bulk_queue_url=boto3.client("sqs").create_queue(QueueName="bulk")["QueueUrl"],
        webhook_queue_url=boto3.client("sqs").create_queue(QueueName="webhooks")["QueueUrl"],
        webhook_dead_letters_url=boto3.client("sqs").create_queue(QueueName="webhooks-dead")["QueueUrl"],
        webhook_key_id=boto3.client("kms").create_key()["KeyMetadata"]["KeyId"],
        endpoint_prefix="presscheck-test-",
        replay_table_name="replays",
    )
    boto3.client("dynamodb").create_table(
        TableName=settings.replay_table_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    boto3.client("s3").create_bucket(Bucket=settings.bucket_name)
    boto3.client("events").create_event_bus(Name=settings.bus_name)
    indexes = [("by_tenant", "tenant"), ("by_version", "version"), ("open", "open"), ("open_by_tenant", "open_tenant")]
    keys = ["pk", "sk"] + [f"{prefix}_{part}" for _, prefix in indexes for part in ("pk", "sk")]
    boto3.client("dynamodb").create_table(
        TableName=settings.table_name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=_schema("pk", "sk"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": _schema(f"{prefix}_pk", f"{prefix}_sk"),
                "Projection": {"ProjectionType": "ALL"},
            }
            for name, prefix in indexes
        ],
    )
    return Resources(settings)


def _schema(hash_key: str, range_key: str) -> Any:
    return [{"AttributeName": hash_key, "KeyType": "HASH"}, {"AttributeName": range_key, "KeyType": "RANGE"}]


def picture(seed: int = 0, *, size: tuple[int, int] = (64, 64)) -> bytes:
    """A small PNG whose bytes depend on the seed."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 20 + seed % 200).convert("RGB").point(lambda value: (value + seed) % 256).save(
        buffer, "PNG"
    )
    return buffer.getvalue()


def hero(**overrides: Any) -> JobRequest:
    """The article's hero job."""
    fields: dict[str, Any] = {
        "prompt": "Hero banner for a summer sale",
        "model": "dalle3-hd",
        "seed": 42,
        "guidance": 7.5,
        "size": "1024x1024",
        "expected_text": "SALE",
    }
    return JobRequest.model_validate(fields | overrides)


@dataclass
class FakeWorkflow:
    """Step Functions without its interpreter: remembers what was started, stopped and woken."""

    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)

    def start(self, job: Job) -> None:
        self.started.append(job.id)

    def stop(self, job: Job, *, cause: str) -> None:
        self.stopped.append(job.id)

    def state(self, job: Job) -> Any:
        return self.states.get(job.id, "absent")

    def wake(self, token: str) -> None:
        self.woken.append(token)


@dataclass
class FakeHost:
    """A provider with a queue of answers: an exception to raise, bytes to paint, or `None` for no trace."""

    now: datetime
    repeatable: bool = True
    revision: str = "rev-1"
    answers: list[bytes | Exception | None] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    """What it says of its pictures, where that is not the usual."""
    _waiting: dict[str, bytes | Exception | None] = field(default_factory=dict)

    def start(self, order: Order) -> Ticket | Painted:
        self.orders.append(order)
        answer = self.answers.pop(0) if self.answers else picture(order.recipe.seed)
        if isinstance(answer, BaseException) and not isinstance(answer, RenderFailed):
            raise answer
        self._waiting[str(order.id)] = answer
        if not self.repeatable and isinstance(answer, bytes):
            return _painted(answer, {"model_revision": self.revision} | self.told)
        return Ticket(
            id=str(order.id), output_location=f"s3://out/{order.id}", failure_location="", submitted_at=self.now
        )

    def collect(self, ticket: Ticket) -> Painted:
        answer = self._waiting.get(ticket.id)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise RenderLost(f"no answer for {ticket.id}")
        return _painted(answer, {"model_revision": self.revision} | self.told)

    def answered(self, ticket: Ticket) -> bool:
        return self._waiting.get(ticket.id) is not None


def _painted(data: bytes, told: dict[str, Any]) -> Painted:
    usual: dict[str, Any] = {
        "seed_sent": 7,
        "seed_reported": 7,
        "simulated": True,
        "queue_ms": 1,
        "inference_ms": 20,
        "billed_ms": 2000,
        "provider_request_id": "req-1",
    }
    return Painted(data=data, **usual | told)
