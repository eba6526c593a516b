"""The templates of a checkout, for the commands that read or write them.

Hides where they lie and how complaints about them become CliErrors.
"""

from __future__ import annotations

from pathlib import Path

import typer

from shared.catalogue import Catalogue
from shared.cli.api import Api
from shared.cli.errors import CliError
from shared.errors import ConfigurationError, InvalidRequest
from shared.goldens import golden_problems
from shared.policy import Policies
from shared.prompts import DIRECTORY, Templates, check, lock


def directory(given: Path | None) -> Path:
    """The folder named, else `templates` where the command is run, else this checkout's."""
    here = Path("templates")
    return given or (here if (here / "versions.lock").is_file() else DIRECTORY)


def load(folder: Path) -> Templates:
    try:
        return Templates.load(folder)
    except ConfigurationError as error:
        raise CliError(error.message, hint="see all of it: presscheck templates check", code=error.code) from error


def must_exist(found: Templates, reference: str) -> None:
    try:
        found.find(reference)
    except InvalidRequest as error:
        raise CliError(error.message, code="not_found") from error


def problems(folder: Path) -> tuple[str, ...]:
    policies = Policies.load()
    wrong = check(folder, policy=policies.at(policies.released), catalogue=Catalogue.load())
    return (*wrong, *golden_problems(folder))


def must_be_sound(folder: Path, template: str) -> None:
    name, _, version = template.partition("@")
    mine = [problem for problem in problems(folder) if problem.startswith((f"{name}/{version}.toml", f"{template} "))]
    if mine:
        raise CliError(mine[0], hint="see all of it: presscheck templates check", code="unsound_template")


def must_be_deployed(api: Api, folder: Path, template: str) -> None:
    """The stack must carry this very file: what is released must be what was looked at."""
    name, _, version = template.partition("@")
    ours = load(folder).find(template).ref.digest
    try:
        carried = {each.version: each.digest for each in api.template(name).view.versions}
    except CliError as error:
        if error.code != "not_found":
            raise
        carried = {}
    if carried.get(int(version)) != ours:
        has = "another file under that number" if int(version) in carried else "no such version"
        raise CliError(
            f"{template} is not deployed: the stack carries {has}",
            hint="deploy first (presscheck up; or cdk deploy), then release",
            code="not_deployed",
        )


def seal(folder: Path, template: str) -> None:
    """Lock a version's file: from now on it may not change."""
    try:
        lock(folder, [template])
    except (ConfigurationError, OSError) as error:
        raise CliError(
            f"cannot lock {template} in {folder}: {error}",
            hint="see why: presscheck templates check",
            code="not_locked",
        ) from error


def pair(folder: Path, old: str, new: str | None) -> tuple[str, str]:
    """The two versions to compare, by full name."""
    name, _, pinned = old.partition("@")
    there = sorted(int(path.stem) for path in (folder / name).glob("*.toml") if path.stem.isdigit())
    if new is not None and "@" in new and pinned:
        return old, new
    if not there or (len(there) < 2 and not pinned):  # noqa: PLR2004  # two to compare
        raise CliError(f"there are no two versions of {name} in {folder}", code="not_found")
    if new is not None:
        raise typer.BadParameter("name both versions, as in: diff poster@1 poster@2", param_hint="NEW")
    return old if pinned else f"{name}@{there[-2]}", f"{name}@{there[-1]}"


def lines(folder: Path, template: str) -> list[str]:
    name, _, version = template.partition("@")
    path = folder / name / f"{version}.toml"
    if not path.is_file():
        raise CliError(f"there is no {template} in {folder}", code="not_found")
    return path.read_text(encoding="utf-8").splitlines()
