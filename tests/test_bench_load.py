"""Load: how requests arrive, what their latency counts from, and that stopping loses nothing measured."""

from __future__ import annotations

import threading
import time

import pytest

from shared.bench.load import Halt, Halted, Load, Timed, drive


def _drive(run: object, count: int, load: Load, *, halt: Halt | None = None) -> list[Timed[int, object]]:
    stop = halt or Halt()
    return list(drive(range(count), run, load=load, seed=1, clock=time.monotonic, halt=stop))  # type: ignore[arg-type]


def test_a_closed_load_keeps_exactly_so_many_in_flight() -> None:
    lock, now, most = threading.Lock(), 0, 0
    full = threading.Barrier(4, timeout=10)

    def run(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        full.wait()  # passes only while four are inside
        with lock:
            now -= 1
        return number * 2

    timed = _drive(run, 12, Load(concurrency=4))

    assert most == 4
    assert sorted((each.index, each.request, each.result) for each in timed) == [(n, n, 2 * n) for n in range(12)]
    assert all(each.started_s - each.intended_s < 1 for each in timed)


def test_an_open_load_counts_a_stall_for_everyone_it_held_up() -> None:
    """One lock, held for 0.3 s by the first: a closed loop sees one slow answer, an open one all that had to wait."""
    for load, slow in ((Load(concurrency=1), 1), (Load(mode="open", rate_per_s=100), 10)):
        server = threading.Lock()

        def run(number: int, server: threading.Lock = server) -> int:
            with server:
                time.sleep(0.3 if number == 0 else 0.001)
            return number

        timed = _drive(run, 15, load)

        waits = [each.ended_s - each.intended_s for each in timed]
        assert sum(wait > 0.1 for wait in waits) >= slow, load
        assert load.rate_per_s or sum(wait > 0.1 for wait in waits) <= 5


def test_open_arrivals_are_the_seeds_and_come_at_the_rate_asked_for() -> None:
    load = Load(mode="open", rate_per_s=2_000)

    first, second = (
        {each.index: each.intended_s for each in _drive(lambda number: number, 200, load)} for _ in range(2)
    )

    assert first == second
    assert 200 / max(first.values()) == pytest.approx(2_000, rel=0.25)
    assert [first[index] for index in range(200)] == sorted(first.values())


@pytest.mark.parametrize("load", [Load(concurrency=2), Load(mode="open", rate_per_s=500)])
def test_stopping_keeps_what_was_measured_and_gives_up_the_rest(load: Load) -> None:
    halt, started = Halt(), []

    def run(number: int) -> int:
        started.append(number)
        if number >= 3:
            halt.sleep(60)
        return number

    load_of_many = drive(range(1000), run, load=load, seed=1, clock=time.monotonic, halt=halt)
    measured = [next(load_of_many).result for _ in range(3)]
    load_of_many.close()

    assert sorted(measured) == [0, 1, 2]
    assert len(started) < 1000
    with pytest.raises(Halted):
        halt.sleep(60)


def test_a_bug_in_a_request_is_raised_to_the_caller() -> None:
    def run(number: int) -> int:
        raise ZeroDivisionError(number)

    with pytest.raises(ZeroDivisionError):
        _drive(run, 5, Load(concurrency=2))


def test_a_halt_from_another_thread_ends_an_open_load() -> None:
    halt = Halt()
    threading.Timer(0.05, halt.set).start()

    timed = _drive(lambda number: number, 100, Load(mode="open", rate_per_s=0.1), halt=halt)

    assert timed == []
