"""Where a task token and its wake-up meet: the workflow parks tokens here, SageMaker's notifications wake them."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.data_classes import SNSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from shared.models import Value
from shared.telemetry import logger
from shared.wiring import waits


class Parked(Value):
    """A task token the workflow leaves at a ticket."""

    ticket: str
    token: str


class Notification(BaseModel):
    """SageMaker's message about an async inference; only its id matters, the answer is read from S3."""

    inference_id: str = Field(alias="inferenceId", min_length=1, max_length=64)
    status: str = Field(alias="invocationStatus")


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Park a token or wake one. Input: events/resume-park.json, events/resume-notification.json."""
    if "Records" not in event:
        parked = Parked.model_validate(event)
        waits().park(parked.ticket, parked.token)
        return
    for record in SNSEvent(event).records:
        notification = Notification.model_validate(json.loads(record.sns.message))
        logger.info("notified", inference_id=notification.inference_id, status=notification.status)
        waits().wake(notification.inference_id)
