"""A job's way through its stages, as it happens: a live list on a terminal, one line a change elsewhere.

Hides the drawing. Shows what it is given on stderr; asks nobody and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shared.cli.words import duration, plain
from shared.models import AttemptStatus, Finalize, Stage, Tier, Verdict
from shared.views import JobView, RenderView

_USUAL: Final = (Stage.QUEUED, Stage.DRAFTING, Stage.FINALIZING, Stage.VERIFYING, Stage.DONE)
_EXTRA: Final = {Finalize.ON_APPROVAL: Stage.AWAITING_APPROVAL, Finalize.OFF_PEAK: Stage.WAITING_OFF_PEAK}
WORDS: Final = {
    Stage.QUEUED: "Queued",
    Stage.DRAFTING: "Drafting",
    Stage.AWAITING_APPROVAL: "Awaiting approval",
    Stage.WAITING_OFF_PEAK: "Waiting for off-peak",
    Stage.FINALIZING: "Finalizing",
    Stage.VERIFYING: "Verifying",
    Stage.REPAIRING: "Repairing",
    Stage.DONE: "Done",
    Stage.REJECTED: "Rejected",
    Stage.FAILED: "Failed",
    Stage.CANCELED: "Canceled",
    Stage.EXPIRED: "Expired",
}
STYLES: Final = {
    Stage.DONE: "green",
    Stage.FAILED: "red",
    Stage.REJECTED: "yellow",
    Stage.CANCELED: "yellow",
    Stage.EXPIRED: "yellow",
    Stage.AWAITING_APPROVAL: "magenta",
    Stage.REPAIRING: "yellow",
}


@dataclass
class _Step:
    stage: Stage
    since: float
    notes: list[str] = field(default_factory=list)


class Progress:
    """Give `see` every state of one job; leave the block when it is over. `clock` counts seconds."""

    def __init__(self, console: Console, *, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._job: JobView | None = None
        self._steps: list[_Step] = []
        self._said: set[str] = set()
        self._spinner = Spinner("dots", style="cyan")
        self._live = (
            Live(console=console, get_renderable=self._draw, refresh_per_second=10) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def see(self, job: JobView) -> None:
        """What is new goes with the stage it happened in: the one before, when the stage has moved on since."""
        self._job = job
        news = [note for render in job.attempts for note in _notes(render) if note not in self._said]
        self._said.update(news)
        if not self._steps:
            self._steps.append(_Step(job.stage, self._clock()))
            self._line(WORDS[job.stage])
        for note in news:
            self._steps[-1].notes.append(note)
            self._line(f"  {note}")
        if self._steps[-1].stage is not job.stage:
            self._steps.append(_Step(job.stage, self._clock()))
            self._line(WORDS[job.stage])

    def _line(self, words: str) -> None:
        if not self._live:
            elapsed = duration((self._clock() - self._steps[0].since) * 1_000)
            self._console.print(f"{elapsed:>8}  {words}", markup=False, soft_wrap=True)

    def _draw(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", min_width=8, no_wrap=True)
        table.add_column(style="dim", overflow="fold")
        steps = list(self._steps)  # drawn from another thread than `see`
        for number, step in enumerate(steps):
            last = number == len(steps) - 1
            until = self._clock() if last else steps[number + 1].since
            start = steps[0].since if step.stage.terminal else step.since
            mark: RenderableType = self._spinner if last else Text("✓", "green")
            if step.stage.terminal:
                mark, until = Text("✓" if step.stage is Stage.DONE else "✗", STYLES[step.stage]), step.since
            style = STYLES.get(step.stage, "bold" if last else "")
            table.add_row(
                mark, Text(WORDS[step.stage], style), duration((until - start) * 1_000), Text("\n".join(step.notes))
            )
        for stage in self._ahead():
            table.add_row(Text("·", "dim"), Text(WORDS[stage], "dim"), "", "")
        return table

    def _ahead(self) -> list[Stage]:
        """The stages that usually follow the current one."""
        if self._job is None or self._job.stage.terminal:
            return []
        usual = list(_USUAL)
        if extra := _EXTRA.get(self._job.input.finalize):
            usual.insert(2, extra)
        if self._job.input.finalize is Finalize.DRAFT_ONLY:
            usual.remove(Stage.FINALIZING)
        here = Stage.FINALIZING if self._job.stage is Stage.REPAIRING else self._job.stage
        return usual[usual.index(here) + 1 :] if here in usual else usual[-3:]


def _notes(render: RenderView) -> list[str]:
    """What one attempt has to say so far; each line is said once."""
    name = f"draft {render.candidate}" if render.tier is Tier.DRAFT else f"final, attempt {render.attempt}"
    notes = [plain(f"{name}: {skip.step} skipped: {skip.reason}") for skip in render.skipped]
    notes += [plain(f"{name}: {render.repair}")] if render.repair else []
    if render.status is AttemptStatus.FAILED and render.error:
        notes.append(plain(f"{name}: {render.error.message}"))
    if render.status is AttemptStatus.RENDERED:
        source = "from the cache" if render.cached else f"in {duration(render.latency_ms.total)}"
        notes.append(plain(f"{name} by {render.model} {source}"))
    if render.verification:
        read = ", ".join(f'"{check.recognized}"' for check in render.verification.texts)
        verdict = "passed" if render.verification.verdict is Verdict.PASS else "failed"
        notes.append(plain(f"{name}: verification {verdict}{f', read {read}' if read else ''}"))
    return notes
