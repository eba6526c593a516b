"""The `presscheck` command: which commands there are, and what becomes of their errors.

Hides typer's application. Every command takes its World from the context, so that tests can give another.
"""

from __future__ import annotations

import contextlib
import io
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from shared.cli import (
    audit,
    batches,
    bench,
    corpus,
    demo,
    evidence,
    finetune,
    golden,
    jobs,
    keys,
    local,
    models,
    policy,
    render,
    replay,
    templates,
    trace,
    webhooks,
)
from shared.cli.errors import CliError, report
from shared.cli.options import wants_json
from shared.cli.world import World, world_of

EPILOG = """[bold]Start here[/bold]
[dim]$[/dim] presscheck demo               [dim]the hero job on this machine[/dim]
[dim]$[/dim] presscheck render --prompt "Summer sale" --expected-text SALE
[dim]$[/dim] presscheck jobs list

[bold]Another stack[/bold]
PRESSCHECK_API_URL and PRESSCHECK_API_KEY name it; else it is the local one.

[bold]Exit codes[/bold]
0 done   1 failed   2 wrong usage   130 interrupted
"""

_CHOICES = "What there is to choose from"
_MEASURE = "Is it worth it"
_RECORD = "What is on record"


class _Commands(TyperGroup):
    """Answers the errors meant for people; lets bugs crash."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CliError as error:
            world = world_of(ctx)
            report(error, out=world.out, err=world.err, as_json=wants_json(ctx))
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    epilog=EPILOG,
    pretty_exceptions_show_locals=False,
    add_completion=True,
)


@app.callback()
def presscheck(
    version_: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda wanted: _say_version() if wanted else None,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """A fast draft to look at, a verified final, and a record of how every pixel came to be."""


app.command(epilog=demo.EPILOG, rich_help_panel="Pictures")(demo.demo)
app.command(epilog=render.EPILOG, rich_help_panel="Pictures")(render.render)
app.add_typer(
    jobs.app, name="jobs", help="Look at jobs, decide on drafts, follow them, rate them.", rich_help_panel="Pictures"
)
app.add_typer(
    batches.app,
    name="batch",
    help="Many jobs from one file: send, follow, cancel, results.",
    rich_help_panel="Pictures",
)
app.add_typer(
    webhooks.app, name="webhooks", help="Signing secret, and URLs that were switched off.", rich_help_panel="Pictures"
)
app.command(epilog=replay.EPILOG, rich_help_panel=_RECORD)(replay.replay)
app.command(epilog=trace.EPILOG, rich_help_panel=_RECORD)(trace.trace)
app.add_typer(
    audit.app,
    name="audit",
    help="The ledger: how a job came to be, whether it still says so, and the proof to keep.",
    rich_help_panel=_RECORD,
)
app.add_typer(
    models.app,
    name="models",
    help="Models: what each can do and costs, which a use case picks; their other names.",
    rich_help_panel=_CHOICES,
)
app.add_typer(
    templates.app,
    name="templates",
    help="Prompt templates: look, check, write, release, roll back.",
    rich_help_panel=_CHOICES,
)
app.add_typer(
    golden.app,
    name="golden",
    help="What released templates must look like: check, update.",
    rich_help_panel=_CHOICES,
)
app.add_typer(
    corpus.app,
    name="corpus",
    help="Finals and their prompts as a data set to fine-tune with.",
    rich_help_panel="Pictures",
)
app.add_typer(
    keys.app, name="keys", help="API keys of your tenant: make, list, revoke.", rich_help_panel="Who may do what"
)
app.add_typer(policy.app, name="policy", help="The policy: look, release, roll back.", rich_help_panel=_CHOICES)
app.command(epilog=bench.EPILOG, rich_help_panel=_MEASURE)(bench.bench)
app.command(epilog=evidence.EPILOG, rich_help_panel=_MEASURE)(evidence.evidence)
app.add_typer(
    finetune.app,
    name="finetune",
    help="Whether to fine-tune, change a template, or leave it.",
    rich_help_panel=_MEASURE,
)
local.register(app)


def run() -> None:
    """Entry point. Output that the terminal's encoding cannot say is replaced, not fatal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(ValueError):
                stream.reconfigure(errors="replace")
    app(obj=World())


def _say_version() -> None:
    typer.echo(f"presscheck {version('presscheck')}")
    raise typer.Exit


if __name__ == "__main__":
    run()
