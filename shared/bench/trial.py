"""The trial: the same jobs done both ways, block by block, and what a viewer was given each time.

Hides the order of work. Blocks alternate in which way comes first, so that a machine that gets slower or busier hits
both; within a block a way has the stack to itself, so that neither waits in the other's queue. Pictures are looked at
between the loads, which nobody's clock counts. How a job is done is given: see `Hands`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pydantic import Field

from shared.bench.adhoc import Habits
from shared.bench.load import Halt, Load, drive
from shared.bench.viewer import Impression, Viewer
from shared.bench.workload import Item
from shared.models import Value


@dataclass(frozen=True)
class Render:
    """One job done once: the picture, or why there is none. Milliseconds; money in millionths of a dollar."""

    picture: bytes | None = None
    first_ms: int | None = None
    """Until there was something to look at: a draft, or the picture itself."""
    total_ms: int = 0
    cost_usd_micros: int = 0
    server_ms: int | None = None
    """What the model server bills; None where the host sells pictures, not seconds."""
    painting_ms: int = 0
    """What it really took. A simulator takes less than it bills."""
    short_ms: int | None = None
    """By how much the painters on the way to delivery took less than they billed; a draft painted meanwhile is on
    nobody's way."""
    first_short_ms: int | None = None
    """By how much the painter of the first thing to look at took less than it billed; None where that is not known."""
    renders: int = 0
    cached: bool = False
    repaired_whole_usd_micros: int = 0
    """Of a job with a masked repair: its first final, and all its masked passes."""
    masked_usd_micros: int = 0
    painters: tuple[tuple[str, str, bool], ...] = ()
    """(model, revision, simulated) of each render that was painted."""
    error: str = ""
    rejected: bool = False
    """It was painted, and withheld as not good enough."""


class Hands(Protocol):
    """The two ways of doing a job. Called from several threads; raise Halted where told to stop."""

    def by_hand(self, item: Item, *, complaints: int) -> Render: ...

    def by_policy(self, item: Item) -> Render: ...


class Side(Value):
    """What became of one job one way. Sums are over all its tries."""

    delivered: bool
    rejected: bool = False
    error: str = ""
    first_ms: int | None = None
    total_ms: int = 0
    renders: int = 0
    cost_usd_micros: int = 0
    server_ms: int | None = Field(None, description="As billed.")
    painting_ms: int = Field(0, description="As it really took; a simulator takes less than it bills.")
    short_ms: int | None = Field(None, description="By how much painters on the way to delivery took less than billed.")
    first_short_ms: int | None = None
    cached: bool = False
    complaints: int = 0
    at_first: Impression | None = None
    """What was wrong with the first picture that was delivered."""
    in_the_end: Impression | None = None
    repaired_whole_usd_micros: int = 0
    masked_usd_micros: int = 0

    @property
    def billed_total_ms(self) -> int | None:
        """The latency, had the painter taken the time it bills."""
        return None if self.short_ms is None else self.total_ms + self.short_ms

    @property
    def billed_first_ms(self) -> int | None:
        """Likewise until the first look."""
        if self.first_ms is None or self.first_short_ms is None:
            return None
        return self.first_ms + self.first_short_ms


class Pair(Value):
    """One job, both ways."""

    number: int
    use_case: str
    lettered: bool
    repeats: bool
    before: Side
    after: Side


class Trial:
    """`pairs` grows by whole blocks; a trial that is broken off keeps those that were finished."""

    def __init__(
        self,
        hands: Hands,
        viewer: Viewer,
        *,
        load: Load,
        habits: Habits,
        clock: Callable[[], float],
        halt: Halt,
    ) -> None:
        self._hands, self._viewer, self._load, self._habits = hands, viewer, load, habits
        self._clock, self._halt = clock, halt
        self.pairs: list[Pair] = []
        self.painters: dict[str, dict[tuple[str, str, bool], int]] = {"before": {}, "after": {}}

    def run(self, blocks: Sequence[Sequence[Item]], seen: Callable[[Render], None]) -> None:
        """`seen` is given the first render of each job and way as it comes."""
        for number, block in enumerate(blocks):
            if number % 2 == 0:
                before = self._by_hand(block, seen)
                after = self._by_policy(block, seen)
            else:
                after = self._by_policy(block, seen)
                before = self._by_hand(block, seen)
            self.pairs += [
                Pair(
                    number=item.number,
                    use_case=item.use_case,
                    lettered=bool(item.expected_text),
                    repeats=item.repeats is not None,
                    before=before[item.number],
                    after=after[item.number],
                )
                for item in block
            ]

    def _by_hand(self, block: Sequence[Item], seen: Callable[[Render], None]) -> dict[int, Side]:
        """Deliver, let the viewer look, and paint anew what they complain about."""
        sides: dict[int, Side] = {}
        open_items = list(block)
        for complaints in range(self._habits.complaints + 1):
            wrong = []
            paint = partial(self._hands.by_hand, complaints=complaints)
            for item, render in self._all("before", open_items, paint, _unseen if complaints else seen):
                side = self._looked_at(item, render)
                sides[item.number] = _after_complaint(sides[item.number], side) if complaints else side
                if side.in_the_end and side.in_the_end.wrong:
                    wrong.append(item)
            open_items = wrong
        return sides

    def _by_policy(self, block: Sequence[Item], seen: Callable[[Render], None]) -> dict[int, Side]:
        done = self._all("after", block, self._hands.by_policy, seen)
        return {item.number: self._looked_at(item, render) for item, render in done}

    def _all(
        self, way: str, items: Sequence[Item], do: Callable[[Item], Render], seen: Callable[[Render], None]
    ) -> list[tuple[Item, Render]]:
        done = []
        for timed in drive(items, do, load=self._load, seed=0, clock=self._clock, halt=self._halt):
            for painter in timed.result.painters:
                self.painters[way][painter] = self.painters[way].get(painter, 0) + 1
            done.append((timed.request, timed.result))
            seen(timed.result)
        return done

    def _looked_at(self, item: Item, render: Render) -> Side:
        impression = None
        if render.picture is not None:
            impression = self._viewer.look(render.picture, texts=item.expected_text, size=item.size)
        return Side(
            delivered=render.picture is not None,
            rejected=render.rejected,
            error=render.error,
            first_ms=render.first_ms,
            total_ms=render.total_ms,
            renders=render.renders,
            cost_usd_micros=render.cost_usd_micros,
            server_ms=render.server_ms,
            painting_ms=render.painting_ms,
            short_ms=render.short_ms,
            first_short_ms=render.first_short_ms,
            cached=render.cached,
            at_first=impression,
            in_the_end=impression,
            repaired_whole_usd_micros=render.repaired_whole_usd_micros,
            masked_usd_micros=render.masked_usd_micros,
        )


def _unseen(_: Render) -> None:
    """A repaint is no further job."""


def _after_complaint(before: Side, again: Side) -> Side:
    """Both tries as one: the first picture stays the first, time and money add up; a failed try replaces nothing."""
    kept = before.in_the_end if not again.delivered else again.in_the_end

    def both(one: int | None, other: int | None) -> int | None:
        return None if one is None or other is None else one + other

    return before.model_copy(
        update={
            "total_ms": before.total_ms + again.total_ms,
            "renders": before.renders + again.renders,
            "painting_ms": before.painting_ms + again.painting_ms,
            "cost_usd_micros": before.cost_usd_micros + again.cost_usd_micros,
            "server_ms": both(before.server_ms, again.server_ms),
            "short_ms": both(before.short_ms, again.short_ms),
            "complaints": before.complaints + 1,
            "in_the_end": kept,
        }
    )
