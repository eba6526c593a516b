"""A reply that is written while it is still being made, where the runtime can: see functions/stream/runtime.py.

Hides how a route hands its reply over piece by piece, and how a job is watched meanwhile. Under Lambda's own Python
runtime, which cannot, `possible` says so and the route answers in one piece.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import wiring
from shared.models import Job

_FIRST_S, _LONGEST_S, _GROWTH = 0.1, 1.0, 1.3
_SILENCE_S: Final = 10.0
"""Longer, and proxies on the way hang up; API Gateway itself does after 5 minutes."""
_RESERVE_S: Final = 5.0
"""Kept to send a picture after the last look."""


@dataclass
class Outlet:
    """Where a route leaves the rest of its reply. The runtime puts one into the context of each invocation."""

    pieces: Iterator[str] | None = None


def possible(context: LambdaContext) -> bool:
    return isinstance(getattr(context, "outlet", None), Outlet)


def reply(pieces: Iterator[str], content_type: str, *, context: Any) -> Response[str]:
    """A reply whose body follows; its pieces are made after the route has returned."""
    context.outlet.pieces = pieces
    headers = {"cache-control": "no-store"}
    return Response(status_code=200, content_type=content_type, body="", headers=headers)


def watched(
    job: Job,
    *,
    context: LambdaContext,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Job | None]:
    """The job now and whenever something happened to it, until it has concluded or this invocation must end.

    None every ten seconds in which nothing happened.
    """
    yield job
    last, pause = clock(), _FIRST_S
    while not job.stage.terminal and context.get_remaining_time_in_millis() / 1000 > _RESERVE_S:
        sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_S)
        now = wiring.ledger().job(job.id)
        if now.seq != job.seq:
            job, last, pause = now, clock(), _FIRST_S
            yield job
        elif clock() - last > _SILENCE_S:
            last = clock()
            yield None
