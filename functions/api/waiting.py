"""Waiting on a job within one request: `Prefer: wait=N`, and whatever else must answer with what a job became.

Hides how long a request may last and how often the ledger is asked. The ledger is the truth; nothing here changes it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared import wiring
from shared.models import Job, Stage

MAX_WAIT_S: Final = 25
"""API Gateway answers for us after 29 s: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
_DEFAULT_WAIT_S: Final = MAX_WAIT_S  # Replicate waits 60 s when no number is given: as long as we can
_RESERVE_S: Final = 2.0
"""Kept to write the answer after the last look."""
_FIRST_S, _LONGEST_S, _GROWTH = 0.1, 1.0, 1.3
_STANDING: Final = frozenset({Stage.AWAITING_APPROVAL, Stage.WAITING_OFF_PEAK})
_WAIT: Final = re.compile(r"wait(?:\s*=\s*\"?(\d{1,6})\"?)?")


def preferred_wait_s(prefer: str | None) -> int | None:
    """Seconds asked for by a `Prefer` header, at most 25; None where it asks for none (RFC 7240)."""
    for preference in (prefer or "").split(","):
        if match := _WAIT.fullmatch(preference.partition(";")[0].strip().lower()):
            return min(int(match[1]), MAX_WAIT_S) if match[1] else _DEFAULT_WAIT_S
    return None


def since_taken_s(event: BaseProxyEvent) -> float:
    """Seconds since API Gateway took the request: a cold start is a wait, too."""
    return wiring.now().timestamp() - int(event.raw_event["requestContext"]["requestTimeEpoch"]) / 1000


def settled(job: Job) -> bool:
    """Nothing more will happen soon: the job is over, or waits for a person or for the night."""
    return job.stage.terminal or job.stage in _STANDING


def wait_for(
    job: Job,
    seconds: float,
    *,
    until: Callable[[Job], bool] = settled,
    context: LambdaContext,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """The job as soon as `until` holds, or as it is after `seconds` or shortly before this invocation must end."""
    budget = min(seconds, context.get_remaining_time_in_millis() / 1000 - _RESERVE_S)
    deadline = clock() + budget
    pause = _FIRST_S
    while not until(job) and (left := deadline - clock()) > 0:
        sleep(min(pause, left))
        pause = min(pause * _GROWTH, _LONGEST_S)
        job = wiring.ledger().job(job.id)
    return job
