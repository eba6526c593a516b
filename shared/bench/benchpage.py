"""The page of a bench: which charts it gets, and what stands below them.

Hides the choice of charts. The document is page's, the drawing charts'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.bench import charts, grids, wording
from shared.bench.charts import Bar, Line, Row
from shared.bench.page import Chart, page
from shared.bench.report import Arm, BenchReport
from shared.bench.samples import Sample
from shared.bench.stats import Estimate, mean

Marks = Callable[[Arm], list[tuple[str, Estimate]]]


def bench_page(report: BenchReport) -> str:
    """The whole document."""
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
