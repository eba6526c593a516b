"""`presscheck evidence`: the same jobs the ad-hoc way and by the policy, beside the article's figures.

Hides how the model server of a stack is found. The order of work is shared.bench.trial's, the rows evidence's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from secrets import randbelow
from typing import Annotated, Final

import typer
from rich.text import Text

from shared.bench import evidence as findings
from shared.bench import grids, workload
from shared.bench.adhoc import USUAL, Habits
from shared.bench.evidencepage import evidence_page
from shared.bench.load import MOST_AT_ONCE, Halt, Load
from shared.bench.model_server import ModelServer, Whereabouts
from shared.bench.report import StackFacts
from shared.bench.trial import Render, Trial
from shared.bench.viewer import Viewer
from shared.bench.workload import Item
from shared.catalogue import Catalogue, Model
from shared.cli import measured, stack
from shared.cli.api import Api
from shared.cli.errors import INTERRUPTED, USAGE, CliError, print_json
from shared.cli.hands import TwoHands
from shared.cli.options import Json
from shared.cli.strides import Strides
from shared.cli.world import World, world_of
from shared.errors import ConfigurationError
from shared.models import Tier, sha256_hex
from shared.views import ModelList

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck up && presscheck evidence --html evidence.html
[dim]$[/dim] presscheck evidence --jobs 60 --json | jq '.rows[] | {name, before, after, ratio}'
[dim]$[/dim] presscheck evidence --bucket B --endpoint-prefix presscheck-prod-     [dim]on AWS, with its outputs[/dim]

[bold]What is compared[/bold]
Before: every job by one flagship model, straight from its endpoint, no cache, no check; wrong pictures are painted anew
with more guidance when somebody complains. After: the policy. The same jobs on the same model server, block by block.
Every delivered picture of both is looked at by the same reader. On AWS your credentials must be allowed to write
inference/input/ and read inference/ in the bucket, and to invoke the endpoints. events/evidence.schema.json describes
the JSON.
"""

_HERO: Final = "hero"
_BEFORE, _LOAD, _OUT = "The ad-hoc way", "How much of it", "What becomes of the result"


def evidence(
    context: typer.Context,
    *,
    jobs: Annotated[
        int, typer.Option("--jobs", "-n", min=1, max=500, help="Of the workload's 500.", rich_help_panel=_LOAD)
    ] = 500,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=MOST_AT_ONCE, help="At a time.", rich_help_panel=_LOAD)
    ] = 2,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draws the jobs and their seeds; else drawn.", rich_help_panel=_LOAD),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=1, metavar="SECONDS", help="Then a job is an error.", rich_help_panel=_LOAD),
    ] = 300.0,
    flagship: Annotated[
        str | None,
        typer.Option("--flagship", metavar="MODEL", help="Else what heroes get.", rich_help_panel=_BEFORE),
    ] = None,
    guidance: Annotated[float, typer.Option("--guidance", help="To begin with.", rich_help_panel=_BEFORE)] = (
        USUAL.guidance
    ),
    raised_by: Annotated[
        float,
        typer.Option("--raised-by", help="Guidance a complaint adds; 0: only fresh dice.", rich_help_panel=_BEFORE),
    ] = USUAL.raised_by,
    complaints: Annotated[
        int, typer.Option("--complaints", min=0, max=5, help="At most, of each picture.", rich_help_panel=_BEFORE)
    ] = USUAL.complaints,
    bucket: Annotated[
        str | None,
        typer.Option(
            "--bucket", help="The stack's output BucketName; the local one is known.", rich_help_panel=_BEFORE
        ),
    ] = None,
    endpoint_prefix: Annotated[
        str | None,
        typer.Option("--endpoint-prefix", help="Its output EndpointPrefix, likewise.", rich_help_panel=_BEFORE),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="A page with charts.", rich_help_panel=_OUT)
    ] = None,
    json: Json = False,
) -> None:
    """Do the same jobs the ad-hoc way and by the policy, and set both beside the article's figures."""
    world, halt = world_of(context), Halt()
    target = stack.target(world)
    patient = replace(world, sleep=halt.sleep)
    api = Api(target.api_url, target.key, world=patient)
    facts, catalogue = api.models().view, Catalogue.load()
    drawn = randbelow(2**31) if seed is None else seed
    hands = TwoHands(
        api=api,
        server=ModelServer(
            _whereabouts(world, target, bucket=bucket, prefix=endpoint_prefix),
            run=f"{drawn:x}-{datetime.now(UTC):%H%M%S}",
            clock=world.clock,
            sleep=halt.sleep,
        ),
        catalogue=catalogue,
        flagship=_flagship(flagship, facts, catalogue),
        habits=Habits(guidance=guidance, raised_by=raised_by, complaints=complaints),
        clock=world.clock,
        timeout_s=timeout,
    )
    blocks = workload.blocks(workload.load(), jobs=jobs, seed=drawn)
    load = Load(concurrency=concurrency)
    trial = Trial(hands, _viewer(), load=load, habits=hands.habits, clock=world.clock, halt=halt)
    interrupted = _run(world, trial, blocks)
    report = findings.report(
        trial,
        presscheck=version("presscheck"),
        made_at=datetime.now(UTC),
        interrupted=interrupted,
        stack=StackFacts.of(target.api_url, facts, local=target.local),
        workload=sha256_hex(workload.FILE.read_bytes()),
        jobs=sum(map(len, blocks)),
        seed=drawn,
        load=load,
        flagship=hands.flagship.name,
        habits=hands.habits,
    )
    if html:
        measured.save(world, html, evidence_page(report))
    if json:
        print_json(world.out, report.model_dump(mode="json"))
    else:
        measured.show(world.out, grids.of_evidence(report), notes=report.notes)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _run(world: World, trial: Trial, blocks: Sequence[Sequence[Item]]) -> bool:
    """True when somebody pressed Ctrl-C: whole blocks count."""
    with Strides(world.err, clock=world.clock) as strides:
        strides.start("both ways", of=2 * sum(map(len, blocks)))

        def seen(render: Render) -> None:
            strides.step(render.total_ms if render.picture else None, failed=render.error or None)

        try:
            trial.run(blocks, seen)
        except KeyboardInterrupt:
            world.err.print(
                Text("Interrupted: the blocks that were done both ways are reported; jobs under way go on.")
            )
            return True
    return False


