"""API keys by their hash."""

from __future__ import annotations

from collections.abc import Iterator

from shared.ledger.table import Table, encode, stamp
from shared.models import ApiKey


class KeyStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, key_hash: str) -> ApiKey | None:
        item = self._table.get({"pk": f"KEY#{key_hash}", "sk": "KEY"})
        return ApiKey.model_validate_json(item["doc"]) if item else None

    def put(self, key: ApiKey) -> None:
        self._table.put(
            {
                "pk": f"KEY#{key.key_hash}",
                "sk": "KEY",
                "tenant": key.tenant,
                "tenant_pk": f"KEYS#{key.tenant}",
                "tenant_sk": f"{stamp(key.created_at)}#{key.key_hash}",
                "doc": key.model_dump_json(),
            }
        )

    def of(self, tenant: str) -> Iterator[ApiKey]:
        """A tenant's keys, oldest first; a moment old."""
        found = self._table.every(
            IndexName="by_tenant",
            KeyConditionExpression="tenant_pk = :tenant",
            ExpressionAttributeValues=encode({":tenant": f"KEYS#{tenant}"}),
        )
        return (ApiKey.model_validate_json(item["doc"]) for item in found)
