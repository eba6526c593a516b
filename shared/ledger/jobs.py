"""Jobs, their attempts and their audit chains.

Hides how they are keyed, encoded and written together. A job's state and the event that explains it are one
transaction, conditional on the chain's length, so two writers can never fork the chain. Never decides what a job
does next: see shared.pipeline.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.errors import JobConcluded, LedgerConflict, NotFound
from shared.ledger.batches import BatchStore
from shared.ledger.calls import CallStore
from shared.ledger.chain import Amendment, link
from shared.ledger.circuits import CircuitStore
from shared.ledger.claims import Claims, Once
from shared.ledger.deliveries import DeliveryStore
from shared.ledger.examination import examined
from shared.ledger.goldens import GoldenStore
from shared.ledger.items import (
    ATTEMPT,
    EVENT,
    JOB,
    RATING,
    attempt_item,
    attempt_key,
    event_item,
    event_of,
    job_item,
    job_key,
    partition,
    rating_item,
    version_partition,
)
from shared.ledger.keys import KeyStore
from shared.ledger.listings import Listings
from shared.ledger.releases import ReleaseHistory
from shared.ledger.renders import Renders
from shared.ledger.rows import RowStore
from shared.ledger.signing import SigningStore
from shared.ledger.table import UNLESS_EXISTS, WRITE_TRIES, Conflict, Table, encode, stamp
from shared.ledger.tickets import Tickets
from shared.ledger.usage import UsageStore
from shared.models import (
    Attempt,
    AttemptId,
    Event,
    Job,
    JobFilter,
    JobPage,
    JobRecord,
    Rating,
    TemplateRef,
    glimpses,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_ALL: Final = JobFilter()


class Ledger:
    """Every read of a job is strongly consistent. What else the table keeps hangs on it by name."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        clock: Callable[[], datetime],
        patience: timedelta = timedelta(minutes=2),
        batch_patience: timedelta = timedelta(minutes=10),
    ) -> None:
        """`patience`: how long a job may stand still before it is due, unless an amendment says otherwise."""
        self._table = Table(client, table, clock=clock)
        self._clock = clock
        self._patience = patience
        self._claims = Claims(self._table)
        self._listings = Listings(self._table)
        self.tickets = Tickets(self._table)
        self.renders = Renders(self._table)
        self.releases = ReleaseHistory(self._table)
        self.circuits = CircuitStore(self._table)
        self.keys = KeyStore(self._table)
        self.goldens = GoldenStore(self._table)
        self.usage = UsageStore(self._table)
        self.deliveries = DeliveryStore(self._table)
        self.signing = SigningStore(self._table)
        self.calls = CallStore(self._table)
        self.batches = BatchStore(self._table, patience=batch_patience)
        self.rows = RowStore(self._table, patience=batch_patience)

    def open(self, job: Job, *, actor: str, data: dict[str, Any], once: Once | None = None) -> Job:
        """Write a new job and the first link of its chain. Calling twice with one id raises LedgerConflict.

        With `once` there is one job for that key until it expires: whoever comes second gets the first one's job.
        """
        amendment = Amendment(event="job.submitted", actor=actor, data=data)
        event, job = link(job, amendment, after=job, at=job.created_at)
        try:
            self._table.together(
                [
                    self._table.prepared(job_item(job, job.created_at + self._patience), only_if=UNLESS_EXISTS),
                    self._table.prepared(event_item(event), only_if=UNLESS_EXISTS),
                    *([self._claims.prepared(job, once)] if once else ()),
                ]
            )
        except Conflict as error:
            if once and (first := self._claims.holder(job.tenant, once.key)):
                return self.job(first, tenant=job.tenant)
            raise LedgerConflict(f"job {job.id} already exists, or is being written; try again") from error
        return job

    def job(self, job_id: str, *, tenant: str | None = None) -> Job:
        """The current state. Raises NotFound, also for another tenant's job: its existence is not told."""
        item = self._table.get(job_key(job_id))
        if item is None or (tenant is not None and item["tenant"] != tenant):
            raise NotFound(f"no job {job_id[:64]}", param="id")
        return Job.model_validate_json(item["doc"])

    def amend(self, job: Job | str, change: Callable[[Job], Amendment | None]) -> Job:
        """Apply `change` to the latest state, again whenever another writer was faster.

        `change` sees the current job and returns the amendment, None for nothing to do, or raises. A job just read
        may be passed instead of its id: the first try saves a read, and a stale one costs nothing but that try.
        Raises JobConcluded when the job is terminal and the amendment does not reopen it, LedgerConflict when
        writers keep colliding.
        """
        job_id = job if isinstance(job, str) else job.id
        for attempt in range(WRITE_TRIES):
            job = self.job(job_id) if attempt or isinstance(job, str) else job
            amendment = change(job)
            if amendment is None:
                return job
            if job.stage.terminal and not (amendment.epilogue or amendment.reopens):
                raise JobConcluded(f"job {job_id} is {job.stage}; nothing can change it any more", stage=job.stage)
            try:
                return self._append(job, amendment)
            except Conflict:
                time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))  # noqa: S311 - jitter, not a secret
        raise LedgerConflict(f"job {job_id}: {WRITE_TRIES} writers in a row were faster; try again")

    def _append(self, job: Job, amendment: Amendment) -> Job:
        now = self._clock()
        pictures = glimpses(job.pictures, amendment.attempts)
        changed = job.model_copy(update={"pictures": pictures, **amendment.changes, "updated_at": now})
        event, after = link(job, amendment, after=changed, at=now)
        self._table.together(
            [
                self._table.prepared(
                    job_item(after, amendment.due or now + self._patience),
                    only_if="seq = :seq",
                    seen={":seq": job.seq},
                ),
                self._table.prepared(event_item(event), only_if=UNLESS_EXISTS),
                *(self._table.prepared(attempt_item(attempt)) for attempt in amendment.attempts),
                *([self._table.prepared(rating_item(job.id, amendment.rating))] if amendment.rating else ()),
            ]
        )
        if spent := after.cost_usd_micros - job.cost_usd_micros:
            self.usage.spend(job.tenant, spent, at=now)
        return after

    def jobs(self, tenant: str, *, limit: int = 25, cursor: str | None = None, only: JobFilter = _ALL) -> JobPage:
        """A tenant's jobs, newest first, as of a moment ago. A filter may return fewer than `limit`, and a cursor."""
        return self._listings.page(tenant, limit=limit, cursor=cursor, only=only)

    def due(self, now: datetime) -> Iterator[str]:
        """Ids of open jobs nobody has moved past their due time, longest waiting first."""
        waiting = self._table.every(
            IndexName="open",
            KeyConditionExpression="open_pk = :open AND open_sk <= :now",
            ExpressionAttributeValues=encode({":open": "OPEN", ":now": stamp(now)}),
        )
        for item in waiting:
            yield item["pk"].removeprefix("JOB#")

    def postpone(self, job: Job, *, until: datetime) -> None:
        """Look at a standing job again later. Nothing happened to it, so its chain does not grow."""
        try:
            self._table.update(
                job_key(job.id),
                "SET open_sk = :due",
                only_if="seq = :seq AND attribute_exists(open_pk)",
                values={":due": f"{stamp(min(until, job.deadline or until))}#{job.id}", ":seq": job.seq},
            )
        except Conflict:
            return  # it moved meanwhile: its new due time is the right one

    # ── attempts and events ──────────────────────────────────────────────────────────────────────

    def attempt(self, attempt_id: AttemptId) -> Attempt | None:
        item = self._table.get(attempt_key(attempt_id))
        return Attempt.model_validate_json(item["doc"]) if item else None

    def attempts(self, job_id: str) -> tuple[Attempt, ...]:
        """Every attempt of the job: drafts first, then finals, each in order."""
        items = self._table.under(partition(job_id), ATTEMPT)
        return tuple(Attempt.model_validate_json(item["doc"]) for item in items)

    def renders_of(self, model: str, template: TemplateRef | None, *, day: date, limit: int) -> tuple[Attempt, ...]:
        """The newest attempts of one day by a model with a template version, any tenant's, as of a moment ago."""
        items, _ = self._table.page(
            IndexName="by_version",
            KeyConditionExpression="version_pk = :version",
            ExpressionAttributeValues=encode({":version": version_partition(model, template, day)}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return tuple(Attempt.model_validate_json(item["doc"]) for item in items)

    def ratings(self, job_id: str) -> tuple[Rating, ...]:
        """What people thought, one rating each."""
        return tuple(Rating.model_validate_json(item["doc"]) for item in self._table.under(partition(job_id), RATING))

    def events(self, job_id: str) -> tuple[Event, ...]:
        """The audit chain, oldest first; `record` says whether it holds."""
        return tuple(event_of(job_id, item) for item in self._table.under(partition(job_id), EVENT))

    # ── the record ───────────────────────────────────────────────────────────────────────────────

    def record(self, job_id: str, *, tenant: str | None = None) -> JobRecord:
        """All there is of a job, and where it does not hold. Raises NotFound, also for another tenant's job.

        A job that moves while it is read looks torn: it is read again until it stood still.
        """
        seen: JobRecord | None = None
        while True:
            items = list(self._table.partition(partition(job_id)))
            if tenant is not None and not any(item["sk"] == JOB and item.get("tenant") == tenant for item in items):
                raise NotFound(f"no job {job_id[:64]}", param="id")
            record = examined(job_id, items)
            if record.intact or record == seen:
                return record
            seen = record

    def job_ids(
        self, tenant: str, *, limit: int, cursor: str | None = None, since: datetime | None = None
    ) -> tuple[tuple[str, str | None], ...]:
        """Ids of a tenant's jobs, newest first, each with the cursor that goes on after it; None with the last one."""
        return self._listings.ids(tenant, limit=limit, cursor=cursor, since=since)
