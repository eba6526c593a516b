"""API keys by their hash."""

from __future__ import annotations

from shared.ledger.table import Table
from shared.models import ApiKey


class KeyStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, key_hash: str) -> ApiKey | None:
        item = self._table.get({"pk": f"KEY#{key_hash}", "sk": "KEY"})
        return ApiKey.model_validate_json(item["doc"]) if item else None

    def put(self, key: ApiKey) -> None:
        self._table.put({"pk": f"KEY#{key.key_hash}", "sk": "KEY", "tenant": key.tenant, "doc": key.model_dump_json()})
