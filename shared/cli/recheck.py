"""Check an export of Presscheck's ledger: every seal, every link, every item, with Python alone.

    python THIS_FILE export.jsonl        exits 1 and says where, if anything does not hold

Imports nothing of Presscheck and knows nothing of its table: it recomputes what the stack says from the lines of the
export alone, so whoever trusts this page need not trust the stack. How a job's line is read:

* `events` are its chain. An event's `digest` is the sha256 of the canonical JSON of all its other fields; its `prev` is
  the digest of the event before it, 64 zeros for the first; its `seq` counts from 1.
* `job` is the state after the last event: `seq` and `head` are that event's number and digest.
* `covers` of an event are the digests of what was written with it: `JOB`, the job's state without `head`, and attempts
  and ratings in `items` by their keys. The last event to cover an item is the one that counts.
* Canonical JSON: sorted keys, no spaces, UTF-8, numbers as Python writes them.

The last line is the seal of the whole export: how many jobs, and the sha256 over `<job id> <seq> <head>` and a line
feed of each. Keep the file where the stack's administrators cannot reach: a chain rewritten as a whole, head and all,
is as sound as the first, and only an older export tells them apart (`presscheck audit verify --against`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Found = tuple[str, str, str]
"""Kind, item, and what is wrong with it."""


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key != name}


def problems(record: dict[str, Any]) -> Iterator[Found]:
    """Whatever does not hold in one job's record; nothing where all does."""
    job, events = record["job"], record["events"]
    expected_prev, covers = "0" * 64, {}
    for number, event in enumerate(events, start=1):
        name = f"event {number}"
        key = f"EVENT#{number:08d}"
        if event.get("job_id") != record["job_id"] or sha256(canonical(without(event, "digest"))) != event["digest"]:
            yield "altered", key, f"{name} was altered: its digest is not that of its content"
        if event.get("seq") != number:
            yield "reordered", key, f"{name} is missing or out of order: event {event.get('seq')} is in its place"
        elif event.get("prev") != expected_prev:
            yield "forked", key, f"{name} does not follow the one before it"
        expected_prev = event["digest"]
        if isinstance(event.get("covers"), dict):
            covers.update(event["covers"])
    if not isinstance(job, dict):
        yield "dropped", "JOB", "the job's own item is gone or unreadable"
        return
    if job.get("seq") != len(events):
        yield "dropped", "JOB", f"the job counts {job.get('seq')} events, {len(events)} are there"
    if job.get("head") != expected_prev:
        yield "forked", "JOB", "the last event is not the one the job ended with"
    yield from _uncovered(covers, {"JOB": without(job, "head"), **record["items"]})


def _uncovered(covers: dict[str, str], items: dict[str, Any]) -> Iterator[Found]:
    for key in sorted({*covers, *items}) if covers else ():
        if key not in items:
            yield "dropped", key, f"{key} is gone"
        elif key not in covers:
            yield "mismatched", key, f"{key} was written without an event"
        elif sha256(canonical(items[key])) != covers[key]:
            yield "mismatched", key, f"{key} is not as its last event left it"


def end_of(record: dict[str, Any]) -> str:
    """A job's part of the seal."""
    job = record["job"] if isinstance(record["job"], dict) else {}
    return f"{record['job_id']} {job.get('seq')} {job.get('head')}\n"


def check(lines: Iterable[str]) -> Iterator[str]:
    """Every problem of an export, one sentence each."""
    jobs, ends, sealed = 0, hashlib.sha256(), False
    for number, text in enumerate(lines, start=1):
        try:
            line = json.loads(text)
        except ValueError:
            yield f"line {number} is not JSON: the export was cut off or changed"
            continue
        if line["kind"] == "job":
            jobs += 1
            ends.update(end_of(line).encode())
            yield from (f"job {line['job_id']}: {kind}: {problem}" for kind, _, problem in problems(line))
        elif line["kind"] == "seal":
            sealed = True
            if (line["jobs"], line["digest"]) != (jobs, ends.hexdigest()):
                yield f"the seal is not that of these {jobs} jobs"
    if not sealed:
        yield "the export has no seal: it was not finished"


def main() -> int:
    if len(sys.argv) != 2:  # noqa: PLR2004 - this file and the export
        print("usage: python verify.py export.jsonl", file=sys.stderr)
        return 2
    with Path(sys.argv[1]).open(encoding="utf-8") as lines:
        found = list(check(lines))
    for problem in found:
        print(problem)
    print(f"{len(found)} problems" if found else "everything holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
