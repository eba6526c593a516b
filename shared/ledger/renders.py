"""Renders by recipe: the one already painted, and who is painting one now.

Hides cache and lease items. Each tenant has its own: one's pictures never answer another's request.
"""

from __future__ import annotations

from datetime import datetime

from shared.errors import LedgerConflict
from shared.ledger.table import KEPT, UNLESS_EXISTS, WRITE_TRIES, Conflict, Table, stamp
from shared.models import Attempt


class Renders:
    """A lease lets one of many equal recipes paint for all."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, tenant: str, fingerprint: str) -> Attempt | None:
        """The render that first painted this recipe for this tenant."""
        item = self._table.get({"pk": f"CACHE#{tenant}#{fingerprint}", "sk": "RENDER"})
        return Attempt.model_validate_json(item["doc"]) if item else None

    def keep(self, attempt: Attempt) -> None:
        """Keep a render for its recipe; the first one stays."""
        key = {"pk": f"CACHE#{attempt.tenant}#{attempt.fingerprint}", "sk": "RENDER"}
        try:
            self._table.put({**key, "doc": attempt.model_dump_json()}, only_if=UNLESS_EXISTS)
        except Conflict:
            return  # another job painted the same recipe meanwhile: its render is as good

    def lease(self, tenant: str, fingerprint: str, *, holder: str, until: datetime, ticket: str) -> str | None:
        """Become the one who paints this recipe: None. Else who does, and `ticket` is kept to be woken by them.

        An expired lease is taken over. Asking again as the holder renews it.
        """
        key = _lease_key(tenant, fingerprint)
        mine = {":holder": holder, ":until": stamp(until), ":life": int((until + KEPT).timestamp())}
        for _ in range(WRITE_TRIES):
            try:
                self._table.update(  # not a put: whoever waited for a painter who died waits on, for the next
                    key,
                    "SET holder = :holder, #until = :until, expires_at = :life",
                    only_if="attribute_not_exists(holder) OR #until < :now OR holder = :holder",
                    names={"#until": "until"},
                    values={**mine, ":now": stamp(self._table.clock())},
                )
            except Conflict:
                if other := self._queue_up(key, ticket):
                    return other
            else:
                return None
        raise LedgerConflict(f"the lease of recipe {fingerprint[:12]} kept changing hands; try again")

    def _queue_up(self, key: dict[str, str], ticket: str) -> str | None:
        try:
            item = self._table.update(
                key, "ADD waiting :ticket", only_if="attribute_exists(holder)", values={":ticket": {ticket}}
            )
        except Conflict:
            return None  # given back just now: ask again
        return str(item["holder"])

    def give_back(self, tenant: str, fingerprint: str, *, holder: str) -> tuple[str, ...]:
        """Give a lease back; answers the tickets that waited for it. Nothing happens to another's lease."""
        try:
            before = self._table.update(  # not a delete: no function may delete anything in this table
                _lease_key(tenant, fingerprint),
                "REMOVE holder, waiting",
                only_if="holder = :holder",
                values={":holder": holder},
                answer="ALL_OLD",
            )
        except Conflict:
            return ()
        return tuple(sorted(before.get("waiting", ())))

    def leased(self, tenant: str, fingerprint: str) -> bool:
        """Whether somebody paints this recipe now."""
        item = self._table.get(_lease_key(tenant, fingerprint))
        return item is not None and "holder" in item and item["until"] >= stamp(self._table.clock())


def _lease_key(tenant: str, fingerprint: str) -> dict[str, str]:
    return {"pk": f"CACHE#{tenant}#{fingerprint}", "sk": "LEASE"}
