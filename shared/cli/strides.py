"""How far a measurement is: a live bar with the median so far on a terminal, a line every quarter elsewhere.

Hides the drawing. Shows what it is given on stderr; measures nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from shared.bench.stats import median
from shared.cli.words import duration, plain


class Strides:
    """`start` a part, then `step` for each thing measured; leave the block when it is over."""

    def __init__(self, console: Console, *, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._bar = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[said]}", style="dim"),
                console=console,
            )
            if console.is_terminal
            else None
        )
        self._task: TaskID | None = None
        self._name, self._of, self._began = "", 0, 0.0
        self._times: list[float] = []
        self._done = self._failed = 0

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def start(self, name: str, *, of: int) -> None:
        self._name, self._of, self._began = plain(name), of, self._clock()
        self._times, self._done, self._failed = [], 0, 0
        if self._bar:
            self._task = self._bar.add_task(self._name, total=of, said="warming up")

    def step(self, took_ms: float | None, *, failed: str | None = None) -> None:
        """`took_ms` is None where nothing was delivered; `failed` is the reason, where that is an error."""
        self._done += 1
        self._failed += failed is not None
        if took_ms is not None:
            self._times.append(took_ms)
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=self._done, said=self._said())
        elif not self._bar and (self._done == self._of or self._done % max(1, self._of // 4) == 0):
            elapsed = duration((self._clock() - self._began) * 1000)
            self._console.print(
                f"{elapsed:>8}  {self._name}: {self._done} of {self._of}, {self._said()}", markup=False, soft_wrap=True
            )

    def _said(self) -> str:
        words = [f"median {duration(median(self._times))}"] if self._times else ["none delivered yet"]
        return ", ".join(words + ([f"{self._failed} errors"] if self._failed else []))
