"""Two bench reports side by side: ratios with intervals, and what else changed between them.

Hides which differences make ratios meaningless. Decides nothing: the caller refuses, or says so.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.bench.report import Arm, ArmRatios, BenchReport, Comparison
from shared.bench.samples import Sample
from shared.bench.stats import Estimate, mean, median, p90, ratio


def differences(before: BenchReport, now: BenchReport) -> tuple[str, ...]:
    """Why the two cannot simply be compared, one reason each; empty where they can. `now` may not have run yet.

    A new policy version or model revision is none: that is what people compare.
    """
    found = []
    for what, then, since in (
        ("suite", f"{before.suite.name} {before.suite.digest[:12]}", f"{now.suite.name} {now.suite.digest[:12]}"),
        ("stack", _stack(before), _stack(now)),
        ("load", _load(before), _load(now)),
        ("repeat share", f"{before.repeat_share:g}", f"{now.repeat_share:g}"),
        ("pictures", _painted(before), _painted(now)),
        ("models", _arms(before), _arms(now)),
    ):
        if then != since and then and since:
            found.append(f"{what}: {then} before, {since} now")
    if before.interrupted or now.interrupted:
        found.append("interrupted: one of the two did not run to its end")
    return tuple(found)


def compare(before: BenchReport, now: BenchReport, *, name: str) -> Comparison:
    """Arms of the same name; a lone arm is compared with a lone arm whatever their names. `name`: of the file."""
    then = {arm.name: arm for arm in before.arms}
    lone = len(before.arms) == len(now.arms) == 1
    pairs = [(before.arms[0] if lone else then.get(arm.name), arm) for arm in now.arms]
    return Comparison(
        before=name,
        made_at=before.made_at,
        differs=differences(before, now),
        arms=tuple(_ratios(old, new, seed=now.seed) for old, new in pairs if old is not None),
    )


def _ratios(old: Arm, new: Arm, *, seed: int) -> ArmRatios:
    def over(value: Callable[[Sample], int | None], statistic: Callable[..., float]) -> Estimate | None:
        now, then = ([float(v) for each in arm.samples if (v := value(each)) is not None] for arm in (new, old))
        return ratio(now, then, statistic, seed=seed)

    rates = [arm.figures.per_s for arm in (new, old)]
    return ArmRatios(
        name=new.name if new.name == old.name else f"{new.name} / {old.name}",
        median_total=over(lambda each: each.total_ms, median),
        p90_total=over(lambda each: each.total_ms, p90),
        median_draft=over(lambda each: each.draft_ms, median),
        median_inference=over(lambda each: each.inference_ms, median),
        throughput=_quotient(rates[0], rates[1]),
        cost=over(lambda each: each.cost_usd_micros if each.error is None else None, mean),
        mismatches=(old.figures.mismatches.share.value, new.figures.mismatches.share.value),
        errors=(old.figures.errors.share.value, new.figures.errors.share.value),
    )


def _quotient(now: Estimate | None, before: Estimate | None) -> Estimate | None:
    """Of two rates known by their intervals alone: the widest the two allow, so never too sure."""
    if now is None or before is None or not before.low:
        return None
    return Estimate(value=now.value / before.value, low=now.low / before.high, high=now.high / before.low)


def _stack(report: BenchReport) -> str:
    """The port of a local stack changes every time it is started."""
    return f"the local one ({report.stack.profile})" if report.stack.local else report.stack.api_url


def _load(report: BenchReport) -> str:
    if report.load.rate_per_s:
        return f"{report.load.rate_per_s:g} a second"
    return f"{report.load.concurrency} at a time"


def _painted(report: BenchReport) -> str:
    """Empty before anything was painted."""
    if not any(arm.painters for arm in report.arms):
        return ""
    return "simulated" if report.simulated else "painted by models"


def _arms(report: BenchReport) -> str:
    return ", ".join(arm.name for arm in report.arms)
