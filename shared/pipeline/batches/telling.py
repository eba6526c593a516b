"""What a webhook is told of a batch that is over: the batch object, in the envelope that jobs come in, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.batchviews import batch_view
from shared.ledger import Ledger
from shared.models import Announcement
from shared.pipeline.news import Body, News


@dataclass(frozen=True, kw_only=True)
class BatchNews:
    """The source of `batch.…`. Links are signed when the body is made."""

    ledger: Ledger
    link: Callable[[str], str]
    clock: Callable[[], datetime]

    def __call__(self, announcement: Announcement) -> News | None:
        batch = self.ledger.batches.find(announcement.batch_id, tenant=announcement.tenant)
        if batch.webhook is None:
            return None

        def body() -> Body:
            view = batch_view(batch, link=self.link, base_url=batch.base_url, now=self.clock())
            return {
                "type": "batch.completed",
                "timestamp": announcement.at.isoformat(),
                "seq": batch.seq,
                "data": view.model_dump(mode="json"),
            }

        return News(batch.tenant, str(batch.webhook), (), body)
