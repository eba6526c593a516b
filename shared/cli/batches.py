"""`presscheck batch …`: send a file of jobs, follow it, cancel it, fetch its results.

Hides nothing but typer. A file is streamed to where the API says, and results from there: neither is ever in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.batchviews import BatchView
from shared.cli import words
from shared.cli.api import Api, Document, open_api
from shared.cli.errors import FAILED, CliError, print_json
from shared.cli.options import Json, Timeout
from shared.cli.world import World, world_of
from shared.models import BatchStatus, Finalize

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck batch submit spring.csv --wait
[dim]$[/dim] presscheck batch show last
[dim]$[/dim] presscheck batch results last --out results

[bold]The file[/bold]
CSV: the first row names the fields of a job, such as prompt, template, variables.headline, size, expected_text; lists
are written a; b. JSON lines: each line is the body of POST /v1/jobs. A bad row does not stop the others.
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_POLL_S: Final = 2.0
_ENDED_WELL: Final = frozenset({BatchStatus.COMPLETED})

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help='A batch id, or "last" for the newest batch.')]


@app.command(
    epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck batch submit spring.csv --finalize draft_only --wait"
)
def submit(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A .csv or .jsonl file.")],
    finalize: Annotated[
        Finalize, typer.Option("--finalize", help="For rows that do not say it themselves.", case_sensitive=False)
    ] = Finalize.OFF_PEAK,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the batch until it is over.")] = False,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Send a file of jobs."""
    world, api = _open(context)
    kind = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(file.suffix.lower())
    if kind is None:
        raise CliError(
            f"{file.name} is neither .csv nor .jsonl", hint="the ending says how it is read", code="unknown_format"
        )
    batch = api.send_batch({"format": kind, "finalize": finalize.value}, file)
    if wait:
        batch = _follow(world, api, batch, timeout_s=timeout)
    _present(world.out, batch, as_json=json)
    if wait and batch.view.status not in _ENDED_WELL:
        raise typer.Exit(FAILED)


@app.command("list", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck batch list --limit 5")
def list_(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many.")] = 20,
    after: Annotated[str | None, typer.Option("--after", help="Where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """Your batches, newest first."""
    world, api = _open(context)
    page = api.batches(limit=limit, after=after)
    if json:
        print_json(world.out, page.raw)
        return
    if not page.view.data:
        world.out.print("No batches. Send one: presscheck batch submit FILE", markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, justify in (
        ("Batch", "left"),
        ("Status", "left"),
        ("Done", "right"),
        ("Failed", "right"),
        ("Rows", "right"),
        ("Age", "right"),
    ):
        table.add_column(column, justify=justify, no_wrap=True)  # type: ignore[arg-type]  # rich takes these words
    now = datetime.now(UTC)
    for view in page.view.data:
        counts = view.request_counts
        age = words.age(datetime.fromtimestamp(view.created_at, UTC), now)
        table.add_row(view.id, view.status.value, str(counts.completed), str(counts.failed), str(counts.total), age)
    world.out.print(table)
    if page.view.cursor:
        world.out.print(Text(f"More: presscheck batch list --after {page.view.cursor}", "dim"), soft_wrap=True)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck batch show last")
def show(context: typer.Context, *, batch: BatchId, json: Json = False) -> None:
    """One batch: how far its rows are, and why it failed if it did."""
    world, api = _open(context)
    _present(world.out, _find(api, batch), as_json=json)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck batch cancel last")
def cancel(context: typer.Context, *, batch: BatchId, json: Json = False) -> None:
    """Start no more rows and cancel the jobs that run; what is finished stays."""
    world, api = _open(context)
    _present(world.out, api.cancel_batch(_find(api, batch).view.id), as_json=json)


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck batch results last --out results")
def results(
    context: typer.Context,
    *,
    batch: BatchId,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where to save them.")] = Path(),
    json: Json = False,
) -> None:
    """Save results.jsonl and errors.jsonl of a batch that is over."""
    world, api = _open(context)
    found = _find(api, batch)
    view = found.view
    if not view.status.terminal:
        hint = f"follow it: presscheck batch show {view.id}"
        raise CliError(f"batch {view.id} is still {view.status.value}", hint=hint, code="not_over")
    out.mkdir(parents=True, exist_ok=True)
    saved = []
    for url, name in ((view.output_file_url, "results.jsonl"), (view.error_file_url, "errors.jsonl")):
        if url:
            api.download(url, out / name)
            saved.append(str(out / name))
    if json:
        print_json(world.out, {"batch": view.id, "saved": saved})
        return
    for path in saved or ["nothing: the batch ended before it had a row"]:
        world.out.print(Text(f"Saved {path}"), soft_wrap=True)


def _open(context: typer.Context) -> tuple[World, Api]:
    world = world_of(context)
    return world, open_api(world)


def _find(api: Api, batch: str) -> Document[BatchView]:
    if batch != "last":
        return api.batch(batch)
    newest = api.batches(limit=1).view.data
    if not newest:
        raise CliError("there are no batches yet", hint="send one: presscheck batch submit FILE", code="not_found")
    return api.batch(newest[0].id)


def _follow(world: World, api: Api, batch: Document[BatchView], *, timeout_s: float | None) -> Document[BatchView]:
    started, said = world.clock(), ""
    while not batch.view.status.terminal:
        if timeout_s is not None and world.clock() - started > timeout_s:
            hint = f"it goes on without us: presscheck batch show {batch.view.id}"
            raise CliError(f"batch {batch.view.id} is still {batch.view.status.value}", hint=hint, code="timeout")
        world.sleep(_POLL_S)
        batch = api.batch(batch.view.id)
        if (line := _progress(batch.view)) != said:
            world.err.print(Text(line, "dim"), soft_wrap=True)
            said = line
    return batch


def _present(out: Console, batch: Document[BatchView], *, as_json: bool) -> None:
    view = batch.view
    if as_json:
        print_json(out, batch.raw)
        return
    out.print(Text.assemble("Batch ", (view.id, "bold"), f": {_progress(view)}"), soft_wrap=True)
    for problem in view.errors.data if view.errors else ():
        out.print(Text(words.plain(problem.message), "red"), soft_wrap=True)
    if view.cost_usd_micros:
        out.print(Text(f"Cost {words.dollars(view.cost_usd_micros)}"))
    if view.eta:
        out.print(Text(f"At this pace over by {datetime.fromtimestamp(view.eta, UTC):%Y-%m-%d %H:%M} UTC"))
    following = "results" if view.status.terminal and (view.output_file_url or view.error_file_url) else "show"
    out.print(Text.assemble(("next ", "cyan"), f"presscheck batch {following} {view.id}"), soft_wrap=True)


def _progress(view: BatchView) -> str:
    """`in progress, 1000 rows: 940 done, 10 failed, 50 refused`; what is nought is left out."""
    stages = view.stages.model_dump()
    parts = [f"{count} {stage.replace('_', ' ')}" for stage, count in stages.items() if count]
    rows = f", {view.request_counts.total} rows" if view.request_counts.total else ""
    return view.status.value.replace("_", " ") + rows + (f": {', '.join(parts)}" if parts else "")
