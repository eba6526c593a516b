"""`presscheck bench`: models or use cases under load, one after another, with intervals and a comparison.

Hides how a job is followed and how Ctrl-C ends a load: what was measured is kept and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from secrets import randbelow
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.text import Text

from shared.bench import comparing, grids, sheet
from shared.bench.benchpage import bench_page
from shared.bench.load import MOST_AT_ONCE, Halt, Load
from shared.bench.report import VERSION, BenchReport, StackFacts, SuiteFacts, notes
from shared.bench.session import Answer, Measuring, Subject, Terms
from shared.bench.suite import BUILT_IN, Suite
from shared.cli import measured, stack
from shared.cli.api import Api
from shared.cli.errors import INTERRUPTED, USAGE, CliError, print_json
from shared.cli.options import Json
from shared.cli.outcome import needs_nobody
from shared.cli.strides import Strides
from shared.cli.world import World, world_of

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck bench --models dalle3-std,sd3-large,imagen-fast,nano-banana
[dim]$[/dim] presscheck bench --use-case hero --rate 0.5 --requests 100 --html report.html
[dim]$[/dim] presscheck bench --json > before.json
[dim]$[/dim] presscheck bench --compare before.json

[bold]What is measured[/bold]
Whole jobs: draft, final, verification, repairs. Totals count from when a request should have started. Intervals are
95 %: bootstrap for times, money and ratios, Wilson's for shares. The JSON is described in events/bench.schema.json.
"""

_WHAT, _LOAD, _OUT = "What to ask for", "How to load the stack", "What becomes of the result"


def bench(
    context: typer.Context,
    *,
    models: Annotated[
        str | None,
        typer.Option("--models", metavar="A,B,C", help="Models, one after another.", rich_help_panel=_WHAT),
    ] = None,
    use_case: Annotated[
        str | None,
        typer.Option(
            "--use-case",
            "-u",
            metavar="A,B,C",
            help="Use cases, one after another; one beside --models goes into every request.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    suite: Annotated[
        Path | None,
        typer.Option(
            "--suite",
            metavar="TOML",
            help="Jobs to ask for; the article's prompts if not given.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    requests: Annotated[
        int, typer.Option("--requests", "-n", min=1, help="Of each model or use case.", rich_help_panel=_LOAD)
    ] = 50,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=MOST_AT_ONCE, help="At a time.", rich_help_panel=_LOAD)
    ] = 10,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=0.001,
            metavar="R",
            help="Instead: R new requests a second, whatever becomes of those before.",
            rich_help_panel=_LOAD,
        ),
    ] = None,
    warmup: Annotated[
        int, typer.Option("--warmup", min=0, help="Requests before them that are not counted.", rich_help_panel=_LOAD)
    ] = 3,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Same seed, same requests; drawn if not given.", rich_help_panel=_LOAD),
    ] = None,
    repeat_share: Annotated[
        float,
        typer.Option(
            "--repeat-share",
            min=0.0,
            max=1.0,
            help="Share of requests that the cache may answer.",
            rich_help_panel=_LOAD,
        ),
    ] = 0.0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, metavar="SECONDS", help="Then a job is an error.", rich_help_panel=_LOAD),
    ] = 300.0,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="JSON", help="An earlier --json: ratios to it.", rich_help_panel=_OUT),
    ] = None,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway", help="Compare also where suite, stack or load differ, and say so.", rich_help_panel=_OUT
        ),
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Every request as a row.", rich_help_panel=_OUT)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A report with charts.", rich_help_panel=_OUT)
    ] = None,
    json: Json = False,
) -> None:
    """Put a stack under load and say how fast, how dear and how right it is."""
    world = world_of(context)
    before = _earlier(compare) if compare else None
    target, halt = stack.target(world), Halt()
    api = Api(target.api_url, target.key, world=replace(world, sleep=halt.sleep))
    terms = Terms(
        suite=_suite(suite),
        load=Load(mode="open" if rate else "closed", concurrency=concurrency, rate_per_s=rate),
        count=requests,
        warmup=warmup,
        seed=randbelow(2**31) if seed is None else seed,
        repeat_share=repeat_share,
        ask=asking(api, world.clock, timeout_s=timeout),
        clock=world.clock,
        halt=halt,
    )
    facts = api.models().view
    arms = [Measuring(each, terms) for each in _subjects(models, use_case, default=facts.default_use_case)]
    blank = _blank(terms, StackFacts.of(target.api_url, facts, local=target.local))
    if before and not anyway:
        _refuse_unequal(before, _with(blank, arms), name=str(compare))
    interrupted = _run(world, arms, count=requests)
    report = _with(blank.model_copy(update={"interrupted": interrupted}), arms)
    if before and compare:
        report = report.model_copy(update={"comparison": comparing.compare(before, report, name=compare.name)})
    if csv:
        measured.save(world, csv, sheet.samples(report))
    if html:
        measured.save(world, html, bench_page(report))
    if json:
        print_json(world.out, report.model_dump(mode="json"))
    else:
        measured.show(world.out, grids.of_bench(report), notes=report.notes)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def asking(api: Api, clock: Callable[[], float], *, timeout_s: float) -> Callable[[Mapping[str, Any]], Answer]:
    """Submit a job and follow it until only a person could move it on; an error of the stack is an answer, too."""

    def ask(body: Mapping[str, Any]) -> Answer:
        began = clock()
        try:
            job = api.submit(body)
            accepting_s = clock() - began
            for latest in api.follow(job, until=needs_nobody, timeout_s=timeout_s):
                job = latest
        except CliError as error:
            return Answer(None, error=error.code)
        return Answer(job.view, accepting_s=accepting_s)

    return ask


