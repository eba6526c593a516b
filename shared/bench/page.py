"""A report as one HTML page that needs nothing else: tables, charts, light and dark.

Hides template and style. Loads nothing from anywhere; every text is escaped. What stands on a page is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.bench.grids import Grid

_HERE: Final = Path(__file__).parent


@dataclass(frozen=True)
class Chart:
    title: str
    svg: Markup
    caption: str
    legend: Markup | str = ""


def page(
    title: str,
    *,
    facts: Sequence[str],
    notes: Sequence[str],
    tables: Sequence[Grid],
    charts: Sequence[Chart],
    first: Sequence[Grid] = (),
) -> str:
    """The whole document. `facts` are lines below the title, `notes` what must be known to believe the figures.

    Tables in `first` stand above the charts, the others below.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    style = Markup((_HERE / "page.css").read_text("utf-8"))  # noqa: S704 - our own file
    return environment.get_template("page.html").render(
        title=title, facts=facts, notes=notes, first=first, tables=tables, charts=charts, style=style
    )
