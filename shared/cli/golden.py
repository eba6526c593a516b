"""`presscheck golden …`: paint the goldens of a checkout again, and see or accept what changed.

Hides typer and how findings are shown. What is compared with what is golden_set's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from shared.cli import template_files as files
from shared.cli.errors import FAILED, CliError, print_json
from shared.cli.golden_report import Compared, GoldenCheck, GoldenUpdate
from shared.cli.golden_set import Finding, chosen, examine, recipes, updated
from shared.cli.options import Json
from shared.cli.painter import painter
from shared.cli.sheet import write_sheet
from shared.cli.templates import Directory
from shared.cli.words import plain
from shared.cli.world import World, world_of
from shared.goldens import Golden, write_golden
from shared.prompts import Templates

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck golden check                          [dim]what CI runs[/dim]
[dim]$[/dim] presscheck golden update --template poster@3     [dim]look, then say yes[/dim]
[dim]$[/dim] presscheck golden check --model sd35-large=DIR   [dim]your own weights, within the tolerance[/dim]

[bold]Goldens[/bold]
templates/NAME/golden/VERSION.json holds what a version is filled in with, the recipe each model got and the digest of
the pixels it made of it, with a thumbnail beside it. The simulated painters must meet it to the pixel; real models
within `tolerance`, by perceptual hash and SSIM. Nothing here needs a stack: the serving container runs as a child.
events/golden-check.schema.json and golden-update.schema.json describe --json.
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_STYLE: Final = {"same": "green", "alike": "green", "new": "cyan"}

TemplateOption = Annotated[
    list[str] | None,
    typer.Option("--template", metavar="NAME[@VERSION]", help="Only this one; repeat for more. Else all released."),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME[=DIR]", help="Paint with this model instead; DIR holds its weights."),
]
OutOption = Annotated[
    Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the side-by-sides are written.")
]
_OUT: Final = Path("presscheck-golden")


@app.command(
    epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck golden check --template poster --json | jq .findings"
)
def check(
    context: typer.Context,
    *,
    template: TemplateOption = None,
    model: ModelOption = None,
    directory: Directory = None,
    out: OutOption = _OUT,
    json: Json = False,
) -> None:
    """Paint every golden again; fail where a picture is not as stored, with a side-by-side of both."""
    world, folder = world_of(context), files.directory(directory)
    templates = files.load(folder)
    findings = _painted(world, folder, templates, template or (), model=model, quiet=json)
    sheets = _sheets(findings, out)
    wrong = [finding for finding in findings if not finding.fine]
    if json:
        report = GoldenCheck(ok=not wrong, directory=str(folder), findings=_compared(findings, sheets))
        print_json(world.out, report.model_dump(mode="json"))
    else:
        _show(world, wrong, sheets)
        if not wrong:
            world.out.print(Text.assemble(("as stored ", "green"), f"{len(findings)} pictures of {folder}"))
        else:
            world.out.print(
                Text.assemble(("next ", "cyan"), "look at them; if that is meant: presscheck golden update"),
                soft_wrap=True,
            )
    if wrong:
        raise typer.Exit(FAILED)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck golden update --template poster@3 --yes")
def update(
    context: typer.Context,
    *,
    template: TemplateOption = None,
    model: ModelOption = None,
    directory: Directory = None,
    out: OutOption = _OUT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    json: Json = False,
) -> None:
    """Show what changed, old beside new, and store it once you say yes; with --json only --yes says so."""
    world, folder = world_of(context), files.directory(directory)
    templates = files.load(folder)
    findings = _painted(world, folder, templates, template or (), model=model, quiet=True)
    changes = list(updated(findings, templates))
    changed = [finding for finding in findings if not finding.fine]
    sheets = _sheets(changed, out)
    if not json:
        _show(world, changed, sheets)
    written: list[str] = []
    if changes and (yes or (not json and _agreed(len(changes)))):
        written = [str(_kept(folder, golden, thumbnails)) for golden, thumbnails in changes]
    if json:
        told = GoldenUpdate(changed=_compared(changed, sheets), would_write=len(changes), written=tuple(written))
        print_json(world.out, told.model_dump(mode="json"))
    elif not changes:
        world.out.print(Text.assemble(("as stored ", "green"), "nothing to update"))
    else:
        for path in written:
            world.out.print(Text.assemble("Wrote ", (path, "bold")), soft_wrap=True)


def _painted(
    world: World, folder: Path, templates: Templates, wanted: Sequence[str], *, model: str | None, quiet: bool
) -> list[Finding]:
    """Every golden meant, painted and compared; one line each on stderr as it is known."""
    name = model.partition("=")[0] if model else None
    goldens = chosen(folder, templates, wanted)
    if not goldens:
        raise CliError(f"there are no released templates in {folder}", code="not_found")
    planned, left_out = recipes(goldens, templates, model=name, now=datetime.now(UTC))
    for reference, why in left_out.items():
        world.err.print(Text.assemble(("left out ", "yellow"), plain(f"{reference}: {why}")), soft_wrap=True)
    painting = sorted({plan.recipe.model for _, plan, _ in planned})
    offered = [model if model and each == name else each for each in painting]
    width = max(len(golden.template) for golden in goldens)

    def tell(finding: Finding) -> None:
        if not quiet:
            style = _STYLE.get(finding.word, "red")
            line = Text.assemble(f"{finding.golden.template:<{width}}  {finding.model:<12}  ", (finding.word, style))
            world.err.print(line, soft_wrap=True)

    with painter(world, offered) as hand:
        return examine(folder, planned, painter=hand, told=tell)


def _sheets(findings: Sequence[Finding], out: Path) -> dict[tuple[str, str], Path]:
    return {
        (finding.golden.template, finding.model): write_sheet(
            out / f"{finding.golden.template}-{finding.model}.png",
            before=finding.before,
            after=finding.picture,
            title=f"{finding.golden.template}  {finding.model}  {finding.word}",
        )
        for finding in findings
        if not finding.fine
    }


def _show(world: World, findings: Sequence[Finding], sheets: dict[tuple[str, str], Path]) -> None:
    for finding in findings:
        key = (finding.golden.template, finding.model)
        style = _STYLE.get(finding.word, "bold red")
        world.out.print(
            Text.assemble((f"{finding.word} ", style), plain(" ".join(key)), "  ", plain(_why(finding))), soft_wrap=True
        )
        world.out.print(Text.assemble("  see ", (str(sheets[key]), "bold")), soft_wrap=True)


def _why(finding: Finding) -> str:
    """The digests, how far apart the pictures are, and the likely cause."""
    stored, look = finding.stored, finding.look
    if stored is None:
        return f"nothing stored -> {look.pixels[:12]}"
    parts = [f"{stored.pixels[:12]} -> {look.pixels[:12]}"]
    if finding.ssim is not None:
        parts.append(f"SSIM {finding.ssim:.3f}, {finding.phash_distance} of 64 hash bits differ")
    if finding.asked:
        parts.append("asked for: " + "; ".join(finding.asked))
    elif stored.revision != look.revision:
        parts.append(f"the model is {look.revision}, it was {stored.revision}")
    else:
        parts.append("the model says it is the same: is the platform another?")
    return "; ".join(parts)


def _compared(findings: Sequence[Finding], sheets: dict[tuple[str, str], Path]) -> tuple[Compared, ...]:
    return tuple(Compared.of(finding, sheets.get((finding.golden.template, finding.model))) for finding in findings)


def _agreed(count: int) -> bool:
    return typer.confirm(f"Store {'this' if count == 1 else f'these {count}'}?", default=False)


def _kept(folder: Path, golden: Golden, thumbnails: dict[str, bytes]) -> Path:
    try:
        return write_golden(folder, golden, thumbnails)
    except OSError as error:
        raise CliError(f"cannot write to {folder}: {error.strerror}", code="cannot_write") from error