def _whereabouts(world: World, target: stack.Target, *, bucket: str | None, prefix: str | None) -> Whereabouts:
    """Where the stack's own endpoints are: a local stack says it, of another one we must be told."""
    if bucket and prefix:
        return Whereabouts(bucket=bucket, endpoint_prefix=prefix)
    local = stack.local_facts(world) if target.local else None
    if local is None:
        raise CliError(
            "the ad-hoc way calls the stack's endpoints directly, and nothing says where they are",
            hint="give --bucket and --endpoint-prefix (outputs BucketName and EndpointPrefix), with AWS credentials",
            code="no_model_server",
            exit_code=USAGE,
        )
    return Whereabouts(
        bucket=local["outputs"]["BucketName"],
        endpoint_prefix=local["outputs"]["EndpointPrefix"],
        s3_url=local["endpoint_url"],
        runtime_url=local["sagemaker_url"],
    )


def _flagship(name: str | None, facts: ModelList, catalogue: Catalogue) -> Model:
    """The model that paints everything: the one named, or what heroes get here; it must be on our own endpoints."""
    if name is None:
        name = next((pick.final for pick in facts.picks if pick.use_case == _HERO), None)
    row = next((row for row in facts.models if name in (row.name, *row.aliases)), None)
    if row is None:
        raise CliError(f'model "{name}" is not known here', hint="see them all: presscheck models", code="not_found")
    stand_ins = [alias.served_by for alias in row.served_by]
    serving = [catalogue.find(each) for each in stand_ins or [row.name]]
    model = next((each for each in serving if Tier.FINAL in each.tiers and Tier.DRAFT not in each.tiers), serving[-1])
    if model.provider != "sagemaker":
        raise CliError(
            f'"{model.name}" is hosted by {model.provider}, and the trial calls SageMaker endpoints only',
            hint="name one of ours: --flagship sd35-large",
            code="no_model_server",
            exit_code=USAGE,
        )
    return model


def _viewer() -> Viewer:
    try:
        return Viewer.with_open_eyes()
    except (ConfigurationError, ImportError) as error:
        raise CliError(
            f"nothing here can read text on pictures: {error}",
            hint="pip install 'presscheck[ocr]'",
            code="not_installed",
        ) from error
