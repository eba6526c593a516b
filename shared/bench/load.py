"""Load: when each request starts, and how long it took from when it should have started.

Hides threads and schedules. Closed: so many at a time, the next when one is done, as people and the article's
`xargs -P` do. Open: at a rate of its own, whatever the answers do, as the world does; a request that leaves late for
want of a thread still counts from its own time, so that a stall is seen by all it held up and not by one (no
"coordinated omission": Gil Tene, How NOT to Measure Latency, 2013). Never looks into a request or its result.
"""

from __future__ import annotations

import itertools
import queue
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from pydantic import Field

from shared.models import Value

MOST_AT_ONCE: Final = 100
"""As many connections as httpx keeps."""

Request = TypeVar("Request")
Result = TypeVar("Result")


class Load(Value):
    """How requests arrive: `concurrency` at a time, or `rate_per_s` on average, apart like a Poisson process."""

    mode: Literal["closed", "open"] = "closed"
    concurrency: int = Field(10, ge=1, le=MOST_AT_ONCE, description="Closed: at a time. Open: at most.")
    rate_per_s: float | None = Field(None, gt=0)


@dataclass(frozen=True)
class Timed(Generic[Request, Result]):
    """One finished request; seconds since the load began. `intended` is what latency counts from."""

    index: int
    request: Request
    result: Result
    intended_s: float
    started_s: float
    ended_s: float


class Halt(threading.Event):
    """Set: start nothing more, and wait for nothing."""

    def sleep(self, seconds: float) -> None:
        """Raises Halted as soon as it is set."""
        if self.wait(seconds):
            raise Halted


class Halted(Exception):
    """A request given up because the load was stopped."""


def drive(
    requests: Sequence[Request],
    run: Callable[[Request], Result],
    *,
    load: Load,
    seed: int,
    clock: Callable[[], float],
    halt: Halt,
) -> Iterator[Timed[Request, Result]]:
    """Each request as it ends. Closing the iterator, or setting `halt`, starts no more; running ones are given up.

    `run` is called from several threads. What it raises is raised here, Halted excepted. `seed` draws the arrivals.
    """
    desk = _Desk(requests, run, clock, halt)
    threads = MOST_AT_ONCE + 1 if load.rate_per_s else min(load.concurrency, max(len(requests), 1))
    pool = ThreadPoolExecutor(threads, thread_name_prefix="load")
    try:
        if load.rate_per_s:
            pool.submit(desk.hand_over, pool, _arrivals(len(requests), load.rate_per_s, seed))
        else:
            for _ in range(threads):
                pool.submit(desk.work_off)
        for _ in requests:
            ended = desk.done.get()
            if ended is None:
                return
            if isinstance(ended, BaseException):
                raise ended  # noqa: TRY301 - whatever it is, the threads must hear of it
            yield ended
    except BaseException:
        halt.set()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Desk(Generic[Request, Result]):
    """What the threads share: the requests, the time, and where results go. None there: halted."""

    def __init__(
        self,
        requests: Sequence[Request],
        run: Callable[[Request], Result],
        clock: Callable[[], float],
        halt: Halt,
    ) -> None:
        self._requests, self._run, self._clock, self._halt = requests, run, clock, halt
        self._numbers = itertools.count()
        self._began = clock()
        self.done: queue.SimpleQueue[Timed[Request, Result] | BaseException | None] = queue.SimpleQueue()

    def work_off(self) -> None:
        """Closed: take the next request as soon as this thread is free; that is when it was meant to start."""
        while (index := next(self._numbers)) < len(self._requests):
            self._one(index, self._now())

    def hand_over(self, pool: ThreadPoolExecutor, arrivals: Sequence[float]) -> None:
        """Open: give each request to the pool when its time has come, whatever became of those before."""
        for index, intended_s in enumerate(arrivals):
            if self._halt.wait(max(0.0, intended_s - self._now())):
                self.done.put(None)
                return
            pool.submit(self._one, index, intended_s)

    def _one(self, index: int, intended_s: float) -> None:
        if self._halt.is_set():
            self.done.put(None)
            return
        started = self._now()
        try:
            result = self._run(self._requests[index])
        except Halted:
            self.done.put(None)
        except BaseException as error:  # a bug belongs to the thread that asked
            self.done.put(error)
        else:
            self.done.put(Timed(index, self._requests[index], result, intended_s, started, self._now()))

    def _now(self) -> float:
        return self._clock() - self._began


def _arrivals(count: int, rate_per_s: float, seed: int) -> list[float]:
    dice = random.Random(seed)  # noqa: S311 - a schedule, no secret
    return list(itertools.accumulate(dice.expovariate(rate_per_s) for _ in range(count)))
