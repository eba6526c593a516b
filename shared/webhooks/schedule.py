"""When a delivery that failed is tried again, and when it is given up.

Pure arithmetic over the example of the Standard Webhooks specification, cut to waits that fit SQS's twelve hours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

WAITS_S: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
"""After the first failure, after the second, …: eight tries over 27 hours and a half."""
_JITTER: Final = 0.1
"""Up to this share is added, so that those who failed together do not come back together."""


_LONGEST_ASKED_S: Final = 86_400.0


def next_wait_s(tries: int, *, asked_s: float | None, draw: Callable[[], float]) -> float | None:
    """Seconds until the next try after `tries` failed ones; None when that was the last.

    `asked_s` is the receiver's own Retry-After: it lengthens a wait, to a day at most, and never shortens one.
    `draw` answers from 0 to 1.
    """
    if tries > len(WAITS_S):
        return None
    wait = WAITS_S[tries - 1] * (1 + _JITTER * draw())
    return max(wait, min(asked_s or 0.0, _LONGEST_ASKED_S))
