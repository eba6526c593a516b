"""Delivery queue → webhooks: one signed POST a message, tried again by the queue until it is taken or given up."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.telemetry import logger
from shared.wiring import notifications

_processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Deliver each message's event. Input: events/notify-batch.json. What is not delivered yet stays in the queue."""
    return process_partial_response(event=event, record_handler=_deliver, processor=_processor, context=context)


def _deliver(record: SQSRecord) -> None:
    notifications().deliver(record.body, receipt=record.receipt_handle)
