"""`presscheck audit …`: how a job came to be, whether the ledger still says so, and the proof to take away.

Hides nothing but typer and layout. Everything is checked twice: by the stack as it reads its table, and here, from what
it sends, by code that shares nothing with it (shared.cli.recheck).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from shared.cli import recheck
from shared.cli.api import Api, open_api
from shared.cli.errors import FAILED, CliError, print_json
from shared.cli.export import Export, Held, held
from shared.cli.options import JobId, Json, Since
from shared.cli.words import plain
from shared.cli.world import World, world_of
from shared.models import BreakKind

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck audit show last
[dim]$[/dim] presscheck audit verify --since 7d
[dim]$[/dim] presscheck audit export november.jsonl --since 2026-11-01
[dim]$[/dim] python november.verify.py november.jsonl        [dim]needs Python alone[/dim]
[dim]$[/dim] presscheck audit verify --against november.jsonl

[bold]What is found[/bold]
altered, dropped, reordered and forked events, and jobs, attempts and ratings that are not as their last event left
them. A ledger rewritten as a whole is as sound as the first one: only an export kept elsewhere tells (--against).
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_DETAIL_CHARS: Final = 60

Found = dict[str, Any]
"""A break as `--json` writes it: kind, item, problem, and found_by: stack, here, export."""


@dataclass
class _Report:
    """What a check of many jobs came to."""

    jobs: int = 0
    events: int = 0
    broken: list[dict[str, Any]] = field(default_factory=list)

    def see(self, record: dict[str, Any], found: list[Found]) -> None:
        self.jobs += 1
        self.events += len(record["events"])
        if found:
            self.broken.append({"job_id": record["job_id"], "breaks": found})


@app.command(
    epilog="[bold]Examples[/bold]\n[dim]$[/dim] presscheck audit show last\n"
    "[dim]$[/dim] presscheck audit show 01JD8Z3V9QK4T7X2M5N6P8R0SA --json | jq '.events[].type'"
)
def show(context: typer.Context, *, job: JobId, json: Json = False) -> None:
    """How a job came to be: its hash-chained events, checked here as well as by the stack. Exits 1 if they break."""
    world, api = _open(context)
    record = api.record(_id(api, job)).raw
    found = _found(record)
    if json:
        print_json(world.out, {**record, "intact": not found, "breaks": found})
    else:
        _trail(world.out, record["events"])
        _judged(world.out, record, found)
    if found:
        raise typer.Exit(FAILED)


@app.command(
    epilog="[bold]Examples[/bold]\n[dim]$[/dim] presscheck audit verify\n"
    "[dim]$[/dim] presscheck audit verify --since 24h --json | jq .intact\n"
    "[dim]$[/dim] presscheck audit verify --against november.jsonl"
)
def verify(
    context: typer.Context,
    *,
    since: Since = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="EXPORT",
            exists=True,
            dir_okay=False,
            help="An earlier export: every job in it must still be there, and begin as it did then.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Recompute the chains of all your jobs, and say where one is broken. Exits 1 if any is."""
    world, api = _open(context)
    earlier = held(against) if against else None
    report = _Report()
    unseen = dict(earlier.ends) if earlier else {}
    with _Bar(world.err, quiet=json) as bar:
        for record in _records(api, since):
            found = _found(record)
            if earlier and (end := unseen.pop(record["job_id"], None)):
                found += _rewritten(record, end, earlier)
            report.see(record, found)
            bar.show(report)
        for job_id, end in unseen.items():
            record, found = _looked_up(api, job_id, end, earlier, listed=since is None)
            report.see(record, found)
            bar.show(report)
    if json:
        print_json(world.out, _document(report, since=since, earlier=earlier))
    else:
        _told(world.out, report)
    if report.broken:
        raise typer.Exit(FAILED)


