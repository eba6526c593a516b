"""A host that keeps failing is left alone by everybody, and asked again by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import (
    ConfigurationError,
    ModelRetired,
    PresscheckError,
    ProviderRefused,
    ProviderThrottled,
    ProviderUnavailable,
    RenderFailed,
)
from shared.models import Ticket
from shared.providers import AnswersAtOnce, Order, Painted
from shared.providers.breaker import Breaker, BreakerRule, Circuit
from tests.conftest import Clock
from tests.providers.conftest import order

RULE = BreakerRule(threshold=3, cool_down=timedelta(seconds=60), forget=timedelta(seconds=300))
PICTURE = Painted(data=b"x", seed_sent=None, seed_reported=None, model_revision="r")
DOWN = ProviderUnavailable("down")


@dataclass
class Shelf:
    """Circuits in memory, with the ledger's one promise: a writer who has not seen the latest loses."""

    kept: dict[str, tuple[str, int]] = field(default_factory=dict)
    writes: int = 0

    def circuit(self, name: str) -> tuple[str, int]:
        return self.kept.get(name, ("", 0))

    def put_circuit(self, name: str, text: str, *, version: int) -> bool:
        if self.circuit(name)[1] != version:
            return False
        self.kept[name] = (text, version + 1)
        self.writes += 1
        return True


@dataclass
class Host(AnswersAtOnce):
    """Fails as told, then answers. `meanwhile` runs while a call is under way."""

    troubles: list[PresscheckError | Exception] = field(default_factory=list)
    meanwhile: Callable[[], None] | None = None
    calls: int = 0

    def start(self, order: Order) -> Ticket | Painted:
        self.calls += 1
        if self.meanwhile:
            act, self.meanwhile = self.meanwhile, None
            act()
        if self.troubles:
            raise self.troubles.pop(0)
        return PICTURE


def breaker(host: Host, shelf: Shelf, clock: Clock) -> Breaker:
    return Breaker(host, name="openai", circuits=shelf, clock=clock, rule=RULE)


def call(guarded: Breaker, *, times: int = 1) -> list[str]:
    """What became of each call: `painted` or the reason of its error."""
    outcomes = []
    for _ in range(times):
        try:
            guarded.start(order("m"))
        except PresscheckError as error:
            outcomes.append(error.context.get("reason", error.code))
        else:
            outcomes.append("painted")
    return outcomes


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def test_the_third_failure_in_a_row_opens_the_circuit_for_every_process(shelf: Shelf, clock: Clock) -> None:
    host = Host(troubles=[DOWN, ProviderThrottled("busy"), DOWN])
    first, second = breaker(host, shelf, clock), breaker(host, shelf, clock)

    outcomes = call(first, times=2) + call(second) + call(first)

    assert outcomes == ["provider_unavailable", "provider_throttled", "provider_unavailable", "circuit_open"]
    assert host.calls == 3


def test_an_open_circuit_says_when_to_come_back(shelf: Shelf, clock: Clock) -> None:
    guarded = breaker(Host(troubles=[DOWN] * 3), shelf, clock)
    call(guarded, times=3)
    clock.forward(seconds=20)

    with pytest.raises(ProviderUnavailable) as caught:
        guarded.start(order("m"))

    assert caught.value.context["retry_after_s"] == 40


def test_after_the_cool_down_one_call_tests_the_host_and_all_others_wait(shelf: Shelf, clock: Clock) -> None:
    host = Host(troubles=[DOWN] * 3)
    guarded = breaker(host, shelf, clock)
    call(guarded, times=3)
    clock.forward(seconds=61)
    others: list[str] = []
    host.meanwhile = lambda: others.extend(call(breaker(host, shelf, clock), times=3))

    assert call(guarded) == ["painted"]
    assert others == ["circuit_open"] * 3
    assert call(guarded, times=2) == ["painted", "painted"]


