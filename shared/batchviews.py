"""What clients see of a batch: OpenAI's batch object, and beside it what is ours.

Hides nothing that is known; links are made by whoever may sign them. OpenAI counts time in whole seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from shared.models import Batch, BatchStatus, Finalize, Value

_ENDED_FOR_ETA: Final = 5


class BatchErrorView(Value):
    code: str
    message: str
    param: str | None = None
    line: int | None = Field(None, description="The row, counted from 1; a CSV's header is not among them.")


class BatchErrors(Value):
    object: Literal["list"] = "list"
    data: tuple[BatchErrorView, ...]


class BatchRequestCounts(Value):
    """OpenAI's. Refused rows, and jobs that ended without what was asked, have failed."""

    total: int
    completed: int
    failed: int


class BatchStages(Value):
    """Where the rows are; they add up to those read so far."""

    refused: int = Field(description="Rows that are no job: see errors.jsonl.")
    waiting: int = Field(description="Rows whose job has not been started.")
    in_flight: int = Field(description="Jobs being made.")
    resting: int = Field(description="Jobs that wait for a person or for the off-peak window.")
    done: int
    failed: int
    rejected: int
    expired: int
    canceled: int


class BatchUrls(Value):
    get: str
    cancel: str


class BatchUpload(Value):
    """How to send the file: one request with exactly these headers and the file as its body."""

    url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str]
    expires_in_s: int


class BatchView(Value):
    """A batch, in the shape of OpenAI's batch object."""

    id: str
    object: Literal["batch"] = "batch"
    endpoint: str = "/v1/jobs"
    status: BatchStatus
    input_file_id: str = Field(description="Name of the file; empty while it is waited for.")
    output_file_id: str | None = None
    error_file_id: str | None = None
    output_file_url: str | None = Field(None, description="results.jsonl, for a while.")
    error_file_url: str | None = Field(None, description="errors.jsonl, for a while.")
    errors: BatchErrors | None = Field(None, description="Why the file cannot be taken.")
    completion_window: str = Field("24h", description="OpenAI's; an off-peak window comes every day.")
    created_at: int
    in_progress_at: int | None = None
    expires_at: int | None = Field(None, description="Until when the file may come.")
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: BatchRequestCounts
    metadata: dict[str, str] | None = None
    stages: BatchStages
    finalize: Finalize
    cost_usd_micros: int
    eta: int | None = Field(
        None, description="When it will be over at its pace so far; None while jobs wait for a person or the night."
    )
    upload: BatchUpload | None = None
    urls: BatchUrls


class BatchList(Value):
    """One page of batches, newest first; ask again `after` the cursor for the next."""

    object: Literal["list"] = "list"
    data: tuple[BatchView, ...]
    has_more: bool
    cursor: str | None = None


def batch_view(
    batch: Batch, *, link: Callable[[str], str], base_url: str, now: datetime, upload: BatchUpload | None = None
) -> BatchView:
    """`link` signs the key of a file."""
    here = f"{base_url}/v1/batches/{batch.id}"
    moments = {name: _seconds(getattr(batch, name)) for name in _MOMENTS}
    problems = tuple(
        BatchErrorView(code=each.code, message=each.message, param=each.param, line=each.row) for each in batch.problems
    )
    return BatchView(
        id=batch.id,
        status=batch.status,
        input_file_id=batch.file.key if batch.file else "",
        output_file_id=batch.output_key,
        error_file_id=batch.error_key,
        output_file_url=link(batch.output_key) if batch.output_key else None,
        error_file_url=link(batch.error_key) if batch.error_key else None,
        errors=BatchErrors(data=problems) if problems else None,
        created_at=int(batch.created_at.timestamp()),
        request_counts=BatchRequestCounts(**batch.request_counts),
        metadata=batch.metadata or None,
        stages=_stages(batch),
        finalize=batch.finalize,
        cost_usd_micros=batch.counts.cost_usd_micros,
        eta=_eta(batch, now),
        upload=upload,
        urls=BatchUrls(get=here, cancel=f"{here}/cancel"),
        **moments,
    )


_MOMENTS: Final = (
    "in_progress_at", "expires_at", "finalizing_at", "completed_at", "failed_at", "expired_at", "cancelling_at",
    "cancelled_at",
)  # fmt: skip


def _stages(batch: Batch) -> BatchStages:
    counts = batch.counts
    unstarted = counts.accepted - counts.released
    cancelled = batch.status is BatchStatus.CANCELLED
    return BatchStages(
        refused=counts.refused,
        waiting=0 if cancelled else unstarted,
        in_flight=counts.in_flight,
        resting=counts.resting,
        done=counts.done,
        failed=counts.failed,
        rejected=counts.rejected,
        expired=counts.expired,
        canceled=counts.canceled + (unstarted if cancelled else 0),
    )


def _eta(batch: Batch, now: datetime) -> int | None:
    counts = batch.counts
    if batch.status is not BatchStatus.IN_PROGRESS or counts.resting or counts.ended < _ENDED_FOR_ETA:
        return None
    assert batch.in_progress_at is not None  # noqa: S101 - set with the status, for the type checker
    pace_s = (now - batch.in_progress_at).total_seconds() / counts.ended
    return _seconds(now + timedelta(seconds=pace_s * (counts.accepted - counts.ended)))


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
