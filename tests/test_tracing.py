"""Which change moved the rate: on histories whose answer is known, and on ones where there is none."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.models import Stage
from shared.pipeline.statistics import corrected, fisher, rate, shift
from shared.pipeline.traces import Traces
from shared.pipeline.tracing import Observation, Trace, observation, trace
from shared.policy import Policy
from tests.cli_stack import Terminal
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources

START = datetime(2026, 11, 1, tzinfo=UTC)
USUAL: dict[str, Any] = {
    "use_case": "hero",
    "template": "poster",
    "template_version": 1,
    "policy": 1,
    "model": "sd35-large",
    "model_revision": "rev-1",
    "artifact": False,
}


class History:
    """Renders one after another, a minute apart."""

    def __init__(self) -> None:
        self.seen: list[Observation] = []
        self.now: dict[str, Any] = dict(USUAL)

    def then(self, count: int, *, bad: int, **changes: Any) -> History:
        """`count` more renders under these changes, `bad` of them with wrong words, evenly spread."""
        self.now |= changes
        for number in range(count):
            wrong = (number + 1) * bad // count > number * bad // count
            self._add(mismatch=wrong)
        return self

    def _add(self, **found: Any) -> None:
        number = len(self.seen)
        at = START + timedelta(minutes=number)
        self.seen.append(Observation(render=f"J{number:04d}:f-1", at=at, **self.now | found))

    def traced(self, **options: Any) -> Trace:
        return trace(self.seen, by=options.pop("by", "mismatch"), since=START, **options)


# ── what moved it ────────────────────────────────────────────────────────────────────────────────


def test_the_change_that_the_rate_moved_with_is_named_with_examples() -> None:
    history = History().then(60, bad=3).then(60, bad=2, policy=2).then(60, bad=18, template_version=2)

    found = history.then(60, bad=17, model_revision="rev-2").traced()

    assert found.verdict == "worse"
    assert found.likeliest is not None
    assert (found.likeliest.value, found.likeliest.instead_of) == ("poster@2", "poster@1")
    assert (found.likeliest.before.bad, found.likeliest.before.of, found.likeliest.after.bad) == (2, 60, 18)
    assert {each.value: each.verdict for each in found.suspects} == {
        "poster@2": "worse", "policy@2": "unmoved", "sd35-large rev-2": "unmoved",
    }  # fmt: skip
    assert len(found.likeliest.examples) == 5
    assert all(next(each for each in history.seen if each.render == name).mismatch for name in found.likeliest.examples)
    assert "poster@2 instead of poster@1: wrong words went from 3.3% of 60 to 30.0% of 60" in found.said


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"template_version": 2}, "poster@2"),
        ({"policy": 7}, "policy@7"),
        ({"model": "sd35-medium"}, "sd35-medium"),
        ({"model_revision": "rev-2"}, "sd35-large rev-2"),
    ],
)
def test_each_kind_of_change_is_found(change: dict[str, Any], value: str) -> None:
    found = History().then(50, bad=2).then(50, bad=20, **change).traced()

    assert found.likeliest is not None
    assert found.likeliest.value == value


def test_an_improvement_is_told_as_one() -> None:
    found = History().then(50, bad=20).then(50, bad=1, template_version=2).traced()

    assert found.verdict == "better"
    assert found.likeliest is not None
    assert found.likeliest.shift.difference == pytest.approx(-0.38)


def test_changes_that_came_together_cannot_be_told_apart() -> None:
    found = History().then(50, bad=2).then(50, bad=20, policy=2, model="sd35-medium").traced()

    (suspect,) = found.suspects
    assert (suspect.value, suspect.came_with) == ("policy@2", ("sd35-medium",))
    assert "which came with sd35-medium" in found.said


def test_a_change_before_the_guilty_one_is_not_blamed_for_it() -> None:
    """Two changes an hour apart: what came after the second says nothing about the first."""
    found = History().then(60, bad=3).then(60, bad=3, policy=2).then(200, bad=80, template_version=2).traced()

    assert {each.value: each.verdict for each in found.suspects} == {"poster@2": "worse", "policy@2": "unmoved"}


def test_defects_and_wrong_words_are_asked_for_apart() -> None:
    history = History().then(50, bad=2).then(50, bad=2, template_version=2)
    spoiled = [each.model_copy(update={"artifact": each.template_version == 2}) for each in history.seen]

    assert trace(spoiled, by="artifact", since=START).verdict == "worse"
    assert trace(spoiled, by="mismatch", since=START).verdict == "nothing_moved"


# ── what says nothing ────────────────────────────────────────────────────────────────────────────


def test_too_few_renders_around_a_change_are_too_few_to_tell() -> None:
    found = History().then(100, bad=2).then(19, bad=19, template_version=2).traced()

    assert (found.verdict, found.likeliest, found.suspects[0].verdict) == ("too_thin", None, "too_thin")
    assert "20 a side" in found.said


def test_where_nothing_changed_nothing_is_suspected() -> None:
    assert (History().then(100, bad=30).traced().verdict, trace([], by="mismatch", since=START).verdict) == (
        "nothing_changed",
        "nothing_changed",
    )


def test_a_use_case_that_begins_is_no_change_of_those_before_it() -> None:
    found = History().then(50, bad=2).then(50, bad=25, use_case="feed", model="sd35-medium", template=None).traced()

    assert found.suspects == ()


def test_a_change_is_judged_among_the_use_cases_of_both_sides() -> None:
    """A policy under which a harder use case began: the harder one must not be held against it."""
    history = History().then(50, bad=2).then(50, bad=2, policy=2)

    found = history.then(50, bad=40, use_case="typography").traced()

    assert {each.value: each.verdict for each in found.suspects} == {"policy@2": "unmoved"}


def test_a_version_that_comes_back_is_no_new_change() -> None:
    history = History().then(50, bad=2).then(50, bad=2, template_version=2).then(50, bad=2, template_version=1)

    assert [each.value for each in history.traced().suspects] == ["poster@2"]


def test_chance_alone_is_seldom_blamed_and_a_real_move_seldom_missed() -> None:
    """Four changes of nothing in each of 100 histories; then one that triples the rate."""
    alarms = sum(_at_random(seed, 0.15, 0.15).verdict != "nothing_moved" for seed in range(100))
    found = [_at_random(seed, 0.10, 0.30) for seed in range(100)]

    assert alarms <= 8
    assert sum(bool(each.likeliest and each.likeliest.value == "poster@2") for each in found) >= 90


def _at_random(seed: int, before: float, after: float) -> Trace:
    draw = random.Random(seed)
    history = History()
    changes: Iterator[tuple[float, dict[str, Any]]] = iter(
        [
            (before, {}),
            (before, {"policy": 2}),
            (after, {"template_version": 2}),
            (after, {"policy": 3}),
            (after, {"model_revision": "rev-2"}),
        ]
    )
    for share, change in changes:
        history.now |= change
        for _ in range(120):
            history._add(mismatch=draw.random() < share)
    return history.traced()


# ── the arithmetic, against published figures ────────────────────────────────────────────────────


def test_fishers_tea_and_a_table_of_zeros() -> None:
    assert fisher(3, 4, 1, 4) == pytest.approx(0.485714, abs=1e-6)
    assert fisher(0, 30, 0, 40) == pytest.approx(1.0)
    assert fisher(1, 100, 12, 100) == pytest.approx(fisher(12, 100, 1, 100))


def test_wilsons_and_newcombes_own_examples() -> None:
    wilson = rate(81, 263)
    newcombe = shift(rate(48, 80), rate(56, 70))

    assert (wilson.low, wilson.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert (newcombe.difference, newcombe.low, newcombe.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_holms_correction_never_falls() -> None:
    assert corrected({0: 0.01, 1: 0.04, 2: 0.03}) == pytest.approx({0: 0.03, 2: 0.06, 1: 0.06})


# ── from the ledger, and on the terminal ─────────────────────────────────────────────────────────


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


def test_the_first_final_of_each_job_counts_and_a_cached_one_does_not(studio: Studio) -> None:
    studio.reader.readings = ["SAIE", "SALE", "SALE"]
    repaired, again, other = studio.run(), studio.run(), studio.run(seed=7)

    seen = {job.id: observation(job, studio.ledger.attempts(job.id)) for job in (repaired, again, other)}

    first = seen[repaired.id]
    assert first is not None
    assert (first.mismatch, first.model, first.model_revision, first.policy) == (
        True,
        "sketch-fine",
        "rev-1",
        Policy.load().version,
    )
    assert seen[again.id] is None
    assert seen[other.id] is not None


def test_a_tenant_is_traced_by_its_own_jobs_and_no_more_than_asked_for(studio: Studio, clock: Clock) -> None:
    assert studio.run(seed=1).stage is Stage.DONE
    studio.run(seed=2)
    traces, since = Traces(ledger=studio.ledger), clock() - timedelta(days=1)

    whole = traces.of(DESIGNER, since=since, by="mismatch", most=100)
    part = traces.of(DESIGNER, since=since, by="mismatch", most=1)
    late = traces.of(DESIGNER, since=clock() + timedelta(seconds=1), by="mismatch", most=100)
    strangers = traces.of(STRANGER, since=since, by="mismatch", most=100)

    assert [each.overall.of for each in (whole, part, late, strangers)] == [2, 1, 0, 0]
    assert (whole.complete, part.complete) == (True, False)


def test_the_command_asks_once_and_shows_the_change_and_where_to_look(tmp_path: Any) -> None:
    found = History().then(50, bad=2).then(50, bad=20, template_version=2).traced(template="poster")
    terminal = Terminal(tmp_path)
    terminal.stack.answers = [lambda _: httpx.Response(200, json=found.model_dump(mode="json"))]

    result = terminal("trace", "--template", "poster", "--since", "2026-11-01")

    assert result.exit_code == 0, result.output
    assert dict(terminal.stack.requests[0].url.params) == {
        "since": "2026-11-01T00:00:00+00:00", "by": "mismatch", "template": "poster",
    }  # fmt: skip
    assert "✗ worse" in result.stdout
    assert "poster@2 ← poster@1" in result.stdout
    assert f"presscheck jobs show {found.likeliest.examples[0][:5] if found.likeliest else ''}" in result.stdout
