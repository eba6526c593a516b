"""Many jobs from one file: the batch, its rows, and what is wrong with either."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, HttpUrl

from shared.models.attempt import ErrorDetail
from shared.models.request import Finalize
from shared.models.values import CleanText, Value


class BatchStatus(StrEnum):
    """OpenAI's closed list for batches."""

    VALIDATING = "validating"
    IN_PROGRESS = "in_progress"
    FINALIZING = "finalizing"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        return self in _OVER


_OVER: Final = frozenset({BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.EXPIRED, BatchStatus.CANCELLED})

BatchFormat = Literal["csv", "jsonl"]


class BatchRef(Value):
    """A job's place in a batch; rows count from 1, a CSV's header not among them."""

    id: str
    row: int


class BatchProblem(Value):
    """Why a batch cannot be taken; `row` where one is to blame."""

    code: str
    message: str
    param: str | None = None
    row: int | None = None


class BatchFile(Value):
    """The file as uploaded: exactly this version of it is read."""

    key: str
    etag: str
    version: str | None = None
    size_bytes: int


class BatchRequest(Value):
    """What a client asks for: the body of `POST /v1/batches`."""

    format: BatchFormat = Field("csv", description="csv: a header of field names; jsonl: bodies of `POST /v1/jobs`.")
    finalize: Finalize = Field(Finalize.OFF_PEAK, description="For rows that do not say it themselves.")
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[CleanText, Field(max_length=512)]] = Field(
        default_factory=dict, max_length=16
    )
    webhook: HttpUrl | None = Field(None, description="Told `batch.completed` when it is over, however it ended.")


class BatchCounts(Value):
    """How far the rows are. A row is refused or accepted; accepted rows are released one after another."""

    accepted: int = 0
    refused: int = 0
    released: int = 0
    """Rows whose job exists."""
    left: int = 0
    """Released rows that no longer ask for painters: over, or waiting for a person or the off-peak window."""
    done: int = 0
    failed: int = 0
    rejected: int = 0
    expired: int = 0
    canceled: int = 0
    cost_usd_micros: int = 0

    @property
    def ended(self) -> int:
        return self.done + self.failed + self.rejected + self.expired + self.canceled

    @property
    def in_flight(self) -> int:
        return self.released - self.left

    @property
    def resting(self) -> int:
        """Jobs that wait for a person or for the off-peak window."""
        return self.left - self.ended


class Batch(Value):
    """One file and its life. Its counts change far more often than the rest, and are stored beside it."""

    id: str
    tenant: str
    actor: str
    status: BatchStatus = BatchStatus.VALIDATING
    seq: int = 0
    format: BatchFormat
    finalize: Finalize = Finalize.OFF_PEAK
    metadata: dict[str, str] = Field(default_factory=dict)
    webhook: HttpUrl | None = None
    base_url: str = ""
    """Where the client reached the API; empty for a file that was dropped in."""
    file: BatchFile | None = None
    """None while the upload is waited for."""
    rows: int | None = None
    """How many the file has, empty ones not counted; known once it has been inspected."""
    problems: tuple[BatchProblem, ...] = ()
    round: int = 0
    """How often the workflow looked at the jobs; names the ticket it waits at."""
    looked_to: int = 0
    """The row at which the last look at the jobs ran out of time; 0 when it saw them all."""
    redrives: int = 0
    output_key: str | None = None
    error_key: str | None = None
    created_at: datetime
    expires_at: datetime | None = None
    """Until when the upload may come."""
    in_progress_at: datetime | None = None
    finalizing_at: datetime | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    expired_at: datetime | None = None
    cancelling_at: datetime | None = None
    cancelled_at: datetime | None = None
    counts: BatchCounts = BatchCounts()

    @property
    def total(self) -> int:
        return self.rows if self.rows is not None else self.counts.accepted + self.counts.refused

    @property
    def request_counts(self) -> dict[str, int]:
        """OpenAI's: a row is completed when its job is done, failed when it was refused or its job ended otherwise."""
        return {
            "total": self.total,
            "completed": self.counts.done,
            "failed": self.counts.refused + self.counts.ended - self.counts.done,
        }

    @property
    def over_at(self) -> datetime:
        """When it ended; while it has not, when it began."""
        return self.completed_at or self.failed_at or self.expired_at or self.cancelled_at or self.created_at

    @property
    def ticket(self) -> str:
        """Where the workflow waits for the jobs of this round."""
        return f"{self.id}-round-{self.round}"


class BatchPage(Value):
    """One page of batches, newest first; `cursor` is None on the last page."""

    batches: tuple[Batch, ...]
    cursor: str | None = None


class RowResult(Value):
    """What became of a row's job: one line of results.jsonl."""

    row: int
    job_id: str | None = None
    """None for a row that was not started before its batch was cancelled."""
    status: Literal["succeeded", "failed", "canceled"]
    stage: str
    image_key: str | None = None
    image_sha256: str | None = None
    verdict: str | None = None
    cost_usd_micros: int = 0
    error: ErrorDetail | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class Row(Value):
    """An accepted row: the body of its job, and what became of it."""

    row: int
    body: dict[str, Any]
    left: bool = False
    result: RowResult | None = None


class Refusal(Value):
    """A row that cannot become a job: one line of errors.jsonl. `row` is None where the whole file is to blame."""

    row: int | None
    field: str | None
    code: str
    reason: str


class RowsTask(Value):
    """A chunk of rows as the batch workflow's map hands it on."""

    batch_id: str
    items: tuple[RowItem, ...]


class RowItem(Value):
    """One row as the map's reader read it: a CSV's cells by column, or a line's JSON."""

    row: int
    value: Any


class BatchReply(Value):
    """What a step of the batch workflow answers: one word for the Choice that follows, and its operands."""

    next: Literal["csv", "jsonl", "await", "again", "finish", "end"]
    bucket: str = ""
    key: str = ""
    version: str = ""
    ticket: str = ""


RowsTask.model_rebuild()
