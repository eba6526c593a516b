"""Measurements on a terminal and in files: the grids of a report, and what must be known to believe them.

Hides the drawing. What stands in the grids is shared.bench's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.bench.grids import Grid
from shared.cli.errors import CliError
from shared.cli.words import plain
from shared.cli.world import World

_NARROW = 4
"""Columns that leave room for names on one line."""


def show(console: Console, grids: Iterable[Grid], *, notes: Iterable[str]) -> None:
    """Each grid as a table; the notes last, where they are read."""
    for grid in grids:
        table = Table(title=plain(grid.title) or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
        for number, column in enumerate(grid.columns):
            table.add_column(column, no_wrap=number == 0 and len(grid.columns) <= _NARROW)
        for row in grid.rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console.print(table)
        if grid.below:
            console.print(Text(f"  {plain(grid.below)}\n", "dim"), soft_wrap=True)
    for note in notes:
        console.print(Text(f"note  {plain(note)}", "yellow"), soft_wrap=True)


def save(world: World, path: Path, text: str) -> None:
    """Write a report, and say where. Raises CliError where that cannot be done."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}", code="not_written") from error
    world.err.print(Text(f"Saved {path}"), soft_wrap=True)
