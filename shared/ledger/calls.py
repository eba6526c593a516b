"""Calls of clients that wait for pictures: which jobs an equal call has begun, and whether anybody still waits.

Hides how they are keyed, and the race of two callers for one of them. Never decides when to attach: see
shared.pipeline.calls.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from shared.ledger.table import Conflict, Table
from shared.models import Value

REMEMBERED: Final = timedelta(minutes=15)
"""Longer than any client library goes on asking again by itself."""
_LEFT: Final = 0


class Call(Value):
    """One call and the jobs it began."""

    id: str
    tenant: str
    digest: str
    """sha256 of who asked for what: equal calls have equal digests."""
    job_ids: tuple[str, ...]
    asked: str
    """sha256 of what was asked for, where the digest stands for a key of the caller's instead."""
    held_until_ms: int
    """Until then somebody waits for it, in milliseconds since 1970; 0 when the caller was sent away."""
    delivered: bool = False


class CallStore:
    """Forgotten 15 minutes after they began, where nothing longer is asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, call: Call, *, kept: timedelta = REMEMBERED) -> None:
        expires = self._table.clock() + kept
        self._table.put(
            _key(call) | call.model_dump(mode="json") | {"expires_at": int(expires.timestamp())},
        )

    def known(self, tenant: str, digest: str) -> list[Call]:
        """Equal calls that are remembered, oldest first."""
        now = int(self._table.clock().timestamp())
        items = self._table.under(_pk(tenant, digest), "CALL#")
        # DynamoDB forgets what has expired within days, not at once.
        return [_call(item) for item in items if item["expires_at"] > now]

    def hold(self, call: Call, *, until: datetime) -> Call | None:
        """Take a call over that nobody waits for; None when another caller was faster."""
        held = call.model_copy(update={"held_until_ms": _ms(until)})
        try:
            self._set(held, only_if="held_until_ms = :seen", seen=call.held_until_ms)
        except Conflict:
            return None
        return held

    def leave(self, call: Call) -> None:
        """The caller was sent away without pictures: the next equal call may have them."""
        self._set(call.model_copy(update={"held_until_ms": _LEFT}))

    def deliver(self, call: Call) -> None:
        """The caller got an answer: an equal call is a new wish from here on."""
        self._table.update(_key(call), "SET delivered = :yes", values={":yes": True})

    def _set(self, call: Call, *, only_if: str | None = None, seen: int | None = None) -> None:
        values: dict[str, Any] = {":until": call.held_until_ms} | ({} if seen is None else {":seen": seen})
        self._table.update(_key(call), "SET held_until_ms = :until", values=values, only_if=only_if)


def _pk(tenant: str, digest: str) -> str:
    return f"CALL#{tenant}#{digest}"


def _key(call: Call) -> dict[str, str]:
    return {"pk": _pk(call.tenant, call.digest), "sk": f"CALL#{call.id}"}


def _call(item: dict[str, Any]) -> Call:
    fields = {name: item[name] for name in Call.model_fields}
    return Call.model_validate(fields | {"held_until_ms": int(item["held_until_ms"])})


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
