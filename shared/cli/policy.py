"""`presscheck policy …`: the rules in force, and moving them.

Hides nothing but typer. Releasing also locks the version's file in this checkout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shared.cli import listing
from shared.cli.api import open_api
from shared.cli.errors import CliError, print_json
from shared.cli.options import Json, Offline, Reason
from shared.cli.world import world_of
from shared.errors import ConfigurationError
from shared.pipeline.listings import policy_view
from shared.policy import POLICY_FOLDER, Policies, lock_policy

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck policy show
[dim]$[/dim] presscheck policy release 2 --reason "medium for feed images"
[dim]$[/dim] presscheck policy rollback --reason "finals take too long"
"""

Directory = Annotated[
    Path,
    typer.Option("--dir", metavar="DIR", exists=True, file_okay=False, help="The folder that holds policy.toml."),
]

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck policy show --json | jq .rules.use_cases.hero")
def show(
    context: typer.Context, *, offline: Offline = False, directory: Directory = POLICY_FOLDER, json: Json = False
) -> None:
    """The rules in force, which versions there are; and who released what, when and why."""
    world = world_of(context)
    if offline:
        policies = _load(directory)
        view = policy_view(policies, released=policies.released)
        raw = view.model_dump(mode="json")
    else:
        document = open_api(world).policy()
        view, raw = document.view, document.raw
    if json:
        print_json(world.out, raw)
    else:
        listing.policy(world.out, view)


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck policy release 2 --reason "medium for feed images"')
def release(
    context: typer.Context,
    *,
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="A version this stack carries.")],
    reason: Reason,
    offline: Offline = False,
    directory: Directory = POLICY_FOLDER,
    json: Json = False,
) -> None:
    """Put a version in force, for the very next job; running jobs keep theirs. Its file is locked.

    The stack must carry the version: deploy first. With --offline only the file is locked.
    """
    world = world_of(context)
    policies = _load(directory)
    if offline:
        _lock(directory, version)
        listing.locked(world.out, f"policy@{version}", as_json=json)
        return
    api = open_api(world)
    carried = {each.version: each.digest for each in api.policy().view.versions}
    if version in policies.digests and carried.get(version) != policies.digests[version]:
        has = "another file under that number" if version in carried else "no such version"
        raise CliError(
            f"policy {version} is not deployed: the stack carries {has}",
            hint="deploy first (presscheck up; or cdk deploy), then release",
            code="not_deployed",
        )
    move = api.release("policy", version, reason=reason)
    if version in policies.digests:
        _lock(directory, version)
    if json:
        print_json(world.out, move.raw)
    else:
        listing.move(world.out, "policy", move.view)


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck policy rollback --reason "finals take too long"')
def rollback(context: typer.Context, *, reason: Reason, json: Json = False) -> None:
    """Put the version in force that was so before, for the very next job. Running jobs keep theirs."""
    world = world_of(context)
    move = open_api(world).rollback("policy", reason=reason)
    if json:
        print_json(world.out, move.raw)
    else:
        listing.move(world.out, "policy", move.view)


def _load(folder: Path) -> Policies:
    try:
        return Policies.load(folder)
    except ConfigurationError as error:
        raise CliError(error.message, code=error.code) from error


def _lock(folder: Path, version: int) -> None:
    try:
        lock_policy(folder, version=version)
    except (ConfigurationError, OSError) as error:
        raise CliError(f"cannot lock policy {version} in {folder}: {error}", code="not_locked") from error
