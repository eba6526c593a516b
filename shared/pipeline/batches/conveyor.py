"""Rows become jobs, a few at a time, and every job's end is counted.

The rule that keeps a batch of ten thousand from standing before a person: never more than `bulk_in_flight` jobs of
batches ask for painters at once, all batches together. A job that ends makes room for the next row; one that waits,
for a person or for the off-peak window, does so too. The counts in the ledger say how much room there is, so nothing
leaks when a function dies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ulid import ULID

from shared.errors import LedgerConflict, NotFound, QuotaExceeded, RequestError
from shared.ledger import Ledger
from shared.models import (
    Attempt,
    AttemptStatus,
    Batch,
    BatchRef,
    BatchReply,
    BatchStatus,
    Door,
    ErrorDetail,
    Job,
    JobRequest,
    Row,
    RowResult,
    Stage,
    Tier,
)
from shared.pipeline.batches.reading import principal_of
from shared.pipeline.decisions import Decisions
from shared.pipeline.submissions import Submissions
from shared.pipeline.waits import Waits
from shared.telemetry import logger

RESTING: Final = frozenset({Stage.AWAITING_APPROVAL, Stage.WAITING_OFF_PEAK})
_BUDGET: Final = timedelta(seconds=200)  # the function has 300


@dataclass(frozen=True, kw_only=True)
class Conveyor:
    """From `in_progress` to the last job."""

    ledger: Ledger
    submissions: Submissions
    decisions: Decisions
    waits: Waits
    in_flight: int
    """Jobs of batches that may ask for painters at once, all batches together."""
    clock: Callable[[], datetime]

    def moved(self, job_id: str) -> None:
        """A job of a batch ended or came to rest: count it, start the next row. Safe to repeat."""
        job = self.ledger.job(job_id)
        if job.batch is None:
            return
        self._note(job)
        self._go_on(job.batch.id)

    def look(self, batch_id: str) -> BatchReply:
        """See to all jobs of a batch: `await` at a new ticket until something happens, or `finish`.

        Makes good what was not announced and what was claimed but never started. Where time was not enough for all rows
        the next look goes on from there: `again` says that it must be at once.
        """
        batch = self.ledger.batches.amend(batch_id, self._open_round)
        if batch.status.terminal:
            return BatchReply(next="end")
        complete = self._see_to_all(batch)
        if batch.status is BatchStatus.CANCELLING and not complete:
            return BatchReply(next="again")
        self._go_on(batch_id)
        if _over(batch := self.ledger.batches.find(batch_id)):
            return BatchReply(next="finish")
        return BatchReply(next="await", ticket=batch.ticket)

    def _open_round(self, batch: Batch) -> dict[str, Any] | None:
        if batch.status.terminal:
            return None
        changes: dict[str, Any] = {"round": batch.round + 1}
        if batch.status is BatchStatus.VALIDATING:
            read = batch.counts.accepted + batch.counts.refused
            if read != batch.rows:
                logger.warning("rows_differ", batch_id=batch.id, inspected=batch.rows, read=read)
            changes |= {"status": BatchStatus.IN_PROGRESS, "in_progress_at": self.clock(), "rows": read}
        return changes

    def _see_to_all(self, batch: Batch) -> bool:
        """See to every released row whose end is not counted; False when time ran out before all of them."""
        cancelling = batch.status is BatchStatus.CANCELLING
        see_to = self._cancel if cancelling else self._reconcile
        began, stopped_at, complete = self.clock(), 0, True
        if batch.counts.ended < batch.counts.released:
            # Who cancels leaves no row behind; who reconciles meets the same resting rows each time.
            for row in self.ledger.rows.unfinished(batch.id, after=0 if cancelling else batch.looked_to):
                if self.clock() - began > _BUDGET:
                    stopped_at, complete = row.row - 1, False
                    break
                see_to(batch, row)
        if stopped_at != batch.looked_to:
            self.ledger.batches.amend(batch.id, lambda _: {"looked_to": stopped_at})
        return complete

    def _reconcile(self, batch: Batch, row: Row) -> None:
        try:
            job = self.ledger.job(job_id_of(batch, row.row))
        except NotFound:
            self._start(batch, row)
        else:
            self._note(job)

    def _cancel(self, batch: Batch, row: Row) -> None:
        try:
            self._note(self.decisions.cancel(principal_of(batch), job_id_of(batch, row.row)))
        except NotFound:  # claimed by somebody who died, or is about to start it
            self.ledger.rows.end(batch.id, unstarted(row))

    # ── counting ─────────────────────────────────────────────────────────────────────────────────

    def _note(self, job: Job) -> None:
        assert job.batch is not None  # noqa: S101 - the callers made sure, for the type checker
        if job.stage.terminal:
            self.ledger.rows.end(job.batch.id, _result(job, self.ledger.attempts(job.id)))
        elif job.stage in RESTING:
            self.ledger.rows.rest(job.batch.id, job.batch.row)

    # ── releasing ────────────────────────────────────────────────────────────────────────────────

    def _go_on(self, batch_id: str) -> None:
        """Start as many rows as there is room for; wake the workflow when there is nothing left to wait for."""
        batch = self.ledger.batches.find(batch_id)
        if batch.status is BatchStatus.IN_PROGRESS and batch.counts.released < batch.counts.accepted:
            room = self._share() - batch.counts.in_flight
            rows = self.ledger.rows.release(batch.id, most=room) if room > 0 else ()
            for row in rows:
                self._start(batch, row)
            batch = self.ledger.batches.find(batch_id)
            if batch.status is BatchStatus.CANCELLING:  # who cancels may have looked before these were there
                for row in rows:
                    self._cancel(batch, row)
        if _over(batch):
            self.waits.wake(batch.ticket)

    def _share(self) -> int:
        """This batch's part of the room: batches under way share it evenly, and none stands still."""
        return max(1, self.in_flight // max(1, self.ledger.batches.open_count()))

    def _start(self, batch: Batch, row: Row) -> None:
        job_id = job_id_of(batch, row.row)
        try:
            self.submissions.submit(
                principal_of(batch),
                JobRequest.model_validate(row.body),
                job_id=job_id,
                batch=BatchRef(id=batch.id, row=row.row),
                door=Door(base_url=batch.base_url),
            )
        except LedgerConflict:
            self.ledger.job(job_id)  # somebody else started it; NotFound if it was a collision, for the next look
        except QuotaExceeded as error:
            # It keeps its place and is tried again by the next look: a batch may take days, and its rows wait.
            logger.info("row_waits_for_quota", batch_id=batch.id, row=row.row, reason=error.message)
        except RequestError as error:
            # It was fine when it was read: a template or a model has been taken back since.
            detail = ErrorDetail(code=error.code, message=error.message, param=error.param, context=error.context)
            self.ledger.rows.end(batch.id, unstarted(row, error=detail))


def job_id_of(batch: Batch, row: int) -> str:
    """The one job that a row can become, whoever starts it and however often."""
    at = int(batch.created_at.timestamp() * 1000).to_bytes(6, "big")
    return str(ULID.from_bytes(at + hashlib.sha256(f"{batch.id}:{row}".encode()).digest()[:10]))


def unstarted(row: Row, *, error: ErrorDetail | None = None) -> RowResult:
    """A row without a job: refused late, or not started before its batch was cancelled."""
    metadata = dict(row.body.get("metadata", {}))
    if error:
        return RowResult(row=row.row, status="failed", stage="failed", error=error, metadata=metadata)
    return RowResult(row=row.row, status="canceled", stage="canceled", metadata=metadata)


def _over(batch: Batch) -> bool:
    if batch.status is BatchStatus.CANCELLING:
        return batch.counts.ended >= batch.counts.released
    return batch.status is BatchStatus.IN_PROGRESS and batch.counts.ended >= batch.counts.accepted


def _result(job: Job, attempts: tuple[Attempt, ...]) -> RowResult:
    assert job.batch is not None  # noqa: S101 - as above
    shown = _shown(job, attempts)
    return RowResult.model_validate(
        {
            "row": job.batch.row,
            "job_id": job.id,
            "status": job.stage.status,
            "stage": job.stage.value,
            "image_key": shown.image.key if shown and shown.image else None,
            "image_sha256": shown.image.sha256 if shown and shown.image else None,
            "verdict": shown.verification.verdict.value if shown and shown.verification else None,
            "cost_usd_micros": job.cost_usd_micros,
            "error": job.error,
            "metadata": job.request.metadata,
        }
    )


def _shown(job: Job, attempts: tuple[Attempt, ...]) -> Attempt | None:
    """The final, accepted or best; else the draft."""
    painted = [each for each in attempts if each.status is AttemptStatus.RENDERED]
    finals = [each for each in painted if each.tier is Tier.FINAL and each.attempt == job.final_attempt]
    drafts = [each for each in painted if each.tier is Tier.DRAFT]
    chosen = [each for each in drafts if each.candidate == job.chosen_draft]
    return next(iter([*finals, *chosen, *drafts]), None)
