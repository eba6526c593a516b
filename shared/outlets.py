"""Where the pipeline speaks: the intake queues and the event bus.

Hides SQS and EventBridge. Both speak after the ledger has been written and may repeat themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.models import IntakeMessage, Job, canonical_json
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

SOURCE: Final = "presscheck"


class Intake:
    """The queue between submit and dispatch, in two lanes so that a batch never delays a person."""

    def __init__(self, client: SQSClient, *, interactive_url: str, bulk_url: str, poison_url: str) -> None:
        self._client = client
        self._poison_url = poison_url
        self._lanes = {"interactive": interactive_url, "bulk": bulk_url}

    def send(self, job: Job, *, lane: str = "interactive") -> None:
        message = IntakeMessage(job_id=job.id, submitted_at=job.created_at)
        self._client.send_message(QueueUrl=self._lanes[lane], MessageBody=message.model_dump_json())

    def bury(self, body: str, *, reason: str) -> None:
        """Put a message no retry can make good with the dead letters, unchanged, its reason beside it."""
        self._client.send_message(
            QueueUrl=self._poison_url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1000]}},
        )
        logger.error("message_buried", reason=reason[:1000])


class Announcer:
    """Tells the world, through EventBridge, what became of a job; webhooks and dashboards listen."""

    def __init__(self, client: EventBridgeClient, *, bus: str) -> None:
        self._client = client
        self._bus = bus

    def announce(self, kind: str, job: Job, **facts: Any) -> None:
        """Put `job.draft_ready`, `job.completed` … on the bus. Never carries prompts or links."""
        detail = {"job_id": job.id, "tenant": job.tenant, "stage": job.stage, "use_case": job.use_case, **facts}
        reply = self._client.put_events(
            Entries=[
                {"Source": SOURCE, "DetailType": kind, "Detail": canonical_json(detail), "EventBusName": self._bus}
            ]
        )
        if reply["FailedEntryCount"]:
            logger.error("announce_failed", kind=kind, job_id=job.id, reason=reply["Entries"][0].get("ErrorCode"))
