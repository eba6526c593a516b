"""`presscheck replay`: paint a recorded render once more, and say whether it is still the same picture.

Hides nothing but typer and layout. The verdict is the stack's: see shared.pipeline.reproduction.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.api import JobDocument, open_api
from shared.cli.errors import FAILED, CliError, print_json
from shared.cli.options import JobId, Json, Timeout
from shared.cli.outcome import concluded, follow
from shared.cli.words import dollars, duration, plain
from shared.cli.world import world_of
from shared.models import ReplayOutcome, ReplayVerdict
from shared.views import JobView

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck replay last
[dim]$[/dim] presscheck replay 01JD8Z3V9QK4T7X2M5N6P8R0SA --render d2-1
[dim]$[/dim] presscheck replay last --json | jq '{verdict, why, ssim: .likeness.ssim}'

[bold]Exit codes[/bold]
0 bit_exact or perceptually_equal   1 not_reproducible
"""

_SHOWN = {
    ReplayVerdict.BIT_EXACT: ("✓ bit exact", "bold green"),
    ReplayVerdict.PERCEPTUALLY_EQUAL: ("✓ perceptually equal", "bold green"),
    ReplayVerdict.NOT_REPRODUCIBLE: ("✗ not reproducible", "bold red"),
}


def replay(
    context: typer.Context,
    *,
    job: JobId,
    render: Annotated[
        str | None,
        typer.Option("--render", metavar="NAME", help="f-2: the second final; d1-1: draft 1. Else what was delivered."),
    ] = None,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Paint what a job delivered once more, from the recipe on record, and compare. It costs what a render costs.

    The replay is a job of its own; it replaces nothing, and both jobs' audit chains tell of it.
    """
    world = world_of(context)
    api = open_api(world)
    job_id = api.newest().view.id if job == "last" else job
    document = api.replay(job_id, render=render)
    document = follow(world, api, document, until=concluded, timeout_s=timeout)
    outcome = _outcome(document.view)
    if json:
        print_json(world.out, _document(document, outcome))
    else:
        _told(world.out, document.view, outcome)
    if outcome.verdict is ReplayVerdict.NOT_REPRODUCIBLE:
        raise typer.Exit(FAILED)


def _outcome(job: JobView) -> ReplayOutcome:
    if job.replay is None or job.replay.outcome is None:
        raise CliError(
            f"the replay {job.id} ended {job.stage} before there was anything to compare",
            hint=f"see why: presscheck jobs show {job.id}",
            code="replay_ended",
        )
    return job.replay.outcome


def _document(document: JobDocument, outcome: ReplayOutcome) -> dict[str, Any]:
    """Flat facts first, the replay's own job in full under `job`."""
    job = document.view
    assert job.replay is not None  # noqa: S101 - _outcome has looked
    return {
        **outcome.model_dump(mode="json"),
        "job_id": job.replay.of.job_id,
        "render": str(job.replay.of).removeprefix(f"{job.replay.of.job_id}-"),
        "replay_id": job.id,
        "notes": list(job.replay.notes),
        "cost_usd_micros": job.cost_usd_micros,
        "total_ms": job.metrics.total_ms,
        "job": document.raw,
    }


def _told(console: Console, job: JobView, outcome: ReplayOutcome) -> None:
    word, style = _SHOWN[outcome.verdict]
    console.print(Text.assemble((f"{word}  ", style), plain(outcome.said)), soft_wrap=True)
    rows = [("original", outcome.original_sha256[:16]), ("replay", (outcome.replay_sha256 or "none")[:16])]
    if outcome.likeness and outcome.verdict is not ReplayVerdict.BIT_EXACT:
        near = outcome.likeness
        rows += [
            ("SSIM", f"{near.ssim:.4f}, equal from {near.ssim_at_least:g}"),
            ("hash", f"{near.phash_distance} of 64 bits differ, equal up to {near.phash_distance_at_most}"),
            ("pixels", f"{near.changed:.2%} visibly changed, {near.mean:.4f} apart on average"),
        ]
    rows += [("cause", outcome.why.replace("_", " "))] if outcome.why else []
    rows += [("cost", f"{dollars(job.cost_usd_micros)} in {duration(job.metrics.total_ms or 0)}")]
    for name, value in rows:
        console.print(Text.assemble((f"  {name:<9}", "dim"), plain(value)), soft_wrap=True)
    for note in job.replay.notes if job.replay else ():
        console.print(Text.assemble(("  note     ", "yellow"), plain(note)), soft_wrap=True)
    console.print(Text.assemble(("next ", "cyan"), f"presscheck jobs show {job.id}"), soft_wrap=True)
