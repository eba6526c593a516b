"""The result of a bench as one documented value: what was asked of which stack, every sample, and the figures.

Hides how figures come from samples. `events/bench.schema.json` is the JSON Schema of `BenchReport`; a field that goes
or changes its meaning raises `version`. Prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from shared.bench.load import Load
from shared.bench.samples import Sample
from shared.bench.stats import Estimate, Share, Spread, bootstrap, mean, share, spread, throughput
from shared.models import Value
from shared.views import ModelList

VERSION: Final = "1"
_PER_1000_USD: Final = 1000 / 1_000_000
_FEW: Final = 100


class StackFacts(Value):
    """Whom the load met."""

    api_url: str
    local: bool
    profile: str
    policy_version: int

    @classmethod
    def of(cls, api_url: str, models: ModelList, *, local: bool) -> StackFacts:
        return cls(api_url=api_url, local=local, profile=models.profile, policy_version=models.policy_version)


class SuiteFacts(Value):
    name: str
    digest: str
    jobs: int


class Painter(Value):
    """One model server that answered: what was asked for, what painted, and its revision."""

    asked: str
    model: str
    provider: str
    revision: str
    simulated: bool
    renders: int


class Figures(Value):
    """Of one arm. Milliseconds; intervals are 95 %. Null where nothing could be measured."""

    requests: int
    delivered: int = Field(description="Requests that ended with a picture: the only ones whose total counts.")
    wall_s: float
    per_s: Estimate | None = Field(description="Requests ended a second.")
    total_ms: Spread | None = Field(description="Intended start to conclusion.")
    draft_ms: Spread | None = Field(description="Submit to first draft.")
    queue_ms: Spread | None = Field(description="Waiting at the model server, a job's renders together.")
    inference_ms: Spread | None = Field(description="Painting, likewise.")
    late_ms: int = Field(description="The latest any request left after it was meant to; counted in total_ms.")
    errors: Share
    error_codes: dict[str, int]
    mismatches: Share = Field(description="First finals that did not say what was expected, of those that had to.")
    flaws: Share = Field(description="First finals with a visible defect, of all jobs with a picture.")
    rejected: Share = Field(description="Jobs that ended without a final good enough.")
    repaired: Share
    cached: Share = Field(description="Jobs whose every picture came from the cache.")
    repeats: int = Field(description="Requests that repeated an earlier one, on purpose.")
    usd_per_1000: Estimate | None = Field(
        description="Jobs: drafts, finals and repairs together; cached ones are free."
    )


class Arm(Value):
    """One model or use case under load."""

    name: str
    field: Literal["model", "use_case"]
    painters: tuple[Painter, ...]
    figures: Figures
    samples: tuple[Sample, ...]


class ArmRatios(Value):
    """An arm now over the same arm before; below 1.0 is less. Null where one side has nothing to divide by."""

    name: str
    median_total: Estimate | None
    p90_total: Estimate | None
    median_draft: Estimate | None
    median_inference: Estimate | None
    throughput: Estimate | None
    cost: Estimate | None
    mismatches: tuple[float, float] = Field(description="Share before, share now.")
    errors: tuple[float, float] = Field(description="Share before, share now.")


class Comparison(Value):
    before: str = Field(description="The file compared with.")
    made_at: datetime
    differs: tuple[str, ...] = Field(description="What else changed, so that ratios say less; empty: nothing.")
    arms: tuple[ArmRatios, ...]


class BenchReport(Value):
    """`presscheck bench --json`."""

    kind: Literal["presscheck-bench"] = "presscheck-bench"
    version: Literal["1"] = VERSION
    presscheck: str = Field(description="The release that measured.")
    made_at: datetime
    interrupted: bool = False
    stack: StackFacts
    suite: SuiteFacts
    load: Load
    requests: int = Field(description="Asked for, of each arm.")
    warmup: int = Field(description="Requests before them, of each arm, not counted.")
    seed: int
    repeat_share: float
    notes: tuple[str, ...] = Field((), description="What a reader must know to believe the figures.")
    arms: tuple[Arm, ...]
    comparison: Comparison | None = None

    @property
    def simulated(self) -> bool:
        """Whether any picture came from a simulator."""
        return any(painter.simulated for arm in self.arms for painter in arm.painters)


def notes(report: BenchReport) -> tuple[str, ...]:
    """What a reader must know to believe the figures."""
    found = []
    if report.interrupted:
        found.append("interrupted: fewer requests than were asked for")
    if report.simulated:
        found.append("pictures come from a simulator: its speed, errors and prices are no model's")
    asked = report.repeat_share
    for arm in report.arms:
        cached, repeats = arm.figures.cached, arm.figures.repeats
        if cached.hits > repeats:
            why = "a seed used before on this stack" if not asked else "more than the repeats asked for"
            found.append(f"{arm.name}: {cached.hits} of {cached.of} answers came from the cache: {why}")
        if arm.figures.total_ms and arm.figures.total_ms.of < _FEW:
            found.append(f"{arm.name}: the p99 of {arm.figures.total_ms.of} requests is little but the slowest one")
    if report.load.mode == "closed" and report.arms:
        found.append("closed load: a slow answer delays the next question, so waits look shorter than users' would")
    return tuple(found)


def figures(samples: Sequence[Sample], ended_s: Sequence[float], *, seed: int) -> Figures:
    """`ended_s`: when each sample ended, in seconds since the load began."""
    done = [each for each in samples if each.total_ms is not None]
    ended = sorted(ended_s)
    gaps = [now - before for before, now in zip([0.0, *ended], ended, strict=False)]
    checked = [each for each in samples if each.checked]
    pictured = [each for each in samples if each.error is None]
    costs = [each.cost_usd_micros * _PER_1000_USD for each in pictured]
    return Figures(
        requests=len(samples),
        delivered=len(done),
        wall_s=round(ended[-1], 3) if ended else 0.0,
        per_s=bootstrap(gaps, throughput, seed=seed) if gaps else None,
        total_ms=spread(_known(each.total_ms for each in samples), seed=seed),
        draft_ms=spread(_known(each.draft_ms for each in samples), seed=seed),
        queue_ms=spread(_known(each.queue_ms for each in samples), seed=seed),
        inference_ms=spread(_known(each.inference_ms for each in samples), seed=seed),
        late_ms=max((each.late_ms for each in samples), default=0),
        errors=share(len(samples) - len(pictured), len(samples)),
        error_codes=dict(Counter(each.error for each in samples if each.error)),
        mismatches=share(sum(each.mismatched for each in checked), len(checked)),
        flaws=share(sum(each.flawed for each in pictured), len(pictured)),
        rejected=share(sum(each.rejected for each in pictured), len(pictured)),
        repaired=share(sum(bool(each.repairs) for each in pictured), len(pictured)),
        cached=share(sum(each.cached for each in pictured), len(pictured)),
        repeats=sum(each.repeats for each in samples),
        usd_per_1000=bootstrap(costs, mean, seed=seed) if costs else None,
    )


def _known(values: Iterable[int | None]) -> list[float]:
    return [float(value) for value in values if value is not None]
