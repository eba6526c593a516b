"""The evidence as one documented value: who painted, every job both ways, the rows, and what a reader must know.

Hides which notes a report carries. `events/evidence.schema.json` is the JSON Schema of `EvidenceReport`; a field that
goes or changes its meaning raises `version`. Measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from shared.bench.adhoc import Habits, in_words
from shared.bench.load import Load
from shared.bench.report import StackFacts
from shared.bench.rows import Row, rows, shortened
from shared.bench.trial import Pair, Trial
from shared.models import Value

VERSION: Final = "1"


class Server(Value):
    """A model server that painted."""

    way: Literal["before", "after"]
    model: str
    revision: str
    simulated: bool
    renders: int


class EvidenceReport(Value):
    """`presscheck evidence --json`."""

    kind: Literal["presscheck-evidence"] = "presscheck-evidence"
    version: Literal["1"] = VERSION
    presscheck: str
    made_at: datetime
    interrupted: bool = False
    stack: StackFacts
    workload: str = Field(description="sha256 of the workload's file.")
    jobs: int = Field(description="Asked for.")
    done: int = Field(description="Done both ways.")
    seed: int
    load: Load
    flagship: str
    habits: Habits
    servers: tuple[Server, ...]
    simulated: bool = Field(description="Any picture came from a simulator: then nothing here is evidence of models.")
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]


def report(
    trial: Trial,
    *,
    presscheck: str,
    made_at: datetime,
    interrupted: bool,
    stack: StackFacts,
    workload: str,
    jobs: int,
    seed: int,
    load: Load,
    flagship: str,
    habits: Habits,
) -> EvidenceReport:
    """What the trial found so far."""
    ways: tuple[tuple[Literal["before", "after"], Mapping[tuple[str, str, bool], int]], ...]
    ways = (("before", trial.painters["before"]), ("after", trial.painters["after"]))
    servers = tuple(
        Server(way=way, model=model, revision=revision, simulated=simulated, renders=renders)
        for way, painters in ways
        for (model, revision, simulated), renders in painters.items()
    )
    pairs = tuple(trial.pairs)
    return EvidenceReport(
        presscheck=presscheck,
        made_at=made_at,
        interrupted=interrupted,
        stack=stack,
        workload=workload,
        jobs=jobs,
        done=len(pairs),
        seed=seed,
        load=load,
        flagship=flagship,
        habits=habits,
        servers=servers,
        simulated=any(server.simulated for server in servers),
        notes=_notes(pairs, servers, habits=habits, interrupted=interrupted),
        rows=rows(pairs, seed=seed),
        pairs=pairs,
    )


def _notes(pairs: Sequence[Pair], servers: Sequence[Server], *, habits: Habits, interrupted: bool) -> tuple[str, ...]:
    """What a reader must know to believe the rows, the most important first."""
    found = []
    if any(server.simulated for server in servers):
        found.append(
            "painted by a simulator, which takes its error rates (18 %, 4 %) and the 12 % of a masked pass from the "
            "article: the rows show that the machinery works, they are no evidence about real models"
        )
    if hurry := shortened(pairs):
        found.append(
            f"painting took {hurry:.0%} of the time it bills, so the measured latencies are mostly the pipeline's own, "
            "on a machine that both share; the rows at billed speed put the model's time back"
        )
    if interrupted:
        found.append("interrupted: only the blocks that were done both ways count")
    found += [
        in_words(habits),
        "after: drafts, cache, the use case's model, verification and repair, as the policy in force says; nobody "
        "approves drafts. A final begins beside its draft and is read before it is delivered: there is something to "
        "look at sooner, and the final comes later than a bare call's",
        "as delivered means as a viewer sees it: the text reader and the artifact checks look at every delivered "
        "picture of both ways, knowing nothing of its making. It is the reader that the stack verifies with, so what "
        "that overlooks counts as right in both",
        "costs are the catalogue's prices for what was painted; workflow, storage and people cost extra",
        "the pipeline's own time (workflow, OCR) is in the after latencies; before has none",
    ]
    cached, repeats = sum(pair.after.cached for pair in pairs), sum(pair.repeats for pair in pairs)
    if cached > repeats:
        found.append(
            f"{cached} jobs came from the cache, but only {repeats} repeat another: was this seed used before?"
        )
    return tuple(found)
