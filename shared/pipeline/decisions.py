"""What people decide about a job: approve, reject, ask for more drafts, cancel, accept what verification turned down.

The decision is written to the ledger first; then whoever waits for it is woken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.catalogue import Catalogue
from shared.errors import DefectsRemain, InvalidRequest, TextMismatch, WrongStage
from shared.ledger import Amendment, Ledger
from shared.models import MAX_DRAFTS, AttemptStatus, Decision, Job, Principal, Rating, RatingRequest, Stage, Tier
from shared.pipeline.milestones import Milestones
from shared.pipeline.waits import Waits, approval_ticket
from shared.policy import Policies, check_more_drafts
from shared.workflow import Workflow

MAX_ROUNDS = 8
_TURNED_DOWN = {TextMismatch.code, DefectsRemain.code}


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """The verbs of `POST /v1/jobs/{id}/…`. A job of another tenant is NotFound."""

    ledger: Ledger
    waits: Waits
    workflow: Workflow
    milestones: Milestones
    policies: Policies
    catalogue: Catalogue
    profile: str
    clock: Callable[[], datetime]

    def approve(self, who: Principal, job_id: str, *, draft: int | None = None, off_peak: bool = False) -> Job:
        """Choose a draft (the first rendered one by default); its final follows, at once or off-peak."""
        self.ledger.job(job_id, tenant=who.tenant)
        ready = [
            attempt.candidate
            for attempt in self.ledger.attempts(job_id)
            if attempt.tier is Tier.DRAFT and attempt.status is AttemptStatus.RENDERED
        ]
        if draft is not None and draft not in ready:
            raise InvalidRequest(f"there is no draft {draft}; choose one of {ready}", param="draft")
        chosen = draft if draft is not None else min(ready, default=1)
        return self._decide(who, job_id, word="approve", draft=chosen, off_peak=off_peak)

    def reject(self, who: Principal, job_id: str, *, reason: str = "") -> Job:
        """End the job: none of the drafts will do."""
        return self._decide(who, job_id, word="reject", reason=reason)

    def more(self, who: Principal, job_id: str, *, drafts: int) -> Job:
        """Ask for another round of drafts, with seeds not used before."""
        job = self.ledger.job(job_id, tenant=who.tenant)
        if len(job.rounds) >= MAX_ROUNDS:
            raise WrongStage(
                f"job {job_id} had {MAX_ROUNDS} rounds of at most {MAX_DRAFTS} drafts; approve, reject or submit anew"
            )
        if job.request.max_cost_usd_micros is not None:
            check_more_drafts(
                job,
                drafts,
                policy=self.policies.at(job.policy_version),
                catalogue=self.catalogue,
                profile=self.profile,
                today=self.clock().date(),
            )
        return self._decide(who, job_id, word="more", more=drafts)

    def cancel(self, who: Principal, job_id: str, *, cause: str = "") -> Job:
        """Stop the job wherever it is. A concluded job is answered as it is, so cancelling twice is no error."""
        job = self.ledger.job(job_id, tenant=who.tenant)
        if not job.stage.terminal:
            cause = cause or f"canceled by {who.name}"
            job = self.milestones.conclude(job_id, "canceled", cause=cause, actor=who.name)
            self.workflow.stop(job, cause=cause)
        return job

    def rate(self, who: Principal, job_id: str, asked: RatingRequest) -> Job:
        """Note what somebody thinks of what a job came to. The last word of each person counts."""
        self.ledger.job(job_id, tenant=who.tenant)

        def change(job: Job) -> Amendment:
            if not job.stage.terminal or not job.pictures:
                raise WrongStage(
                    f"job {job_id} is {job.stage}; only a job that is over and has a picture can be rated",
                    stage=job.stage,
                )
            before = next((each for each in self.ledger.ratings(job_id) if each.by == who.name), None)
            finals = [each for each in job.pictures if each.tier is Tier.FINAL]
            seen = next((each for each in finals if each.attempt == job.final_attempt), job.pictures[0])
            shown = f"f-{seen.attempt}" if seen.tier is Tier.FINAL else f"d{seen.candidate}-{seen.attempt}"
            rating = Rating(**asked.model_dump(), by=who.name, at=self.clock(), shown=shown)
            return Amendment(
                event="job.rated",
                actor=who.name,
                data=rating.model_dump(mode="json", exclude={"by", "at"}),
                changes={"stars": job.stars.with_rating(rating, instead_of=before)},
                rating=rating,
                epilogue=True,
            )

        return self.ledger.amend(job_id, change)

    def accept(self, who: Principal, job_id: str, *, attempt: int | None = None, reason: str = "") -> Job:
        """Take a final that verification turned down, the best one by default: a person looked and it will do.

        Raises WrongStage for a job that ended otherwise. Accepting the same final twice is no error.
        """
        self.ledger.job(job_id, tenant=who.tenant)
        painted = [each.attempt for each in self.ledger.attempts(job_id) if each.tier is Tier.FINAL and each.image]

        def change(job: Job) -> Amendment | None:
            taken = attempt if attempt is not None else job.final_attempt
            if job.stage is Stage.DONE and job.decision and job.decision.attempt == taken:
                return None
            if job.stage is not Stage.FAILED or job.error is None or job.error.code not in _TURNED_DOWN:
                problem = f"job {job_id} is {job.stage}; only one that failed its verification can be accepted"
                raise WrongStage(problem, stage=job.stage)
            if taken not in painted:
                raise InvalidRequest(f"there is no final {taken}; accept one of {painted}", param="attempt")
            decision = Decision(word="accept", by=who.name, at=self.clock(), attempt=taken, reason=reason)
            return Amendment(
                event="final.accepted",
                actor=who.name,
                data={"attempt": taken, "reason": reason, "against": job.error.code},
                changes={"stage": Stage.DONE, "final_attempt": taken, "decision": decision, "error": None},
                reopens=True,
            )

        job = self.ledger.amend(job_id, change)
        self.milestones.announce("job.completed", job, cost_usd_micros=job.cost_usd_micros)
        return job

    def restore(self, who: Principal, job_id: str, *, attempt: int, reason: str) -> Job:
        """Let a job that is done deliver another of its finals. Restoring the one it delivers is no error.

        A final that verification had turned down may be put back, too: the chain keeps that a person looked. Raises
        WrongStage for a job that delivered no final, InvalidRequest for a final there is not.
        """
        self.ledger.job(job_id, tenant=who.tenant)
        painted = {
            each.attempt: each for each in self.ledger.attempts(job_id) if each.tier is Tier.FINAL and each.image
        }

        def change(job: Job) -> Amendment | None:
            if job.stage is not Stage.DONE or job.final_attempt is None:
                way = "; accept one of its finals instead" if job.stage is Stage.FAILED and painted else ""
                problem = f"job {job_id} is {job.stage} and delivered no final to go back from{way}"
                raise WrongStage(problem, stage=job.stage)
            if attempt not in painted:
                raise InvalidRequest(f"there is no final {attempt}; restore one of {sorted(painted)}", param="attempt")
            if attempt == job.final_attempt:
                return None
            seen = painted[attempt].verification
            decision = Decision(word="restore", by=who.name, at=self.clock(), attempt=attempt, reason=reason)
            return Amendment(
                event="final.restored",
                actor=who.name,
                data={
                    "attempt": attempt,
                    "before": job.final_attempt,
                    "verdict": seen.verdict.value if seen else None,
                    "reason": reason,
                },
                changes={"final_attempt": attempt, "decision": decision},
                reopens=True,
            )

        before = self.ledger.job(job_id)
        job = self.ledger.amend(before, change)
        if job.seq != before.seq:
            self.milestones.announce("job.completed", job, cost_usd_micros=job.cost_usd_micros)
        return job

    def _decide(
        self,
        who: Principal,
        job_id: str,
        *,
        word: Literal["approve", "reject", "more"],
        draft: int | None = None,
        off_peak: bool = False,
        more: int = 0,
        reason: str = "",
    ) -> Job:
        self.ledger.job(job_id, tenant=who.tenant)
        decision = Decision(
            word=word, by=who.name, at=self.clock(), draft=draft, off_peak=off_peak, more=more, reason=reason
        )

        def change(job: Job) -> Amendment:
            if job.stage is not Stage.AWAITING_APPROVAL or job.decision is not None:
                state = "already decided" if job.decision else f"at stage {job.stage}"
                raise WrongStage(
                    f"job {job_id} is {state}; only a job awaiting approval can be decided", stage=job.stage
                )
            data = decision.model_dump(mode="json", exclude={"by", "at"}, exclude_defaults=True) | {"word": word}
            return Amendment(event="decision.made", actor=who.name, data=data, changes={"decision": decision})

        job = self.ledger.amend(job_id, change)
        self.waits.wake(approval_ticket(job_id, round_number=len(job.rounds)))
        return job
