"""The batcher: who shares a run, who waits, and what outlives a failure. No torch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from infra.inference.container.sd35.batching import Batcher, Closed

FOREVER_S = 60.0


class Press:
    """Notes the batches it ran; `held` until opened, so that a test can let items pile up behind the first."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.entered, self.open = threading.Event(), threading.Event()

    def run(self, items: Sequence[str]) -> list[str]:
        self.batches.append(list(items))
        self.entered.set()
        assert self.open.wait(10)
        if "boom" in items:
            raise MemoryError("too large")
        return [item.upper() for item in items]


@contextmanager
def batcher(press: Press, *, room: int = 3, max_wait_s: float = FOREVER_S) -> Iterator[Batcher[str, str]]:
    made = Batcher(press.run, key=lambda item: item[0], room=lambda _: room, max_wait_s=max_wait_s)
    try:
        yield made
    finally:
        press.open.set()
        made.close()


def test_a_full_batch_runs_at_once_and_answers_in_order() -> None:
    press = Press()
    press.open.set()
    with batcher(press) as made:
        futures = [made.submit(item) for item in ("a1", "a2", "a3")]

        answers = [future.result(10) for future in futures]

    assert [answer.result for answer in answers] == ["A1", "A2", "A3"]
    assert [answer.companions for answer in answers] == [3, 3, 3]


def test_nobody_waits_for_company_longer_than_the_limit() -> None:
    press = Press()
    press.open.set()
    started = time.monotonic()
    with batcher(press, max_wait_s=0.025) as made:
        answer = made.submit("a1").result(10)

    assert 0.02 <= answer.waited_s <= time.monotonic() - started
    assert answer.companions == 1


def test_only_equal_keys_share_a_run_and_the_oldest_goes_first() -> None:
    press = Press()
    with batcher(press, room=2) as made:
        first = [made.submit("a1"), made.submit("a2")]
        press.entered.wait(10)
        rest = [made.submit(item) for item in ("b1", "a3", "b2", "a4")]
        press.open.set()
        for future in (*first, *rest):
            future.result(10)

    assert press.batches == [["a1", "a2"], ["b1", "b2"], ["a3", "a4"]]


def test_a_batch_that_fails_fails_alone() -> None:
    press = Press()
    press.open.set()
    with batcher(press, room=1) as made:
        failed, served = made.submit("boom"), made.submit("fine")

        with pytest.raises(MemoryError, match="too large"):
            failed.result(10)
        assert served.result(10).result == "FINE"


def test_closing_finishes_what_was_submitted_and_takes_no_more() -> None:
    press = Press()
    press.open.set()
    made = Batcher(press.run, key=lambda item: item[0], room=lambda _: 3, max_wait_s=FOREVER_S)
    waiting = made.submit("a1")

    made.close()

    assert waiting.result(0).result == "A1"
    with pytest.raises(Closed):
        made.submit("a2")
