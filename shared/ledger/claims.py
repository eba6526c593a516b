"""One job for one key: what a client may send again without buying a second picture.

Hides the items that remember which job a key led to. They are written in the transaction that opens the job, so no
crash can part the two.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.ledger.table import Table
from shared.models import Job, Value, sha256_hex


class Once(Value):
    """A key that leads to one job of a tenant's until it expires."""

    key: str
    until: datetime


class Claims:
    def __init__(self, table: Table) -> None:
        self._table = table

    def holder(self, tenant: str, key: str) -> str | None:
        """The job a key leads to now."""
        item = self._table.get(_key(tenant, key))
        return str(item["job_id"]) if item and item["expires_at"] > self._now() else None

    def prepared(self, job: Job, once: Once) -> Any:
        """A put for the transaction that opens the job; its condition fails while the key leads to another."""
        item = _key(job.tenant, once.key) | {"job_id": job.id, "expires_at": int(once.until.timestamp())}
        # The table forgets what expired within days, not at once.
        free = "attribute_not_exists(pk) OR expires_at <= :now"
        return self._table.prepared(item, only_if=free, seen={":now": self._now()})

    def _now(self) -> int:
        return int(self._table.clock().timestamp())


def _key(tenant: str, key: str) -> dict[str, Any]:
    return {"pk": f"CLAIM#{tenant}#{sha256_hex(key)}", "sk": "CLAIM"}
