"""What a tenant has used: requests of this moment, jobs and money of this day; and how much it may.

Hides counters and their lives. Counting is one write that never fails for being contended: a counter is its own item
and no part of a transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from shared.ledger.table import Conflict, Table, encode
from shared.models import Limits, Usage

_REQUESTS_KEPT: Final = timedelta(hours=1)
_DAYS_KEPT: Final = timedelta(days=62)


class UsageStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def count_request(self, tenant: str, *, window: int) -> int:
        """Add one to the requests of this window; how many there are now."""
        item = self._table.update(
            {"pk": f"USAGE#{tenant}", "sk": f"REQUESTS#{window}"},
            "ADD requests :one SET expires_at = :end",
            values={":one": 1, ":end": self._end(_REQUESTS_KEPT)},
        )
        return int(item["requests"])

    def count_job(self, tenant: str, *, day: str, limits: Limits) -> bool:
        """Add one to the jobs of this day; False, and nothing added, where that would be above a limit."""
        try:
            self._table.update(
                _day_key(tenant, day),
                "ADD jobs :one, usd_micros :nothing SET expires_at = :end",
                only_if="attribute_not_exists(jobs) OR (jobs < :jobs AND usd_micros < :money)",
                values={
                    ":one": 1,
                    ":nothing": 0,
                    ":end": self._end(_DAYS_KEPT),
                    ":jobs": limits.jobs_per_day,
                    ":money": limits.usd_micros_per_day,
                },
            )
        except Conflict:
            return False
        return True

    def spend(self, tenant: str, usd_micros: int, *, at: datetime) -> None:
        """Add to the money of this day."""
        self._table.update(
            _day_key(tenant, at.date().isoformat()),
            "ADD jobs :nothing, usd_micros :money SET expires_at = :end",
            values={":nothing": 0, ":money": usd_micros, ":end": self._end(_DAYS_KEPT)},
        )

    def of_day(self, tenant: str, day: str) -> Usage:
        item = self._table.get(_day_key(tenant, day)) or {}
        return Usage(jobs=int(item.get("jobs", 0)), usd_micros=int(item.get("usd_micros", 0)))

    def open_jobs(self, tenant: str, *, at_most: int) -> int:
        """How many of a tenant's jobs are not over, as of a moment ago; counts no further than `at_most`."""
        return self._table.count(
            IndexName="open_by_tenant",
            KeyConditionExpression="open_tenant_pk = :tenant",
            ExpressionAttributeValues=encode({":tenant": open_partition(tenant)}),
            Limit=at_most,
        )

    # ── limits of one tenant's own ───────────────────────────────────────────────────────────────

    def limits(self, tenant: str) -> Limits | None:
        """What an operator granted this tenant instead of the stage's limits."""
        item = self._table.get(_limits_key(tenant))
        return Limits.model_validate_json(item["doc"]) if item else None

    def put_limits(self, tenant: str, limits: Limits) -> None:
        self._table.put(_limits_key(tenant) | {"doc": limits.model_dump_json()})

    def _end(self, after: timedelta) -> int:
        return int((self._table.clock() + after).timestamp())


def open_partition(tenant: str) -> str:
    """Partition of the sparse index that only open jobs are in."""
    return f"OPEN#{tenant}"


def _day_key(tenant: str, day: str) -> dict[str, Any]:
    return {"pk": f"USAGE#{tenant}", "sk": f"DAY#{day}"}


def _limits_key(tenant: str) -> dict[str, Any]:
    return {"pk": f"TENANT#{tenant}", "sk": "LIMITS"}
