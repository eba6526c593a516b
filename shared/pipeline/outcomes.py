"""What became of jobs, one line each: what the fine-tuning checklist counts.

Hides which attempt speaks for a job: the first final, as the model painted it before any repair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.finetune import FREE, TEXT, Outcome, OutcomePage
from shared.ledger import Ledger
from shared.models import Attempt, Job, Principal, Rating, Tier

_READERS: Final = 16


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Reads only; sees a tenant's own jobs."""

    ledger: Ledger
    clock: Callable[[], datetime]

    def page(self, who: Principal, *, days: int, limit: int, cursor: str | None = None) -> OutcomePage:
        """Of up to `limit` jobs submitted in the last `days` those that have a first final."""
        since = self.clock() - timedelta(days=days)
        page = self.ledger.jobs(who.tenant, limit=limit, cursor=cursor)
        jobs = [job for job in page.jobs if job.created_at >= since]
        with ThreadPoolExecutor(_READERS) as pool:
            found = [each for each in pool.map(self._outcome, jobs) if each is not None]
        past = len(jobs) < len(page.jobs)
        return OutcomePage(since=since, outcomes=tuple(found), cursor=None if past else page.cursor)

    def _outcome(self, job: Job) -> Outcome | None:
        if not job.stage.terminal:
            return None
        finals = (each for each in self.ledger.attempts(job.id) if each.tier is Tier.FINAL and each.image)
        first = next(finals, None)
        if first is None:
            return None
        ratings = self.ledger.ratings(job.id) if job.stars.count else ()
        return outcome_of(job, first, ratings)


def outcome_of(job: Job, first: Attempt, ratings: Sequence[Rating]) -> Outcome:
    """What people named counts where they saw this very final; stars count whatever they saw."""
    seen = first.verification
    faults = {finding.kind for finding in seen.artifacts if finding.score >= finding.limit} if seen else set()
    if seen and seen.missing:
        faults.add(TEXT)
    shown = str(first.id).removeprefix(f"{job.id}-")
    faults |= {flaw.value for rating in ratings if rating.shown == shown for flaw in rating.flaws}
    return Outcome(
        job_id=job.id,
        use_case=job.use_case,
        template=f"{job.template.name}@{job.template.version}" if job.template else FREE,
        prompt=job.prompt,
        faults=tuple(sorted(faults)),
        stars=job.stars.mean,
    )
