"""Read a tenant's jobs for a trace: page after page, back to a moment or a bound, whichever comes first.

Hides how many are read. What they say is shared.pipeline.tracing's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.ledger import Ledger
from shared.models import JobFilter, Principal
from shared.pipeline.insight import attempts_of
from shared.pipeline.tracing import By, Observation, Trace, observation, trace

_PAGE: Final = 250


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Reads only; sees a tenant's own jobs."""

    ledger: Ledger

    def of(
        self,
        who: Principal,
        *,
        since: datetime,
        by: By,
        template: str | None = None,
        use_case: str | None = None,
        most: int,
    ) -> Trace:
        """The trace of the newest `most` jobs since then at the latest, told in `complete` where there were more."""
        seen: list[Observation] = []
        read, cursor, complete = 0, None, True
        only = JobFilter(template=template, use_case=use_case)
        while True:
            page = self.ledger.jobs(who.tenant, limit=min(_PAGE, most - read), cursor=cursor, only=only)
            jobs = [job for job in page.jobs if job.created_at >= since]
            found = (observation(job, attempts) for job, attempts in attempts_of(self.ledger, jobs))
            seen += [each for each in found if each]
            read += len(jobs)
            cursor = page.cursor
            if cursor is None or len(jobs) < len(page.jobs):
                break
            if read >= most:
                complete = False
                break
        return trace(seen, by=by, since=since, template=template, use_case=use_case, complete=complete)
