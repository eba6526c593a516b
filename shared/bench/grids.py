"""A report as rows of text: what a terminal and a page both show.

Hides which figures stand in which order. Neither prints nor draws.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.bench import wording
from shared.bench.evidence import EvidenceReport
from shared.bench.report import Arm, ArmRatios, BenchReport, Comparison
from shared.bench.rows import Row
from shared.bench.stats import Estimate, Spread


@dataclass(frozen=True)
class Grid:
    """A table; every row begins with its name and is as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: str = ""


def of_bench(report: BenchReport) -> list[Grid]:
    """Two tables an arm, then one for each pair compared."""
    compared = report.comparison.arms if report.comparison else ()
    arms = [grid for arm in report.arms for grid in (_times(arm, report), _rates(arm))]
    return arms + [_ratios(pair, report.comparison) for pair in compared]


def of_evidence(report: EvidenceReport) -> list[Grid]:
    """One table: both ways, their ratio, and the article's figures beside it."""
    painters = ", ".join(
        f"{way}: "
        + "; ".join(
            f"{each.renders} x {each.model} {each.revision}{' (simulated)' if each.simulated else ''}"
            for each in report.servers
            if each.way == way
        )
        for way in ("before", "after")
    )
    return [
        Grid(
            title=f"{report.done} of {report.jobs} jobs both ways, {wording.arriving(report.load)}",
            columns=("", "before", "after", "after / before", "the article"),
            rows=tuple(_evidence(row) for row in report.rows),
            below=f"painted {painters}",
        )
    ]


def _evidence(row: Row) -> tuple[str, ...]:
    article = wording.NOTHING
    if row.article:
        article = row.article.text + (f", {row.article_ratio:.2f} x" if row.article_ratio else "")
    return (
        row.name,
        _value(row, row.before, row.before_of),
        _value(row, row.after, row.after_of),
        *(
            wording.times(row.ratio, doubt=False),
            article,
        ),
    )


def _value(row: Row, found: Estimate | None, of: tuple[int, int] | None) -> str:
    if found is None:
        return wording.NOTHING
    if row.unit == "ms":
        return wording.milliseconds(found)
    if row.unit == "usd":
        return wording.usd(found)
    if row.unit == "count":
        return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    return wording.part(found) + (f", {of[0]} of {of[1]}" if of else "")


def _times(arm: Arm, report: BenchReport) -> Grid:
    found = arm.figures
    times = (
        ("total", found.total_ms),
        ("to the draft", found.draft_ms),
        ("in the model's queue", found.queue_ms),
        ("painting", found.inference_ms),
    )
    return Grid(
        title=f"{arm.name}: {found.requests} of {report.requests} requests, {wording.arriving(report.load)}",
        columns=("", "median", "p90", "p99"),
        rows=tuple((name, *_spread(spread)) for name, spread in times),
        below=_painters(arm),
    )


def _rates(arm: Arm) -> Grid:
    found = arm.figures
    return Grid(
        title="",
        columns=(arm.name, ""),
        rows=(
            ("throughput", wording.rate(found.per_s)),
            ("cost of 1,000 jobs", wording.usd(found.usd_per_1000)),
            ("errors", wording.percent(found.errors) + wording.codes(found.error_codes)),
            ("wrong words at first", wording.percent(found.mismatches)),
            ("defects at first", wording.percent(found.flaws)),
            ("repaired", wording.percent(found.repaired)),
            ("rejected in the end", wording.percent(found.rejected)),
            ("from the cache", wording.percent(found.cached)),
        ),
    )


def _ratios(pair: ArmRatios, found: Comparison | None) -> Grid:
    ratios = (
        ("total, median", pair.median_total),
        ("total, p90", pair.p90_total),
        ("to the draft, median", pair.median_draft),
        ("painting, median", pair.median_inference),
        ("throughput", pair.throughput),
        ("cost", pair.cost),
    )
    shares = (("wrong words at first", pair.mismatches), ("errors", pair.errors))
    before = f"{found.before} of {found.made_at:%Y-%m-%d %H:%M} UTC" if found else "before"
    return Grid(
        title=f"{pair.name}: now over {before}",
        columns=("", "now / before"),
        rows=(
            *((name, wording.times(ratio)) for name, ratio in ratios),
            *((name, f"{then:.0%} before, {now:.0%} now") for name, (then, now) in shares),
        ),
        below="Not the same: " + "; ".join(found.differs) if found and found.differs else "",
    )


def _spread(spread: Spread | None) -> tuple[str, str, str]:
    if spread is None:
        return wording.NOTHING, wording.NOTHING, wording.NOTHING
    return wording.milliseconds(spread.median), wording.milliseconds(spread.p90), wording.milliseconds(spread.p99)


def _painters(arm: Arm) -> str:
    words = []
    for each in arm.painters:
        asked = f" for {each.asked}" if each.asked != each.model else ""
        words.append(f"{each.renders} x {each.model}{' (simulated)' if each.simulated else ''}{asked}")
    return f"painted by {', '.join(words)}" if words else "nothing was painted"
