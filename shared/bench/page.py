"""A report as one HTML page that needs nothing else: grids, charts, light and dark.

Hides template, style and which charts a report gets. Loads nothing from anywhere; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.bench import charts, grids, wording
from shared.bench import evidence as findings
from shared.bench.charts import Bar, Line, Row
from shared.bench.evidence import EvidenceReport
from shared.bench.report import Arm, BenchReport
from shared.bench.samples import Sample
from shared.bench.stats import Estimate, mean
from shared.bench.trial import Pair

_HERE: Final = Path(__file__).parent

Marks = Callable[[Arm], list[tuple[str, Estimate]]]


@dataclass(frozen=True)
class Chart:
    title: str
    svg: Markup
    caption: str
    legend: Markup | str = ""


def page(
    title: str,
    *,
    facts: Sequence[str],
    notes: Sequence[str],
    tables: Sequence[grids.Grid],
    charts: Sequence[Chart],
    first: Sequence[grids.Grid] = (),
) -> str:
    """The whole document. `facts` are lines below the title, `notes` what must be known to believe the figures.

    Tables in `first` stand above the charts, the others below.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style = Markup((_HERE / "page.css").read_text("utf-8"))  # noqa: S704 - our own file
    return environment.get_template("page.html").render(
        title=title, facts=facts, notes=notes, first=first, tables=tables, charts=charts, style=style
    )


def bench(report: BenchReport) -> str:
    """The page of a bench."""
    facts = (
        f"{report.made_at:%Y-%m-%d %H:%M} UTC, presscheck {report.presscheck}, {report.stack.api_url} "
        f"(profile {report.stack.profile}, policy {report.stack.policy_version})",
        f"Suite {report.suite.name} ({report.suite.jobs} jobs, {report.suite.digest[:12]}), {report.requests} requests "
        f"each after {report.warmup} to warm up, {wording.arriving(report.load)}, seed {report.seed}",
        "Intervals are 95 %: bootstrap for times and money, Wilson's for shares.",
    )
    return page(
        f"Bench: {', '.join(arm.name for arm in report.arms)}",
        facts=facts,
        notes=report.notes,
        tables=grids.of_bench(report),
        charts=_charts(report),
    )


def evidence(report: EvidenceReport) -> str:
    """The page of the evidence."""
    facts = (
        f"{report.made_at:%Y-%m-%d %H:%M} UTC, presscheck {report.presscheck}, {report.stack.api_url} "
        f"(profile {report.stack.profile}, policy {report.stack.policy_version})",
        f"{report.done} of {report.jobs} jobs (workload {report.workload[:12]}, seed {report.seed}), each done both "
        f"ways, {wording.arriving(report.load)}, block by block; flagship {report.flagship}",
        "Intervals are 95 %: bootstrap, jobs paired, for times, money and ratios; Wilson's for shares.",
    )
    return page(
        "Before and after",
        facts=facts,
        notes=report.notes,
        first=grids.of_evidence(report),
        tables=(),
        charts=_of_evidence(report) if report.pairs else (),
    )


def _of_evidence(report: EvidenceReport) -> list[Chart]:
    heroes = [pair for pair in report.pairs if pair.use_case == "hero"]
    both = charts.legend(("before", "after"))
    return [
        Chart(
            "After over before",
            charts.whiskers(
                [Row(row.name, _beside_the_article(row), 0) for row in report.rows if row.ratio],
                title="Ratios of after to before, with the article's",
                words=lambda value: f"{value:.2f} x",
                centre=1.0,
            ),
            "Left of the line is less than before. An interval across it may be chance.",
        ),
        Chart(
            "Wrong words and defects",
            charts.whiskers(
                [
                    Row(
                        row.name,
                        [(way, mark) for way, mark in (("before", row.before), ("after", row.after)) if mark],
                        n,
                    )
                    for n, row in enumerate(report.rows)
                    if row.unit == "share" and row.before and row.after and "as delivered" in row.name
                ],
                title="Shares of wrong pictures, both ways",
                words=lambda value: f"{value:.0%}",
            ),
            "As a viewer got them first.",
        ),
        Chart(
            "Heroes, until delivered",
            charts.distribution(
                [
                    Line("before", [(float(pair.before.total_ms), 0.0) for pair in heroes if pair.before.delivered], 0),
                    Line("after", [(float(pair.after.total_ms), 0.0) for pair in heroes if pair.after.delivered], 1),
                ],
                title="Share of heroes delivered, by time",
                words=wording.span,
            ),
            "Before has no people's time in it, after has the pipeline's.",
            both,
        ),
        Chart(
            "Cost of 1,000 jobs by use case",
            charts.stacked(
                [
                    Bar(f"{case}, {way}", _cost(pairs, way))
                    for case, pairs in _by_use_case(report.pairs).items()
                    for way in ("before", "after")
                ],
                title="Cost of 1,000 jobs by use case, both ways",
                words=lambda value: f"${value:,.2f}",
            ),
            "By the catalogue's prices for what was painted.",
            both,
        ),
    ]


