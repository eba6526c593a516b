"""How much a tenant may ask for: requests a second, jobs and money a day, jobs at once.

Hides where limits come from (the stage's, or the tenant's own) and how time is cut into windows. A request costs one
write; a job one write and one read of an index. Windows are fixed: within `burst / requests_per_s` seconds a tenant may
send `burst` requests, all at once if it likes, so across the border of two windows up to twice that. A sliding window
would need to read before it writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.errors import QuotaExceeded, Throttled
from shared.ledger import Ledger
from shared.models import Allowance, Limits

_REMEMBERED: Final = timedelta(seconds=60)
_OPEN_RETRY_S: Final = 60


class Allowances:
    """`limits`: the stage's, for every tenant without limits of its own."""

    def __init__(self, ledger: Ledger, *, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._known: dict[str, tuple[Limits, datetime]] = {}

    def of(self, tenant: str) -> Limits:
        """A tenant's limits; a change is noticed within a minute."""
        now = self._clock()
        known = self._known.get(tenant)
        if known is None or known[1] <= now:
            known = (self._ledger.usage.limits(tenant) or self._limits, now + _REMEMBERED)
            self._known[tenant] = known
        return known[0]

    def take_request(self, tenant: str) -> Allowance:
        """Count a request; what is left says whether it may go on."""
        limits = self.of(tenant)
        length_s = limits.burst / limits.requests_per_s
        now_s = self._clock().timestamp()
        window = math.floor(now_s / length_s)
        used = self._ledger.usage.count_request(tenant, window=window)
        return Allowance(
            limit=limits.burst,
            remaining=max(0, limits.burst - used),
            reset_s=max(1, math.ceil((window + 1) * length_s - now_s)),
            exceeded=used > limits.burst,
        )

    def take_job(self, tenant: str, *, in_batch: bool = False) -> None:
        """Count a job about to be accepted. Raises QuotaExceeded that says which limit and when it ends.

        Jobs of a batch may all be open at once: their lane takes them one after another.
        """
        limits = self.of(tenant)
        now = self._clock()
        if not in_batch and self._ledger.usage.open_jobs(tenant, at_most=limits.open_jobs) >= limits.open_jobs:
            raise QuotaExceeded(
                f"{limits.open_jobs} jobs of yours are open, which is the limit: wait for some to end, or cancel them",
                limit="open_jobs",
                retry_after_s=_OPEN_RETRY_S,
            )
        day = now.astimezone(UTC).date()
        if not self._ledger.usage.count_job(tenant, day=day.isoformat(), limits=limits):
            used = self._ledger.usage.of_day(tenant, day.isoformat())
            which = "jobs_per_day" if used.jobs >= limits.jobs_per_day else "usd_micros_per_day"
            spoken = (
                f"{limits.jobs_per_day} jobs" if which == "jobs_per_day" else f"${limits.usd_micros_per_day / 1e6:,.2f}"
            )
            midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC)
            raise QuotaExceeded(
                f"today's {spoken} are used up; the next day begins at {midnight:%Y-%m-%d %H:%M} UTC",
                limit=which,
                retry_after_s=math.ceil((midnight - now).total_seconds()),
            )


def refuse(allowance: Allowance) -> Throttled:
    """The error for a request above the limit."""
    problem = f"more than {allowance.limit} requests at once: the next are taken in {allowance.reset_s} s"
    return Throttled(problem, retry_after_s=allowance.reset_s)
