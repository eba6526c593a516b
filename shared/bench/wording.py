"""Figures as text: times, money, shares and ratios with their intervals, the same on a terminal and on a page.

Hides rounding. Pure: a figure in, words out.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.bench.load import Load
from shared.bench.stats import Estimate, Share

NOTHING = "-"
_SECOND_MS, _MINUTE_S, _CENTS = 1000, 60, 10


def span(milliseconds: float) -> str:
    """`431 ms`, `2.31 s`, `27.4 s`, `4 min 05 s`."""
    seconds = milliseconds / _SECOND_MS
    if round(milliseconds) < _SECOND_MS:
        return f"{milliseconds:.0f} ms"
    if round(seconds, 1) < _MINUTE_S:
        return f"{seconds:.2f} s" if round(seconds, 2) < _CENTS else f"{seconds:.1f} s"
    return f"{round(seconds) // _MINUTE_S} min {round(seconds) % _MINUTE_S:02d} s"


def milliseconds(estimate: Estimate | None) -> str:
    """`1.20 s (1.14 to 1.42)`; the interval in the figure's unit."""
    if estimate is None or max(estimate.value, estimate.high) >= _MINUTE_S * _SECOND_MS:
        return _with_interval(estimate, span)
    if round(estimate.value) < _SECOND_MS:
        return f"{estimate.value:.0f} ms ({estimate.low:.0f} to {estimate.high:.0f})"
    value, low, high = (each / _SECOND_MS for each in (estimate.value, estimate.low, estimate.high))
    places = 2 if round(value, 2) < _CENTS else 1
    return f"{value:.{places}f} s ({low:.{places}f} to {high:.{places}f})"


def usd(estimate: Estimate | None) -> str:
    """`$3.10 (2.95 to 3.32)`."""
    return "$" + _with_interval(estimate, lambda value: f"{value:,.2f}") if estimate else NOTHING


def rate(estimate: Estimate | None) -> str:
    """`0.94 a second (0.90 to 0.99)`."""
    if estimate is None:
        return NOTHING
    return f"{estimate.value:.2f} a second ({estimate.low:.2f} to {estimate.high:.2f})"


def percent(found: Share) -> str:
    """`4 % (1 to 14), 2 of 50`."""
    return f"{part(found.share)}, {found.hits} of {found.of}" if found.of else NOTHING


def part(estimate: Estimate) -> str:
    """`4 % (1 to 14)`, of 0.04."""
    value, low, high = (_points(100 * each) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} % ({low} to {high})"


def times(estimate: Estimate | None, *, doubt: bool = True) -> str:
    """`0.81 x (0.77 to 0.86)`, and, unless `doubt` is off, whether it may be chance."""
    if estimate is None:
        return NOTHING
    chance = ", may be chance" if doubt and estimate.low <= 1.0 <= estimate.high else ""
    return f"{estimate.value:.2f} x ({estimate.low:.2f} to {estimate.high:.2f}{chance})"


def arriving(load: Load) -> str:
    """`10 at a time`, or `0.5 new ones a second`."""
    return f"{load.rate_per_s:g} new ones a second" if load.rate_per_s else f"{load.concurrency} at a time"


def codes(counts: dict[str, int]) -> str:
    """`: 2 x timeout, 1 x throttled`; nothing for none."""
    return f": {', '.join(f'{count} x {code}' for code, count in counts.items())}" if counts else ""


def _points(percentage: float) -> str:
    """Whole ones, tenths below ten."""
    return f"{percentage:.1f}".removesuffix(".0") if percentage < _CENTS else f"{percentage:.0f}"


def _with_interval(estimate: Estimate | None, words: Callable[[float], str]) -> str:
    if estimate is None:
        return NOTHING
    return f"{words(estimate.value)} ({words(estimate.low)} to {words(estimate.high)})"
