"""What each model made of the goldens on this stack: the render others are held against, and everything seen since.

Hides how both are keyed: by model, and below it by recipe or by time.
"""

from __future__ import annotations

from typing import Any

from shared.goldens import Sighting
from shared.ledger.table import Table, stamp


class GoldenStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def baseline(self, model: str, fingerprint: str) -> Sighting | None:
        """The render of this recipe that later ones are held against."""
        item = self._table.get(_baseline_key(model, fingerprint))
        return Sighting.model_validate_json(item["doc"]) if item else None

    def put_baseline(self, seen: Sighting) -> None:
        self._table.put(_baseline_key(seen.model, seen.fingerprint) | {"doc": seen.model_dump_json()})

    def record(self, seen: Sighting) -> None:
        """Keep what was seen. Safe to repeat."""
        key = {"pk": _partition(seen.model), "sk": f"SEEN#{stamp(seen.at)}#{seen.job_id}#{seen.render}"}
        self._table.put(key | {"doc": seen.model_dump_json()})

    def seen(self, model: str) -> tuple[Sighting, ...]:
        """Everything seen of a model, oldest first."""
        items = self._table.under(_partition(model), "SEEN#")
        return tuple(Sighting.model_validate_json(item["doc"]) for item in items)


def _partition(model: str) -> str:
    return f"GOLDEN#{model}"


def _baseline_key(model: str, fingerprint: str) -> dict[str, Any]:
    return {"pk": _partition(model), "sk": f"BASELINE#{fingerprint}"}
