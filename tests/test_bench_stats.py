"""The arithmetic of measurements, on distributions whose answer is known."""

from __future__ import annotations

import random
import statistics

import pytest

from shared.bench.stats import (
    bootstrap,
    mean,
    median,
    p90,
    p99,
    quantile,
    ratio,
    share,
    spread,
    throughput,
)


def test_quantiles_are_those_of_the_textbook() -> None:
    values = [4.0, 1.0, 3.0, 2.0]

    assert (quantile(values, 0.0), median(values), quantile(values, 1.0)) == (1.0, 2.5, 4.0)
    assert quantile(range(101), 0.9) == 90.0
    assert [p90(range(11)), p99(range(101))] == [9.0, 99.0]
    assert quantile([7.0], 0.99) == 7.0
    many = [random.Random(3).random() for _ in range(500)]
    cuts = statistics.quantiles(many, n=100, method="inclusive")
    assert [quantile(many, q) for q in (0.5, 0.9, 0.99)] == pytest.approx([cuts[49], cuts[89], cuts[98]])


def test_no_values_have_no_quantile_no_mean_and_no_spread() -> None:
    for of_none in (median, mean):
        with pytest.raises(ValueError, match="no values"):
            of_none([])
    assert spread([], seed=1) is None


def test_an_interval_of_95_percent_covers_the_truth_about_so_often() -> None:
    """200 samples of 40 from an exponential distribution, whose mean is 1: between 88 % and 99 % hold it."""
    dice = random.Random(11)
    samples = [[dice.expovariate(1.0) for _ in range(40)] for _ in range(200)]

    found = [bootstrap(sample, mean, seed=5, rounds=200) for sample in samples]

    covered = sum(estimate.low <= 1.0 <= estimate.high for estimate in found)
    assert 176 <= covered <= 198
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in found)


def test_the_interval_of_a_mean_has_the_width_that_theory_gives_it() -> None:
    """Of 400 standard normal values it is ±1.96 / sqrt(400) wide, ±15 %."""
    dice = random.Random(2)
    values = [dice.gauss(10.0, 1.0) for _ in range(400)]

    found = bootstrap(values, mean, seed=1)

    assert (found.high - found.low) / 2 == pytest.approx(1.96 * statistics.stdev(values) / 20, rel=0.15)


def test_the_same_seed_gives_the_same_interval_and_one_value_has_none() -> None:
    values = [1.0, 5.0, 2.0, 8.0, 3.0]

    assert bootstrap(values, median, seed=4) == bootstrap(values, median, seed=4)
    assert bootstrap(values, mean, seed=4) != bootstrap(values, mean, seed=5)
    alone = bootstrap([3.0], median, seed=4)
    assert (alone.value, alone.low, alone.high) == (3.0, 3.0, 3.0)


def test_shares_have_wilsons_interval_also_where_nothing_was_hit() -> None:
    half, none, every = share(5, 10), share(0, 50), share(50, 50)

    assert (round(half.share.low, 4), half.share.value, round(half.share.high, 4)) == (0.2366, 0.5, 0.7634)
    assert (none.share.low, round(none.share.high, 3)) == (0.0, 0.071)
    assert (round(every.share.low, 3), every.share.high) == (0.929, 1.0)
    assert (share(0, 0).share.low, share(0, 0).share.high) == (0.0, 1.0)


def test_a_ratio_of_pairs_sees_through_what_both_have_in_common() -> None:
    """Each job takes 0.8 of its time before; jobs themselves differ a hundredfold."""
    dice = random.Random(6)
    before = [dice.uniform(1, 100) for _ in range(60)]
    after = [0.8 * value for value in before]

    together = ratio(after, before, mean, seed=1, paired=True)
    apart = ratio(after, before, mean, seed=1)

    assert together and apart
    assert [together.value, together.low, together.high] == pytest.approx([0.8] * 3)
    assert apart.low < 0.75
    assert apart.high > 0.85


def test_a_ratio_to_nothing_is_not_said_and_uneven_pairs_are_refused() -> None:
    assert ratio([1.0], [0.0], mean, seed=1) is None
    assert ratio([], [1.0], mean, seed=1) is None
    with pytest.raises(ValueError, match="3 values cannot be paired with 2"):
        ratio([1, 2, 3], [1, 2], mean, seed=1, paired=True)


def test_throughput_counts_events_over_the_time_they_took() -> None:
    assert throughput([0.5, 0.25, 0.25]) == 3.0
    assert throughput([]) == 0.0
    steady = bootstrap([0.2] * 50, throughput, seed=1)
    assert [steady.value, steady.low, steady.high] == pytest.approx([5.0] * 3)
