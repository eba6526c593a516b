"""`presscheck jobs …`: look at jobs, decide on their drafts, follow them, and say what you think of them.

Hides nothing but typer. Each command is one call of the API and one way to show its answer.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from shared.cli import deliveries as delivered
from shared.cli import show
from shared.cli.api import Api, JobDocument, open_api
from shared.cli.errors import print_json
from shared.cli.inline import Images
from shared.cli.options import ImagesOption, JobId, Json, OutIfGiven, Reason, Timeout
from shared.cli.outcome import Presentation, concluded, follow, present
from shared.cli.progress import WORDS
from shared.cli.world import World, world_of
from shared.models import MAX_DRAFTS, Flaw, JobFilter, Stage

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck jobs list --stage awaiting_approval
[dim]$[/dim] presscheck jobs show last --out pictures
[dim]$[/dim] presscheck jobs approve 01JD8Z3V9QK4T7X2M5N6P8R0SA --draft 2 --wait
[dim]$[/dim] presscheck jobs watch last
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

Follow = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job afterwards.")]


@app.command("list", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs list --stage failed --limit 50")
def list_(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="How many.")] = 20,
    stage: Annotated[
        Stage | None, typer.Option("--stage", help="Only jobs at this stage.", case_sensitive=False)
    ] = None,
    use_case: Annotated[str | None, typer.Option("--use-case", help="Only jobs for this.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only jobs this model painted, or was asked to.")] = None,
    template: Annotated[str | None, typer.Option("--template", help="Only jobs of poster, or of poster@2.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only jobs with this tag.")] = None,
    query: Annotated[str | None, typer.Option("--query", "-q", help="Only jobs with these words.")] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """Your jobs, newest first."""
    world, api = _open(context)
    only = JobFilter(stage=stage, use_case=use_case, model=model, template=template, tag=tag, q=query)
    page = api.jobs(limit=limit, cursor=cursor, only=only)
    if json:
        print_json(world.out, page.raw)
    else:
        show.jobs(world.out, page.view, now=datetime.now(UTC))


@app.command("show", epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs show last --out pictures")
def show_(
    context: typer.Context,
    *,
    job: JobId,
    out: OutIfGiven = None,
    images: ImagesOption = Images.AUTO,
    json: Json = False,
) -> None:
    """One job: its draft beside its final, models, seeds, cost, verification; with --out the pictures, too."""
    world, api = _open(context)
    document = _find(api, job)
    present(world, api, document, Presentation(json, out, prefix=f"{document.view.id}-", images=images))
    if document.view.input.webhook and not json:
        told = api.deliveries(document.view.id).view.deliveries
        delivered.table(world.out, told, now=datetime.now(UTC))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs deliveries last --json | jq .deliveries")
def deliveries(context: typer.Context, *, job: JobId, json: Json = False) -> None:
    """What a job told its webhook: each event, its tries, what was answered, and when the next try is."""
    world, api = _open(context)
    found = api.deliveries(_find(api, job).view.id if job == "last" else job)
    if json:
        print_json(world.out, found.raw)
    else:
        delivered.table(world.out, found.view.deliveries, now=datetime.now(UTC))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs redeliver last msg_01JD8Z3V_job_completed_1")
def redeliver(
    context: typer.Context,
    *,
    job: JobId,
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help="Its id, as `jobs deliveries` shows it.")],
    json: Json = False,
) -> None:
    """Tell the webhook once more, now; also a URL that had been switched off."""
    world, api = _open(context)
    again = api.redeliver(_find(api, job).view.id if job == "last" else job, delivery)
    if json:
        print_json(world.out, again.raw)
    else:
        delivered.table(world.out, [again.view], now=datetime.now(UTC))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs watch last")
def watch(
    context: typer.Context,
    *,
    job: JobId,
    timeout: Timeout = None,
    out: OutIfGiven = None,
    images: ImagesOption = Images.AUTO,
    json: Json = False,
) -> None:
    """Follow a job until it ends, through approvals and off-peak waits."""
    world, api = _open(context)
    document = follow(world, api, _find(api, job), until=concluded, timeout_s=timeout)
    raise typer.Exit(
        present(world, api, document, Presentation(json, out, prefix=f"{document.view.id}-", images=images))
    )


@app.command(
    epilog="[bold]Examples[/bold]\n[dim]$[/dim] presscheck jobs approve last --draft 2 --wait\n"
    "[dim]$[/dim] presscheck jobs approve last --off-peak"
)
def approve(
    context: typer.Context,
    *,
    job: JobId,
    draft: Annotated[
        int | None, typer.Option("--draft", min=1, help="Which draft becomes the final; the first if not given.")
    ] = None,
    off_peak: Annotated[
        bool, typer.Option("--off-peak", help="Make the final in the policy's off-peak window.")
    ] = False,
    wait: Follow = False,
    out: OutIfGiven = None,
    json: Json = False,
) -> None:
    """Say yes to a draft: its final is made."""
    body = ({"draft": draft} if draft else {}) | ({"off_peak": True} if off_peak else {})
    _act(context, job, verb="approve", body=body, wait=wait, how=Presentation(json, out))


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs reject last --reason "the horizon is crooked"')
def reject(
    context: typer.Context,
    *,
    job: JobId,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept in the audit trail.")] = None,
    json: Json = False,
) -> None:
    """Say no to the drafts: the job ends without a final."""
    _act(
        context, job, verb="reject", body={"reason": reason} if reason else {}, wait=False, how=Presentation(json, None)
    )


@app.command(
    epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs accept last --reason "the brush script is meant"'
)
def accept(
    context: typer.Context,
    *,
    job: JobId,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Which final; the best one if not given.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Kept in the audit trail.")] = None,
    out: OutIfGiven = None,
    json: Json = False,
) -> None:
    """Say yes to a final that failed its verification: you looked, and it will do."""
    body: dict[str, Any] = ({"attempt": attempt} if attempt else {}) | ({"reason": reason} if reason else {})
    _act(context, job, verb="accept", body=body, wait=False, how=Presentation(json, out))


@app.command(epilog='[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs restore last --attempt 1 --reason "the glow"')
def restore(
    context: typer.Context,
    *,
    job: JobId,
    attempt: Annotated[int, typer.Option("--attempt", min=1, help="Which final; jobs show lists them.")],
    reason: Reason,
    out: OutIfGiven = None,
    json: Json = False,
) -> None:
    """Let a job that is done deliver another of its finals; who did so and why is on its chain."""
    body = {"attempt": attempt, "reason": reason}
    _act(context, job, verb="restore", body=body, wait=False, how=Presentation(json, out))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs more last --count 4 --wait")
def more(
    context: typer.Context,
    *,
    job: JobId,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=MAX_DRAFTS, help="How many more.")] = 1,
    wait: Follow = False,
    out: OutIfGiven = None,
    json: Json = False,
) -> None:
    """Ask for more drafts before deciding."""
    _act(context, job, verb="drafts", body={"count": count}, wait=wait, how=Presentation(json, out))


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck jobs cancel last")
def cancel(context: typer.Context, *, job: JobId, json: Json = False) -> None:
    """Stop a job wherever it is; what was rendered stays in the ledger."""
    _act(context, job, verb="cancel", body={}, wait=False, how=Presentation(json, None))


@app.command(
    epilog="[bold]Examples[/bold]\n[dim]$[/dim] presscheck jobs rate last 5\n"
    "[dim]$[/dim] presscheck jobs rate last 2 --flaw hands --flaw text_wrong --note 'Six fingers'"
)
def rate(
    context: typer.Context,
    *,
    job: JobId,
    stars: Annotated[int, typer.Argument(metavar="STARS", min=1, max=5, help="1 to 5.")],
    flaw: Annotated[list[Flaw] | None, typer.Option("--flaw", help="What is wrong; repeat it for more.")] = None,
    note: Annotated[str, typer.Option("--note", help="In your words.")] = "",
    json: Json = False,
) -> None:
    """Say what you think of a job's pictures. Rating again replaces what you said before."""
    world, api = _open(context)
    rated = api.act(
        _find(api, job).view.id if job == "last" else job,
        "rating",
        body={"stars": stars, "flaws": [each.value for each in flaw or ()], "note": note},
    )
    if json:
        print_json(world.out, rated.raw)
    else:
        world.out.print(f"Rated {rated.view.id}: {stars} of 5.", markup=False)


