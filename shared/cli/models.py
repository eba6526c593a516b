"""`presscheck models`: every model, all about one, and which one each use case would pick and why.

Hides nothing but typer.
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from shared.catalogue import Catalogue
from shared.cli import listing
from shared.cli.api import open_api
from shared.cli.errors import CliError, print_json
from shared.cli.options import Json, Offline
from shared.cli.world import world_of
from shared.pipeline.listings import model_list
from shared.policy import Policies
from shared.views import ModelList

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck models
[dim]$[/dim] presscheck models dalle3-hd
[dim]$[/dim] presscheck models --offline --profile local
[dim]$[/dim] presscheck models --json | jq '.picks[] | {use_case, draft, final, why}'
"""


def models(
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
