"""The audit chain: each event carries the digest of the one before it, and of what was written with it.

Hides how links are forged; what breaks them is in shared.ledger.examination. Reads and writes nothing.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from shared.ledger.items import attempt_item, covered, job_item, rating_item
from shared.models import Attempt, Event, Job, Rating, Value, canonical_json

GENESIS: Final = "0" * 64


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


def link(job: Job, amendment: Amendment, *, after: Job, at: datetime) -> tuple[Event, Job]:
    """The event of an amendment, pointing to the job's last one, and the job after it, ending with this one.

    The event covers what is written with it: the job's new state, the attempts and the rating.
    """
    after = after.model_copy(update={"seq": job.seq + 1})
    written = [attempt_item(attempt) for attempt in amendment.attempts]
    if amendment.rating:
        written.append(rating_item(job.id, amendment.rating))
    event = Event(
        job_id=job.id,
        seq=after.seq,
        type=amendment.event,
        at=at,
        actor=amendment.actor,
        data=json.loads(canonical_json(amendment.data)),
        prev=job.head or GENESIS,
        covers=covered(job_item(after, at), *written),
    )
    event = event.model_copy(update={"digest": event.computed_digest()})
    return event, after.model_copy(update={"head": event.digest})
