"""The audit chain: each event carries the digest of the one before it.

Hides how links are forged and what breaks a chain. Reads and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from shared.models import Attempt, Event, Job, Rating, Value, canonical_json

_GENESIS: Final = "0" * 64


class Amendment(Value):
    """One change of a job and the event that explains it."""

    event: str
    actor: str
    data: dict[str, Any] = Field(default_factory=dict)
    changes: dict[str, Any] = Field(default_factory=dict)
    """Fields of Job to replace."""
    attempts: tuple[Attempt, ...] = ()
    """Attempts to store in the same transaction."""
    rating: Rating | None = None
    """To store in the same transaction, in the place of the same person's earlier one."""
    epilogue: bool = False
    """May follow a concluded job: it says something about what happened and changes none of it."""
    reopens: bool = False
    """May change a concluded job: only what a person decides about it afterwards."""
    due: datetime | None = None
    """When sweep should look at the job if nothing has moved by then; None for the ledger's patience."""


def link(job: Job, amendment: Amendment, *, at: datetime) -> Event:
    """The event of an amendment, pointing to the job's last one."""
    event = Event(
        job_id=job.id,
        seq=job.seq + 1,
        type=amendment.event,
        at=at,
        actor=amendment.actor,
        data=json.loads(canonical_json(amendment.data)),
        prev=job.head or _GENESIS,
    )
    return event.model_copy(update={"digest": event.computed_digest()})


def chain_problem(job: Job, events: Sequence[Event]) -> str | None:
    """None when the chain is whole and ends where the job says, else what is wrong and at which event."""
    previous = _GENESIS
    for number, event in enumerate(events, start=1):
        if event.seq != number:
            return f"event {number} is missing or out of order (found {event.seq})"
        if event.prev != previous:
            return f"event {number} does not point to the one before it"
        if event.computed_digest() != event.digest:
            return f"event {number} was altered"
        previous = event.digest
    if job.seq != len(events):
        return f"the job counts {job.seq} events, {len(events)} are stored"
    return None if job.head == previous else "the last event is not the one the job ended with"
