"""Waiting on a job within one request."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest

from functions.api.waiting import preferred_wait_s, wait_for
from shared import wiring
from shared.ledger import Amendment
from shared.models import Job, Stage
from tests.handlers.conftest import Context


def _always(amendment: Amendment, _: Job) -> Amendment:
    return amendment


@dataclass
class Night:
    """A clock that moves only while somebody sleeps, and what happens at given seconds."""

    job_id: str
    events: dict[float, Stage] = field(default_factory=dict)
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)
        for at in [at for at in self.events if at <= self.now]:
            amendment = Amendment(event="t", actor="t", changes={"stage": self.events.pop(at)})
            wiring.ledger().amend(self.job_id, partial(_always, amendment))

    def clock(self) -> float:
        return self.now


def test_waiting_ends_with_the_job(job_id: str, context: Context) -> None:
    night = Night(job_id, {3.0: Stage.DRAFTING, 7.5: Stage.DONE})

    job = wait_for(wiring.ledger().job(job_id), 25, context=context, sleep=night.sleep, clock=night.clock)  # type: ignore[arg-type]

    assert job.stage is Stage.DONE
    assert 7.5 <= night.now < 8.6


def test_nobody_waits_for_a_person_or_past_the_time_asked_for(job_id: str, context: Context) -> None:
    night = Night(job_id, {2.0: Stage.AWAITING_APPROVAL})
    job = wait_for(wiring.ledger().job(job_id), 25, context=context, sleep=night.sleep, clock=night.clock)  # type: ignore[arg-type]
    assert (job.stage, night.now < 4) == (Stage.AWAITING_APPROVAL, True)

    never = Night(job_id)
    wait_for(job, 4, until=lambda job: job.stage is Stage.DONE, context=context, sleep=never.sleep, clock=never.clock)  # type: ignore[arg-type]
    assert never.now == pytest.approx(4)
    assert never.pauses[:5] == sorted(never.pauses[:5])


def test_waiting_leaves_time_to_answer(job_id: str) -> None:
    night = Night(job_id)
    dying = Context(remaining_ms=5_000)

    wait_for(wiring.ledger().job(job_id), 25, context=dying, sleep=night.sleep, clock=night.clock)  # type: ignore[arg-type]

    assert night.now == pytest.approx(3)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait", 25),
        ("wait=10", 10),
        ('wait="5"', 5),
        ("return=minimal, WAIT = 7; x=y", 7),
        ("wait=60", 25),
        ("wait=0", 0),
        ("wait=soon", None),
        ("wait=-1", None),
        ("waiting=5", None),
    ],
)
def test_the_prefer_header_as_its_rfc_reads(prefer: str | None, seconds: int | None) -> None:
    assert preferred_wait_s(prefer) == seconds
