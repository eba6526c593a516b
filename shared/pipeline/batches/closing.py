"""A batch is over: its results and its errors become files, row by row, and the world is told.

Rows pass by, read from the ledger a page at a time and written in parts. Writing again gives the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.batchfiles import BatchFiles, error_key, output_key
from shared.ledger import Ledger
from shared.models import Batch, BatchProblem, BatchReply, BatchStatus, Refusal, RowResult
from shared.outlets import Announcer
from shared.telemetry import logger, measure


@dataclass(frozen=True, kw_only=True)
class Closing:
    """The last steps of the batch workflow."""

    ledger: Ledger
    files: BatchFiles
    announcer: Announcer
    clock: Callable[[], datetime]

    def finish(self, batch_id: str) -> BatchReply:
        """Write the files of a batch whose jobs have all ended, and conclude it. Safe to repeat."""

        def finalizing(batch: Batch) -> dict[str, Any] | None:
            if batch.status is not BatchStatus.IN_PROGRESS:
                return None
            return {"status": BatchStatus.FINALIZING, "finalizing_at": self.clock()}

        batch = self.ledger.batches.amend(batch_id, finalizing)
        if not batch.status.terminal:
            cancelled = batch.status is BatchStatus.CANCELLING
            self._conclude(batch, BatchStatus.CANCELLED if cancelled else BatchStatus.COMPLETED)
        return BatchReply(next="end")

    def fail(self, batch_id: str, problem: BatchProblem) -> BatchReply:
        """Conclude a batch that cannot be read, or whose workflow broke. Safe to repeat."""
        batch = self.ledger.batches.find(batch_id)
        if not batch.status.terminal:
            self._conclude(batch, BatchStatus.FAILED, problem=problem)
        return BatchReply(next="end")

    def _conclude(self, batch: Batch, status: BatchStatus, *, problem: BatchProblem | None = None) -> None:
        problems = (*batch.problems, problem) if problem else batch.problems
        output = error = None
        if batch.counts.accepted and status is not BatchStatus.FAILED:
            output = self.files.write(output_key(batch.tenant, batch.id), self._results(batch))
        if problems or batch.counts.refused:
            error = self.files.write(error_key(batch.tenant, batch.id), self._errors(batch, problems))
        changed = False

        def change(now: Batch) -> dict[str, Any] | None:
            nonlocal changed
            changed = not now.status.terminal
            facts = {"status": status, "problems": problems, "output_key": output, "error_key": error}
            return {**facts, f"{status}_at": self.clock()} if changed else None

        after = self.ledger.batches.amend(batch.id, change)
        if changed:
            logger.info("batch_concluded", batch_id=batch.id, status=status, counts=after.request_counts)
            measure("BatchesConcluded", 1, status=status.value)
            self.announcer.announce_batch(after)

    def _results(self, batch: Batch) -> Iterator[str]:
        for row in self.ledger.rows.accepted(batch.id):
            metadata = row.body.get("metadata", {})
            result = row.result or RowResult(row=row.row, status="canceled", stage="canceled", metadata=metadata)
            yield result.model_dump_json() + "\n"

    def _errors(self, batch: Batch, problems: tuple[BatchProblem, ...]) -> Iterator[str]:
        for each in problems:
            whole = Refusal(row=each.row, field=each.param, code=each.code, reason=each.message)
            yield whole.model_dump_json() + "\n"
        for refusal in self.ledger.rows.refused(batch.id):
            yield refusal.model_dump_json() + "\n"