def _run(world: World, arms: Sequence[Measuring], *, count: int) -> bool:
    """Measure one arm after another; True when somebody pressed Ctrl-C."""
    with Strides(world.err, clock=world.clock) as strides:
        try:
            for arm in arms:
                strides.start(arm.name, of=count)
                arm.run(lambda sample: strides.step(sample.total_ms, failed=sample.error))
        except KeyboardInterrupt:
            world.err.print(Text("Interrupted: what was measured so far is reported; jobs under way go on."))
            return True
    return False


def _blank(terms: Terms, stack_facts: StackFacts) -> BenchReport:
    return BenchReport(
        presscheck=version("presscheck"),
        made_at=datetime.now(UTC),
        stack=stack_facts,
        suite=SuiteFacts(name=terms.suite.name, digest=terms.suite.digest, jobs=len(terms.suite.jobs)),
        load=terms.load,
        requests=terms.count,
        warmup=terms.warmup,
        seed=terms.seed,
        repeat_share=terms.repeat_share,
        arms=(),
    )


def _with(report: BenchReport, arms: Sequence[Measuring]) -> BenchReport:
    measured_arms = tuple(arm.arm() for arm in arms)
    full = report.model_copy(update={"arms": measured_arms})
    return full.model_copy(update={"notes": notes(full)})


def _subjects(models: str | None, use_case: str | None, *, default: str) -> list[Subject]:
    """What to compare: models, under one use case if given; else use cases; else the default one."""
    names, cases = _names(models, option="--models"), _names(use_case, option="--use-case")
    if names and len(cases) > 1:
        raise typer.BadParameter("with --models, only one: it goes into every request", param_hint="--use-case")
    if names:
        also = {"use_case": cases[0]} if cases else {}
        return [Subject(name, "model", {"model": name, **also}) for name in names]
    return [Subject(name, "use_case", {"use_case": name}) for name in cases or [default]]


def _names(text: str | None, *, option: str) -> list[str]:
    """`a,b,c`, each once. A name twice would be one arm's requests answered by the other's cache."""
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if text is not None and not names:
        raise typer.BadParameter("give it as a,b,c", param_hint=option)
    if len(set(names)) < len(names):
        raise typer.BadParameter("each name once", param_hint=option)
    return names


def _suite(path: Path | None) -> Suite:
    try:
        return Suite.load(path or BUILT_IN)
    except (OSError, ValueError) as error:
        raise CliError(f"the suite cannot be used: {error}", code="bad_suite", exit_code=USAGE) from error


def _earlier(path: Path) -> BenchReport:
    try:
        return BenchReport.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", code="bad_report", exit_code=USAGE) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise CliError(
            f"{path} is no bench report of version {VERSION}: {where}: {first['msg']}",
            hint="make one: presscheck bench --json > before.json",
            code="bad_report",
            exit_code=USAGE,
        ) from error


def _refuse_unequal(before: BenchReport, now: BenchReport, *, name: str) -> None:
    """Before any load: ratios of unlike things would be worth nothing."""
    if reasons := comparing.differences(before, now):
        raise CliError(
            f"{name} is no measure for this run: {'; '.join(reasons)}",
            hint="ask for the same, or take --anyway, and the report will say what differs",
            code="not_comparable",
            exit_code=USAGE,
        )
