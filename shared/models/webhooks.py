"""What we tell the outside world about a job, and what became of telling it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.models.values import Value


class WebhookEvent(StrEnum):
    """What a webhook can be told. A job that was rejected or has expired is `job.canceled`, as in its status."""

    JOB_STARTED = "job.started"
    JOB_DRAFT_READY = "job.draft_ready"
    JOB_AWAITING_APPROVAL = "job.awaiting_approval"
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    BATCH_COMPLETED = "batch.completed"


_CANCELED = frozenset({"job.rejected", "job.expired"})


class Announcement(BaseModel):
    """The detail of an event on our bus, as the delivery queue carries it. Facts it does not need are passed over.

    `kind` may be a word that no webhook knows; `about` names what it happened to, and `occurrence` tells one of
    equal events from the next: a job has drafts ready once a round.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    tenant: str
    at: datetime
    job_id: str = ""
    batch_id: str = ""
    occurrence: int = 1

    @property
    def about(self) -> str:
        return self.job_id or self.batch_id

    @property
    def event(self) -> WebhookEvent | None:
        """What a webhook is told; None for what none is."""
        word = WebhookEvent.JOB_CANCELED if self.kind in _CANCELED else self.kind
        return WebhookEvent(word) if word in set(WebhookEvent) else None

    @property
    def delivery_id(self) -> str:
        """The same however often the event is announced. Has no full stop: signatures are made of parts joined by one.

        See "webhook-id" in github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
        """
        return f"msg_{self.about}_{(self.event or self.kind).replace('.', '_')}_{self.occurrence}"


class DeliveryTry(Value):
    """One try at a delivery: an HTTP status, or the reason why there was none."""

    number: int = Field(ge=1)
    at: datetime
    status_code: int | None = None
    latency_ms: int
    error: str = ""


class Delivery(Value):
    """One event on its way to one URL, with every try so far. `id` is the header `webhook-id`."""

    id: str
    event: WebhookEvent
    occurred_at: datetime
    occurrence: int = 1
    url: str
    status: Literal["pending", "delivered", "failed", "refused", "disabled"] = Field(
        "pending",
        description="`refused`: the URL leads where we do not go; `disabled`: it had answered 410 Gone.",
    )
    tries: tuple[DeliveryTry, ...] = ()
    next_try_at: datetime | None = Field(None, description="Not before then; null when there will be none.")
    reason: str = Field("", description="Why it ended without being delivered.")
    created_at: datetime
    delivered_at: datetime | None = None
    restarted_after: int | None = Field(None, description="How many tries there were when a redelivery was asked for.")


class DeliveryList(Value):
    """Everything a job told its webhook, oldest first."""

    job_id: str
    deliveries: tuple[Delivery, ...]


class DisabledEndpoint(Value):
    """A URL that answered 410 Gone, and so is told nothing until somebody enables it again."""

    url: str
    disabled_at: datetime
    delivery_id: str


class DisabledEndpointList(Value):
    endpoints: tuple[DisabledEndpoint, ...]


class SigningSecret(Value):
    """What a receiver checks signatures with. Until `previous_until` the secret before it signs, too."""

    secret: str
    created_at: datetime
    previous_until: datetime | None = None
