"""Who may run a handler, decided without an emulator and without waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from infra.local.governor import SETTLED_AFTER_S, Governor, Slot


class Hands:
    """A clock that moves when told, and callers that would wait told apart from callers that run."""

    def __init__(self) -> None:
        self.now = 0.0
        self.governor = Governor(cores=2, clock=lambda: self.now)

    def try_one(self, function: str, *, memory_mb: int = 512, reserved: int | None = None) -> Slot | None:
        return self.governor.acquire(function, memory_mb=memory_mb, reserved=reserved, patience_s=0)

    def count(self, function: str, **more: int) -> int:
        """How many more of the function may start now."""
        started = 0
        while self.try_one(function, **more):
            started += 1
        return started


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_a_burst_gets_one_slot_a_core(hands: Hands) -> None:
    assert hands.count("render") == 2


def test_long_polls_make_room_for_more(hands: Hands) -> None:
    hands.count("api")
    hands.now += SETTLED_AFTER_S

    assert hands.count("api") == 2


def test_declared_memory_limits_a_function_for_good(hands: Hands) -> None:
    counts = []
    for _ in range(5):
        counts.append(hands.count("verify", memory_mb=3008))
        hands.now += SETTLED_AFTER_S

    assert sum(counts) == 2


def test_no_function_is_kept_from_its_first_slot(hands: Hands) -> None:
    for name in "abcdefghijkl":
        hands.count(name)

    assert hands.try_one("resume") is not None
    assert hands.try_one("resume") is None


def test_a_starting_process_does_not_pass_for_a_waiting_one(hands: Hands) -> None:
    """However long a cold start takes, it is work."""
    slots = [hands.try_one("render"), hands.try_one("render")]
    with hands.governor.starting(slots[0]), hands.governor.starting(slots[1]):
        hands.now += 10 * SETTLED_AFTER_S

        assert hands.count("render") == 0


def test_reserved_concurrency_is_a_queue_and_zero_switches_off(hands: Hands) -> None:
    assert hands.count("sweep", reserved=1) == 1
    assert hands.count("off", reserved=0) == 0


def test_a_released_slot_goes_to_who_waits_longest(hands: Hands) -> None:
    held = [hands.try_one("render"), hands.try_one("render")]
    order: list[int] = []
    first = _waiter(hands.governor, lambda: order.append(1), queue=1)
    second = _waiter(hands.governor, lambda: order.append(2), queue=2)

    for slot, waiter in zip(held, (first, second), strict=True):
        assert slot is not None
        hands.governor.release(slot)
        waiter.join(timeout=10)

    assert order == [1, 2]


def _waiter(governor: Governor, then: Callable[[], None], *, queue: int) -> threading.Thread:
    def wait() -> None:
        if governor.acquire("render", memory_mb=512, patience_s=10):
            then()

    thread = threading.Thread(target=wait)
    thread.start()
    while governor.queued().get("render", 0) < queue:
        pass
    return thread
