"""How many handlers run at once on one small machine.

Hides the rule that replaces AWS's endless supply of execution environments: invocations queue
for a slot instead of being throttled, and no function can starve another.

    young    at most one invocation per core and function that started less than three seconds ago:
             a burst shares the processor instead of starting a process per call
    settled  one that runs longer is presumed to wait (a long poll), and makes room for the next
    memory   instances of one function never declare more than 3 GiB per core together
    total    eight per core over all functions, but the first of each function always may run;
             half as many idle processes more are kept warm

Never talks to the emulator: emulator.py puts it in place.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

# On a crowded machine ordinary calls take a second: counted as settled they would start processes, which crowd it more.
SETTLED_AFTER_S: Final = 3.0
_MEMORY_PER_CORE_MB: Final = 3072
_TOTAL_PER_CORE: Final = 8
_TICK_S: Final = 0.1


class QueueClock:
    """How long one task stood in the queue, so that the wait is not held against its timeout."""

    def __init__(self) -> None:
        self._waited_s = 0.0
        self._since: float | None = None

    def start(self, now: float) -> None:
        self._since = now

    def stop(self, now: float) -> None:
        if self._since is not None:
            self._waited_s += now - self._since
            self._since = None

    def waited_s(self, now: float) -> float:
        return self._waited_s + (now - self._since if self._since is not None else 0.0)


queue_clock: ContextVar[QueueClock | None] = ContextVar("queue_clock", default=None)
current_slot: ContextVar[Slot | None] = ContextVar("current_slot", default=None)


@dataclass(eq=False)
class Slot:
    """The right to run one invocation of `function`; its handler runs `since` then, on the governor's clock."""

    function: str
    since: float


class _Waiter:
    def __init__(self) -> None:
        self.slot: Slot | None = None
        self.granted = threading.Event()


class Governor:
    """Slots for handlers; `acquire` and `release` may be called from any thread."""

    def __init__(self, *, cores: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.total = _TOTAL_PER_CORE * cores
        self.processes = self.total + self.total // 2
        self._cores = cores
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[str, list[Slot]] = {}
        self._limit: dict[str, int] = {}
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._ticking = False
        self.started = 0
        self.longest_wait_s = 0.0

    def acquire(self, function: str, *, memory_mb: int, reserved: int | None = None, patience_s: float) -> Slot | None:
        """Wait for a slot, first come first served within a function. None when `patience_s` seconds were not enough.

        A function whose reserved concurrency is 0 is switched off: None at once.
        """
        if reserved == 0:
            return None
        limit = max(1, _MEMORY_PER_CORE_MB * self._cores // max(1, memory_mb))
        waiter = _Waiter()
        asked = self._clock()
        with self._lock:
            self._limit[function] = min(limit, reserved or limit)
            self._waiting.setdefault(function, deque()).append(waiter)
            self._grant(function)
            if not waiter.granted.is_set():
                self._tick_while_waiting()
        stopwatch = queue_clock.get()
        if stopwatch:
            stopwatch.start(asked)
        if not waiter.granted.wait(patience_s):
            self._withdraw(function, waiter)
        now = self._clock()
        if stopwatch:
            stopwatch.stop(now)
        self.longest_wait_s = max(self.longest_wait_s, now - asked)
        return waiter.slot

    def release(self, slot: Slot) -> None:
        with self._lock:
            self._running[slot.function].remove(slot)
            self._grant_all()

    @contextmanager
    def starting(self, slot: Slot | None) -> Iterator[None]:
        """A process is being started for the slot: however long it takes, that is work and no waiting."""
        if slot is None:
            yield
            return
        slot.since = math.inf
        try:
            yield
        finally:
            slot.since = self._clock()

    def in_flight(self) -> dict[str, int]:
        """Invocations running now, by function."""
        with self._lock:
            return {function: len(slots) for function, slots in self._running.items() if slots}

    def queued(self) -> dict[str, int]:
        """Invocations waiting for a slot, by function."""
        with self._lock:
            return {function: len(waiters) for function, waiters in self._waiting.items() if waiters}

    def _grant_all(self) -> None:
        """Serve the function with the fewest running first."""
        for function in sorted(self._waiting, key=lambda name: len(self._running.get(name, []))):
            self._grant(function)

    def _grant(self, function: str) -> None:
        waiters = self._waiting[function]
        while waiters and self._may_start(function):
            waiter = waiters.popleft()
            waiter.slot = Slot(function, self._clock())
            self._running.setdefault(function, []).append(waiter.slot)
            self.started += 1
            waiter.granted.set()
        if not waiters:
            self._waiting.pop(function, None)

    def _may_start(self, function: str) -> bool:
        running = self._running.get(function, [])
        if not running:
            return True
        now = self._clock()
        young = sum(now - slot.since < SETTLED_AFTER_S for slot in running)
        return (
            young < self._cores
            and len(running) < self._limit[function]
            and sum(map(len, self._running.values())) < self.total
        )

    def _withdraw(self, function: str, waiter: _Waiter) -> None:
        """Take an impatient waiter out, unless it was granted at the last moment."""
        with self._lock:
            if waiter.slot is None:
                self._waiting[function].remove(waiter)

    def _tick_while_waiting(self) -> None:
        """Somebody must look again when invocations settle without ending."""
        if self._ticking:
            return
        self._ticking = True
        threading.Thread(target=self._tick, name="governor", daemon=True).start()

    def _tick(self) -> None:
        while True:
            time.sleep(_TICK_S)
            with self._lock:
                self._grant_all()
                if not any(self._waiting.values()):
                    self._ticking = False
                    return
