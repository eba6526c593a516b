"""What a webhook is told: who asked to hear of a job, and the body they get, in the dialect they asked in.

Hides the envelope. Links are signed when the body is made, which is just before it is sent. Never sends anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.ledger import Ledger
from shared.models import Announcement, WebhookEvent
from shared.views import JobView, Link, job_view

Body = Mapping[str, Any]
"""JSON values."""


@dataclass(frozen=True)
class News:
    """One event for one URL. No `events`: all of them are wanted."""

    tenant: str
    url: str
    events: tuple[WebhookEvent, ...]
    body: Callable[[], Body]


Source = Callable[[Announcement], News | None]
"""Knows what an announcement is about; None when nobody asked to hear of it. Raises NotFound."""


@dataclass(frozen=True, kw_only=True)
class JobNews:
    """The source of `job.…`. `dialects`: how a client of another API wants a job told; ours is the envelope here."""

    ledger: Ledger
    link: Link
    dialects: Mapping[str, Callable[[JobView], Body]]

    def __call__(self, announcement: Announcement) -> News | None:
        job = self.ledger.job(announcement.job_id, tenant=announcement.tenant)
        if job.request.webhook is None:
            return None

        def body() -> Body:
            now = self.ledger.job(job.id)
            view = job_view(now, self.ledger.attempts(job.id), link=self.link, base_url=job.door.base_url)
            if job.door.dialect in self.dialects:
                return self.dialects[job.door.dialect](view)
            return {
                "type": announcement.event,
                "timestamp": announcement.at.isoformat(),
                # Events may arrive in any order: the higher number is the later state.
                "seq": now.seq,
                "data": view.model_dump(mode="json"),
            }

        return News(job.tenant, str(job.request.webhook), job.request.webhook_events, body)
