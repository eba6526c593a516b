"""What a job's partition holds: its state, its events, its attempts and ratings, as items of the table.

Hides their keys and how they are encoded. Reads and writes nothing.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Final

from shared.ledger.listings import listed
from shared.ledger.table import Item, Key, stamp
from shared.ledger.usage import open_partition
from shared.models import Attempt, AttemptId, Event, Job, Rating, TemplateRef, canonical_json, sha256_hex

JOB: Final = "JOB"
EVENT: Final = "EVENT#"
ATTEMPT: Final = "ATTEMPT#"
RATING: Final = "RATING#"


def partition(job_id: str) -> str:
    return f"JOB#{job_id}"


def job_key(job_id: str) -> Key:
    return {"pk": partition(job_id), "sk": JOB}


def attempt_key(attempt_id: AttemptId) -> Key:
    sk = f"{ATTEMPT}{attempt_id.tier}#{attempt_id.candidate:02d}#{attempt_id.attempt:02d}"
    return {"pk": partition(attempt_id.job_id), "sk": sk}


def job_item(job: Job, due: datetime) -> Item:
    due = min(due, job.deadline or due)
    item = job_key(job.id) | {
        "doc": job.model_dump_json(),
        "seq": job.seq,
        "stage": job.stage.value,
        "tenant": job.tenant,
        **listed(job),
    }
    if job.stage.terminal:
        return item
    # Only open jobs carry the keys of the sparse indexes: a concluded one leaves them by itself.
    item |= {"open_pk": "OPEN", "open_sk": f"{stamp(due)}#{job.id}"}
    if job.batch:
        return item  # a batch has its own pace, and may rest for a night: it does not use up its tenant's jobs at once
    return item | {
        "open_tenant_pk": open_partition(job.tenant),
        "open_tenant_sk": f"{stamp(job.created_at)}#{job.id}",
    }


def rating_item(job_id: str, rating: Rating) -> Item:
    return {"pk": partition(job_id), "sk": f"{RATING}{rating.by}", "doc": rating.model_dump_json()}


def event_item(event: Event) -> Item:
    return {
        "pk": partition(event.job_id),
        "sk": f"{EVENT}{event.seq:08d}",
        "seq": event.seq,
        "type": event.type,
        "at": event.model_dump(mode="json")["at"],
        "actor": event.actor,
        "data": canonical_json(event.data),  # text, not a map: DynamoDB would turn 7.0 into 7 and break the digest
        "prev": event.prev,
        "covers": canonical_json(event.covers),
        "digest": event.digest,
    }


def event_of(job_id: str, item: Item) -> Event:
    return Event(
        job_id=job_id,
        seq=int(item["seq"]),
        type=item["type"],
        at=item["at"],
        actor=item["actor"],
        data=json.loads(item["data"]),
        prev=item["prev"],
        covers=json.loads(item.get("covers", "{}")),
        digest=item["digest"],
    )


def attempt_item(attempt: Attempt) -> Item:
    return attempt_key(attempt.id) | {
        "doc": attempt.model_dump_json(),
        "version_pk": version_partition(attempt.model, attempt.template, attempt.started_at.date()),
        "version_sk": f"{stamp(attempt.started_at)}#{attempt.id}",
    }


def version_partition(model: str, template: TemplateRef | None, day: date) -> str:
    name = f"{template.name}@{template.version}" if template else "-"
    return f"VERSION#{model}#{name}#{day.isoformat()}"


def content_digest(item: Item) -> str:
    """What an event keeps of an item it wrote: sha256 of its document in canonical JSON.

    A job's counts without `head`, the digest of that very event, which cannot cover itself.
    """
    content = json.loads(item["doc"])
    if item["sk"] == JOB:
        content = {name: value for name, value in content.items() if name != "head"}
    return sha256_hex(canonical_json(content))


def covered(*items: Item) -> dict[str, str]:
    """The digests of items by their sort keys, for the event that is written with them."""
    return {item["sk"]: content_digest(item) for item in items}
