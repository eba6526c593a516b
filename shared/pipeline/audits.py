"""A tenant's records for whoever checks them: page after page, each examined as it is read.

Hides how much fits into one answer. Reads only; what breaks a record is shared.ledger.examination's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.ledger import Ledger
from shared.models import AuditPage, JobRecord, Principal

PAGE_BYTES: Final = 3_000_000
"""Lambda answers with at most 6 MB, and JSON in JSON grows."""
_READERS: Final = 16


@dataclass(frozen=True, kw_only=True)
class Audits:
    """Sees a tenant's own jobs."""

    ledger: Ledger
    clock: Callable[[], datetime]
    page_bytes: int = PAGE_BYTES

    def page(
        self, who: Principal, *, limit: int, cursor: str | None = None, since: datetime | None = None
    ) -> AuditPage:
        """The records of up to `limit` jobs submitted since then, newest first; fewer where they are long."""
        ids = self.ledger.job_ids(who.tenant, limit=limit, cursor=cursor, since=since)
        with ThreadPoolExecutor(_READERS) as pool:
            records = pool.map(lambda each: self.ledger.record(each[0]), ids)
        kept: list[JobRecord] = []
        room = self.page_bytes
        for record, (_, after) in zip(records, ids, strict=True):
            room -= len(record.model_dump_json())
            if room < 0 and kept:
                break
            kept.append(record)
            cursor = after
        return AuditPage(tenant=who.tenant, as_of=self.clock(), records=tuple(kept), cursor=cursor if kept else None)
