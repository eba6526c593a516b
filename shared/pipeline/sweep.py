"""Find what stands still and move it: the promise that an accepted job always reaches a terminal stage.

Looks at open jobs that nobody moved past their due time. Everything it does is safe to repeat.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.cache import Cache
from shared.errors import JobConcluded, PresscheckError
from shared.ledger import Amendment, Ledger
from shared.models import Attempt, AttemptStatus, Job, Principal, Stage, Ticket, Value
from shared.outlets import Intake
from shared.pipeline.decisions import Decisions
from shared.pipeline.milestones import Milestones
from shared.pipeline.waits import Waits, approval_ticket
from shared.providers import Provider
from shared.telemetry import logger
from shared.workflow import Workflow

MAX_REDRIVES = 5
_BATCH = 200
_BUDGET = timedelta(seconds=40)  # the function has 55


class SweepReport(Value):
    """What one sweep did, in jobs."""

    looked_at: int = 0
    requeued: int = 0
    woken: int = 0
    redriven: int = 0
    expired: int = 0
    canceled: int = 0
    given_up: int = 0
    unhurt: int = 0


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The sweep function's one step."""

    ledger: Ledger
    intake: Intake
    workflow: Workflow
    waits: Waits
    milestones: Milestones
    decisions: Decisions
    cache: Cache
    providers: Mapping[str, Provider]
    patience: timedelta
    clock: Callable[[], datetime]

    def run(self) -> SweepReport:
        """Look at every due job once, at most 200 and 40 s a run: the rest is due a minute later still.

        One job's failure does not keep the others waiting.
        """
        counts: dict[str, int] = {}
        began = self.clock()
        for job_id in itertools.islice(self.ledger.due(began), _BATCH):
            if self.clock() - began > _BUDGET:
                break
            try:
                what = self._move(self.ledger.job(job_id))
            except PresscheckError as error:
                logger.warning("sweep_skipped", job_id=job_id, error=error.message)
                continue
            except Exception:
                # The oldest job comes first every minute: a fault of its own must not hide all behind it for ever.
                logger.exception("sweep_failed", job_id=job_id)
                continue
            counts[what] = counts.get(what, 0) + 1
            if what != "unhurt":
                logger.info("sweep_moved", job_id=job_id, what=what)
        return SweepReport(looked_at=sum(counts.values()), **counts)

    def _move(self, job: Job) -> str:
        if job.stage.terminal:
            return "unhurt"
        if job.deadline and self.clock() >= job.deadline:
            cause = f"not done within the {job.request.cancel_after_s} s it was given"
            self.decisions.cancel(Principal(tenant=job.tenant, name="sweep", scopes=()), job.id, cause=cause)
            return "canceled"
        state = self.workflow.state(job)
        if state == "running":
            return self._nudge(job)
        if job.redrives >= MAX_REDRIVES:
            self.milestones.conclude(
                job.id, "failed", cause=f"the workflow was lost {MAX_REDRIVES + 1} times", actor="sweep"
            )
            return "given_up"
        if state == "absent" and job.stage is Stage.QUEUED:
            self._postpone(job, "job.requeued")
            self.intake.send(job)
            return "requeued"
        self.workflow.start(self._postpone(job, "job.redriven", redrives=job.redrives + 1))
        return "redriven"

    def _nudge(self, job: Job) -> str:
        """The execution lives: wake what it waits for if the answer is there."""
        if job.stage is Stage.AWAITING_APPROVAL:
            self.waits.wake(approval_ticket(job.id, round_number=len(job.rounds)))
            self.ledger.postpone(job, until=self.clock() + self.patience)
            return "expired" if job.decision is None else "woken"
        woken = False
        for attempt in self.ledger.attempts(job.id):
            if attempt.status is AttemptStatus.PENDING and attempt.ticket and self._answered(attempt, attempt.ticket):
                self.waits.wake(attempt.ticket.id)
                woken = True
        self.ledger.postpone(job, until=self.clock() + self.patience)
        return "woken" if woken else "unhurt"

    def _answered(self, attempt: Attempt, ticket: Ticket) -> bool:
        if attempt.waits_for:
            return self.cache.abandoned(attempt)
        return self.providers[attempt.provider].answered(ticket)

    def _postpone(self, job: Job, event: str, **changes: object) -> Job:
        def change(now: Job) -> Amendment:
            if now.seq != job.seq:
                raise JobConcluded(f"job {job.id} moved by itself")
            return Amendment(
                event=event, actor="sweep", data=dict(changes), changes=changes, due=self.clock() + self.patience
            )

        return self.ledger.amend(job.id, change)