def _cost(pairs: Sequence[Pair], way: str) -> tuple[tuple[str, float], tuple[str, float]]:
    """In dollars for 1,000 jobs, in the way's own place, so that it gets its colour."""
    costs = {side: mean([float(getattr(pair, side).cost_usd_micros) for pair in pairs]) / 1000 for side in (way,)}
    return ("before", costs.get("before", 0.0)), ("after", costs.get("after", 0.0))


def _beside_the_article(row: findings.Row) -> list[tuple[str, Estimate]]:
    ours = [("here", row.ratio)] if row.ratio else []
    told = row.article_ratio
    return ours + ([("article", Estimate(value=told, low=told, high=told))] if told else [])


def _by_use_case(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.use_case, []).append(pair)
    return dict(sorted(found.items()))


def _charts(report: BenchReport) -> list[Chart]:
    arms = [arm for arm in report.arms if arm.figures.total_ms]
    if not arms:
        return []
    names = charts.legend(arm.name for arm in arms)
    found = [
        _whiskers("Total", arms, _totals, "From when a request should have started to its verified final."),
        Chart(
            "How many were done by then",
            charts.distribution(
                [Line(arm.name, _by_start(arm), n) for n, arm in enumerate(arms)],
                title="Share of requests done, by time",
                words=wording.span,
            ),
            "Of the requests that ended with a picture.",
            names,
        ),
        Chart(
            "Where the time goes",
            charts.stacked([_parts(arm) for arm in arms], title="Mean time by part", words=wording.span),
            "Means of delivered jobs. The rest is workflow, verification and waiting for a core.",
            charts.legend(("in the model's queue", "painting", "the rest")),
        ),
        Chart(
            "Over the run",
            charts.scatter(
                [Line(arm.name, _over_time(arm), n) for n, arm in enumerate(arms)],
                title="Total by intended start",
                across_words=wording.span,
                up_words=wording.span,
            ),
            "Each request by when it should have started. A slope is a queue that grows, a gap is a stall.",
            names,
        ),
        Chart(
            "What goes wrong",
            charts.whiskers(
                [_wrongs(arm, n) for n, arm in enumerate(arms)],
                title="Shares of errors and wrong words",
                words=lambda value: f"{value:.0%}",
            ),
            "First finals with wrong words, before any repair; and requests that ended in an error.",
        ),
        _whiskers(
            "Cost of 1,000 jobs", arms, _costs, "Drafts, finals and repairs, by the catalogue's prices.", usd=True
        ),
    ]
    if report.comparison:
        found.insert(0, _forest(report))
    return found


def _whiskers(title: str, arms: Sequence[Arm], marks: Marks, caption: str, *, usd: bool = False) -> Chart:
    rows = [Row(arm.name, marks(arm), n) for n, arm in enumerate(arms)]
    words = (lambda value: f"${value:,.2f}") if usd else wording.span
    return Chart(title, charts.whiskers(rows, title=title, words=words), f"{caption} Lines: 95 % intervals.")


def _totals(arm: Arm) -> list[tuple[str, Estimate]]:
    spread = arm.figures.total_ms
    return [("median", spread.median), ("p90", spread.p90), ("p99", spread.p99)] if spread else []


def _costs(arm: Arm) -> list[tuple[str, Estimate]]:
    cost = arm.figures.usd_per_1000
    return [("", cost)] if cost else []


def _wrongs(arm: Arm, series: int) -> Row:
    shares = (("words", arm.figures.mismatches), ("errors", arm.figures.errors))
    return Row(arm.name, [(name, each.share) for name, each in shares if each.of], series)


def _delivered(arm: Arm) -> list[Sample]:
    return [sample for sample in arm.samples if sample.total_ms is not None]


def _by_start(arm: Arm) -> list[tuple[float, float]]:
    return [(float(sample.total_ms or 0), 0.0) for sample in _delivered(arm)]


def _over_time(arm: Arm) -> list[tuple[float, float]]:
    return [(float(sample.intended_ms), float(sample.total_ms or 0)) for sample in _delivered(arm)]


def _parts(arm: Arm) -> Bar:
    done = _delivered(arm)
    queue, painting, total = (
        mean([float(value or 0) for value in values])
        for values in ([s.queue_ms for s in done], [s.inference_ms for s in done], [s.total_ms for s in done])
    )
    parts = (("in the model's queue", queue), ("painting", painting), ("the rest", max(0.0, total - queue - painting)))
    return Bar(arm.name, parts)


def _forest(report: BenchReport) -> Chart:
    rows = [
        Row(f"{pair.name}: {name}" if len(report.arms) > 1 else name, [("", ratio)], series)
        for series, pair in enumerate(report.comparison.arms if report.comparison else ())
        for name, ratio in (
            ("median", pair.median_total),
            ("p90", pair.p90_total),
            ("draft", pair.median_draft),
            ("painting", pair.median_inference),
            ("throughput", pair.throughput),
            ("cost", pair.cost),
        )
        if ratio
    ]
    svg = charts.whiskers(rows, title="Now over before", words=lambda value: f"{value:.2f} x", centre=1.0)
    return Chart("Now over before", svg, "Left of the line is less than before. An interval across it may be chance.")
