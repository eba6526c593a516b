"""`presscheck webhooks …`: the signing secret, and the URLs that asked for no more.

Hides nothing but typer. What one job told its webhook: `presscheck jobs deliveries`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from shared.cli import deliveries
from shared.cli.api import Document, open_api
from shared.cli.errors import print_json
from shared.cli.options import Json
from shared.cli.world import World, world_of
from shared.models import SigningSecret

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck webhooks secret show
[dim]$[/dim] presscheck render --prompt "A fox" --webhook https://hooks.example.com/presscheck
[dim]$[/dim] presscheck jobs deliveries last
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)
secret = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(secret, name="secret", help="What receivers check signatures with (Standard Webhooks). For admins.")


@secret.command(
    "show", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck webhooks secret show --json | jq -r .secret"
)
def show_(context: typer.Context, *, json: Json = False) -> None:
    """The secret your receivers check signatures with; the first call makes it."""
    world = world_of(context)
    _tell(world, open_api(world).signing_secret(), as_json=json)


@secret.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck webhooks secret rotate")
def rotate(context: typer.Context, *, json: Json = False) -> None:
    """Make a new secret. For 24 hours deliveries carry a signature of the old one, too."""
    world = world_of(context)
    _tell(world, open_api(world).rotate_signing_secret(), as_json=json)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck webhooks disabled")
def disabled(context: typer.Context, *, json: Json = False) -> None:
    """URLs that answered 410 Gone, and so are told nothing."""
    world = world_of(context)
    found = open_api(world).disabled_endpoints()
    if json:
        print_json(world.out, found.raw)
    else:
        deliveries.disabled(world.out, found.view.endpoints, now=datetime.now(UTC))


@app.command(
    epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck webhooks enable https://hooks.example.com/presscheck"
)
def enable(context: typer.Context, *, url: Annotated[str, typer.Argument(metavar="URL")], json: Json = False) -> None:
    """Tell a URL again what happens from now on; what it missed: `presscheck jobs redeliver`."""
    world = world_of(context)
    left = open_api(world).enable_endpoint(url)
    if json:
        print_json(world.out, left.raw)
    else:
        world.out.print(Text.assemble((url, "bold"), " is told again what happens."), soft_wrap=True)


def _tell(world: World, document: Document[SigningSecret], *, as_json: bool) -> None:
    if as_json:
        print_json(world.out, document.raw)
        return
    world.out.print(Text(document.view.secret), soft_wrap=True)
    if until := document.view.previous_until:
        note = f"Until {until:%Y-%m-%d %H:%M} UTC deliveries carry a signature of the secret before it, too."
        world.out.print(Text(note, "dim"), soft_wrap=True)
