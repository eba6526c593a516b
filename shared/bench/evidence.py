"""The evidence as one documented value: both ways of working, figure beside figure, and the article's beside ours.

Hides how rows come from pairs. `events/evidence.schema.json` is the JSON Schema of `EvidenceReport`; a field that goes
or changes its meaning raises `version`. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from shared.bench.adhoc import Habits, in_words
from shared.bench.load import Load
from shared.bench.report import StackFacts
from shared.bench.stats import Estimate, Share, Statistic, bootstrap, mean, median, ratio, share
from shared.bench.trial import Pair, Side, Trial
from shared.models import Value

VERSION: Final = "1"
_PER_1000_USD: Final = 1000 / 1_000_000
_IN_A_HURRY: Final = 0.9

Unit = Literal["ms", "usd", "share", "count"]


class Article(Value):
    """What the article reports, in the row's unit."""

    before: float | None = None
    after: float
    text: str = Field(description="As the article says it.")


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


class Server(Value):
    """A model server that painted."""

    way: Literal["before", "after"]
    model: str
    revision: str
    simulated: bool
    renders: int


class EvidenceReport(Value):
    """`presscheck evidence --json`."""

    kind: Literal["presscheck-evidence"] = "presscheck-evidence"
    version: Literal["1"] = VERSION
    presscheck: str
    made_at: datetime
    interrupted: bool = False
    stack: StackFacts
    workload: str = Field(description="sha256 of the workload's file.")
    jobs: int = Field(description="Asked for.")
    done: int = Field(description="Done both ways.")
    seed: int
    load: Load
    flagship: str
    habits: Habits
    servers: tuple[Server, ...]
    simulated: bool = Field(description="Any picture came from a simulator: then nothing here is evidence of models.")
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]


def report(
    trial: Trial,
    *,
    presscheck: str,
    made_at: datetime,
    interrupted: bool,
    stack: StackFacts,
    workload: str,
    jobs: int,
    seed: int,
    load: Load,
    flagship: str,
    habits: Habits,
) -> EvidenceReport:
    """What the trial found so far."""
    ways: tuple[tuple[Literal["before", "after"], Mapping[tuple[str, str, bool], int]], ...]
    ways = (("before", trial.painters["before"]), ("after", trial.painters["after"]))
    servers = tuple(
        Server(way=way, model=model, revision=revision, simulated=simulated, renders=renders)
        for way, painters in ways
        for (model, revision, simulated), renders in painters.items()
    )
    pairs = tuple(trial.pairs)
    return EvidenceReport(
        presscheck=presscheck,
        made_at=made_at,
        interrupted=interrupted,
        stack=stack,
        workload=workload,
        jobs=jobs,
        done=len(pairs),
        seed=seed,
        load=load,
        flagship=flagship,
        habits=habits,
        servers=servers,
        simulated=any(server.simulated for server in servers),
        notes=_notes(pairs, servers, habits=habits, interrupted=interrupted),
        rows=rows(pairs, seed=seed),
        pairs=pairs,
    )


def _notes(pairs: Sequence[Pair], servers: Sequence[Server], *, habits: Habits, interrupted: bool) -> tuple[str, ...]:
    """What a reader must know to believe the rows, the most important first."""
    found = []
    if any(server.simulated for server in servers):
        found.append(
            "painted by a simulator, which takes its error rates (18 %, 4 %) and the 12 % of a masked pass from the "
            "article: the rows show that the machinery works, they are no evidence about real models"
        )
    if hurry := _shortened(pairs):
        found.append(
            f"painting took {hurry:.0%} of the time it bills, so the measured latencies are mostly the pipeline's own, "
            "on a shared machine; the rows at billed speed put the model's time back"
        )
    if interrupted:
        found.append("interrupted: only the blocks that were done both ways count")
    found += [
        in_words(habits),
        "after: drafts, cache, the use case's model, verification and repair, as the policy in force says; nobody "
        "approves drafts. A final waits for its draft and is read before it is delivered: there is something to look "
        "at sooner, and the final comes later than a bare call's",
        "as delivered means as a viewer sees it: the text reader and the artifact checks look at every delivered "
        "picture of both ways, knowing nothing of its making. It is the reader that the stack verifies with, so what "
        "that overlooks counts as right in both",
        "costs are the catalogue's prices for what was painted; workflow, storage and people cost extra",
        "the pipeline's own time (workflow, OCR) is in the after latencies; before has none",
    ]
    cached, repeats = sum(pair.after.cached for pair in pairs), sum(pair.repeats for pair in pairs)
    if cached > repeats:
        found.append(
            f"{cached} jobs came from the cache, but only {repeats} repeat another: was this seed used before?"
        )
    return tuple(found)


