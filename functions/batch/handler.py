"""Batches: a file came, a job of a batch moved, or the batch workflow takes its next step."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from shared.models import BatchProblem, BatchReply, RowsTask, Value
from shared.telemetry import logger
from shared.wiring import arrivals, closing, conveyor, reading


class Step(Value):
    """One step of the workflow that needs no more than the batch."""

    step: Literal["inspect", "look", "finish"]
    batch_id: str


class Record(Value):
    """A chunk of rows, as the map hands it on."""

    step: Literal["record"]
    task: RowsTask


class Fail(Value):
    """The workflow gave up."""

    step: Literal["fail"]
    batch_id: str
    error: str
    cause: str = ""


_asked: TypeAdapter[Step | Record | Fail] = TypeAdapter(Annotated[Step | Record | Fail, Field(discriminator="step")])
_CAUSE_CHARS: Final = 500


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one step. Input: events/batch-*.json; an EventBridge event is a stored file or a job that moved."""
    if "detail-type" in event:
        return _heard(EventBridgeEvent(event))
    asked = _asked.validate_python(event)
    if isinstance(asked, Record):
        reading().record(asked.task)
        return {}
    logger.append_keys(batch_id=asked.batch_id)
    if isinstance(asked, Fail):
        problem = BatchProblem(code="unreadable", message=f"{asked.error}: {asked.cause}"[:_CAUSE_CHARS])
        return closing().fail(asked.batch_id, problem).model_dump(mode="json")
    return _step(asked).model_dump(mode="json")


def _step(asked: Step) -> BatchReply:
    match asked.step:
        case "inspect":
            return reading().inspect(asked.batch_id)
        case "look":
            return conveyor().look(asked.batch_id)
        case "finish":
            return closing().finish(asked.batch_id)


def _heard(event: EventBridgeEvent) -> dict[str, Any]:
    if event.source == "aws.s3":
        stored = event.detail["object"]
        batch = arrivals().arrived(stored["key"], version=stored.get("version-id"))
        return {"batch_id": batch.id if batch else None}
    job_id = event.detail["job_id"]
    logger.append_keys(job_id=job_id)
    conveyor().moved(job_id)
    return {"job_id": job_id}
