"""Batches: what each is, and how its rows are counted.

Hides how they are keyed. A batch item holds two things that different writers change: what it is (`doc`, guarded by
`seq`), written here, and its counts (added to, never replaced), written with the rows: see rows.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from shared.errors import NotFound
from shared.ledger.cursors import open_cursor, seal_cursor
from shared.ledger.table import UNLESS_EXISTS, Conflict, Key, Table, encode, stamp, until_written
from shared.models import Batch, BatchCounts, BatchPage

_COUNTERS: Final = tuple(BatchCounts.model_fields)
_OPEN: Final = "OPEN-BATCH"


class BatchStore:
    """Batches stay; their rows do not."""

    def __init__(self, table: Table, *, patience: timedelta) -> None:
        """`patience`: how long a batch may stand still before it is due."""
        self._table = table
        self._patience = patience

    # ── batches ──────────────────────────────────────────────────────────────────────────────────

    def open(self, batch: Batch) -> bool:
        """Write a new batch; False when there is one of that id."""
        item = {
            **batch_key(batch.id),
            "tenant": batch.tenant,
            "tenant_pk": f"BATCHES#{batch.tenant}",
            "tenant_sk": f"{stamp(batch.created_at)}#{batch.id}",
            "cursor": 0,
            **dict.fromkeys(_COUNTERS, 0),
            **self._state(batch, due=batch.expires_at),
        }
        try:
            self._table.put(item, only_if=UNLESS_EXISTS)
        except Conflict:
            return False
        return True

    def find(self, batch_id: str, *, tenant: str | None = None) -> Batch:
        """The batch as it is. Raises NotFound, also for another tenant's: its existence is not told."""
        item = self._table.get(batch_key(batch_id))
        if item is None or (tenant is not None and item["tenant"] != tenant):
            raise NotFound(f"no batch {batch_id[:64]}", param="id")
        return _batch(item)

    def amend(self, batch_id: str, change: Callable[[Batch], dict[str, Any] | None]) -> Batch:
        """Replace the fields that `change` answers, again whenever another writer was faster; None changes nothing."""

        def write() -> Batch:
            batch = self.find(batch_id)
            if (changes := change(batch)) is None:
                return batch
            after = batch.model_copy(update={**changes, "seq": batch.seq + 1})
            values = self._state(after)
            leaving = [name for name in ("open_pk", "open_sk") if name not in values]
            self._table.update(
                batch_key(batch_id),
                "SET " + ", ".join(f"#{name} = :{name}" for name in values)
                + (" REMOVE " + ", ".join(leaving) if leaving else ""),
                names={f"#{name}": name for name in values},
                values={f":{name}": value for name, value in values.items()} | {":seen": batch.seq},
                only_if="#seq = :seen",
            )  # fmt: skip
            return after

        return until_written(write, what=f"batch {batch_id}")

    def page(self, tenant: str, *, limit: int = 25, cursor: str | None = None) -> BatchPage:
        """A tenant's batches, newest first."""
        query: dict[str, Any] = {
            "IndexName": "by_tenant",
            "KeyConditionExpression": "tenant_pk = :tenant",
            "ScanIndexForward": False,
            "Limit": limit,
            "ExpressionAttributeValues": encode({":tenant": f"BATCHES#{tenant}"}),
        }
        if cursor is not None:
            query["ExclusiveStartKey"] = encode(open_cursor(cursor, partition=f"BATCHES#{tenant}"))
        items, last = self._table.page(**query)
        return BatchPage(batches=tuple(map(_batch, items)), cursor=seal_cursor(last) if last else None)

    def due(self, now: datetime) -> Iterator[str]:
        """Ids of open batches that nothing moved past their due time, longest waiting first."""
        waiting = self._table.every(
            IndexName="open",
            KeyConditionExpression="open_pk = :open AND open_sk <= :now",
            ExpressionAttributeValues=encode({":open": _OPEN, ":now": stamp(now)}),
        )
        for item in waiting:
            yield item["pk"].removeprefix("BATCH#")

    def open_count(self) -> int:
        """How many batches are under way, of all tenants; a moment old."""
        return sum(
            1
            for _ in self._table.every(
                IndexName="open",
                KeyConditionExpression="open_pk = :open",
                ExpressionAttributeValues=encode({":open": _OPEN}),
            )
        )

    def postpone(self, batch: Batch, *, until: datetime) -> None:
        """Look at a standing batch again later; one that moved meanwhile has its right time already."""
        try:
            self._table.update(
                batch_key(batch.id),
                "SET open_sk = :due",
                only_if="attribute_exists(open_pk) AND seq = :seq",
                values={":due": f"{stamp(until)}#{batch.id}", ":seq": batch.seq},
            )
        except Conflict:
            return

    def _state(self, batch: Batch, due: datetime | None = None) -> dict[str, Any]:
        state = {"doc": batch.model_dump_json(exclude={"counts"}), "seq": batch.seq}
        if batch.status.terminal:
            return state
        return state | {
            "open_pk": _OPEN,
            "open_sk": f"{stamp(due)}#{batch.id}" if due else due_mark(self._table, batch.id, self._patience),
        }


def batch_key(batch_id: str) -> Key:
    return {"pk": f"BATCH#{batch_id}", "sk": "BATCH"}


def _batch(item: Mapping[str, Any]) -> Batch:
    counts = BatchCounts(**{name: int(item.get(name, 0)) for name in _COUNTERS})
    return Batch.model_validate_json(item["doc"]).model_copy(update={"counts": counts})


def due_mark(table: Table, batch_id: str, patience: timedelta) -> str:
    """The sort key of the index of open batches: when sweep should look, if nothing moves until then."""
    return f"{stamp(table.clock() + patience)}#{batch_id}"
