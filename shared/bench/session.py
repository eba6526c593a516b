"""One arm of a bench from the first warm-up request to its figures.

Hides how requests become samples and who painted what. How a job is asked for and followed is the caller's `ask`;
stopping early is the caller's too, by the halt: what was measured until then is the arm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.bench.load import Halt, Load, Timed, drive
from shared.bench.report import Arm, Painter, figures
from shared.bench.samples import Sample, sample_of
from shared.bench.suite import Asked, Suite, requests
from shared.models import AttemptStatus
from shared.views import JobView


@dataclass(frozen=True)
class Answer:
    """What became of a request: the job as it ended, or the code of the error; and how long accepting it took."""

    job: JobView | None
    error: str = ""
    accepting_s: float = 0.0


@dataclass(frozen=True)
class Subject:
    """What one arm measures: the fields that every request carries."""

    name: str
    field: Literal["model", "use_case"]
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What all arms of one bench share. `ask` submits a body and follows its job to the end, from several threads."""

    suite: Suite
    load: Load
    count: int
    warmup: int
    seed: int
    repeat_share: float
    ask: Callable[[Mapping[str, Any]], Answer]
    clock: Callable[[], float]
    halt: Halt


class Measuring:
    """An arm as it grows: `arm` may be asked for at any time, also after `run` was interrupted."""

    def __init__(self, subject: Subject, terms: Terms) -> None:
        self.name = subject.name
        self._subject = subject
        self._terms = terms
        self._timed: list[Timed[Asked, Answer]] = []
        self._samples: list[Sample] = []

    def run(self, seen: Callable[[Sample], None]) -> None:
        """Warm up, then load; `seen` is given every sample as it comes."""
        terms = self._terms
        few = Load(concurrency=min(terms.load.concurrency, max(terms.warmup, 1)))
        for _ in self._drive(self._dealt("warm-up", terms.warmup, repeat_share=0.0), few):
            pass
        for timed in self._drive(self._dealt("load", terms.count, repeat_share=terms.repeat_share), terms.load):
            self._timed.append(timed)
            self._samples.append(_sample(timed))
            seen(self._samples[-1])

    def arm(self) -> Arm:
        return Arm(
            name=self._subject.name,
            field=self._subject.field,
            painters=_painters([each.result.job for each in self._timed if each.result.job]),
            figures=figures(self._samples, [each.ended_s for each in self._timed], seed=self._terms.seed),
            samples=tuple(sorted(self._samples, key=lambda each: each.index)),
        )

    def _dealt(self, part: str, count: int, *, repeat_share: float) -> list[Asked]:
        """Arms get other seeds, for two names may lead to the same painter, whose cache would answer the second."""
        arm = f"{part}:{self._subject.name}"
        terms, fields = self._terms, self._subject.fields
        return requests(terms.suite, arm=arm, fields=fields, count=count, seed=terms.seed, repeat_share=repeat_share)

    def _drive(self, dealt: Sequence[Asked], load: Load) -> Iterator[Timed[Asked, Answer]]:
        terms = self._terms
        return drive(
            dealt, lambda asked: terms.ask(asked.body), load=load, seed=terms.seed, clock=terms.clock, halt=terms.halt
        )


def _sample(timed: Timed[Asked, Answer]) -> Sample:
    answer, repeats = timed.result, timed.request.repeats
    if answer.job is None:
        return Sample(
            index=timed.index,
            intended_ms=round(timed.intended_s * 1000),
            late_ms=round((timed.started_s - timed.intended_s) * 1000),
            repeats=repeats,
            error=answer.error,
        )
    return sample_of(
        answer.job,
        index=timed.index,
        intended_s=timed.intended_s,
        started_s=timed.started_s,
        accepted_s=timed.started_s + answer.accepting_s,
        ended_s=timed.ended_s,
        repeats=repeats,
    )


def _painters(jobs: Sequence[JobView]) -> tuple[Painter, ...]:
    """Who painted, the busiest first; what came from the cache was painted by nobody."""
    seen = Counter(
        (
            each.alias.asked if each.alias else each.model,
            each.model,
            each.provider,
            each.model_revision,
            each.simulated,
        )
        for job in jobs
        for each in job.attempts
        if each.status is AttemptStatus.RENDERED and not each.cached
    )
    return tuple(
        Painter(asked=asked, model=model, provider=provider, revision=revision, simulated=simulated, renders=renders)
        for (asked, model, provider, revision, simulated), renders in seen.most_common()
    )