def rows(pairs: Sequence[Pair], *, seed: int) -> tuple[Row, ...]:
    """Every figure of the trial; one that nothing speaks for is null."""
    heroes = [pair for pair in pairs if pair.use_case == "hero"]
    lettered = [pair for pair in pairs if pair.lettered]
    return (
        _times(
            "hero image, median latency",
            [pair for pair in heroes if pair.before.delivered and pair.after.delivered],
            lambda side: side.total_ms,
            seed=seed,
            article=_HERO,
            hint="asked for until delivered; before: with the repaints after complaints, without the people's time",
        ),
        _times(
            "first look, median",
            [pair for pair in pairs if pair.before.first_ms is not None and pair.after.first_ms is not None],
            lambda side: side.first_ms or 0,
            seed=seed,
            article=_LOOK,
            hint="before: the picture itself, there is no draft; after: the first draft",
        ),
        *(_as_billed(pairs, heroes, seed=seed) if _shortened(pairs) else ()),
        _shares(
            "wrong words, as delivered",
            lettered,
            lambda side: side.at_first is not None and bool(side.at_first.misread),
            seed=seed,
            article=Article(before=0.18, after=0.04, text="18 % → 4 %"),
            hint="of delivered pictures with words, the first one that the viewer got",
        ),
        _shares(
            "wrong words in the end",
            lettered,
            lambda side: side.in_the_end is not None and bool(side.in_the_end.misread),
            seed=seed,
            hint="before: after all complaints",
        ),
        _shares(
            "visible defects, as delivered",
            pairs,
            lambda side: side.at_first is not None and bool(side.at_first.defects),
            seed=seed,
            hint="of all delivered pictures: burnt colours, banding, blur, repeats and so on",
        ),
        _means(
            "cost of 1,000 jobs",
            pairs,
            lambda side: side.cost_usd_micros * _PER_1000_USD,
            seed=seed,
            unit="usd",
            article=Article(before=42, after=29, text="$42 → $29"),
            hint="everything painted, by the catalogue's prices",
        ),
        _masked(pairs, seed=seed),
        _masked_of_all(pairs, seed=seed),
        _means(
            "model-server time a job",
            [pair for pair in pairs if pair.before.server_ms is not None and pair.after.server_ms is not None],
            lambda side: float(side.server_ms or 0),
            seed=seed,
            unit="ms",
            hint="as the model server bills it",
        ),
        _means("renders a job", pairs, lambda side: float(side.renders), seed=seed, unit="count", hint="drafts count"),
        _counted("served from the cache", pairs, lambda side: side.cached, hint="jobs of which nothing was painted"),
        _counted(
            "complaints needed",
            pairs,
            lambda side: side.complaints > 0,
            hint="jobs a person had to send back; after: none, a machine looks first",
        ),
        _counted("withheld as not good enough", pairs, lambda side: side.rejected, hint="said so, and kept"),
        _counted("errors", pairs, lambda side: bool(side.error), hint="no picture, and no verdict"),
    )


def _shortened(pairs: Sequence[Pair]) -> float | None:
    """The time painters took over the time they bill, where it is less: a simulator in a hurry."""
    known = [side for pair in pairs for side in (pair.before, pair.after) if side.server_ms]
    billed = sum(side.server_ms or 0 for side in known)
    took = sum(side.painting_ms for side in known)
    return took / billed if billed and took < _IN_A_HURRY * billed else None


def _as_billed(pairs: Sequence[Pair], heroes: Sequence[Pair], *, seed: int) -> tuple[Row, ...]:
    """The latencies again, as if every painter had taken the time it bills."""
    return (
        _times(
            "hero image, at billed speed",
            [pair for pair in heroes if _known(pair, lambda side: side.billed_total_ms)],
            lambda side: side.billed_total_ms or 0,
            seed=seed,
            article=_HERO,
            hint="calculated: measured latency, less the time painting took, plus the time it bills; queues would be "
            "longer",
        ),
        _times(
            "first look, at billed speed",
            [pair for pair in pairs if _known(pair, lambda side: side.billed_first_ms)],
            lambda side: side.billed_first_ms or 0,
            seed=seed,
            article=_LOOK,
            hint="likewise",
        ),
    )


