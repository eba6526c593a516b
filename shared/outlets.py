"""Where the pipeline speaks: the intake queues, the event bus, and the queue of what webhooks are still to be told.

Hides SQS and EventBridge. All speak after the ledger has been written and may repeat themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.models import Announcement, Batch, IntakeMessage, Job, canonical_json
from shared.telemetry import logger

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

SOURCE: Final = "presscheck"
MAX_POSTPONE_S: Final = 12 * 3600 - 60
"""SQS hides a message for 12 hours at most, counted from when it was received; a try takes a part of it."""


class Intake:
    """The queue between submit and dispatch, in two lanes so that a batch never delays a person."""

    def __init__(self, client: SQSClient, *, interactive_url: str, bulk_url: str, poison_url: str) -> None:
        self._client = client
        self._poison_url = poison_url
        self._lanes = {"interactive": interactive_url, "bulk": bulk_url}

    def send(self, job: Job) -> None:
        """Queue the job: one of a batch on the bulk lane, any other on the interactive one."""
        lane = "bulk" if job.batch else "interactive"
        message = IntakeMessage(job_id=job.id, submitted_at=job.created_at)
        self._client.send_message(QueueUrl=self._lanes[lane], MessageBody=message.model_dump_json())

    def bury(self, body: str, *, reason: str) -> None:
        """Put a message no retry can make good with the dead letters, unchanged, its reason beside it."""
        _bury(self._client, self._poison_url, body, reason=reason)


class Announcer:
    """Tells the world, through EventBridge, what became of a job or a batch; webhooks and dashboards listen."""

    def __init__(self, client: EventBridgeClient, *, bus: str) -> None:
        self._client = client
        self._bus = bus

    def announce(self, kind: str, job: Job, **facts: Any) -> None:
        """Put `job.draft_ready`, `job.completed` … on the bus. Never carries prompts or links.

        Repeating it is harmless: to a webhook, one kind of event of one round of drafts is the same event.
        """
        detail = {
            "kind": kind,
            "at": job.updated_at.isoformat(),
            "occurrence": len(job.rounds),
            "webhook": job.request.webhook is not None,  # what the rule of the delivery queue goes by
            "job_id": job.id,
            "tenant": job.tenant,
            "stage": job.stage,
            "use_case": job.use_case,
            **facts,
        }
        if job.batch:
            detail["batch"] = job.batch.model_dump(mode="json")
        self._put(kind, detail)

    def announce_batch(self, batch: Batch) -> None:
        """Put `batch.completed` on the bus: the batch is over, and `status` says how."""
        detail = {
            "kind": "batch.completed",
            "at": batch.over_at.isoformat(),
            "webhook": batch.webhook is not None,
            "batch_id": batch.id,
            "tenant": batch.tenant,
            "status": batch.status,
            "request_counts": batch.request_counts,
            "cost_usd_micros": batch.counts.cost_usd_micros,
        }
        self._put("batch.completed", detail)

    def _put(self, kind: str, detail: dict[str, Any]) -> None:
        reply = self._client.put_events(
            Entries=[
                {"Source": SOURCE, "DetailType": kind, "Detail": canonical_json(detail), "EventBusName": self._bus}
            ]
        )
        if reply["FailedEntryCount"]:
            subject = detail.get("job_id") or detail.get("batch_id")
            logger.error("announce_failed", kind=kind, subject=subject, reason=reply["Entries"][0].get("ErrorCode"))


class Outbox:
    """The delivery queue: one message an event that a webhook is still to be told."""

    def __init__(self, client: SQSClient, *, url: str, dead_letters_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letters_url = dead_letters_url

    def send(self, announcement: Announcement) -> None:
        """Deliver it as soon as may be, once more if it was there before."""
        self._client.send_message(QueueUrl=self._url, MessageBody=announcement.model_dump_json())

    def postpone(self, receipt: str, *, by_s: float) -> None:
        """Show a received message again that much later: at most 12 hours, which is SQS's limit."""
        seconds = max(0, min(round(by_s), MAX_POSTPONE_S))
        self._client.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds)

    def bury(self, body: str, *, reason: str) -> None:
        """Put a message no retry can make good with the dead letters, unchanged, its reason beside it."""
        _bury(self._client, self._dead_letters_url, body, reason=reason)


def _bury(client: SQSClient, url: str, body: str, *, reason: str) -> None:
    client.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": reason[:1000]}},
    )
    logger.error("message_buried", reason=reason[:1000])
