"""API keys: by their hash for who knocks, under their tenant for who keeps the keys.

Both items of a key are written together, so that a key that is listed as revoked opens nothing.
"""

from __future__ import annotations

from typing import Any

from shared.ledger.table import Table
from shared.models import ApiKey


class KeyStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, key_hash: str) -> ApiKey | None:
        item = self._table.get({"pk": f"KEY#{key_hash}", "sk": "KEY"})
        return ApiKey.model_validate_json(item["doc"]) if item else None

    def of(self, tenant: str) -> tuple[ApiKey, ...]:
        """A tenant's keys, oldest first, revoked and expired ones among them."""
        items = self._table.under(f"KEYS#{tenant}", "KEY#")
        return tuple(
            sorted((ApiKey.model_validate_json(item["doc"]) for item in items), key=lambda key: key.created_at)
        )

    def put(self, key: ApiKey) -> None:
        """Store a key, or a known one as it is now."""
        item: dict[str, Any] = {"tenant": key.tenant, "doc": key.model_dump_json()}
        by_hash = {"pk": f"KEY#{key.key_hash}", "sk": "KEY"} | item
        by_tenant = {"pk": f"KEYS#{key.tenant}", "sk": f"KEY#{key.key_hash}"} | item
        self._table.together([self._table.prepared(by_hash), self._table.prepared(by_tenant)])
