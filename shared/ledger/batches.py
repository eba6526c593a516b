"""Batches and their rows.

Hides how they are keyed and counted. A row's end and the batch's counts are one transaction, conditional on the row
not having ended: however often its job is announced, it is counted once. A batch item holds two things that different
writers change: what it is (`doc`, guarded by `seq`) and its counts (added to, never replaced).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from shared.errors import LedgerConflict, NotFound
from shared.ledger.cursors import open_cursor, seal_cursor
from shared.ledger.table import KEPT, UNLESS_EXISTS, WRITE_TRIES, Conflict, Key, Table, encode, stamp
from shared.models import Batch, BatchCounts, BatchPage, Refusal, Row, RowResult

Answer = TypeVar("Answer")

_COUNTERS: Final = tuple(BatchCounts.model_fields)
_OPEN: Final = "OPEN-BATCH"
_AT_ONCE: Final = 90  # of the hundred writes a transaction may hold


class BatchStore:
    """Rows and refusals are forgotten by the table 30 days after they were read: by then their files are in S3."""

    def __init__(self, table: Table, *, patience: timedelta) -> None:
        """`patience`: how long a batch may stand still before it is due."""
        self._table = table
        self._patience = patience

    # ── batches ──────────────────────────────────────────────────────────────────────────────────

    def open(self, batch: Batch) -> bool:
        """Write a new batch; False when there is one of that id."""
        item = {
            **_key(batch.id),
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
        item = self._table.get(_key(batch_id))
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
                _key(batch_id),
                "SET " + ", ".join(f"#{name} = :{name}" for name in values)
                + (" REMOVE " + ", ".join(leaving) if leaving else ""),
                names={f"#{name}": name for name in values},
                values={f":{name}": value for name, value in values.items()} | {":seen": batch.seq},
                only_if="#seq = :seen",
            )  # fmt: skip
            return after

        return _until_written(write, what=f"batch {batch_id}")

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
                _key(batch.id),
                "SET open_sk = :due",
                only_if="attribute_exists(open_pk) AND seq = :seq",
                values={":due": f"{stamp(until)}#{batch.id}", ":seq": batch.seq},
            )
        except Conflict:
            return

    # ── reading rows in ──────────────────────────────────────────────────────────────────────────

    def record(self, batch_id: str, rows: Sequence[Row], refused: Sequence[Refusal]) -> None:
        """Keep a chunk's rows and count them, all or nothing; rows that are there already stay as they are."""
        life = int((self._table.clock() + KEPT).timestamp())
        items = [_row_item(batch_id, row) for row in rows] + [_refusal_item(batch_id, refusal) for refusal in refused]
        for start in range(0, len(items), _AT_ONCE):
            self._record(batch_id, [item | {"expires_at": life} for item in items[start : start + _AT_ONCE]])

    def _record(self, batch_id: str, items: Sequence[dict[str, Any]]) -> None:
        fresh = list(items)

        def write() -> None:
            # Another chunk counts at this moment, or an earlier try of this very chunk was written after all.
            fresh[:] = [item for item in fresh if self._table.get({"pk": item["pk"], "sk": item["sk"]}) is None]
            put()

        def put() -> None:
            if fresh:
                accepted = sum(item["sk"].startswith("ROW#") for item in fresh)
                puts = [self._table.prepared(item, only_if=UNLESS_EXISTS) for item in fresh]
                counts = {"accepted": accepted, "refused": len(fresh) - accepted}
                self._table.together([*puts, self._added(batch_id, counts)])

        try:
            put()
        except Conflict:
            _until_written(write, what=f"rows of batch {batch_id}")

    # ── releasing and counting ───────────────────────────────────────────────────────────────────

    def release(self, batch: Batch, *, most: int) -> tuple[Row, ...]:
        """The next rows that nobody released yet, now the caller's to start. () when another was faster."""
        cursor = int((self._table.get(_key(batch.id)) or {}).get("cursor", 0))
        rows = tuple(_row(item) for item in self._after(batch.id, cursor, most=most))
        if not rows:
            return ()
        try:
            self._table.update(
                _key(batch.id),
                "SET #cursor = :last, open_sk = :due ADD released :count",
                names={"#cursor": "cursor"},
                values={":last": rows[-1].row, ":count": len(rows), ":seen": cursor, ":due": self._due(batch.id)},
                only_if="#cursor = :seen AND attribute_exists(open_pk)",
            )
        except Conflict:
            return ()
        return rows

    def rest(self, batch_id: str, row: int) -> bool:
        """A row's job waits for a person or a later hour; False when that was known."""

        def write() -> bool:
            item = self._table.get(_row_key(batch_id, row))
            if item is None or item["left"]:
                return False
            moved = self._table.changed(
                _row_key(batch_id, row),
                "SET #left = :yes",
                names={"#left": "left"},
                values={":yes": True, ":no": False},
                only_if="#left = :no",
            )
            self._table.together([moved, self._added(batch_id, {"left": 1})])
            return True

        return _until_written(write, what=f"row {row} of batch {batch_id}")

    def end(self, batch_id: str, result: RowResult) -> bool:
        """A row's job is over; False when that was counted before."""

        def write() -> bool:
            item = self._table.get(_row_key(batch_id, result.row))
            if item is None or "result" in item:
                return False
            moved = self._table.changed(
                _row_key(batch_id, result.row),
                "SET #result = :result, #left = :yes",
                names={"#result": "result", "#left": "left"},
                values={":result": result.model_dump_json(), ":yes": True, ":was": item["left"]},
                only_if="attribute_not_exists(#result) AND #left = :was",
            )
            counts = {result.stage: 1, "cost_usd_micros": result.cost_usd_micros, "left": 0 if item["left"] else 1}
            self._table.together([moved, self._added(batch_id, counts)])
            return True

        return _until_written(write, what=f"row {result.row} of batch {batch_id}")

    def rows(self, batch_id: str) -> Iterator[Row]:
        """Accepted rows in their order, a page at a time."""
        return map(_row, self._table.under(_key(batch_id)["pk"], "ROW#"))

    def refusals(self, batch_id: str) -> Iterator[Refusal]:
        """Refused rows in their order, a page at a time."""
        items = self._table.under(_key(batch_id)["pk"], "REFUSED#")
        return (Refusal.model_validate_json(item["doc"]) for item in items)

    def unfinished(self, batch_id: str) -> Iterator[Row]:
        """Released rows whose end is not counted."""
        cursor = int((self._table.get(_key(batch_id)) or {}).get("cursor", 0))
        for row in self.rows(batch_id):
            if row.row > cursor:
                return
            if row.result is None:
                yield row

    # ── items ────────────────────────────────────────────────────────────────────────────────────

    def _after(self, batch_id: str, cursor: int, *, most: int) -> list[dict[str, Any]]:
        items, _ = self._table.page(
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=encode(
                {":pk": f"BATCH#{batch_id}", ":first": f"ROW#{cursor + 1:08d}", ":last": "ROW#99999999"}
            ),
            ConsistentRead=True,
            Limit=most,
        )
        return items

    def _added(self, batch_id: str, counts: Mapping[str, int]) -> Any:
        """Counts to add, as `together` takes them; the batch moved, so it is due anew."""
        return self._table.changed(
            _key(batch_id),
            "SET open_sk = :due ADD " + ", ".join(f"#{name} :{name}" for name in counts),
            names={f"#{name}": name for name in counts},
            values={":due": self._due(batch_id)} | {f":{name}": count for name, count in counts.items()},
            only_if="attribute_exists(pk)",
        )

    def _state(self, batch: Batch, due: datetime | None = None) -> dict[str, Any]:
        state = {"doc": batch.model_dump_json(exclude={"counts"}), "seq": batch.seq}
        if batch.status.terminal:
            return state
        return state | {"open_pk": _OPEN, "open_sk": f"{stamp(due)}#{batch.id}" if due else self._due(batch.id)}

    def _due(self, batch_id: str) -> str:
        return f"{stamp(self._table.clock() + self._patience)}#{batch_id}"


