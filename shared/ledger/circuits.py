"""Circuits of the hosts' breakers: a text by name, with a version that makes writers notice one another."""

from __future__ import annotations

from shared.ledger.table import UNLESS_EXISTS, Conflict, Table


class CircuitStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def circuit(self, name: str) -> tuple[str, int]:
        """The breaker's text and its version; `("", 0)` when there is none."""
        item = self._table.get({"pk": f"CIRCUIT#{name}", "sk": "CIRCUIT"})
        return (str(item["doc"]), int(item["seq"])) if item else ("", 0)

    def put_circuit(self, name: str, text: str, *, version: int) -> bool:
        """Store as version + 1; False when another writer was faster."""
        item = {"pk": f"CIRCUIT#{name}", "sk": "CIRCUIT", "doc": text, "seq": version + 1}
        try:
            self._table.put(
                item,
                only_if="seq = :seen" if version else UNLESS_EXISTS,
                seen={":seen": version} if version else None,
            )
        except Conflict:
            return False
        return True
