"""What breaks a job's record: its chain of events, and the items those events vouch for, recomputed from the table.

Hides how each kind of tampering shows. Trusts nothing it reads: an item that is no JSON is a break, never an error.

What it finds: an event altered in any field, dropped wherever it stood, in another's place, inserted, or following
another than the one before it; and a job, an attempt or a rating that differs from what its last event wrote, down to
the attributes of the indexes. What no look at one table can find is a table that was rewritten as a whole, every seal
and the job's head with it, or a job of which nothing is left: only a record kept elsewhere tells, which is what
`presscheck audit export` makes and `presscheck audit verify --against` holds the table to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from shared.ledger.chain import GENESIS
from shared.ledger.items import EVENT, JOB, attempt_item, content_digest, job_item
from shared.ledger.table import Item
from shared.models import Attempt, Break, BreakKind, Job, JobRecord, canonical_json, sha256_hex

_PLACE: Final = re.compile(rf"{EVENT}(\d{{8}})")
_OUTSIDE: Final = frozenset({"pk", "sk", "digest"})
"""Attributes of an event that its digest does not cover."""
_MOVES: Final = frozenset({"doc", "open_sk"})
"""Attributes of a job that its own document does not settle: when it is due moves without an event."""


@dataclass(frozen=True)
class _Link:
    """An event as it lies in the table."""

    key: str
    place: int | None
    body: dict[str, Any]
    digest: Any

    @property
    def sealed(self) -> bool:
        try:
            return bool(self.digest == sha256_hex(canonical_json(self.body)))
        except (TypeError, ValueError):  # a type DynamoDB knows and JSON does not
            return False


def examined(job_id: str, items: Iterable[Item]) -> JobRecord:
    """The record of a job from everything in its partition, with each place at which it does not hold."""
    stored = {str(item["sk"]): item for item in items}
    links = [_link(job_id, key, stored[key]) for key in sorted(stored) if key.startswith(EVENT)]
    others = {key: item for key, item in stored.items() if not key.startswith(EVENT)}
    job = _read(others[JOB].get("doc")) if JOB in others else None
    breaks = [*_chain(links, job), *_contents(links, others), *_attributes(others)]
    return JobRecord(
        job_id=job_id,
        job=job,
        events=tuple(_plain(link.body | {"digest": link.digest}) for link in links),
        items={key: _read(item.get("doc")) for key, item in others.items() if key != JOB},
        breaks=tuple(breaks),
    )


def _chain(links: Sequence[_Link], job: Any) -> Iterator[Break]:
    """Every event sealed, in its place, after the one before it; and the last one the job's."""
    last = job.get("seq") if isinstance(job, dict) else None
    before: _Link | None = None
    for link in links:
        name = f"event {link.place}"
        if link.place is None:
            yield _break(BreakKind.FORKED, link.key, f"{link.key} is no place in the chain")
            continue
        expected = before.place + 1 if before and before.place else 1
        if link.place > expected:
            yield _missing(expected, link.place - 1)
        if not link.sealed:
            yield _break(BreakKind.ALTERED, link.key, f"{name} was altered: its digest is not that of its content")
        elif link.body.get("seq") != link.place:
            yield _break(BreakKind.REORDERED, link.key, f"event {link.body.get('seq')} lies in the place of {name}")
        elif link.place == expected and link.body.get("prev") != (before.digest if before else GENESIS):
            yield _break(BreakKind.FORKED, link.key, f"{name} follows another event than the one stored before it")
        if isinstance(last, int) and link.place > last:
            yield _break(BreakKind.FORKED, link.key, f"{name} comes after the last one the job knows of, {last}")
        before = link
    if not isinstance(job, dict) or not isinstance(last, int):
        yield _break(BreakKind.DROPPED, JOB, "the job's own item is gone or unreadable: its chain ends nowhere")
        return
    found = before.place if before and before.place else 0
    if found < last:
        yield _missing(found + 1, last)
    elif before and found == last and job.get("head") != before.digest:
        yield _break(BreakKind.FORKED, before.key, f"the job ended with another event {last} than the one stored")