def test_a_failed_test_closes_the_door_again(shelf: Shelf, clock: Clock) -> None:
    host = Host(troubles=[DOWN] * 4)
    guarded = breaker(host, shelf, clock)
    call(guarded, times=3)
    clock.forward(seconds=61)

    assert call(guarded, times=2) == ["provider_unavailable", "circuit_open"]
    assert host.calls == 4


def test_a_tester_that_never_comes_back_is_replaced(shelf: Shelf, clock: Clock) -> None:
    host = Host(troubles=[*[DOWN] * 3, KeyboardInterrupt()])
    guarded = breaker(host, shelf, clock)
    call(guarded, times=3)
    clock.forward(seconds=61)
    with pytest.raises(KeyboardInterrupt):
        guarded.start(order("m"))

    assert call(guarded) == ["circuit_open"]
    clock.forward(minutes=6, seconds=1)
    assert call(guarded) == ["painted"]


@pytest.mark.parametrize("answer", [ProviderRefused("filtered"), RenderFailed("empty"), ModelRetired("gone")])
def test_a_host_that_answers_is_alive_whatever_it_says(shelf: Shelf, clock: Clock, answer: PresscheckError) -> None:
    guarded = breaker(Host(troubles=[DOWN, DOWN, answer, DOWN, DOWN]), shelf, clock)

    call(guarded, times=5)

    assert call(guarded) == ["painted"]


def test_our_own_mistakes_are_not_the_hosts(shelf: Shelf, clock: Clock) -> None:
    guarded = breaker(Host(troubles=[ConfigurationError("no key")] * 9), shelf, clock)

    assert call(guarded, times=9) == ["configuration_error"] * 9
    assert shelf.writes == 0


def test_failures_far_apart_do_not_add_up(shelf: Shelf, clock: Clock) -> None:
    guarded = breaker(Host(troubles=[DOWN] * 6), shelf, clock)

    for _ in range(6):
        assert call(guarded) == ["provider_unavailable"]
        clock.forward(minutes=6)


def test_calls_under_way_when_it_opened_neither_prolong_nor_close_it(shelf: Shelf, clock: Clock) -> None:
    late = Host()
    late.meanwhile = lambda: (call(breaker(Host(troubles=[DOWN] * 3), shelf, clock), times=3), None)[1]

    assert call(breaker(late, shelf, clock)) == ["painted"]
    assert call(breaker(Host(), shelf, clock)) == ["circuit_open"]


def test_a_healthy_host_costs_no_write(shelf: Shelf, clock: Clock) -> None:
    call(breaker(Host(), shelf, clock), times=50)

    assert shelf.writes == 0


def test_a_lost_race_is_counted_on_top_of_the_winner(clock: Clock) -> None:
    class Contended(Shelf):
        def put_circuit(self, name: str, text: str, *, version: int) -> bool:
            if self.writes == 0:
                other = Circuit(failures=1, failed_at=clock())
                super().put_circuit(name, other.model_dump_json(), version=version)
            return super().put_circuit(name, text, version=version)

    shelf = Contended()

    call(breaker(Host(troubles=[DOWN]), shelf, clock))

    assert Circuit.model_validate_json(shelf.circuit("openai")[0]).failures == 2


@given(st.lists(st.tuples(st.sampled_from(["ok", "down", "late_ok", "late_down"]), st.integers(0, 400)), max_size=40))
def test_whatever_happens_a_circuit_is_never_open_longer_than_its_rule(steps: list[tuple[str, int]]) -> None:
    clock = Clock()
    circuit = Circuit()
    for what, seconds in steps:
        clock.forward(seconds=seconds)
        half_open = circuit.open_until is not None and clock() >= circuit.open_until
        probing = half_open and not what.startswith("late")
        circuit = circuit.probed(clock(), RULE) if probing else circuit
        if what.endswith("ok"):
            circuit = circuit.succeeded(probing=probing)
        else:
            circuit = circuit.failed(clock(), RULE, probing=probing)

        assert circuit == Circuit.model_validate_json(circuit.model_dump_json())
        assert circuit.open_until is None or circuit.open_until <= clock() + RULE.cool_down
        assert (circuit.open_until is None) <= (circuit.failures < RULE.threshold)