@app.command(
    epilog="[bold]Examples[/bold]\n[dim]$[/dim] presscheck audit export november.jsonl --since 2026-11-01\n"
    "[dim]$[/dim] python november.verify.py november.jsonl\n\n"
    "Interrupted, the same command goes on where it stopped."
)
def export(
    context: typer.Context,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="Where to write the JSON lines.")],
    since: Since = None,
    json: Json = False,
) -> None:
    """Write all records as JSON lines, newest first, sealed at the end; and beside it the recipe to check them."""
    world, api = _open(context)
    out = _opened(file)
    try:
        with _Bar(world.err, quiet=json) as bar:
            while not out.whole:
                page = api.records(since=since, cursor=out.cursor)
                out.begin(stack=api.base_url, tenant=page.view.tenant, since=since, at=page.view.as_of)
                out.add(page.raw["records"], cursor=page.view.cursor)
                bar.say(out.jobs, out.events, broken=len(out.broken))
        seal = out.finish()
    except KeyboardInterrupt:
        world.err.print(Text(f"Interrupted: {out.jobs} jobs are safe in {file}. The same command goes on."))
        raise
    finally:
        out.close()
    if json:
        document = {"file": str(file), "check_with": str(out.recipe), "resumed": out.resumed, "jobs": out.jobs}
        print_json(world.out, document | {"events": out.events, "broken": out.broken, "seal": seal})
        return
    world.out.print(f"{_counted(out.jobs, out.events)} in {file}, sealed {seal[:16]}…", markup=False, soft_wrap=True)
    if out.broken:
        world.out.print(Text(f"✗ {len(out.broken)} of them broken: presscheck audit verify", "bold red"))
    world.out.print(Text.assemble(("next ", "cyan"), f"python {out.recipe} {file}"), soft_wrap=True)


# ── checking ─────────────────────────────────────────────────────────────────────────────────────


def _records(api: Api, since: datetime | None) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = api.records(since=since, cursor=cursor)
        yield from page.raw["records"]
        cursor = page.view.cursor
        if cursor is None:
            return


def _found(record: dict[str, Any]) -> list[Found]:
    """What the stack found and what we find in the same record, each break once."""
    found: dict[tuple[str, str], Found] = {}
    for each in record["breaks"]:
        found[each["kind"], each["item"]] = {**each, "found_by": ["stack"]}
    for kind, item, problem in recheck.problems(record):
        known = found.setdefault((kind, item), {"kind": kind, "item": item, "problem": problem, "found_by": []})
        known["found_by"].append("here")
    return list(found.values())


def _rewritten(record: dict[str, Any], end: tuple[int, str], earlier: Held) -> list[Found]:
    """Whether the chain still begins with the one that was exported."""
    seq, head = end
    events = record["events"]
    if len(events) >= seq and events[seq - 1].get("digest") == head:
        return []
    problem = f"event {seq} is not the one exported on {earlier.begun_at[:10]}: the chain was written anew"
    return [_break(BreakKind.REWRITTEN, f"EVENT#{seq:08d}", problem)]


def _looked_up(
    api: Api, job_id: str, end: tuple[int, str], earlier: Held | None, *, listed: bool
) -> tuple[dict[str, Any], list[Found]]:
    """A job of an earlier export that the list did not show. `listed`: it should have."""
    assert earlier is not None  # noqa: S101 - without one there is nothing to look up
    try:
        record = api.record(job_id).raw
    except CliError as error:
        if error.code != "not_found":
            raise
        problem = f"exported on {earlier.begun_at[:10]}, and gone"
        return {"job_id": job_id, "events": ()}, [_break(BreakKind.DROPPED, "JOB", problem)]
    hidden = [_break(BreakKind.MISMATCHED, "JOB", "it is there, and hidden from the list")] if listed else []
    return record, [*_found(record), *_rewritten(record, end, earlier), *hidden]


def _break(kind: BreakKind, item: str, problem: str) -> Found:
    return {"kind": kind.value, "item": item, "problem": problem, "found_by": ["export"]}


# ── showing ──────────────────────────────────────────────────────────────────────────────────────