def _contents(links: Sequence[_Link], others: dict[str, Item]) -> Iterator[Break]:
    """Every item as the last event that wrote it left it. Events from before there were such digests cover nothing."""
    covers = {key: (digest, link) for link in links for key, digest in _covered(link)}
    if not covers:
        return
    for key, (digest, link) in covers.items():
        if key not in others:
            yield _break(BreakKind.DROPPED, key, f"{key} is gone: event {link.place} wrote it")
        elif _digest(others[key]) != digest:
            yield _break(BreakKind.MISMATCHED, key, f"{key} is not as event {link.place} left it")
    for key in sorted(others.keys() - covers.keys()):
        yield _break(BreakKind.MISMATCHED, key, f"{key} was written without an event")


def _attributes(others: dict[str, Item]) -> Iterator[Break]:
    """What indexes and conditions look at says what the document says.

    Whoever gives items a new attribute must write it to the old ones, or let it be absent here.
    """
    for key, item in others.items():
        try:
            expected = _expected(key, item)
        except (ValidationError, ValueError, TypeError):
            continue  # its document is not ours to read: `_contents` says so, unless it is older than this code
        stored = {name: value for name, value in item.items() if name not in _MOVES}
        wanted = {name: value for name, value in expected.items() if name not in _MOVES}
        for name in sorted(stored.keys() | wanted.keys()):
            if name not in stored or name not in wanted or stored[name] != wanted[name]:
                yield _break(BreakKind.MISMATCHED, key, f"{name} of {key} is not what its document says")


def _expected(key: str, item: Item) -> Item:
    if key == JOB:
        job = Job.model_validate_json(item["doc"])
        return job_item(job, job.updated_at)
    if key.startswith("ATTEMPT#"):
        return attempt_item(Attempt.model_validate_json(item["doc"]))
    return {"pk": item["pk"], "sk": key}


def _link(job_id: str, key: str, item: Item) -> _Link:
    """The event of an item: all its attributes, so that none can be added either."""
    place = _PLACE.fullmatch(key)
    body = {name: _whole(value) for name, value in item.items() if name not in _OUTSIDE}
    body |= {name: _read(item[name]) for name in ("data", "covers") if name in item and _canonical(item[name])}
    return _Link(key, int(place[1]) if place else None, {"job_id": job_id} | body, item.get("digest"))


def _covered(link: _Link) -> Iterator[tuple[str, Any]]:
    covers = link.body.get("covers")
    if isinstance(covers, dict):
        yield from covers.items()


def _missing(first: int, last: int) -> Break:
    which = f"event {first} is" if first == last else f"events {first} to {last} are"
    return _break(BreakKind.DROPPED, f"{EVENT}{first:08d}", f"{which} missing")


def _digest(item: Item) -> str | None:
    try:
        return content_digest(item)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _canonical(text: Any) -> bool:
    """Whether it is the one text of its JSON value: another spelling is an alteration, too."""
    try:
        return isinstance(text, str) and canonical_json(json.loads(text)) == text
    except (ValueError, RecursionError):
        return False


def _read(text: Any) -> Any:
    """JSON as its value; what is none, as it is."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return _plain(text)


def _whole(value: Any) -> Any:
    """DynamoDB's numbers as whole ones where they are."""
    return int(value) if not isinstance(value, str | bool | bytes) and _is_whole(value) else value


def _is_whole(value: Any) -> bool:
    try:
        return bool(value == int(value))
    except (TypeError, ValueError):
        return False


def _plain(value: Any) -> Any:
    """Anything DynamoDB may hold as something JSON may."""
    return json.loads(json.dumps(value, default=str))


def _break(kind: BreakKind, item: str, problem: str) -> Break:
    return Break(kind=kind, item=item, problem=problem)
