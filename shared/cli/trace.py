"""`presscheck trace`: which change moved the rate of defects or of wrong words.

Hides nothing but typer and layout. The arithmetic is the stack's: see shared.pipeline.tracing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.api import open_api
from shared.cli.errors import print_json
from shared.cli.options import Json, Since
from shared.cli.words import plain
from shared.cli.world import world_of
from shared.pipeline.tracing import Suspect, Trace

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck trace --template poster --since 30d
[dim]$[/dim] presscheck trace --use-case hero --by artifact --since 2026-11-01
[dim]$[/dim] presscheck trace --since 7d --json | jq '{verdict, value: .likeliest.value, said}'

[bold]How it tells[/bold]
First finals before against after each change: Fisher's exact test, corrected for the number of changes (Holm), with
Newcombe's 95 % interval; below 20 renders a side it says nothing. A new container shows as a model's revision.
"""

_STYLES = {"worse": "bold red", "better": "bold green", "unmoved": "dim", "too_thin": "yellow"}


def trace(
    context: typer.Context,
    *,
    template: Annotated[str | None, typer.Option("--template", help="Only jobs of this template.")] = None,
    use_case: Annotated[str | None, typer.Option("--use-case", help="Only jobs for this.")] = None,
    by: Annotated[Literal["artifact", "mismatch"], typer.Option("--by", help="Defects, or wrong words.")] = "mismatch",
    since: Since = None,
    json: Json = False,
) -> None:
    """Which change of template, policy, model or its revision moved the rate of wrong words or of defects; 14 days."""
    world = world_of(context)
    start = since or datetime.now(UTC) - timedelta(days=14)
    document = open_api(world).trace(since=start, by=by, template=template, use_case=use_case)
    if json:
        print_json(world.out, document.raw)
    else:
        _told(world.out, document.view)


def _told(console: Console, found: Trace) -> None:
    heading = {"worse": "✗ worse  ", "better": "✓ better  "}.get(found.verdict, "")
    console.print(Text.assemble((heading, _STYLES.get(found.verdict, "")), plain(found.said)), soft_wrap=True)
    if found.suspects:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name, justify in (("Change", "left"), ("Since", "left"), ("Before", "right"), ("After", "right")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]  # rich takes these words
        table.add_column("Difference", justify="right", no_wrap=True)
        table.add_column("p", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for each in found.suspects:
            table.add_row(*_row(each))
        console.print(table)
    if found.likeliest and found.likeliest.examples:
        console.print(Text("Look at", "bold"))
        for render in found.likeliest.examples:
            console.print(Text(f"  presscheck jobs show {plain(render).partition(':')[0]}"), soft_wrap=True)
    if not found.complete:
        console.print(Text("There were more jobs than were looked at: the newest were. Narrow it down.", "yellow"))


def _row(each: Suspect) -> tuple[Text | str, ...]:
    value = Text(plain(each.value))
    value.append(f" ← {plain(each.instead_of)}", "dim")
    for other in each.came_with:
        value.append(f"\nwith {plain(other)}", "dim")
    return (
        value,
        f"{each.first_seen:%Y-%m-%d %H:%M}",
        f"{each.before.share:.1%} of {each.before.of}",
        f"{each.after.share:.1%} of {each.after.of}",
        f"{each.shift.difference:+.1%} ({each.shift.low:+.1%} … {each.shift.high:+.1%})",
        f"{each.p_corrected:.2g}",
        Text(each.verdict.replace("_", " "), _STYLES[each.verdict]),
    )
