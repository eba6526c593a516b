"""Intake queue → workflow: one execution per accepted job."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.telemetry import logger
from shared.wiring import submissions

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Start each message's job. Input: events/dispatch-batch.json. A message fails alone, not its whole batch."""
    return process_partial_response(event=event, record_handler=_dispatch, processor=_processor, context=context)


def _dispatch(record: SQSRecord) -> None:
    submissions().dispatch(record.body)
