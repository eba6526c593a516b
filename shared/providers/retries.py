"""Try again, but not for ever: full jitter, the host's own Retry-After, and a budget for each call.

Hides when a second try is worth it in time. Whether it is worth it in kind is the adapter's word: it raises Passing.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Generic, TypeVar

from shared.errors import ProviderError

T = TypeVar("T")
_FURTHEST: Final = 16  # doublings; beyond that every pause is the cap and 2.0**n would only overflow


class Passing(Exception):
    """A failure that may pass. `error` is what the caller gets if it does not, `after_s` what the host asked for."""

    def __init__(self, error: ProviderError, *, after_s: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.after_s = after_s


@dataclass(frozen=True)
class Tried(Generic[T]):
    """A result, and the milliseconds before its try began and within it."""

    value: T
    waited_ms: int
    took_ms: int


@dataclass(frozen=True, kw_only=True)
class Retries:
    """At most `tries`, none of them begun later than `budget_s` after the first. Seconds.

    Pauses are drawn from 0 to base_s * 2^n, at most cap_s ("full jitter": M. Brooker, Exponential Backoff And Jitter,
    AWS Architecture Blog, 2015). A host's Retry-After is kept, plus up to base_s so that not all come back at once;
    one that lies beyond the budget ends the call.
    """

    tries: int = 4
    budget_s: float = 60.0
    base_s: float = 0.5
    cap_s: float = 20.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    draw: Callable[[float, float], float] = random.uniform

    def run(self, once: Callable[[], T]) -> Tried[T]:
        """The first result of `once`. Raises the error inside the last Passing, and anything else at once."""
        began = self.clock()
        for number in range(max(self.tries, 1)):
            tried = self.clock()
            try:
                value = once()
            except Passing as passing:
                pause = self._pause(number, passing.after_s)
                last = number + 1 >= self.tries
                if last or self.clock() + pause > began + self.budget_s:
                    raise passing.error from passing.__cause__
                self.sleep(pause)
            else:
                return Tried(value, waited_ms=_ms(tried - began), took_ms=_ms(self.clock() - tried))
        raise AssertionError("unreachable: the last try returns or raises")

    def _pause(self, number: int, after_s: float | None) -> float:
        if after_s is not None:
            return after_s + self.draw(0.0, self.base_s)
        return self.draw(0.0, min(self.cap_s, self.base_s * 2.0 ** min(number, _FURTHEST)))


def retry_after_s(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Seconds a host asks us to stay away: `retry-after-ms`, or Retry-After as seconds or an HTTP date (RFC 9110).

    None when it does not ask, or not in a way that can be read. Names are matched in lower case.
    """
    asked = {name.lower(): value.strip() for name, value in headers.items()}
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(asked.get(name, ""))
        if seconds is not None:
            return seconds * factor
    try:
        moment = parsedate_to_datetime(asked.get("retry-after", ""))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _number(text: str) -> float | None:
    """A finite number of 0 or more; `nan`, `inf` and the rest of float's vocabulary are no durations."""
    return float(text) if text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit() else None


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
