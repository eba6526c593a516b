"""The rows of the evidence: one figure of both ways, their ratio, and the article's beside it.

Hides which figure counts which jobs and which sides. Pure: pairs in, rows out; the same seed gives the same intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from pydantic import Field

from shared.bench.stats import Estimate, Statistic, bootstrap, mean, median, ratio, share
from shared.bench.trial import Pair, Side
from shared.models import Value

_PER_1000_USD: Final = 1000 / 1_000_000
_IN_A_HURRY: Final = 0.9

Unit = Literal["ms", "usd", "share", "count"]


class Article(Value):
    """What the article reports, in the row's unit."""

    before: float | None = None
    after: float
    text: str = Field(description="As the article says it.")

    @property
    def ratio(self) -> float | None:
        return self.after / self.before if self.before else None


_HERO: Final = Article(before=27_000, after=21_000, text="27 s → 21 s")
_LOOK: Final = Article(after=3_000, text="a draft in under 3 s")


class Row(Value):
    """One figure of both ways. `ratio` is after over before, jobs paired where every job has the figure."""

    name: str
    unit: Unit
    before: Estimate | None
    after: Estimate | None
    before_of: tuple[int, int] | None = Field(None, description="Hits and of how many, where it is a share.")
    after_of: tuple[int, int] | None = None
    ratio: Estimate | None = None
    article: Article | None = None
    article_ratio: float | None = Field(None, description="The article's after over its before.")
    hint: str = Field("", description="What the figure counts.")


def rows(pairs: Sequence[Pair], *, seed: int) -> tuple[Row, ...]:
    """Every figure of the trial; one that nothing speaks for is null."""
    figure, counted = partial(_figure, seed=seed), partial(_share, pairs=pairs, seed=seed)
    return (
        *_latencies(pairs, figure),
        counted(
            "wrong words, as delivered",
            hit=lambda side: bool(side.at_first and side.at_first.misread),
            among=lambda pair, side: pair.lettered and side.delivered,
            article=Article(before=0.18, after=0.04, text="18 % → 4 %"),
            hint="of delivered pictures with words, the first one that the viewer got",
        ),
        counted(
            "wrong words in the end",
            hit=lambda side: bool(side.in_the_end and side.in_the_end.misread),
            among=lambda pair, side: pair.lettered and side.delivered,
            hint="before: after all complaints",
        ),
        counted(
            "visible defects, as delivered",
            hit=lambda side: bool(side.at_first and side.at_first.defects),
            among=lambda _, side: side.delivered,
            hint="of all delivered pictures: burnt colours, banding, blur, repeats and so on",
        ),
        figure(
            "cost of 1,000 jobs",
            "usd",
            pairs,
            lambda side: side.cost_usd_micros * _PER_1000_USD,
            mean,
            article=Article(before=42, after=29, text="$42 → $29"),
            hint="everything painted, by the catalogue's prices",
        ),
        *_masked(pairs, seed=seed),
        figure(
            "model-server time a job",
            "ms",
            pairs,
            lambda side: side.server_ms,
            mean,
            hint="as the model server bills it",
        ),
        figure("renders a job", "count", pairs, lambda side: side.renders, mean, hint="drafts count"),
        counted("served from the cache", hit=lambda side: side.cached, hint="jobs of which nothing was painted"),
        counted(
            "complaints needed",
            hit=lambda side: side.complaints > 0,
            hint="jobs a person had to send back; after: none, a machine looks first",
        ),
        counted("withheld as not good enough", hit=lambda side: side.rejected, hint="said so, and kept"),
        counted("errors", hit=lambda side: bool(side.error), hint="no picture, and no verdict"),
    )


def shortened(pairs: Sequence[Pair]) -> float | None:
    """The time painters took over the time they bill, where it is less: a simulator in a hurry."""
    known = [side for pair in pairs for side in (pair.before, pair.after) if side.server_ms]
    billed = sum(side.server_ms or 0 for side in known)
    took = sum(side.painting_ms for side in known)
    return took / billed if billed and took < _IN_A_HURRY * billed else None


