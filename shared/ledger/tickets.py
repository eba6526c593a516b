"""Tickets: a task token and a wake-up meet, whichever comes first."""

from __future__ import annotations

from typing import Any

from shared.ledger.table import KEPT, Table


class Tickets:
    """Forgotten by the table 30 days after the last touch."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def park(self, ticket_id: str, token: str) -> bool:
        """Leave a task token at the ticket; True when the wake-up was there first. A newer token replaces an older."""
        return bool(self._meet(ticket_id, {"token": token}).get("woken"))

    def wake(self, ticket_id: str) -> str | None:
        """Leave the wake-up; returns the token waiting for it, or None. Safe to repeat."""
        token = self._meet(ticket_id, {"woken": True}).get("token")
        return str(token) if token else None

    def _meet(self, ticket_id: str, values: dict[str, Any]) -> dict[str, Any]:
        values = values | {"expires_at": int((self._table.clock() + KEPT).timestamp())}
        return self._table.update(
            {"pk": f"TICKET#{ticket_id}", "sk": "TICKET"},
            "SET " + ", ".join(f"#{name} = :{name}" for name in values),
            names={f"#{name}": name for name in values},
            values={f":{name}": value for name, value in values.items()},
        )
