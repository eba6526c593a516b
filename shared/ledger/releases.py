"""Releases of templates, of the policy and of models' other names: the pointer in force, and every move it made."""

from __future__ import annotations

from typing import Any, Final

from shared.errors import LedgerConflict
from shared.ledger.table import UNLESS_EXISTS, Conflict, Table, stamp
from shared.releases import Release

_ALIASES: Final = {"pk": "RELEASE#aliases", "sk": "CURRENT"}


class ReleaseHistory:
    """Append-only; a pointer and its history are written together."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self, subject: str) -> Release | None:
        """The move in force, for the very next job; None when nobody ever moved this pointer."""
        item = self._table.get({"pk": f"RELEASE#{subject}", "sk": "CURRENT"})
        return Release.model_validate_json(item["doc"]) if item else None

    def moves(self, subject: str) -> tuple[Release, ...]:
        """Every move, oldest first, as stored; check it with `releases.history_problem`."""
        moves = [Release.model_validate_json(item["doc"]) for item in self._table.under(f"RELEASE#{subject}", "AT#")]
        return tuple(sorted(moves, key=lambda move: move.seq))

    def aliases(self) -> dict[str, str]:
        """Every name that was moved, and its model now: one read."""
        item = self._table.get(_ALIASES)
        return {name: str(model) for name, model in (item or {}).items() if name not in _ALIASES}

    def record(self, move: Release, *, alias: str | None = None) -> None:
        """Put a move in force and keep it; of an `alias`, also where all of them are read at once.

        Raises LedgerConflict when it does not follow the one in force.
        """
        item = {"pk": f"RELEASE#{move.subject}", "seq": move.seq, "doc": move.model_dump_json()}
        first = move.seq == 1
        current = self._table.prepared(
            item | {"sk": "CURRENT"},
            only_if=UNLESS_EXISTS if first else "seq = :before",
            seen=None if first else {":before": move.seq - 1},
        )
        # The time orders them for a reader; the number keeps two of one millisecond apart.
        kept = self._table.prepared(item | {"sk": f"AT#{stamp(move.at)}#{move.seq:06d}"}, only_if=UNLESS_EXISTS)
        try:
            self._table.together([current, kept, *([self._listed(alias, move)] if alias else ())])
        except Conflict as error:
            raise LedgerConflict(f"somebody else moved {move.subject} at the same time; look again") from error

    def _listed(self, alias: str, move: Release) -> Any:
        return self._table.changed(
            _ALIASES, "SET #name = :model", values={":model": move.target}, names={"#name": alias}
        )