def _latencies(pairs: Sequence[Pair], figure: Callable[..., Row]) -> list[Row]:
    """Of what was delivered both ways; again as billed, where painters took less time than they bill."""
    delivered = [pair for pair in pairs if pair.before.delivered and pair.after.delivered]
    heroes = [pair for pair in delivered if pair.use_case == "hero"]
    measured = [
        figure(
            "hero image, median latency",
            "ms",
            heroes,
            lambda side: side.total_ms,
            median,
            article=_HERO,
            hint="asked for until delivered; before: with the repaints after complaints, without the people's time",
        ),
        figure(
            "first look, median",
            "ms",
            delivered,
            lambda side: side.first_ms,
            median,
            article=_LOOK,
            hint="before: the picture itself, there is no draft; after: the first draft",
        ),
    ]
    if shortened(pairs) is None:
        return measured
    how = "calculated: measured latency, less the time painting took, plus the time it bills; queues would be longer"
    return [
        *measured,
        figure(
            "hero image, at billed speed",
            "ms",
            heroes,
            lambda side: side.billed_total_ms,
            median,
            article=_HERO,
            hint=how,
        ),
        figure(
            "first look, at billed speed",
            "ms",
            delivered,
            lambda side: side.billed_first_ms,
            median,
            article=_LOOK,
            hint=how,
        ),
    ]


def _figure(
    name: str,
    unit: Unit,
    pairs: Sequence[Pair],
    value: Callable[[Side], float | None],
    statistic: Statistic,
    *,
    seed: int,
    article: Article | None = None,
    hint: str,
) -> Row:
    """Over the pairs of which both sides have the value."""
    both = [(value(pair.before), value(pair.after)) for pair in pairs]
    known = [(float(old), float(new)) for old, new in both if old is not None and new is not None]
    before, after = [old for old, _ in known], [new for _, new in known]
    return Row(
        name=name,
        unit=unit,
        before=bootstrap(before, statistic, seed=seed) if before else None,
        after=bootstrap(after, statistic, seed=seed) if after else None,
        ratio=ratio(after, before, statistic, seed=seed, paired=True),
        article=article,
        article_ratio=article.ratio if article else None,
        hint=hint,
    )


def _share(
    name: str,
    *,
    pairs: Sequence[Pair],
    hit: Callable[[Side], bool],
    seed: int,
    hint: str,
    among: Callable[[Pair, Side], bool] = lambda _pair, _side: True,
    article: Article | None = None,
) -> Row:
    """Without a ratio where either way has no hit: its interval would be a fiction."""
    before = [float(hit(pair.before)) for pair in pairs if among(pair, pair.before)]
    after = [float(hit(pair.after)) for pair in pairs if among(pair, pair.after)]
    old, new = (share(round(sum(hits)), len(hits)) for hits in (before, after))
    return Row(
        name=name,
        unit="share",
        before=old.share if old.of else None,
        after=new.share if new.of else None,
        before_of=(old.hits, old.of),
        after_of=(new.hits, new.of),
        ratio=ratio(after, before, mean, seed=seed) if old.hits and new.hits else None,
        article=article,
        article_ratio=article.ratio if article else None,
        hint=hint,
    )


def _masked(pairs: Sequence[Pair], *, seed: int) -> list[Row]:
    """What masked passes add: to the first final of a job that took one, and to all that was painted."""
    repaired = [pair.after for pair in pairs if pair.after.masked_usd_micros and pair.after.repaired_whole_usd_micros]
    extra = [side.masked_usd_micros / side.repaired_whole_usd_micros for side in repaired]
    masked = [float(pair.after.masked_usd_micros) for pair in pairs]
    whole = [float(pair.after.cost_usd_micros) for pair in pairs]
    return [
        Row(
            name="extra compute of the masked pass",
            unit="share",
            before=None,
            after=bootstrap(extra, mean, seed=seed) if extra else None,
            after_of=(len(repaired), len(pairs)),
            article=Article(after=0.12, text="+12 %"),
            hint="of jobs that took one, on top of their first final, by model-server seconds",
        ),
        Row(
            name="masked passes, of all compute",
            unit="share",
            before=None,
            after=ratio(masked, whole, mean, seed=seed, paired=True),
            hint="all jobs together",
        ),
    ]
