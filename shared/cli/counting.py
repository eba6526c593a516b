"""How far something is that takes a while: a bar on a terminal, a line every hundred elsewhere.

Hides the drawing. Shows what it is given on stderr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@dataclass
class Count:
    """`begin` a part, then `step` for each thing that is done; leave the block when it is over."""

    console: Console
    there: int = 0
    """How many were there already."""
    _name: str = ""
    _total: int | None = None
    _done: int = 0
    _bar: Progress | None = field(init=False, default=None)
    _task: TaskID | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self.console)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def begin(self, name: str, *, total: int | None = None) -> None:
        self._name, self._total, self._done = name, total, 0
        if self._bar:
            self._task = self._bar.add_task(name, total=total)

    def step(self, there: bool) -> None:
        self._done += 1
        self.there += there
        if self._bar and self._task is not None:
            self._bar.advance(self._task)
        elif self._done % 100 == 0 or self._done == self._total:
            self.console.print(f"{self._done} {self._name}", markup=False)
