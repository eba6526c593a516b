"""Signing secrets by tenant, as sealed as they came."""

from __future__ import annotations

from datetime import datetime

from shared.errors import LedgerConflict
from shared.ledger.table import UNLESS_EXISTS, Conflict, Item, Key, Table
from shared.models import Value


class SealedSecret(Value):
    """A tenant's signing secret and the one before it, as ciphertext."""

    version: int
    current: str
    created_at: datetime
    previous: str | None = None
    previous_until: datetime | None = None


class SigningStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, tenant: str) -> SealedSecret | None:
        item = self._table.get(_key(tenant))
        return SealedSecret.model_validate_json(item["doc"]) if item else None

    def create(self, tenant: str, sealed: SealedSecret) -> SealedSecret:
        """Store a tenant's first secret; where another writer was faster, theirs is the first, and the answer."""
        try:
            self._table.put(_item(tenant, sealed), only_if=UNLESS_EXISTS)
        except Conflict:
            return self.find(tenant) or sealed
        return sealed

    def replace(self, tenant: str, sealed: SealedSecret) -> None:
        """Store the next version. Raises LedgerConflict when another one came between."""
        try:
            self._table.put(_item(tenant, sealed), only_if="seq = :before", seen={":before": sealed.version - 1})
        except Conflict as error:
            raise LedgerConflict("somebody else rotated the signing secret at the same time; look again") from error


def _key(tenant: str) -> Key:
    return {"pk": f"WEBHOOK#{tenant}", "sk": "SECRET"}


def _item(tenant: str, sealed: SealedSecret) -> Item:
    return _key(tenant) | {"tenant": tenant, "seq": sealed.version, "doc": sealed.model_dump_json()}
