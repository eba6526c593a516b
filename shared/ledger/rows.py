"""Rows of batches: kept as they were read, released in their order, and counted when their jobs end.

Hides how they are keyed and counted. A row's end and its batch's counts are one transaction, conditional on the row
not having ended: however often its job is announced, it is counted once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from shared.ledger.batches import batch_key, due_mark
from shared.ledger.table import KEPT, UNLESS_EXISTS, Conflict, Key, Table, encode, until_written
from shared.models import Refusal, Row, RowResult

_AT_ONCE: Final = 90  # of the hundred writes a transaction may hold


class RowStore:
    """Rows and refusals are forgotten by the table 30 days after they were read: by then their files are in S3."""

    def __init__(self, table: Table, *, patience: timedelta) -> None:
        """`patience`: how long their batch may stand still before it is due."""
        self._table = table
        self._patience = patience

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
            until_written(write, what=f"rows of batch {batch_id}")

    # ── releasing and counting ───────────────────────────────────────────────────────────────────

    def release(self, batch_id: str, *, most: int) -> tuple[Row, ...]:
        """The next rows that nobody released yet, now the caller's to start. () when another was faster."""
        cursor = int((self._table.get(batch_key(batch_id)) or {}).get("cursor", 0))
        items, _ = self._table.page(**_behind(batch_id, cursor), Limit=most)
        rows = tuple(map(_row, items))
        if not rows:
            return ()
        try:
            self._table.update(
                batch_key(batch_id),
                "SET #cursor = :last, open_sk = :due ADD released :count",
                names={"#cursor": "cursor"},
                values={
                    ":last": rows[-1].row,
                    ":count": len(rows),
                    ":seen": cursor,
                    ":due": due_mark(self._table, batch_id, self._patience),
                },
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

        return until_written(write, what=f"row {row} of batch {batch_id}")

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

        return until_written(write, what=f"row {result.row} of batch {batch_id}")

    def accepted(self, batch_id: str, *, after: int = 0) -> Iterator[Row]:
        """Accepted rows in their order, a page at a time; those behind row `after`."""
        found = self._table.every(**_behind(batch_id, after))
        return map(_row, found)

    def refused(self, batch_id: str) -> Iterator[Refusal]:
        """Refused rows in their order, a page at a time."""
        items = self._table.under(batch_key(batch_id)["pk"], "REFUSED#")
        return (Refusal.model_validate_json(item["doc"]) for item in items)

    def unfinished(self, batch_id: str, *, after: int = 0) -> Iterator[Row]:
        """Released rows behind row `after` whose end is not counted."""
        cursor = int((self._table.get(batch_key(batch_id)) or {}).get("cursor", 0))
        for row in self.accepted(batch_id, after=after):
            if row.row > cursor:
                return
            if row.result is None:
                yield row

    def _added(self, batch_id: str, counts: Mapping[str, int]) -> Any:
        """Counts to add, as `together` takes them; the batch moved, so it is due anew."""
        return self._table.changed(
            batch_key(batch_id),
            "SET open_sk = :due ADD " + ", ".join(f"#{name} :{name}" for name in counts),
            names={f"#{name}": name for name in counts},
            values={":due": due_mark(self._table, batch_id, self._patience)}
            | {f":{name}": count for name, count in counts.items()},
            only_if="attribute_exists(pk)",
        )


def _behind(batch_id: str, row: int) -> dict[str, Any]:
    """The query of accepted rows behind one."""
    keys = {":pk": batch_key(batch_id)["pk"], ":first": f"ROW#{row + 1:08d}", ":last": "ROW#99999999"}
    return {
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": encode(keys),
        "ConsistentRead": True,
    }


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