def _open(context: typer.Context) -> tuple[World, Api]:
    world = world_of(context)
    return world, open_api(world)


def _find(api: Api, job: str) -> JobDocument:
    """The job of that id; "last" is the newest."""
    return api.newest() if job == "last" else api.job(job)


_DONE = {
    "approve": "approved, its final follows",
    "reject": "rejected",
    "drafts": "more drafts follow",
    "cancel": "canceled",
    "accept": "accepted",
    "restore": "restored",
}


def _act(context: typer.Context, job: str, *, verb: str, body: dict[str, Any], wait: bool, how: Presentation) -> None:
    world, api = _open(context)
    job_id = _find(api, job).view.id if job == "last" else job
    document = api.act(job_id, verb, body=body)
    if wait:
        document = follow(world, api, document, timeout_s=None)
        raise typer.Exit(present(world, api, document, how))
    if how.as_json:
        print_json(world.out, document.raw)
    else:
        # The workflow acts on a decision a moment later: until then the stage would contradict what was just done.
        word = WORDS[document.view.stage].lower() if document.view.stage.terminal else _DONE[verb]
        world.out.print(Text.assemble("Job ", (job_id, "bold"), f": {word}."), soft_wrap=True)
        if not document.view.stage.terminal:
            world.out.print(Text.assemble(("next ", "cyan"), f"presscheck jobs watch {job_id}"), soft_wrap=True)
