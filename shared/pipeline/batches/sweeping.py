"""Find batches that stand still and move them: an accepted batch always ends, as an accepted job does.

Only wakes, starts again or expires; seeing to the jobs is the workflow's work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.errors import PresscheckError
from shared.ledger import Ledger
from shared.models import Batch, BatchProblem
from shared.pipeline.batches.arrivals import Arrivals
from shared.pipeline.batches.closing import Closing
from shared.pipeline.waits import Waits
from shared.telemetry import logger
from shared.workflow import BatchWorkflow

MAX_REDRIVES: Final = 5
_AT_ONCE: Final = 50
_AT_REST: Final = timedelta(hours=1)
"""How often a batch is looked at that only waits for people or for the night."""


@dataclass(frozen=True, kw_only=True)
class BatchSweep:
    """The sweep function's second step."""

    ledger: Ledger
    workflow: BatchWorkflow
    waits: Waits
    arrivals: Arrivals
    closing: Closing
    patience: timedelta
    clock: Callable[[], datetime]

    def run(self) -> dict[str, int]:
        """Look at due batches once, at most 50 a run; how many were woken, started again, expired or given up."""
        counts: dict[str, int] = {}
        for batch_id in itertools.islice(self.ledger.batches.due(self.clock()), _AT_ONCE):
            try:
                what = self._move(self.ledger.batches.find(batch_id))
            except PresscheckError as error:
                logger.warning("batch_sweep_skipped", batch_id=batch_id, error=error.message)
                continue
            except Exception:
                logger.exception("batch_sweep_failed", batch_id=batch_id)  # one must not hide all behind it
                continue
            counts[what] = counts.get(what, 0) + 1
            logger.info("batch_sweep_moved", batch_id=batch_id, what=what)
        return counts

    def _move(self, batch: Batch) -> str:
        if batch.file is None:
            self.arrivals.expire(batch)
            return "expired"
        if self.workflow.state(batch) == "running":
            at_rest = batch.counts.resting > 0 and batch.counts.in_flight == 0
            self.ledger.batches.postpone(batch, until=self.clock() + (_AT_REST if at_rest else self.patience))
            self.waits.wake(batch.ticket)
            return "woken"
        if batch.redrives >= MAX_REDRIVES:
            problem = BatchProblem(
                code="workflow_lost", message=f"the batch's workflow was lost {MAX_REDRIVES + 1} times"
            )
            self.closing.fail(batch.id, problem)
            return "given_up"

        def change(now: Batch) -> dict[str, Any] | None:
            return {"redrives": batch.redrives + 1} if now.seq == batch.seq else None

        again = self.ledger.batches.amend(batch.id, change)
        if again.redrives > batch.redrives:
            self.workflow.start(again)
        return "redriven"
