"""Dynamic batching: what may share a run of the device shares it, and nobody waits long for company.

Hides the queue, the one thread that owns the device and the moment a batch is closed. Knows no torch and no
pictures: an item has a key, and items with equal keys may run together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

MAX_WAIT_S: Final = 0.025
"""How long the first of a batch waits for others; one that queued behind an earlier batch has waited already."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Closed(RuntimeError):
    """The batcher takes no more items: the server is stopping."""


@dataclass(frozen=True)
class Batched(Generic[Result]):
    """A result, the seconds its item waited before its batch began, and how many items the batch held."""

    result: Result
    waited_s: float
    companions: int


@dataclass(frozen=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    arrived: float
    future: Future[Batched[Result]] = field(default_factory=Future)


class Batcher(Generic[Item, Result]):
    """Runs items in batches on one thread of its own, oldest first.

    `run` gets items of one key and answers in their order; what it raises fails the items of that batch alone.
    `room` is how many items with this one's key fit a batch: 1 never waits.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        key: Callable[[Item], Hashable],
        room: Callable[[Item], int],
        max_wait_s: float = MAX_WAIT_S,
        name: str = "batcher",
    ) -> None:
        self._run, self._key, self._room, self._max_wait_s = run, key, room, max_wait_s
        self._waiting: list[_Waiting[Item, Result]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> Future[Batched[Result]]:
        """The item's future. Raises Closed after close()."""
        entry = _Waiting[Item, Result](item, time.monotonic())
        with self._changed:
            if self._closed:
                raise Closed("the server is stopping and takes no more pictures")
            self._waiting.append(entry)
            self._changed.notify()
        return entry.future

    def close(self) -> None:
        """Finish what was submitted, then end the thread; safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            began = time.monotonic()
            running = [entry for entry in batch if entry.future.set_running_or_notify_cancel()]
            if not running:
                continue
            try:
                results = self._run([entry.item for entry in running])
                done = [
                    Batched(result, began - entry.arrived, len(running))
                    for entry, result in zip(running, results, strict=True)
                ]
            # Whatever it was, those who asked hear of it and the next batch runs.
            except Exception as error:
                for entry in running:
                    entry.future.set_exception(error)
            else:
                for entry, answer in zip(running, done, strict=True):
                    entry.future.set_result(answer)

    def _next(self) -> list[_Waiting[Item, Result]]:
        """The next batch, taken off the queue; empty once closed and drained."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return []
            first = self._waiting[0]
            key, room = self._key(first.item), self._room(first.item)
            left_s = first.arrived + self._max_wait_s - time.monotonic()
            self._changed.wait_for(lambda: self._closed or len(self._like(key)) >= room, timeout=max(0.0, left_s))
            batch = self._like(key)[:room]
            self._waiting = [entry for entry in self._waiting if entry not in batch]
            return batch

    def _like(self, key: Hashable) -> list[_Waiting[Item, Result]]:
        return [entry for entry in self._waiting if self._key(entry.item) == key]
