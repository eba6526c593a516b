"""What the jobs of a while come to: how many, how fast, how dear, how often wrong.

Hides what is counted under what. Everything it answers can be added up: cells of one page to those of the next, days to
weeks, models to all. So a page costs the same however many jobs there are, and no total is ever cut off.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from pydantic import Field

from shared.ledger import Ledger
from shared.models import Attempt, AttemptStatus, Job, Principal, Stage, Tier, Value

BUCKETS_AN_OCTAVE: Final = 4
"""A latency is known to within a fifth: buckets grow by the fourth root of two."""
_READERS: Final = 16

Kind = Literal["draft", "first_final", "repair", "job"]


class Cell(Value):
    """All renders, or jobs, of one day that are alike in what is named here; the rest are sums over them."""

    day: date
    kind: Kind
    """`first_final` is a job's first attempt at its final, `repair` every further one, `job` a job that is over."""
    use_case: str
    model: str
    template: str = Field(description="`poster@2`; `-` for a free prompt.")
    simulated: bool
    count: int = 0
    cached: int = 0
    failed: int = Field(0, description="Without a picture; of jobs, those that did not end as asked.")
    misprints: int = Field(0, description="Turned down by verification; of jobs, delivered nothing that passed.")
    defects: int = Field(0, description="With a visible defect over its limit.")
    cost_usd_micros: int = 0
    latency: dict[int, int] = Field(
        default_factory=dict,
        description="How many took how long, cached ones aside: bucket k holds up to 2^(k/4) ms.",
    )


class InsightPage(Value):
    """Cells of one page of jobs, newest first. Ask on with `cursor`, and add up."""

    since: datetime
    jobs: int = Field(description="Jobs counted on this page, whatever became of them.")
    cells: tuple[Cell, ...]
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Insight:
    """Reads only; sees a tenant's own jobs."""

    ledger: Ledger
    clock: Callable[[], datetime]

    def page(self, who: Principal, *, days: int, limit: int, cursor: str | None = None) -> InsightPage:
        """The cells of up to `limit` jobs submitted in the last `days`."""
        since = self.clock() - timedelta(days=days)
        page = self.ledger.jobs(who.tenant, limit=limit, cursor=cursor)
        jobs = [job for job in page.jobs if job.created_at >= since]
        cells = added(cell for job, attempts in attempts_of(self.ledger, jobs) for cell in tally(job, attempts))
        past = len(jobs) < len(page.jobs)
        return InsightPage(since=since, jobs=len(jobs), cells=cells, cursor=None if past else page.cursor)


def attempts_of(ledger: Ledger, jobs: Sequence[Job]) -> list[tuple[Job, tuple[Attempt, ...]]]:
    """Each job with its attempts, many read at once."""
    with ThreadPoolExecutor(_READERS) as pool:
        return list(zip(jobs, pool.map(lambda job: ledger.attempts(job.id), jobs), strict=True))


def tally(job: Job, attempts: Iterable[Attempt]) -> Iterator[Cell]:
    """One job's part: a cell for each of its attempts that is over, and one for itself once it is."""
    if job.replay:
        return  # a question about the past, and no work of the day
    attempts = tuple(attempts)
    for attempt in attempts:
        if attempt.status is not AttemptStatus.PENDING:
            yield _render(job, attempt)
    if job.stage.terminal:
        yield _job(job, attempts)


def added(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells of one name as one."""
    sums: dict[tuple[object, ...], Cell] = {}
    for cell in cells:
        name = (cell.day, cell.kind, cell.use_case, cell.model, cell.template, cell.simulated)
        held = sums.get(name)
        sums[name] = cell if held is None else _sum(held, cell)
    return tuple(sums.values())


def bucket(milliseconds: int) -> int:
    """Number of the bucket of a latency: the least k with 2^(k/4) >= milliseconds."""
    return math.ceil(BUCKETS_AN_OCTAVE * math.log2(max(milliseconds, 1)))


def _render(job: Job, attempt: Attempt) -> Cell:
    kind: Kind = "draft" if attempt.tier is Tier.DRAFT else "first_final" if attempt.attempt == 1 else "repair"
    painted = attempt.image is not None and not attempt.cached
    return Cell(
        day=attempt.started_at.date(),
        kind=kind,
        use_case=job.use_case,
        model=attempt.model,
        template=_template(job),
        simulated=attempt.simulated,
        count=1,
        cached=int(attempt.cached),
        failed=int(attempt.image is None),
        misprints=int(attempt.misprinted),
        defects=int(_defective(attempt)),
        cost_usd_micros=attempt.cost_usd_micros,
        latency={bucket(attempt.latency_ms.total): 1} if painted else {},
    )


def _job(job: Job, attempts: tuple[Attempt, ...]) -> Cell:
    final = next((each for each in attempts if each.tier is Tier.FINAL and each.attempt == job.final_attempt), None)
    shown = final or next(iter(attempts), None)
    cached = bool(attempts) and all(attempt.cached for attempt in attempts)
    asked = job.stage in {Stage.DONE, Stage.FAILED}
    return Cell(
        day=job.created_at.date(),
        kind="job",
        use_case=job.use_case,
        model=shown.model if shown else "-",
        template=_template(job),
        simulated=any(attempt.simulated for attempt in attempts),
        count=1,
        cached=int(cached),
        failed=int(job.stage is not Stage.DONE),
        misprints=int(asked and final is not None and final.misprinted),
        defects=int(final is not None and _defective(final)),
        cost_usd_micros=job.cost_usd_micros,
        latency={} if cached or not job.completed_at else {bucket(_ms(job.created_at, job.completed_at)): 1},
    )


def _template(job: Job) -> str:
    return f"{job.template.name}@{job.template.version}" if job.template else "-"


def _defective(attempt: Attempt) -> bool:
    seen = attempt.verification
    return seen is not None and any(finding.score >= finding.limit for finding in seen.artifacts)


def _ms(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)


def _sum(a: Cell, b: Cell) -> Cell:
    counted = ("count", "cached", "failed", "misprints", "defects", "cost_usd_micros")
    latency = {key: a.latency.get(key, 0) + b.latency.get(key, 0) for key in {*a.latency, *b.latency}}
    sums = {name: getattr(a, name) + getattr(b, name) for name in counted}
    return a.model_copy(update={**sums, "latency": latency})
