"""`presscheck models`: every model, all about one, which one each use case would pick and why; and their other names.

Hides nothing but typer. `presscheck models` and `presscheck models NAME` are short for `presscheck models show`.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from shared.catalogue import Catalogue
from shared.cli import listing
from shared.cli.api import Document, open_api
from shared.cli.errors import CliError, print_json
from shared.cli.options import Json, Offline, Reason
from shared.cli.world import world_of
from shared.pipeline.listings import model_list
from shared.policy import Policies
from shared.releases import Release
from shared.views import ModelList

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck models
[dim]$[/dim] presscheck models release house sd35-large --reason "our look"
[dim]$[/dim] presscheck models rollback house --reason "hands got worse"
[dim]$[/dim] presscheck models dalle3-hd
[dim]$[/dim] presscheck models --offline --profile local
[dim]$[/dim] presscheck models --json | jq '.picks[] | {use_case, draft, final, why}'
"""


class _Short(TyperGroup):
    """`models` and `models NAME` mean `models show`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["show", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(cls=_Short, rich_markup_mode="rich", epilog=EPILOG)

Alias = Annotated[str, typer.Argument(metavar="ALIAS", help="The name that clients ask for.")]
Target = Annotated[str, typer.Argument(metavar="MODEL", help="The model it stands for.")]


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck models show dalle3-hd")
def show(
    context: typer.Context,
    *,
    name: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="All about one model, by its name or another it answers to.")
    ] = None,
    offline: Offline = False,
    profile: Annotated[str, typer.Option("--profile", help="With --offline: which kind of deployment.")] = "aws",
    json: Json = False,
) -> None:
    """Every model with what it can do, costs and how long it lives; and what each use case would pick and why."""
    world = world_of(context)
    if offline:
        policies = Policies.load()
        policy = policies.at(policies.released)
        if profile not in policy.profiles:
            raise typer.BadParameter(f"known are: {', '.join(policy.profiles)}", param_hint="--profile")
        today = datetime.now(UTC).date()
        view = model_list(policy=policy, catalogue=Catalogue.load(), profile=profile, today=today)
        raw = view.model_dump(mode="json")
    else:
        document = open_api(world).models()
        view, raw = document.view, document.raw
    if name is not None:
        _one(world.out, view, name, as_json=json)
    elif json:
        print_json(world.out, raw)
    else:
        listing.models(world.out, view)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck models aliases --json | jq '.aliases[].model'")
def aliases(context: typer.Context, *, json: Json = False) -> None:
    """The other names models answer to, where each leads now; and for admins who moved it, when and why."""
    world = world_of(context)
    document = open_api(world).aliases()
    if json:
        print_json(world.out, document.raw)
    else:
        listing.aliases(world.out, document.view)


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck models release house sd35-large --reason "our look"')
def release(context: typer.Context, *, alias: Alias, model: Target, reason: Reason, json: Json = False) -> None:
    """Let a name stand for a model, for the very next job; accepted jobs keep theirs. The name may be new."""
    world = world_of(context)
    _moved(world.out, alias, open_api(world).release_alias(alias, model, reason=reason), as_json=json)


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck models rollback house --reason "hands got worse"')
def rollback(context: typer.Context, *, alias: Alias, reason: Reason, json: Json = False) -> None:
    """Let a name stand for the model it stood for before, for the very next job. Accepted jobs keep theirs."""
    world = world_of(context)
    _moved(world.out, alias, open_api(world).rollback_alias(alias, reason=reason), as_json=json)


def _moved(console: Console, alias: str, made: Document[Release], *, as_json: bool) -> None:
    if as_json:
        print_json(console, made.raw)
    else:
        listing.moved(console, alias, made.view)


def _one(console: Console, view: ModelList, name: str, *, as_json: bool) -> None:
    row = next((row for row in view.models if name in (row.name, *row.aliases)), None)
    if row is None:
        known = [each for row in view.models for each in (row.name, *row.aliases)]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see them all: presscheck models"
        raise CliError(f'model "{name}" is not in the catalogue', hint=hint, code="not_found")
    if as_json:
        print_json(console, row.model_dump(mode="json"))
    else:
        listing.model(console, row)
