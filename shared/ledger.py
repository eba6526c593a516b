"""The ledger: jobs, their attempts and their audit chains in one DynamoDB table.

Hides how items are keyed, encoded and written together; nothing else may know a key. A job's state and
the event that explains it are one transaction, conditional on the chain's length, so two writers can
never fork the chain. Never decides what a job does next: see shared.pipeline.
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError
from pydantic import Field

from shared.errors import InvalidRequest, JobConcluded, LedgerConflict, NotFound
from shared.models import (
    ApiKey,
    Attempt,
    AttemptId,
    Event,
    Job,
    JobPage,
    Stage,
    Value,
    canonical_json,
)
from shared.releases import Release

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_WRITE_TRIES: Final = 16
_TICKET_LIFE: Final = timedelta(days=30)
_CONFLICTS: Final = {"ConditionalCheckFailed", "TransactionConflict"}
_GENESIS: Final = "0" * 64


class Amendment(Value):
    """One change of a job and the event that explains it."""

    event: str
    actor: str
    data: dict[str, Any] = Field(default_factory=dict)
    changes: dict[str, Any] = Field(default_factory=dict)
    """Fields of Job to replace."""
    attempts: tuple[Attempt, ...] = ()
    """Attempts to store in the same transaction."""
    due: datetime | None = None
    """When sweep should look at the job if nothing has moved by then; None for the ledger's patience."""


