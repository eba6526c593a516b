"""The turning points of a job: drafts are in, somebody decided, it is over.

Each reads the ledger, answers the workflow with one word, and tells the world. Repeating one gives the
same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from shared.cache import Cache
from shared.errors import JobConcluded, RenderFailed
from shared.ledger import Amendment, Ledger
from shared.models import (
    Attempt,
    AttemptStatus,
    ErrorDetail,
    Finalize,
    Job,
    Stage,
    StepReply,
    Tier,
    sha256_hex,
)
from shared.outlets import Announcer
from shared.pipeline.rejections import rejection
from shared.pipeline.reproduction import unpainted
from shared.pipeline.waits import Waits, approval_ticket
from shared.policy import Policies, best_attempt
from shared.telemetry import logger, measure
from shared.workflow import execution_name

Outcome = Literal["accepted", "drafted", "mismatch", "declined", "expired", "failed", "canceled"]

_STAGE: dict[Outcome, Stage] = {
    "accepted": Stage.DONE,
    "drafted": Stage.DONE,
    "mismatch": Stage.FAILED,
    "declined": Stage.REJECTED,
    "expired": Stage.EXPIRED,
    "failed": Stage.FAILED,
    "canceled": Stage.CANCELED,
}
_ANNOUNCED: dict[Stage, str] = {
    Stage.DONE: "job.completed",
    Stage.FAILED: "job.failed",
    Stage.REJECTED: "job.rejected",
    Stage.EXPIRED: "job.expired",
    Stage.CANCELED: "job.canceled",
}
_ACTOR = "conclude"
_REPLAYED = "job.replayed"


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """The conclude function's steps."""

    ledger: Ledger
    announcer: Announcer
    cache: Cache
    waits: Waits
    policies: Policies
    approval_patience: timedelta
    clock: Callable[[], datetime]

    # ── drafts are in ────────────────────────────────────────────────────────────────────────────

    def settle(self, job_id: str) -> StepReply:
        """After a round of drafts: `approval`, `off_peak`, `finalize`, or `conclude` with an outcome."""
        job = self.ledger.job(job_id)
        ready = _rendered_drafts(self.ledger.attempts(job_id))
        if not any(draft.candidate in job.candidates for draft in ready):
            return StepReply(next="conclude", outcome="failed")
        if job.chosen_draft is not None:  # a repetition: whoever waited for the night still does
            return self._schedule(job, job.chosen_draft, off_peak=job.stage is Stage.WAITING_OFF_PEAK, actor=_ACTOR)
        self.announce("job.draft_ready", job)
        if job.request.finalize is Finalize.DRAFT_ONLY:
            return StepReply(next="conclude", outcome="drafted")
        if job.request.finalize is Finalize.ON_APPROVAL:
            return self._ask(job, ready)
        chosen = min(draft.candidate for draft in ready if draft.candidate in job.candidates)
        return self._schedule(job, chosen, off_peak=job.request.finalize is Finalize.OFF_PEAK, actor=_ACTOR)

    def _ask(self, job: Job, ready: Sequence[Attempt]) -> StepReply:
        ticket = approval_ticket(job.id, round_number=len(job.rounds))
        if job.stage is not Stage.AWAITING_APPROVAL and job.decision is None:

            def change(_: Job) -> Amendment:
                return Amendment(
                    event="approval.requested",
                    actor=_ACTOR,
                    data={"round": len(job.rounds), "drafts": [draft.candidate for draft in ready]},
                    changes={"stage": Stage.AWAITING_APPROVAL},
                    due=self.clock() + self.approval_patience,
                )

            job = self.ledger.amend(job, change)
        if job.decision is None:  # said again by a repeated step: the try before may have died with it on its lips
            self.announce("job.awaiting_approval", job)
        return StepReply(next="approval", ticket=ticket)

    # ── somebody decided, or nobody did ──────────────────────────────────────────────────────────

    def decide(self, job_id: str) -> StepReply:
        """After the wait for approval: act on the decision in the ledger; without one the job has expired."""
        job = self.ledger.job(job_id)
        decision = job.decision
        if decision is None:
            return StepReply(next="conclude", outcome="expired")
        if decision.word == "reject":
            return StepReply(next="conclude", outcome="declined")
        if decision.word == "more":
            return StepReply(next="drafts", candidates=self._open_round(job, decision.more).candidates)
        return self._schedule(job, decision.draft or 1, off_peak=decision.off_peak, actor=decision.by)

    def _open_round(self, job: Job, drafts: int) -> Job:
        def change(now: Job) -> Amendment | None:
            if now.decision is None:
                return None  # an earlier try of this very step opened the round
            return Amendment(
                event="round.opened",
                actor=_ACTOR,
                data={"round": len(now.rounds) + 1, "drafts": drafts},
                changes={"rounds": (*now.rounds, drafts), "decision": None, "stage": Stage.DRAFTING},
            )

        return self.ledger.amend(job, change)

    def _schedule(self, job: Job, chosen: int, *, off_peak: bool, actor: str) -> StepReply:
        now = self.clock()
        start = self._off_peak_start(job, now) if off_peak else now
        waits = start > now
        if job.chosen_draft is None:

            def change(_: Job) -> Amendment:
                return Amendment(
                    event="draft.chosen",
                    actor=actor,
                    data={"draft": chosen, "final_at": start.isoformat()},
                    changes={"chosen_draft": chosen, "stage": Stage.WAITING_OFF_PEAK if waits else Stage.FINALIZING},
                    due=start + timedelta(minutes=2) if waits else None,
                )

            job = self.ledger.amend(job, change)
        if waits:
            self.announce("job.waiting_off_peak", job)
        return StepReply(next="off_peak" if waits else "finalize", attempt=1, resume_at=start)

    def _off_peak_start(self, job: Job, now: datetime) -> datetime:
        policy = self.policies.at(job.policy_version)
        if job.batch is None:
            return policy.off_peak_start(now)
        return policy.off_peak_spread(now, share=int(sha256_hex(job.id)[:8], 16) / 2**32)

    # ── it is over ───────────────────────────────────────────────────────────────────────────────

    def conclude(self, job_id: str, outcome: Outcome, *, cause: str = "", actor: str = _ACTOR) -> Job:
        """Bring the job to its terminal stage and announce it. A concluded job stays as it is, and is announced again:
        the try before may have died between the two.
        """
        attempts = self.ledger.attempts(job_id)

        def change(job: Job) -> Amendment | None:
            if job.stage.terminal:
                return None
            stage = _STAGE[outcome]
            changes: dict[str, Any] = {"stage": stage, "completed_at": self.clock()}
            best = best_attempt(_finals(attempts))
            if job.final_attempt is None and best is not None:
                changes["final_attempt"] = best.attempt
            if stage is Stage.FAILED:
                changes["error"] = job.error or _explain(job, outcome, attempts, cause)
                changes |= self._not_replayed(job, changes["error"])
            facts = {"outcome": outcome, "cause": cause[:500]} | (
                {"error": changes["error"].code} if "error" in changes else {}
            )
            return Amendment(event=_ANNOUNCED[stage], actor=actor, data=facts, changes=changes)

        before = self.ledger.job(job_id)
        try:
            job = self.ledger.amend(before, change)
        except JobConcluded:
            job = self.ledger.job(job_id)
        self._hand_over(job_id)
        self._tell_replayed(job)
        self.announce(_ANNOUNCED[job.stage], job, cost_usd_micros=job.cost_usd_micros)
        if not before.stage.terminal:
            measure("JobsConcluded", 1, stage=job.stage.value, use_case=job.use_case)
        return job

    def _hand_over(self, job_id: str) -> None:
        """Let others who wait for a picture of a job that is over paint it themselves.

        Read again: a render may have begun since, but none begins any more.
        """
        for attempt in self.ledger.attempts(job_id):
            if attempt.status is AttemptStatus.PENDING:
                for ticket in self.cache.share(attempt):
                    self.waits.wake(ticket)

    def _not_replayed(self, job: Job, error: ErrorDetail) -> dict[str, Any]:
        """What a replay that painted nothing comes to; nothing for any other job."""
        original = self.ledger.attempt(job.replay.of) if job.replay else None
        if job.replay is None or job.replay.outcome or original is None:
            return {}
        return {"replay": job.replay.model_copy(update={"outcome": unpainted(original, error)})}

    def _tell_replayed(self, replay: Job) -> None:
        """Tell the chain of the job that was replayed what came of it, once."""
        if replay.replay is None or replay.replay.outcome is None:
            return
        of, outcome = replay.replay.of, replay.replay.outcome
        told = {event.data.get("replay") for event in self.ledger.events(of.job_id) if event.type == _REPLAYED}
        if replay.id not in told:
            data = {"replay": replay.id, "render": str(of), **outcome.model_dump(mode="json")}
            amendment = Amendment(event=_REPLAYED, actor=_ACTOR, data=data, epilogue=True)
            self.ledger.amend(of.job_id, lambda _: amendment)

    def unforeseen(self, execution: str, status: str, *, cause: str = "") -> None:
        """An execution ended by itself (FAILED, TIMED_OUT, ABORTED): its job must not hang.

        Executions replaced by a re-drive do not count.
        """
        job = self.ledger.job(execution.partition("-")[0])
        if execution == execution_name(job):
            self.conclude(job.id, "failed", cause=f"the workflow ended {status}: {cause}")

    def announce(self, kind: str, job: Job, **facts: Any) -> None:
        """Tell the world what the ledger says already; telling it twice does no harm."""
        self.announcer.announce(kind, job, **facts)
        logger.info(kind.replace(".", "_"), job_id=job.id, stage=job.stage)


def _rendered_drafts(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [each for each in attempts if each.tier is Tier.DRAFT and each.status is AttemptStatus.RENDERED]


def _finals(attempts: Sequence[Attempt]) -> list[Attempt]:
    return [each for each in attempts if each.tier is Tier.FINAL]


def _explain(job: Job, outcome: Outcome, attempts: Sequence[Attempt], cause: str) -> ErrorDetail:
    if outcome == "mismatch" and (turned_down := rejection(job, _finals(attempts))):
        return turned_down
    last = next((attempt.error for attempt in reversed(attempts) if attempt.error), None)
    return last or ErrorDetail(code=RenderFailed.code, message=cause or "the render workflow ended without a picture")