class _Bar:
    """How many were checked so far, on stderr. How many there are nobody knows before the last page."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(pulse_style="cyan"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("0 jobs", total=None)

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, report: _Report) -> None:
        self.say(report.jobs, report.events, broken=len(report.broken))

    def say(self, jobs: int, events: int, *, broken: int) -> None:
        text = _counted(jobs, events) + (f", [bold red]{broken} broken[/bold red]" if broken else "")
        self._progress.update(self._task, description=text)


def _trail(console: Console, events: list[dict[str, Any]]) -> None:
    """The chain, oldest first, each event over its details."""
    what = max((len(str(event.get("type"))) for event in events), default=0)
    who = max((len(str(event.get("actor"))) for event in events), default=0)
    for event in events:
        line = Text.assemble(
            (f"{event.get('seq')!s:>3}  ", "dim"),
            f"{plain(str(event.get('at')))[:19].replace('T', ' ')}  ",
            (f"{plain(str(event.get('type'))):<{what}}  ", "bold"),
            f"{plain(str(event.get('actor'))):<{who}}  ",
            (str(event.get("digest"))[:12], "dim"),
        )
        console.print(line, soft_wrap=True)
        data = event.get("data")
        if isinstance(data, dict) and data:
            details = ", ".join(f"{name} {_brief(value)}" for name, value in data.items())
            console.print(Padding(Text(plain(details), "dim"), (0, 0, 0, 5)))


def _judged(console: Console, record: dict[str, Any], found: list[Found]) -> None:
    for each in found:
        console.print(_line(each), soft_wrap=True)
    if not found:
        number = len(record["events"])
        events = "1 event" if number == 1 else f"{number} events"
        sealed = f"{events}, each sealed and pointing to the one before; checked by the stack and here"
        console.print(Text.assemble(("✓ intact ", "bold green"), sealed), soft_wrap=True)


def _told(console: Console, report: _Report) -> None:
    for job in report.broken:
        console.print(Text.assemble("Job ", (plain(job["job_id"]), "bold")), soft_wrap=True)
        for each in job["breaks"]:
            console.print(Padding(_line(each), (0, 0, 0, 2)))
    counted = _counted(report.jobs, report.events)
    if report.broken:
        verdict = (f"✗ {len(report.broken)} broken ", "bold red")
        console.print(Text.assemble(verdict, f"of {counted}"), soft_wrap=True)
    else:
        console.print(Text.assemble(("✓ intact ", "bold green"), f"{counted}, recomputed by the stack and here"))


def _line(found: Found) -> Text:
    seen = " and ".join({"stack": "the stack", "export": "the export"}.get(each, each) for each in found["found_by"])
    word = (f"✗ {found['kind']} ", "bold red")
    return Text.assemble(word, plain(str(found["problem"])), (f"  (found by {seen})", "dim"))


def _document(report: _Report, *, since: datetime | None, earlier: Held | None) -> dict[str, Any]:
    return {
        "intact": not report.broken,
        "jobs": report.jobs,
        "events": report.events,
        "broken": report.broken,
        "since": since.isoformat() if since else None,
        "against": {"file": earlier.file, "begun_at": earlier.begun_at, "jobs": len(earlier.ends)} if earlier else None,
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _counted(jobs: int, events: int) -> str:
    return f"{jobs:,} job{'s' * (jobs != 1)}, {events:,} event{'s' * (events != 1)}"


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= _DETAIL_CHARS else f"{text[:_DETAIL_CHARS]}…"


def _open(context: typer.Context) -> tuple[World, Api]:
    world = world_of(context)
    return world, open_api(world)


def _id(api: Api, job: str) -> str:
    return api.newest().view.id if job == "last" else job


def _opened(file: Path) -> Export:
    try:
        return Export(file)
    except OSError as error:
        raise CliError(
            f"cannot write {file}: {error.strerror}", hint="choose another file", code="not_saved"
        ) from error