def _known(pair: Pair, value: Callable[[Side], int | None]) -> bool:
    return all(side.delivered and value(side) is not None for side in (pair.before, pair.after))


def _times(
    name: str,
    pairs: Sequence[Pair],
    value: Callable[[Side], float],
    *,
    seed: int,
    article: Article | None = None,
    hint: str = "",
) -> Row:
    return _row(name, "ms", pairs, value, median, seed=seed, article=article, hint=hint)


def _means(
    name: str,
    pairs: Sequence[Pair],
    value: Callable[[Side], float],
    *,
    seed: int,
    unit: Unit,
    article: Article | None = None,
    hint: str = "",
) -> Row:
    return _row(name, unit, pairs, value, mean, seed=seed, article=article, hint=hint)


def _row(
    name: str,
    unit: Unit,
    pairs: Sequence[Pair],
    value: Callable[[Side], float],
    statistic: Statistic,
    *,
    seed: int,
    article: Article | None,
    hint: str,
) -> Row:
    before, after = ([float(value(side)) for side in sides] for sides in _sides(pairs))
    return Row(
        name=name,
        unit=unit,
        before=bootstrap(before, statistic, seed=seed) if before else None,
        after=bootstrap(after, statistic, seed=seed) if after else None,
        ratio=ratio(after, before, statistic, seed=seed, paired=True),
        article=article,
        article_ratio=article.after / article.before if article and article.before else None,
        hint=hint,
    )


def _shares(
    name: str,
    pairs: Sequence[Pair],
    hit: Callable[[Side], bool],
    *,
    seed: int,
    article: Article | None = None,
    hint: str = "",
) -> Row:
    """Of delivered pictures. The ratio is left out where either side has no hit: its interval would be a fiction."""
    before, after = ([side for side in sides if side.delivered] for sides in _sides(pairs))
    hits = [[float(hit(side)) for side in sides] for sides in (before, after)]
    row = _counted(name, pairs, hit, hint=hint, delivered=True)
    return row.model_copy(
        update={
            "ratio": ratio(hits[1], hits[0], mean, seed=seed) if any(hits[0]) and any(hits[1]) else None,
            "article": article,
            "article_ratio": article.after / article.before if article and article.before else None,
        }
    )


def _counted(
    name: str, pairs: Sequence[Pair], hit: Callable[[Side], bool], *, hint: str, delivered: bool = False
) -> Row:
    found: list[Share] = []
    for sides in _sides(pairs):
        counted = [side for side in sides if side.delivered or not delivered]
        found.append(share(sum(map(hit, counted)), len(counted)))
    before, after = found
    return Row(
        name=name,
        unit="share",
        before=before.share if before.of else None,
        after=after.share if after.of else None,
        before_of=(before.hits, before.of),
        after_of=(after.hits, after.of),
        hint=hint,
    )


def _masked(pairs: Sequence[Pair], *, seed: int) -> Row:
    """What the masked passes of a repaired job add to its first final."""
    repaired = [pair.after for pair in pairs if pair.after.masked_usd_micros and pair.after.repaired_whole_usd_micros]
    extra = [side.masked_usd_micros / side.repaired_whole_usd_micros for side in repaired]
    return Row(
        name="extra compute of the masked pass",
        unit="share",
        before=None,
        after=bootstrap(extra, mean, seed=seed) if extra else None,
        after_of=(len(repaired), len(pairs)),
        article=Article(after=0.12, text="+12 %"),
        hint="of jobs that took one, on top of their first final, by model-server seconds",
    )


def _masked_of_all(pairs: Sequence[Pair], *, seed: int) -> Row:
    masked = [float(pair.after.masked_usd_micros) for pair in pairs]
    whole = [float(pair.after.cost_usd_micros) for pair in pairs]
    return Row(
        name="masked passes, of all compute",
        unit="share",
        before=None,
        after=ratio(masked, whole, mean, seed=seed, paired=True),
        hint="all jobs together",
    )


def _sides(pairs: Sequence[Pair]) -> tuple[list[Side], list[Side]]:
    return [pair.before for pair in pairs], [pair.after for pair in pairs]
