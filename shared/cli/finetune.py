"""`presscheck finetune …`: the checklist for when to fine-tune, answered from the ledger.

Hides typer and layout. What is counted and concluded is shared.finetune's to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.api import Api, open_api
from shared.cli.counting import Count
from shared.cli.errors import CliError, print_json
from shared.cli.options import Json
from shared.cli.words import plain
from shared.cli.world import world_of
from shared.finetune import FREE, Check, Checklist, Outcome, Thresholds, Verdict, check

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck finetune check
[dim]$[/dim] presscheck finetune check --template poster --days 90
[dim]$[/dim] presscheck finetune check --use-case banner --json | jq '.checks[] | {verdict, reason}'

[bold]The checklist[/bold]
Artifacts that recur on first finals, prompts that fail alike, and template versions that few people have approved.
The cheapest remedy comes first: a worse version or failing words mean another template, what recurs whatever the
prompt means fine-tuning: presscheck corpus export. events/finetune-check.schema.json describes --json.
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_SAID: Final[dict[Verdict, tuple[str, str]]] = {
    "fine_tune": ("fine-tune", "bold red"),
    "change_template": ("change the template", "bold yellow"),
    "leave": ("leave", "green"),
}
_DEFAULTS: Final = Thresholds()


@app.callback()
def finetune() -> None:
    """When weights should change, and when words should."""


@app.command("check", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck finetune check --template poster --days 90")
def check_(
    context: typer.Context,
    *,
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="Only jobs of this template; - for free prompts.")
    ] = None,
    use_case: Annotated[str | None, typer.Option("--use-case", "-u", help="Only jobs for this.")] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=90, help="Jobs of so many days.")] = 30,
    min_jobs: Annotated[
        int, typer.Option("--min-jobs", min=1, help="Conclude nothing from fewer.")
    ] = _DEFAULTS.min_jobs,
    good_ratings: Annotated[
        int, typer.Option("--good-ratings", min=1, help="A version with fewer is a new design language.")
    ] = _DEFAULTS.good_ratings,
    json: Json = False,
) -> None:
    """For each template and use case: fine-tune, change the template, or leave; with figures, thresholds, examples."""
    world = world_of(context)
    limits = Thresholds(min_jobs=min_jobs, good_ratings=good_ratings)
    with Count(world.err) as count:
        count.begin("jobs")
        outcomes = [each for each in _outcomes(open_api(world), days, count) if _meant(each, template, use_case)]
    if not outcomes:
        raise CliError(
            f"no job of the last {days} days fits that and has a final",
            hint="see what there is: presscheck jobs list",
            code="not_found",
        )
    checks = check(outcomes, limits)
    if json:
        told = Checklist(days=days, jobs=len(outcomes), thresholds=limits, checks=checks)
        print_json(world.out, told.model_dump(mode="json"))
        return
    for each in checks:
        _show(world.out, each, limits)


def _outcomes(api: Api, days: int, count: Count) -> Iterator[Outcome]:
    cursor: str | None = None
    while True:
        page = api.outcomes(days=days, cursor=cursor).view
        for each in page.outcomes:
            count.step(False)
            yield each
        cursor = page.cursor
        if cursor is None:
            return


def _meant(outcome: Outcome, template: str | None, use_case: str | None) -> bool:
    named = template is None or outcome.template.partition("@")[0] == template.partition("@")[0]
    return named and use_case in (None, outcome.use_case)


def _show(out: Console, found: Check, limits: Thresholds) -> None:
    name = "free prompts" if found.template == FREE else found.template
    word, style = _SAID[found.verdict]
    out.print(
        Text.assemble((plain(f"{name} for {found.use_case}"), "bold"), f", {found.jobs} jobs: ", (word, style)),
        soft_wrap=True,
    )
    out.print(Text(f"  {plain(found.reason)}"), soft_wrap=True)
    for line in _lines(found, limits):
        out.print(Text(f"  {plain(line)}", "dim"), soft_wrap=True)


def _lines(found: Check, limits: Thresholds) -> Iterator[str]:
    for artifact in found.artifacts:
        held = "recurs" if artifact.recurs else "does not recur"
        yield (
            f"{artifact.kind}: {artifact.jobs} of {found.jobs} ({artifact.share:.0%}), {held}: from "
            f"{limits.artifact_share:.0%} and {limits.artifact_jobs} jobs on; {_few(artifact.examples)}"
        )
    for mode in found.failure_modes:
        yield (
            f"prompts with {', '.join(mode.words[:6])}: {mode.failed} of {mode.alike} alike fail ({mode.share:.0%}), "
            f"counted from {limits.cluster_jobs} and {limits.cluster_failing:.0%} on; {_few(mode.examples)}"
        )
    if found.new_language and found.new_language.versions:
        said = ", ".join(f"{version} {good}" for version, good in found.new_language.versions.items())
        yield (
            f"good ratings: {said}, of {limits.good_ratings} wanted; {found.new_language.share:.0%} of the jobs, "
            f"new from {limits.new_share:.0%} on"
        )


def _few(examples: Any) -> str:
    return f"see {' '.join(examples)}"