class Ledger:
    """Sole owner of the table's keys. Every read of a job is strongly consistent."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        clock: Callable[[], datetime],
        patience: timedelta = timedelta(minutes=2),
    ) -> None:
        """`patience`: how long a job may stand still before it is due, unless an amendment says otherwise."""
        self._client = client
        self._table = table
        self._clock = clock
        self._patience = patience

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────

    def open(self, job: Job, *, actor: str, data: dict[str, Any]) -> Job:
        """Write a new job and the first link of its chain. Calling twice with one id raises LedgerConflict."""
        event = _link(job, Amendment(event="job.submitted", actor=actor, data=data), at=job.created_at)
        job = job.model_copy(update={"seq": event.seq, "head": event.digest})
        try:
            self._write(
                [
                    {"Put": self._put(_job_item(job, job.created_at + self._patience), unless_exists=True)},
                    {"Put": self._put(_event_item(event), unless_exists=True)},
                ]
            )
        except _Conflict as error:
            raise LedgerConflict(f"job {job.id} already exists") from error
        return job

    def job(self, job_id: str, *, tenant: str | None = None) -> Job:
        """The current state. Raises NotFound, also for another tenant's job: its existence is not told."""
        item = self._get(_job_key(job_id))
        if item is None or (tenant is not None and item["tenant"] != tenant):
            raise NotFound(f"no job {job_id[:64]}", param="id")
        return Job.model_validate_json(item["doc"])

    def amend(self, job: Job | str, change: Callable[[Job], Amendment | None]) -> Job:
        """Apply `change` to the latest state, again whenever another writer was faster.

        `change` sees the current job and returns the amendment, None for nothing to do, or raises. A job just read
        may be passed instead of its id: the first try saves a read, and a stale one costs nothing but that try.
        Raises JobConcluded when the job is terminal, LedgerConflict when writers keep colliding.
        """
        job_id = job if isinstance(job, str) else job.id
        for attempt in range(_WRITE_TRIES):
            job = self.job(job_id) if attempt or isinstance(job, str) else job
            amendment = change(job)
            if amendment is None:
                return job
            if job.stage.terminal:
                raise JobConcluded(f"job {job_id} is {job.stage}; nothing can change it any more", stage=job.stage)
            try:
                return self._append(job, amendment)
            except _Conflict:
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret
        raise LedgerConflict(f"job {job_id}: {_WRITE_TRIES} writers in a row were faster; try again")

    def _append(self, job: Job, amendment: Amendment) -> Job:
        now = self._clock()
        event = _link(job, amendment, at=now)
        after = job.model_copy(update={**amendment.changes, "seq": event.seq, "head": event.digest, "updated_at": now})
        put_job = self._put(_job_item(after, amendment.due or now + self._patience), unless_exists=False)
        put_job |= {
            "ConditionExpression": "seq = :seq",
            "ExpressionAttributeValues": _encode({":seq": job.seq}),
        }
        writes: list[TransactWriteItemTypeDef] = [{"Put": put_job}]
        writes.append({"Put": self._put(_event_item(event), unless_exists=True)})
        writes += [{"Put": self._put(_attempt_item(attempt), unless_exists=False)} for attempt in amendment.attempts]
        self._write(writes)
        return after

    def jobs(self, tenant: str, *, limit: int = 25, cursor: str | None = None, stage: Stage | None = None) -> JobPage:
        """A tenant's jobs, newest first. `limit` bounds what is read; a stage filter may return fewer."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": "by_tenant",
            "KeyConditionExpression": "tenant_pk = :tenant",
            "ExpressionAttributeValues": {":tenant": f"TENANT#{tenant}"},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if stage is not None:
            query |= {"FilterExpression": "#stage = :stage", "ExpressionAttributeNames": {"#stage": "stage"}}
            query["ExpressionAttributeValues"][":stage"] = stage.value
        if cursor is not None:
            query["ExclusiveStartKey"] = _encode(_open_cursor(cursor, tenant=tenant))
        query["ExpressionAttributeValues"] = _encode(query["ExpressionAttributeValues"])
        reply = self._client.query(**query)
        last = reply.get("LastEvaluatedKey")
        return JobPage(
            jobs=tuple(Job.model_validate_json(_decode(item)["doc"]) for item in reply["Items"]),
            cursor=_seal_cursor(_decode(last)) if last else None,
        )

    def due(self, now: datetime) -> Iterator[str]:
        """Ids of open jobs nobody has moved past their due time, longest waiting first."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_pk = :open AND open_sk <= :now",
            ExpressionAttributeValues=_encode({":open": "OPEN", ":now": _stamp(now)}),
        )
        for page in pages:
            for item in page["Items"]:
                yield _decode(item)["pk"].removeprefix("JOB#")

    def postpone(self, job: Job, *, until: datetime) -> None:
        """Look at a standing job again later. Nothing happened to it, so its chain does not grow."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_encode(_job_key(job.id)),
                UpdateExpression="SET open_sk = :due",
                ConditionExpression="seq = :seq AND attribute_exists(open_pk)",
                ExpressionAttributeValues=_encode({":due": f"{_stamp(until)}#{job.id}", ":seq": job.seq}),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it moved meanwhile: its new due time is the right one

    # ── attempts and events ──────────────────────────────────────────────────────────────────────

    def attempt(self, attempt_id: AttemptId) -> Attempt | None:
        item = self._get(_attempt_key(attempt_id))
        return Attempt.model_validate_json(item["doc"]) if item else None

    def attempts(self, job_id: str) -> tuple[Attempt, ...]:
        """Every attempt of the job: drafts first, then finals, each in order."""
        items = self._under(f"JOB#{job_id}", "ATTEMPT#")
        return tuple(Attempt.model_validate_json(item["doc"]) for item in items)

    def events(self, job_id: str) -> tuple[Event, ...]:
        """The audit chain, oldest first, exactly as stored; check it with `chain_problem`."""
        return tuple(
            Event(
                job_id=job_id,
                seq=int(item["seq"]),
                type=item["type"],
                at=item["at"],
                actor=item["actor"],
                data=json.loads(item["data"]),
                prev=item["prev"],
                digest=item["digest"],
            )
            for item in self._under(f"JOB#{job_id}", "EVENT#")
        )

    # ── tickets: a task token and a wake-up meet ─────────────────────────────────────────────────

    def park(self, ticket_id: str, token: str) -> bool:
        """Leave a task token at the ticket; True when the wake-up was there first. A newer token replaces an older."""
        return bool(self._meet(ticket_id, {"token": token}).get("woken"))

    def wake(self, ticket_id: str) -> str | None:
        """Leave the wake-up; returns the token waiting for it, or None. Safe to repeat."""
        token = self._meet(ticket_id, {"woken": True}).get("token")
        return str(token) if token else None

    def _meet(self, ticket_id: str, values: dict[str, Any]) -> dict[str, Any]:
        values = values | {"expires_at": int((self._clock() + _TICKET_LIFE).timestamp())}
        names = {f"#{name}": name for name in values}
        reply = self._client.update_item(
            TableName=self._table,
            Key=_encode({"pk": f"TICKET#{ticket_id}", "sk": "TICKET"}),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=_encode({f":{name}": value for name, value in values.items()}),
            ReturnValues="ALL_NEW",
        )
        return _decode(reply["Attributes"])

    # ── cached renders ───────────────────────────────────────────────────────────────────────────

    def cached(self, tenant: str, fingerprint: str) -> Attempt | None:
        """The render that first painted this recipe for this tenant."""
        item = self._get({"pk": f"CACHE#{tenant}#{fingerprint}", "sk": "RENDER"})
        return Attempt.model_validate_json(item["doc"]) if item else None

    def remember(self, attempt: Attempt) -> None:
        """Keep a render for its recipe; the first one stays."""
        key = {"pk": f"CACHE#{attempt.tenant}#{attempt.fingerprint}", "sk": "RENDER"}
        try:
            self._client.put_item(**self._put({**key, "doc": attempt.model_dump_json()}, unless_exists=True))
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # another job painted the same recipe meanwhile: its render is as good

    # ── leases: one painter a recipe ─────────────────────────────────────────────────────────────

    def lease(self, tenant: str, fingerprint: str, *, holder: str, until: datetime, ticket: str) -> str | None:
        """Become the one who paints this recipe: None. Else who does, and `ticket` is kept to be woken by them.

        An expired lease is taken over. Asking again as the holder renews it.
        """
        key = _lease_key(tenant, fingerprint)
        mine = {":holder": holder, ":until": _stamp(until), ":life": int((until + _TICKET_LIFE).timestamp())}
        for _ in range(_WRITE_TRIES):
            try:
                self._client.update_item(  # not a put: whoever waited for a painter who died waits on, for the next
                    TableName=self._table,
                    Key=_encode(key),
                    UpdateExpression="SET holder = :holder, #until = :until, expires_at = :life",
                    ConditionExpression="attribute_not_exists(holder) OR #until < :now OR holder = :holder",
                    ExpressionAttributeNames={"#until": "until"},
                    ExpressionAttributeValues=_encode({**mine, ":now": _stamp(self._clock())}),
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                if other := self._queue_up(key, ticket):
                    return other
            else:
                return None
        raise LedgerConflict(f"the lease of recipe {fingerprint[:12]} kept changing hands; try again")

    def _queue_up(self, key: dict[str, str], ticket: str) -> str | None:
        try:
            reply = self._client.update_item(
                TableName=self._table,
                Key=_encode(key),
                UpdateExpression="ADD waiting :ticket",
                ConditionExpression="attribute_exists(holder)",
                ExpressionAttributeValues=_encode({":ticket": {ticket}}),
                ReturnValues="ALL_NEW",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return None  # given back just now: ask again
        return str(_decode(reply["Attributes"])["holder"])

    def release(self, tenant: str, fingerprint: str, *, holder: str) -> tuple[str, ...]:
        """Give a lease back; answers the tickets that waited for it. Nothing happens to another's lease."""
        try:
            reply = self._client.update_item(  # not a delete: no function may delete anything in this table
                TableName=self._table,
                Key=_encode(_lease_key(tenant, fingerprint)),
                UpdateExpression="REMOVE holder, waiting",
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues=_encode({":holder": holder}),
                ReturnValues="ALL_OLD",
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return ()
        return tuple(sorted(_decode(reply.get("Attributes", {})).get("waiting", ())))

    def leased(self, tenant: str, fingerprint: str) -> bool:
        """Whether somebody paints this recipe now."""
        item = self._get(_lease_key(tenant, fingerprint))
        return item is not None and "holder" in item and item["until"] >= _stamp(self._clock())

    # ── releases of templates and of the policy ──────────────────────────────────────────────────

    def current_release(self, subject: str) -> Release | None:
        """The move in force, for the very next job; None when nobody ever moved this pointer."""
        item = self._get({"pk": f"RELEASE#{subject}", "sk": "CURRENT"})
        return Release.model_validate_json(item["doc"]) if item else None

    def release_history(self, subject: str) -> tuple[Release, ...]:
        """Every move, oldest first, as stored; check it with `releases.history_problem`."""
        moves = [Release.model_validate_json(item["doc"]) for item in self._under(f"RELEASE#{subject}", "AT#")]
        return tuple(sorted(moves, key=lambda move: move.seq))

    def record_release(self, move: Release) -> None:
        """Put a move in force and keep it. Raises LedgerConflict when it does not follow the one in force."""
        item = {"pk": f"RELEASE#{move.subject}", "seq": move.seq, "doc": move.model_dump_json()}
        current = self._put(item | {"sk": "CURRENT"}, unless_exists=move.seq == 1)
        if move.seq > 1:
            current |= {
                "ConditionExpression": "seq = :before",
                "ExpressionAttributeValues": _encode({":before": move.seq - 1}),
            }
        # The time orders them for a reader; the number keeps two of one millisecond apart.
        kept = item | {"sk": f"AT#{_stamp(move.at)}#{move.seq:06d}"}
        try:
            self._write([{"Put": current}, {"Put": self._put(kept, unless_exists=True)}])
        except _Conflict as error:
            raise LedgerConflict(f"somebody else moved {move.subject} at the same time; look again") from error

    # ── circuits of the hosts' breakers ──────────────────────────────────────────────────────────

    def circuit(self, name: str) -> tuple[str, int]:
        """The breaker's text and its version; `("", 0)` when there is none."""
        item = self._get({"pk": f"CIRCUIT#{name}", "sk": "CIRCUIT"})
        return (str(item["doc"]), int(item["seq"])) if item else ("", 0)

    def put_circuit(self, name: str, text: str, *, version: int) -> bool:
        """Store as version + 1; False when another writer was faster."""
        item = {"pk": f"CIRCUIT#{name}", "sk": "CIRCUIT", "doc": text, "seq": version + 1}
        put = self._put(item, unless_exists=version == 0)
        if version:
            put |= {"ConditionExpression": "seq = :seen", "ExpressionAttributeValues": _encode({":seen": version})}
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    # ── API keys ─────────────────────────────────────────────────────────────────────────────────

    def api_key(self, key_hash: str) -> ApiKey | None:
        item = self._get({"pk": f"KEY#{key_hash}", "sk": "KEY"})
        return ApiKey.model_validate_json(item["doc"]) if item else None

    def put_api_key(self, key: ApiKey) -> None:
        item = {"pk": f"KEY#{key.key_hash}", "sk": "KEY", "tenant": key.tenant, "doc": key.model_dump_json()}
        self._client.put_item(TableName=self._table, Item=_encode(item))

    # ── DynamoDB ─────────────────────────────────────────────────────────────────────────────────

    def _get(self, key: dict[str, str]) -> dict[str, Any] | None:
        item = self._client.get_item(TableName=self._table, Key=_encode(key), ConsistentRead=True).get("Item")
        return _decode(item) if item else None

    def _under(self, pk: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=_encode({":pk": pk, ":prefix": prefix}),
            ConsistentRead=True,
        )
        for page in pages:
            yield from map(_decode, page["Items"])

    def _put(self, item: dict[str, Any], *, unless_exists: bool) -> Any:
        put: dict[str, Any] = {"TableName": self._table, "Item": _encode(item)}
        return put | {"ConditionExpression": "attribute_not_exists(pk)"} if unless_exists else put

    def _write(self, writes: Sequence[TransactWriteItemTypeDef]) -> None:
        try:
            self._client.transact_write_items(TransactItems=writes)
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
            if reasons & _CONFLICTS:
                raise _Conflict from error
            raise
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionInProgressException":
                raise _Conflict from error
            raise


class _Conflict(Exception):
    """Another writer was faster."""


# ── the audit chain ──────────────────────────────────────────────────────────────────────────────


def chain_problem(job: Job, events: Sequence[Event]) -> str | None:
    """None when the chain is whole and ends where the job says, else what is wrong and at which event."""
    previous = _GENESIS
    for number, event in enumerate(events, start=1):
        if event.seq != number:
            return f"event {number} is missing or out of order (found {event.seq})"
        if event.prev != previous:
            return f"event {number} does not point to the one before it"
        if event.computed_digest() != event.digest:
            return f"event {number} was altered"
        previous = event.digest
    if job.seq != len(events):
        return f"the job counts {job.seq} events, {len(events)} are stored"
    return None if job.head == previous else "the last event is not the one the job ended with"


def _link(job: Job, amendment: Amendment, *, at: datetime) -> Event:
    event = Event(
        job_id=job.id,
        seq=job.seq + 1,
        type=amendment.event,
        at=at,
        actor=amendment.actor,
        data=json.loads(canonical_json(amendment.data)),
        prev=job.head or _GENESIS,
    )
    return event.model_copy(update={"digest": event.computed_digest()})


# ── keys and items ───────────────────────────────────────────────────────────────────────────────


def _job_key(job_id: str) -> dict[str, str]:
    return {"pk": f"JOB#{job_id}", "sk": "JOB"}


def _attempt_key(attempt_id: AttemptId) -> dict[str, str]:
    sk = f"ATTEMPT#{attempt_id.tier}#{attempt_id.candidate:02d}#{attempt_id.attempt:02d}"
    return {"pk": f"JOB#{attempt_id.job_id}", "sk": sk}


def _lease_key(tenant: str, fingerprint: str) -> dict[str, str]:
    return {"pk": f"CACHE#{tenant}#{fingerprint}", "sk": "LEASE"}


def _job_item(job: Job, due: datetime) -> dict[str, Any]:
    item = _job_key(job.id) | {
        "doc": job.model_dump_json(),
        "seq": job.seq,
        "stage": job.stage.value,
        "tenant": job.tenant,
        "tenant_pk": f"TENANT#{job.tenant}",
        "tenant_sk": f"{_stamp(job.created_at)}#{job.id}",
    }
    # Only open jobs carry the sparse index's keys: a concluded one leaves it by itself.
    return item if job.stage.terminal else item | {"open_pk": "OPEN", "open_sk": f"{_stamp(due)}#{job.id}"}


def _event_item(event: Event) -> dict[str, Any]:
    return {
        "pk": f"JOB#{event.job_id}",
        "sk": f"EVENT#{event.seq:08d}",
        "seq": event.seq,
        "type": event.type,
        "at": event.model_dump(mode="json")["at"],
        "actor": event.actor,
        "data": canonical_json(event.data),  # text, not a map: DynamoDB would turn 7.0 into 7 and break the digest
        "prev": event.prev,
        "digest": event.digest,
    }


def _attempt_item(attempt: Attempt) -> dict[str, Any]:
    day = attempt.started_at.date().isoformat()
    template = f"{attempt.template.name}@{attempt.template.version}" if attempt.template else "-"
    return _attempt_key(attempt.id) | {
        "doc": attempt.model_dump_json(),
        "version_pk": f"VERSION#{attempt.model}#{template}#{day}",
        "version_sk": f"{_stamp(attempt.started_at)}#{attempt.id}",
    }


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")


def _seal_cursor(key: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(canonical_json(key).encode()).decode()


def _open_cursor(cursor: str, *, tenant: str) -> dict[str, Any]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if isinstance(key, dict) and key["tenant_pk"] == f"TENANT#{tenant}" and set(key) == _CURSOR_FIELDS:
            return key
    except (ValueError, KeyError) as error:
        raise InvalidRequest("cursor is not one this API gave out", param="cursor") from error
    raise InvalidRequest("cursor is not one this API gave out", param="cursor")


_CURSOR_FIELDS: Final = {"pk", "sk", "tenant_pk", "tenant_sk"}


def _encode(item: dict[str, Any]) -> dict[str, Any]:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def _decode(item: Any) -> dict[str, Any]:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
