"""Two rates held against each other: how far they are apart, how sure that is, and how often chance alone does it.

Pure arithmetic on counts, with its sources. Knows nothing of what is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from shared.models import Value

_Z: Final = 1.959963984540054
"""Standard normal quantile of 97.5 %: intervals cover 95 %."""


class Rate(Value):
    """So many of so many, with the interval in which the true share lies 19 times of 20."""

    bad: int
    of: int
    share: float
    low: float
    high: float


class Shift(Value):
    """From one rate to another; positive is more."""

    difference: float
    low: float
    high: float
    p: float
    """How often chance alone would part them as far: two-sided."""


def rate(bad: int, of: int) -> Rate:
    """With Wilson's score interval: Journal of the American Statistical Association 22, 1927."""
    if of == 0:
        return Rate(bad=0, of=0, share=0.0, low=0.0, high=1.0)
    share = bad / of
    centre = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / (1 + _Z**2 / of)
    return Rate(bad=bad, of=of, share=share, low=max(0.0, centre - reach), high=min(1.0, centre + reach))


def shift(before: Rate, after: Rate) -> Shift:
    """The difference with its 95 % interval and Fisher's exact p.

    Interval: Newcombe's hybrid score method (no. 10), Statistics in Medicine 17, 1998.
    """
    difference = after.share - before.share
    low = difference - math.hypot(after.share - after.low, before.high - before.share)
    high = difference + math.hypot(after.high - after.share, before.share - before.low)
    return Shift(difference=difference, low=low, high=high, p=fisher(before.bad, before.of, after.bad, after.of))


def fisher(bad: int, of: int, other_bad: int, other_of: int) -> float:
    """Two-sided exact test of a 2 x 2 table: the chance of a table no likelier than this one, its sums given.

    R. A. Fisher, Statistical Methods for Research Workers, 1934.
    """
    total = bad + other_bad
    least, most = max(0, total - other_of), min(total, of)
    logs = [_log_choose(of, k) + _log_choose(other_of, total - k) for k in range(least, most + 1)]
    seen = logs[bad - least]
    whole = _log_choose(of + other_of, total)
    tolerance = 1e-7  # two tables of one likelihood differ in the last digits of their logarithms
    return min(1.0, sum(math.exp(each - whole) for each in logs if each <= seen + tolerance))


def corrected(chances: Mapping[int, float]) -> dict[int, float]:
    """The p of several questions asked at once: Holm, Scandinavian Journal of Statistics 6, 1979."""
    answer: dict[int, float] = {}
    highest = 0.0
    for rank, (key, p) in enumerate(sorted(chances.items(), key=lambda each: each[1])):
        highest = max(highest, min(1.0, p * (len(chances) - rank)))
        answer[key] = highest
    return answer


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
