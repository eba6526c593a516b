"""`presscheck keys …`: the API keys of your tenant.

Hides nothing but typer. A tenant's first key comes from its operator: `python -m shared.operator key`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli.api import open_api
from shared.cli.errors import print_json
from shared.cli.options import Json
from shared.cli.words import age, plain
from shared.cli.world import world_of
from shared.views import KeyView

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck keys create ci --scope render --days 90
[dim]$[/dim] presscheck keys list
[dim]$[/dim] presscheck keys revoke key_4f1c0a9be2d37c518a60
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)


@app.command(
    epilog="[bold]Example[/bold]\n"
    "[dim]$[/dim] presscheck keys create ci --scope render --scope approve --json | jq -r .key"
)
def create(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it; the actor in every audit chain.")],
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="render, approve, audit or admin; repeat it. Default: render.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it works.")] = 365,
    forever: Annotated[bool, typer.Option("--forever", help="It never expires.")] = False,
    json: Json = False,
) -> None:
    """Make a key. It is printed this once and can never be shown again."""
    world = world_of(context)
    made = open_api(world).create_key(
        {"name": name, "scopes": scope or ["render"], "expires_in_days": None if forever else days}
    )
    if json:
        print_json(world.out, made.raw)
        return
    world.out.print(made.view.key, markup=False, highlight=False, soft_wrap=True)
    world.err.print(
        Text(f"{made.view.id} for {plain(made.view.name)}: {', '.join(made.view.scopes)}. Keep it now.", "dim")
    )


@app.command(
    "list", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck keys list --json | jq '.keys[] | select(.works)'"
)
def list_(context: typer.Context, *, json: Json = False) -> None:
    """Every key of your tenant, revoked and expired ones among them."""
    world = world_of(context)
    found = open_api(world).keys()
    if json:
        print_json(world.out, found.raw)
    else:
        _table(world.out, found.view.keys, now=datetime.now(UTC))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck keys revoke key_4f1c0a9be2d37c518a60")
def revoke(
    context: typer.Context,
    *,
    key: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it; never the key itself.")],
    json: Json = False,
) -> None:
    """Make a key worthless, for good. It is refused everywhere within a minute."""
    world = world_of(context)
    gone = open_api(world).revoke_key(key)
    if json:
        print_json(world.out, gone.raw)
    else:
        world.out.print(f"Revoked {gone.view.id} of {plain(gone.view.name)}.", markup=False)


def _table(console: Console, keys: tuple[KeyView, ...], *, now: datetime) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Id", "Begins with", "Name", "Scopes", "Made", "State"):
        table.add_column(column, overflow="fold", no_wrap=column in {"Id", "Begins with"})
    for key in keys:
        state = "revoked" if key.revoked_at else "works" if key.works else "expired"
        if key.works and key.expires_at:
            state = f"until {key.expires_at:%Y-%m-%d}"
        table.add_row(
            key.id,
            plain(key.begins_with) + "…",
            plain(key.name),
            " ".join(key.scopes),
            f"{age(key.created_at, now)} by {plain(key.created_by)}",
            Text(state, "green" if key.works else "dim"),
        )
    console.print(table)
