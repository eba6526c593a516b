"""A batch's file becomes rows: looked through as a whole first, then checked and kept chunk by chunk.

A row is checked exactly as a job is when it is submitted, so that what is wrong with it is known now and not in the
night. Paints nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.batchfile import UNREADABLE, BatchRejected, body_of, copied, inspect
from shared.batchfiles import BatchFiles, copy_key, format_of
from shared.errors import InvalidRequest, RequestError
from shared.ledger import Ledger
from shared.models import (
    Batch,
    BatchFile,
    BatchReply,
    BatchStatus,
    JobRequest,
    Principal,
    Refusal,
    Row,
    RowItem,
    RowsTask,
)
from shared.models.complaints import first_complaint
from shared.pipeline.batches.closing import Closing
from shared.pipeline.submissions import Submissions
from shared.telemetry import logger


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The first steps of the batch workflow."""

    ledger: Ledger
    files: BatchFiles
    submissions: Submissions
    closing: Closing
    max_rows: int
    max_bytes: int

    def inspect(self, batch_id: str) -> BatchReply:
        """Look through the file: `csv` or `jsonl` says how the map reads it, and what; `end` that it cannot be read.

        `again` goes on with a batch whose rows are in already, or that was cancelled meanwhile.
        """
        batch = self.ledger.batches.find(batch_id)
        if batch.status.terminal or batch.file is None:
            return BatchReply(next="end")
        if batch.status is not BatchStatus.VALIDATING:
            return BatchReply(next="again")
        try:
            return self._look_through(batch, batch.file)
        except BatchRejected as rejected:
            self.closing.fail(batch_id, rejected.problem)
            return BatchReply(next="end")

    def record(self, task: RowsTask) -> None:
        """Check and keep a chunk of rows. Safe to repeat. A cancelled batch takes no more."""
        batch = self.ledger.batches.find(task.batch_id)
        if batch.status is not BatchStatus.VALIDATING:
            return
        rows: list[Row] = []
        refused: list[Refusal] = []
        for item in task.items:
            if _empty(item.value):
                continue
            read = self._read(batch, item)
            if isinstance(read, Row):
                rows.append(read)
            else:
                refused.append(read)
        self.ledger.rows.record(batch.id, rows, refused)
        logger.info("rows_read", batch_id=batch.id, accepted=len(rows), refused=len(refused))

    def _look_through(self, batch: Batch, file: BatchFile) -> BatchReply:
        if format_of(file.key) is None:
            raise BatchRejected("unknown_format", "the file's name must end in .csv or .jsonl")
        if not file.size_bytes:
            raise BatchRejected("empty", "the file is empty")
        if file.size_bytes > self.max_bytes:
            raise BatchRejected(
                "too_large", f"the file has {file.size_bytes} bytes, at most {self.max_bytes} are taken: split it"
            )
        scan = inspect(self.files.ranges(file), format=batch.format, max_rows=self.max_rows)
        self.ledger.batches.amend(batch.id, lambda _: {"rows": scan.rows})
        logger.info("batch_inspected", batch_id=batch.id, rows=scan.rows, plain=scan.plain)
        if scan.plain:
            return _read_by_map(self.files.bucket, file, batch.format)
        key = copy_key(batch.tenant, batch.id)
        self.files.write(key, copied(self.files.ranges(file), format=batch.format))
        return _read_by_map(self.files.bucket, self.files.look(key), "jsonl")

    def _read(self, batch: Batch, item: RowItem) -> Row | Refusal:
        try:
            request = self._request(batch, item.value)
            self.submissions.settle(principal_of(batch), request)
        except ValidationError as error:
            field, reason = first_complaint(error)
            return Refusal(row=item.row, field=field, code=InvalidRequest.code, reason=reason)
        except RequestError as error:
            return Refusal(row=item.row, field=error.param, code=error.code, reason=error.message)
        return Row(row=item.row, body=request.model_dump(mode="json", exclude_defaults=True))

    def _request(self, batch: Batch, value: Any) -> JobRequest:
        if not isinstance(value, dict):
            raise InvalidRequest("must be a JSON object, the body of a job")
        if UNREADABLE in value:
            raise InvalidRequest(str(value[UNREADABLE]))
        body = self.submissions.typed(body_of(value)) if batch.format == "csv" else value
        return JobRequest.model_validate({"finalize": batch.finalize, **body})


def principal_of(batch: Batch) -> Principal:
    """Whoever made the batch, as the one who submits its jobs."""
    return Principal(tenant=batch.tenant, name=batch.actor, scopes=("render",))


def _empty(value: Any) -> bool:
    """A spreadsheet's row of nothing but commas."""
    return isinstance(value, dict) and all(isinstance(cell, str) and not cell.strip() for cell in value.values())


def _read_by_map(bucket: str, file: BatchFile, how: str) -> BatchReply:
    return BatchReply.model_validate({"next": how, "bucket": bucket, "key": file.key, "version": file.version or ""})
