"""Measurements on a terminal: the grids of a report, and what must be known to believe them.

Hides the drawing. What stands in the grids is shared.bench's.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.bench.grids import Grid
from shared.cli.words import plain


def show(console: Console, grids: Iterable[Grid], *, notes: Iterable[str]) -> None:
    """Each grid as a table; the notes last, where they are read."""
    for grid in grids:
        table = Table(title=plain(grid.title) or None, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
        for number, column in enumerate(grid.columns):
            table.add_column(column, overflow="fold", no_wrap=number == 0)
        for row in grid.rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        console.print(table)
        if grid.below:
            console.print(Text(f"  {plain(grid.below)}\n", "dim"), soft_wrap=True)
    for note in notes:
        console.print(Text(f"note  {plain(note)}", "yellow"), soft_wrap=True)
