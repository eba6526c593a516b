"""Deliveries to webhooks, under the job or batch they tell of; and the URLs that asked for no more."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.errors import NotFound
from shared.ledger.table import UNLESS_EXISTS, Conflict, Key, Table, stamp
from shared.models import Delivery, DisabledEndpoint, sha256_hex

_LEASE: Final = timedelta(seconds=45)
"""Longer than the notify function may run: whoever took a delivery is done or dead by then."""


class DeliveryStore:
    """`about` is the id of the job, or of the batch, that the deliveries tell of."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, about: str, delivery: Delivery) -> None:
        """Write a new delivery; one that is there already stays as it is."""
        item = _key(about, delivery.id) | {"doc": delivery.model_dump_json()}
        try:
            self._table.put(item, only_if=UNLESS_EXISTS)
        except Conflict:
            return

    def find(self, about: str, delivery_id: str) -> Delivery:
        """Raises NotFound."""
        item = self._table.get(_key(about, delivery_id))
        if item is None:
            raise NotFound(f"no delivery {delivery_id[:120]}", param="delivery_id")
        return Delivery.model_validate_json(item["doc"])

    def of(self, about: str) -> tuple[Delivery, ...]:
        """Oldest first."""
        items = self._table.under(f"DELIVERIES#{about}", "msg_")
        found = [Delivery.model_validate_json(item["doc"]) for item in items]
        return tuple(sorted(found, key=lambda delivery: delivery.created_at))

    def take(self, about: str, delivery_id: str) -> Delivery | None:
        """The delivery, for the taker alone until it is kept; None while somebody else has it."""
        now = self._table.clock()
        try:
            item = self._table.update(
                _key(about, delivery_id),
                "SET taken_until = :until",
                only_if="attribute_exists(pk) AND (attribute_not_exists(taken_until) OR taken_until < :now)",
                values={":until": stamp(now + _LEASE), ":now": stamp(now)},
            )
        except Conflict:
            return None
        return Delivery.model_validate_json(item["doc"])

    def keep(self, about: str, delivery: Delivery) -> None:
        """Store what became of a delivery that was taken, and let go of it."""
        self._table.update(
            _key(about, delivery.id),
            "SET doc = :doc REMOVE taken_until",
            values={":doc": delivery.model_dump_json()},
        )

    # ── URLs that answered 410 ───────────────────────────────────────────────────────────────────

    def disable(self, tenant: str, endpoint: DisabledEndpoint) -> None:
        item = _endpoint_key(tenant, endpoint.url) | {"tenant": tenant, "off": True, "doc": endpoint.model_dump_json()}
        self._table.put(item)

    def enable(self, tenant: str, url: str) -> bool:
        """False when the URL was not disabled."""
        try:
            self._table.update(
                _endpoint_key(tenant, url), "SET off = :no", values={":no": False, ":yes": True}, only_if="off = :yes"
            )
        except Conflict:
            return False
        return True

    def is_disabled(self, tenant: str, url: str) -> bool:
        item = self._table.get(_endpoint_key(tenant, url))
        return bool(item and item["off"])

    def disabled(self, tenant: str) -> tuple[DisabledEndpoint, ...]:
        items = self._table.under(f"WEBHOOK#{tenant}", "ENDPOINT#")
        return tuple(DisabledEndpoint.model_validate_json(item["doc"]) for item in items if item["off"])


def _key(about: str, delivery_id: str) -> Key:
    return {"pk": f"DELIVERIES#{about}", "sk": delivery_id}


def _endpoint_key(tenant: str, url: str) -> Key:
    return {"pk": f"WEBHOOK#{tenant}", "sk": f"ENDPOINT#{sha256_hex(url)}"}
