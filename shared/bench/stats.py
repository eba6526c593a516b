"""The arithmetic of measurements: quantiles, shares and ratios, each with its 95 % interval.

Hides how an interval is found: percentile bootstrap (Efron, Annals of Statistics 7(1), 1979) for quantiles, means and
ratios, Wilson's (JASA 22(158), 1927) for shares, which a bootstrap calls certain when it saw none. The same values and
seed give the same interval. Knows no jobs, no clock and no units.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Final

from shared.models import Value

ROUNDS: Final = 1000
_LOW, _HIGH = 0.025, 0.975
_Z: Final = 1.959964

Statistic = Callable[[Sequence[float]], float]
"""Of values in any order."""


class Estimate(Value):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        return Estimate(value=self.value * factor, low=self.low * factor, high=self.high * factor)


class Share(Value):
    """`hits` of `of`, 0..1. Of none at all it is unknown: 0, from 0 to 1."""

    hits: int
    of: int
    share: Estimate


class Spread(Value):
    """How values spread. With `of` below 100 the p99 is little more than the largest one."""

    of: int
    median: Estimate
    p90: Estimate
    p99: Estimate


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile, 0..1, linear between neighbours (Hyndman and Fan's type 7). Raises ValueError for none."""
    if not values:
        raise ValueError("no values: there is no quantile")
    ordered = sorted(values)
    place = q * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float:
    return quantile(values, 0.5)


def p90(values: Sequence[float]) -> float:
    return quantile(values, 0.9)


def p99(values: Sequence[float]) -> float:
    return quantile(values, 0.99)


def mean(values: Sequence[float]) -> float:
    """Raises ValueError for no values."""
    if not values:
        raise ValueError("no values: there is no mean")
    return math.fsum(values) / len(values)


def throughput(gaps: Sequence[float]) -> float:
    """Events a second, from the seconds before each of them."""
    total = math.fsum(gaps)
    return len(gaps) / total if total else 0.0


def bootstrap(values: Sequence[float], statistic: Statistic, *, seed: int, rounds: int = ROUNDS) -> Estimate:
    """`statistic` of the values, with the interval that resampling them gives. Raises ValueError for no values."""
    dice = random.Random(seed)  # noqa: S311 - resampling, no secret
    drawn = [statistic(dice.choices(values, k=len(values))) for _ in range(rounds if len(values) > 1 else 1)]
    return Estimate(value=statistic(values), low=quantile(drawn, _LOW), high=quantile(drawn, _HIGH))


def spread(values: Sequence[float], *, seed: int) -> Spread | None:
    """None where nothing was measured."""
    if not values:
        return None
    return Spread(
        of=len(values),
        median=bootstrap(values, median, seed=seed),
        p90=bootstrap(values, p90, seed=seed),
        p99=bootstrap(values, p99, seed=seed),
    )


def share(hits: int, of: int) -> Share:
    """A share with Wilson's interval."""
    if not of:
        return Share(hits=0, of=0, share=Estimate(value=0.0, low=0.0, high=1.0))
    part = hits / of
    whole = 1 + _Z * _Z / of
    centre = (part + _Z * _Z / (2 * of)) / whole
    reach = _Z * math.sqrt(part * (1 - part) / of + _Z * _Z / (4 * of * of)) / whole
    low, high = max(0.0, centre - reach), min(1.0, centre + reach)
    # At the ends the root and the centre cancel; what is left is rounding.
    return Share(
        hits=hits, of=of, share=Estimate(value=part, low=low if hits else 0.0, high=high if hits < of else 1.0)
    )


def ratio(
    after: Sequence[float], before: Sequence[float], statistic: Statistic, *, seed: int, paired: bool = False
) -> Estimate | None:
    """`statistic` of `after` over that of `before`; below 1.0 is less than before. None where that cannot be said.

    `paired`: the nth of both belong together, such as one job done both ways, and are drawn together.
    Raises ValueError where pairs do not come out even.
    """
    if paired and len(after) != len(before):
        raise ValueError(f"{len(after)} values cannot be paired with {len(before)}")
    if not after or not before or not statistic(before):
        return None
    dice = random.Random(seed)  # noqa: S311 - resampling, no secret
    drawn = []
    for _ in range(ROUNDS):
        picked = dice.choices(range(len(before)), k=len(before))
        others = picked if paired else dice.choices(range(len(after)), k=len(after))
        below = statistic([before[each] for each in picked])
        if below:
            drawn.append(statistic([after[each] for each in others]) / below)
    if not drawn:
        return None
    return Estimate(value=statistic(after) / statistic(before), low=quantile(drawn, _LOW), high=quantile(drawn, _HIGH))
