"""Goldens: the schedule came round, a golden's job is over, or somebody accepts what a model paints now."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field, TypeAdapter

from shared.models import Name, Value
from shared.telemetry import logger
from shared.wiring import golden_set

_JOBS: Final = "presscheck"


class Run(Value):
    """Paint the set now; the same name again is the same run."""

    step: Literal["run"]
    run: Name


class Accept(Value):
    """What this job painted is right from now on."""

    step: Literal["accept"]
    job_id: Name


_asked: TypeAdapter[Run | Accept] = TypeAdapter(Annotated[Run | Accept, Field(discriminator="step")])


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one step. Input: events/golden-*.json."""
    if "detail-type" in event:
        return _heard(EventBridgeEvent(event))
    asked = _asked.validate_python(event)
    if isinstance(asked, Run):
        return golden_set().order(asked.run).model_dump(mode="json")
    logger.append_keys(job_id=asked.job_id)
    return {"sightings": [each.model_dump(mode="json") for each in golden_set().accept(asked.job_id)]}


def _heard(event: EventBridgeEvent) -> dict[str, Any]:
    if event.source != _JOBS:
        return golden_set().order(event.get_id).model_dump(mode="json")
    job_id = event.detail["job_id"]
    logger.append_keys(job_id=job_id)
    return {"sightings": [each.model_dump(mode="json") for each in golden_set().judge(job_id)]}
