"""One DynamoDB table: items as plain dicts, conditions as exceptions.

Hides DynamoDB's wire types and error shapes from the modules beside it. Knows no key: each of them owns its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from shared.errors import LedgerConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Answer = TypeVar("Answer")
Item = dict[str, Any]
Key = dict[str, str]

WRITE_TRIES: Final = 16
KEPT: Final = timedelta(days=30)
"""How long what only coordinates (tickets, leases) outlives its use, before the table forgets it."""
_CONFLICTS: Final = {"ConditionalCheckFailed", "TransactionConflict"}


class Conflict(Exception):
    """A condition did not hold: another writer was faster. Never leaves shared.ledger."""


class Table:
    """Reads are strongly consistent, but for an index. Deletes nothing: no function may."""

    def __init__(self, client: DynamoDBClient, name: str, *, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._name = name
        self.clock = clock

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def get(self, key: Key) -> Item | None:
        item = self._client.get_item(TableName=self._name, Key=encode(key), ConsistentRead=True).get("Item")
        return decode(item) if item else None

    def under(self, pk: str, prefix: str) -> Iterator[Item]:
        """All items of a partition whose sort key begins so, in its order."""
        return self.every(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=encode({":pk": pk, ":prefix": prefix}),
            ConsistentRead=True,
        )

    def partition(self, pk: str) -> Iterator[Item]:
        """All items of a partition, in the order of their sort keys."""
        return self.every(
            KeyConditionExpression="pk = :pk", ExpressionAttributeValues=encode({":pk": pk}), ConsistentRead=True
        )

    def every(self, **query: Any) -> Iterator[Item]:
        """All pages of a query."""
        for page in self._client.get_paginator("query").paginate(TableName=self._name, **query):
            yield from map(decode, page["Items"])

    def page(self, **query: Any) -> tuple[list[Item], Item | None]:
        """One page of a query, and the key to start the next from."""
        reply = self._client.query(TableName=self._name, **query)
        last = reply.get("LastEvaluatedKey")
        return [decode(item) for item in reply["Items"]], decode(last) if last else None

    def count(self, **query: Any) -> int:
        """How many items a query finds, its first page only: `Limit` bounds what is counted."""
        return int(self._client.query(TableName=self._name, Select="COUNT", **query)["Count"])

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def put(self, item: Item, *, only_if: str | None = None, seen: Item | None = None) -> None:
        """Store an item. Raises Conflict where the condition `only_if` over the values `seen` does not hold."""
        try:
            self._client.put_item(**self.prepared(item, only_if=only_if, seen=seen))
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict from error

    def update(
        self,
        key: Key,
        expression: str,
        *,
        values: Item,
        names: dict[str, str] | None = None,
        only_if: str | None = None,
        answer: Literal["ALL_NEW", "ALL_OLD"] = "ALL_NEW",
    ) -> Item:
        """The item after the update, or before it. Raises Conflict where the condition does not hold."""
        update: dict[str, Any] = {
            "TableName": self._name,
            "Key": encode(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": encode(values),
            "ReturnValues": answer,
        }
        if names:
            update["ExpressionAttributeNames"] = names
        if only_if:
            update["ConditionExpression"] = only_if
        try:
            return decode(self._client.update_item(**update).get("Attributes", {}))
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict from error

    def prepared(self, item: Item, *, only_if: str | None = None, seen: Item | None = None) -> Any:
        """A put as `together` takes it."""
        put: dict[str, Any] = {"TableName": self._name, "Item": encode(item)}
        if only_if:
            put["ConditionExpression"] = only_if
        if seen:
            put["ExpressionAttributeValues"] = encode(seen)
        return put

    def changed(
        self,
        key: Key,
        expression: str,
        *,
        values: Item,
        names: dict[str, str] | None = None,
        only_if: str | None = None,
    ) -> Any:
        """An update as `together` takes it."""
        return {
            "TableName": self._name,
            "Key": encode(key),
            "UpdateExpression": expression,
            "ExpressionAttributeValues": encode(values),
            **({"ConditionExpression": only_if} if only_if else {}),
            **({"ExpressionAttributeNames": names} if names else {}),
        }

    def together(self, writes: Sequence[Any]) -> None:
        """All writes or none. Raises Conflict when a condition does not hold or another transaction is at work."""
        items: list[TransactWriteItemTypeDef] = [
            {"Update": write} if "UpdateExpression" in write else {"Put": write} for write in writes
        ]
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
            if reasons & _CONFLICTS:
                raise Conflict from error
            raise
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionInProgressException":
                raise Conflict from error
            raise


UNLESS_EXISTS: Final = "attribute_not_exists(pk)"


def until_written(write: Callable[[], Answer], *, what: str) -> Answer:
    """What `write` answers, again whenever another writer was faster. Raises LedgerConflict in the end."""
    for attempt in range(WRITE_TRIES):
        try:
            return write()
        except Conflict:
            _breathe(attempt)
    raise LedgerConflict(f"{what}: {WRITE_TRIES} writers in a row were faster; try again")


def _breathe(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret


def stamp(at: datetime) -> str:
    """UTC to the millisecond: the form in which times sort."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def encode(item: Item) -> Any:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def decode(item: Any) -> Item:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
