"""A job's turning points: drafts are in, somebody decided, it is over, the workflow died."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from shared.models import Value
from shared.telemetry import logger
from shared.wiring import milestones


class Settle(Value):
    step: Literal["settle"]
    job_id: str


class Decide(Value):
    step: Literal["decide"]
    job_id: str


class Conclude(Value):
    step: Literal["conclude"]
    job_id: str
    outcome: Literal["accepted", "drafted", "mismatch", "declined", "expired", "failed"]
    cause: str = ""


_asked: TypeAdapter[Settle | Decide | Conclude] = TypeAdapter(
    Annotated[Settle | Decide | Conclude, Field(discriminator="step")]
)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one turning point. Input: events/conclude-*.json; an EventBridge event is an execution that died."""
    if "detail-type" in event:
        return _died(EventBridgeEvent(event))
    asked = _asked.validate_python(event)
    logger.append_keys(job_id=asked.job_id)
    match asked:
        case Settle():
            return milestones().settle(asked.job_id).model_dump(mode="json")
        case Decide():
            return milestones().decide(asked.job_id).model_dump(mode="json")
        case Conclude():
            job = milestones().conclude(asked.job_id, asked.outcome, cause=asked.cause)
            return {"job_id": job.id, "stage": job.stage}


def _died(event: EventBridgeEvent) -> dict[str, Any]:
    detail = event.detail
    milestones().unforeseen(
        detail["name"], detail["status"], cause=f"{detail.get('error') or ''} {detail.get('cause') or ''}".strip()
    )
    return {"execution": detail["name"]}
