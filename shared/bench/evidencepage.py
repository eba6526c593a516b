"""The page of the evidence: the table first, then what it looks like.

Hides the choice of charts. The document is page's, the drawing charts'.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.bench import charts, grids, wording
from shared.bench.charts import Bar, Line, Row
from shared.bench.evidence import EvidenceReport
from shared.bench.page import Chart, page
from shared.bench.rows import Row as EvidenceRow
from shared.bench.stats import Estimate, mean
from shared.bench.trial import Pair


def evidence_page(report: EvidenceReport) -> str:
    """The whole document."""
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
    dollars = mean([float(getattr(pair, way).cost_usd_micros) for pair in pairs]) / 1000
    return ("before", dollars if way == "before" else 0.0), ("after", dollars if way == "after" else 0.0)


def _beside_the_article(row: EvidenceRow) -> list[tuple[str, Estimate]]:
    ours = [("here", row.ratio)] if row.ratio else []
    told = row.article_ratio
    return ours + ([("article", Estimate(value=told, low=told, high=told))] if told else [])


def _by_use_case(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    found: dict[str, list[Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.use_case, []).append(pair)
    return dict(sorted(found.items()))