def _until_written(write: Callable[[], Answer], *, what: str) -> Answer:
    for attempt in range(WRITE_TRIES):
        try:
            return write()
        except Conflict:
            _breathe(attempt)
    raise LedgerConflict(f"{what}: {WRITE_TRIES} writers in a row were faster; try again")


def _breathe(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret


def _key(batch_id: str) -> Key:
    return {"pk": f"BATCH#{batch_id}", "sk": "BATCH"}


def _row_key(batch_id: str, row: int) -> Key:
    return {"pk": f"BATCH#{batch_id}", "sk": f"ROW#{row:08d}"}


def _row_item(batch_id: str, row: Row) -> dict[str, Any]:
    return {**_row_key(batch_id, row.row), "doc": row.model_dump_json(include={"row", "body"}), "left": False}


def _refusal_item(batch_id: str, refusal: Refusal) -> dict[str, Any]:
    return {"pk": f"BATCH#{batch_id}", "sk": f"REFUSED#{refusal.row or 0:08d}", "doc": refusal.model_dump_json()}


def _row(item: Mapping[str, Any]) -> Row:
    row = Row.model_validate_json(item["doc"])
    result = RowResult.model_validate_json(item["result"]) if "result" in item else None
    return row.model_copy(update={"left": bool(item["left"]), "result": result})


def _batch(item: Mapping[str, Any]) -> Batch:
    counts = BatchCounts(**{name: int(item.get(name, 0)) for name in _COUNTERS})
    return Batch.model_validate_json(item["doc"]).model_copy(update={"counts": counts})
