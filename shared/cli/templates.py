"""`presscheck templates …`: look at prompt templates, check and write them, release them and roll them back.

Hides which commands read the files of a checkout (check, new, diff) and which ask a stack (list, show, release,
rollback). What a sound template is, is shared.prompts' to say.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from shared.cli import listing
from shared.cli import template_files as files
from shared.cli.api import open_api
from shared.cli.errors import FAILED, CliError, print_json
from shared.cli.options import Json, Offline, Reason
from shared.cli.words import plain
from shared.cli.world import World, world_of
from shared.goldens import golden_problems
from shared.pipeline.listings import template_list, template_view
from shared.prompts import new_version

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck templates list
[dim]$[/dim] presscheck templates new poster          [dim]the next version, from the newest[/dim]
[dim]$[/dim] presscheck templates diff poster         [dim]what it changes[/dim]
[dim]$[/dim] presscheck templates check
[dim]$[/dim] presscheck templates release poster@3 --reason "shorter headline"
[dim]$[/dim] presscheck templates rollback poster --reason "the headline wraps"
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_NAME = r"[a-z0-9][a-z0-9_-]{0,63}"


def _name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise typer.BadParameter("a template's name looks like sale-poster")
    return value


def _pinned(value: str) -> str:
    if not re.fullmatch(rf"{_NAME}@[1-9][0-9]{{0,8}}", value):
        raise typer.BadParameter("name the version, as in poster@3")
    return value


def _reference(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(rf"{_NAME}(@[1-9][0-9]{{0,8}})?", value):
        raise typer.BadParameter("a template looks like poster, a version of it like poster@3")
    return value


Name = Annotated[str, typer.Argument(metavar="NAME", callback=_name, help="A template, such as poster.")]
Pinned = Annotated[str, typer.Argument(metavar="NAME@VERSION", callback=_pinned, help="Such as poster@3.")]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", exists=True, file_okay=False, help="The templates; ./templates, else this checkout's."
    ),
]


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


@app.command("list", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck templates list --offline")
def list_(context: typer.Context, *, offline: Offline = False, directory: Directory = None, json: Json = False) -> None:
    """Every template with its versions and the one in force; and the seed sets."""
    world = world_of(context)
    if offline:
        found = files.load(files.directory(directory))
        view = template_list(found, released={name: found.releases.get(name) for name in found.versions})
        raw = view.model_dump(mode="json")
    else:
        document = open_api(world).templates()
        view, raw = document.view, document.raw
    if json:
        print_json(world.out, raw)
    else:
        listing.templates(world.out, view)


@app.command("show", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck templates show poster@1")
def show_(
    context: typer.Context,
    *,
    template: Annotated[
        str, typer.Argument(metavar="NAME[@VERSION]", callback=_reference, help="Such as poster, or poster@3.")
    ],
    offline: Offline = False,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """One version, in force unless another is named: its words, its variables; and who released what, when and why."""
    world = world_of(context)
    name, _, version = template.partition("@")
    if offline:
        found = files.load(files.directory(directory))
        files.must_exist(found, template)
        view = template_view(found, name, released=found.releases.get(name))
        raw = view.model_dump(mode="json")
    else:
        document = open_api(world).template(name)
        view, raw = document.view, document.raw
    wanted = int(version) if version else view.released or max(each.version for each in view.versions)
    if wanted not in {each.version for each in view.versions}:
        offered = ", ".join(str(each.version) for each in view.versions)
        raise CliError(f'template "{name}" has versions {offered}, not {wanted}', code="not_found")
    if json:
        print_json(world.out, raw)
    else:
        listing.template(world.out, view, version=wanted)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


@app.command(
    "check", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck templates check --json | jq -r '.problems[]'"
)
def check_(context: typer.Context, *, directory: Directory = None, json: Json = False) -> None:
    """Everything a job would stumble over, before it ships: edited releases, wrong variables, prompts too long."""
    world = world_of(context)
    folder = files.directory(directory)
    wrong = files.problems(folder)
    if json:
        print_json(world.out, {"ok": not wrong, "directory": str(folder), "problems": wrong})
    else:
        for problem in wrong:
            world.out.print(Text.assemble(("wrong ", "bold red"), plain(problem)), soft_wrap=True)
        if not wrong:
            count = sum(len(versions) for versions in files.load(folder).versions.values())
            world.out.print(Text.assemble(("sound ", "green"), f"{count} versions in {folder}"), soft_wrap=True)
    if wrong:
        raise typer.Exit(FAILED)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck templates new poster")
def new(context: typer.Context, *, name: Name, directory: Directory = None, json: Json = False) -> None:
    """Write the next version of a template, from the newest one; or the first, to start from."""
    world = world_of(context)
    path = new_version(files.directory(directory), name)
    if json:
        print_json(world.out, {"path": str(path), "template": f"{name}@{path.stem}"})
        return
    world.out.print(Text.assemble("Wrote ", (str(path), "bold")), soft_wrap=True)
    for command in (f"presscheck templates diff {name}", "presscheck templates check"):
        world.out.print(Text.assemble(("next ", "cyan"), command), soft_wrap=True)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck templates diff poster@1 poster@2")
def diff(
    context: typer.Context,
    *,
    old: Annotated[
        str, typer.Argument(metavar="OLD", callback=_reference, help="poster@1; or poster for its two newest.")
    ],
    new: Annotated[
        str | None, typer.Argument(metavar="[NEW]", callback=_reference, help="poster@2; the newest if not given.")
    ] = None,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """What changed between two versions, line by line."""
    world = world_of(context)
    folder = files.directory(directory)
    first, second = files.pair(folder, old, new)
    changes = list(
        difflib.unified_diff(files.lines(folder, first), files.lines(folder, second), first, second, lineterm="")
    )
    if json:
        print_json(world.out, {"from": first, "to": second, "diff": changes})
        return
    for line in changes:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        world.out.print(Text(plain(line), style), soft_wrap=True)


# ── moving what is in force ──────────────────────────────────────────────────────────────────────


@app.command(
    epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck templates release poster@3 --reason "shorter headline"'
)
def release(
    context: typer.Context,
    *,
    template: Pinned,
    reason: Reason,
    offline: Offline = False,
    directory: Directory = None,
    json: Json = False,
) -> None:
    """Put a version in force, for the very next job. Its file is locked: from now on it may not change.

    The stack must carry the version: deploy first. With --offline only the file is locked.
    """
    world = world_of(context)
    folder = files.directory(directory)
    here = (folder / template.partition("@")[0] / f"{template.partition('@')[2]}.toml").is_file()
    if here:
        files.must_be_sound(folder, template)
    elif offline:
        raise CliError(f"there is no {template} in {folder}", hint="name another folder with --dir", code="not_found")
    if offline:
        files.seal(folder, template)
        listing.locked(world.out, template, as_json=json)
        _ask_for_golden(world, folder, template)
        return
    api = open_api(world)
    if here:
        files.must_be_deployed(api, folder, template)
    name, _, version = template.partition("@")
    move = api.release(f"templates/{name}", int(version), reason=reason)
    if here:
        files.seal(folder, template)
    if json:
        print_json(world.out, move.raw)
    else:
        listing.move(world.out, name, move.view)
    if here:
        _ask_for_golden(world, folder, template)


@app.command(
    epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck templates rollback poster --reason "the headline wraps"'
)
def rollback(context: typer.Context, *, name: Name, reason: Reason, json: Json = False) -> None:
    """Put the version in force that was so before, for the very next job. Jobs accepted earlier keep theirs."""
    world = world_of(context)
    move = open_api(world).rollback(f"templates/{name}", reason=reason)
    if json:
        print_json(world.out, move.raw)
    else:
        listing.move(world.out, name, move.view)


def _ask_for_golden(world: World, folder: Path, template: str) -> None:
    """On stderr, where a release still lacks what it must look like: `templates check` will ask for it."""
    if any(problem.startswith(f"{template} was released without") for problem in golden_problems(folder)):
        world.err.print(
            Text.assemble(("next ", "cyan"), f"presscheck golden update --template {template}"), soft_wrap=True
        )
