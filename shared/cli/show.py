"""Jobs, lists and audit trails as tables on a terminal.

Hides layout. Takes parsed views and prints them; never fetches, never decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli import words
from shared.cli.pictures import Picture, the_draft
from shared.cli.progress import STYLES, WORDS
from shared.cli.words import plain
from shared.models import Stage, Tier, Verdict, Verification
from shared.views import JobList, JobView, RenderView

_SHORT_SHA = 16
_ID_CHARS = 26
_DETAIL_CHARS = 60
_VERDICT_STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.UNREADABLE: "yellow"}


def job(console: Console, view: JobView, *, pictures: Sequence[Picture] = ()) -> None:
    """The whole job: outcome, draft beside final, further drafts and attempts, files, what was simulated."""
    _headline(console, view)
    renders = [render for render in (the_draft(view), view.final) if render]
    if renders:
        console.print()
        console.print(_comparison(view, renders))
    if len(view.drafts) > 1:
        console.print(_attempts("Drafts", view.drafts))
    finals = [attempt for attempt in view.attempts if attempt.tier is Tier.FINAL]
    if len(finals) > 1 or any(attempt.error for attempt in view.attempts):
        console.print(_attempts("Attempts", view.attempts))
    for picture in pictures:
        if picture.path and picture.render.image:
            console.print(
                Text.assemble(
                    ("saved ", "dim"), str(picture.path), ("  sha256 ", "dim"), (picture.render.image.sha256, "dim")
                ),
                soft_wrap=True,
            )
    _simulated(console, view)
    _next_step(console, view)


def jobs(console: Console, page: JobList, *, now: datetime) -> None:
    if not page.jobs:
        console.print("No jobs. Make one: presscheck render --prompt …", markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Job", no_wrap=True, min_width=_ID_CHARS)
    table.add_column("Stage", no_wrap=True, min_width=max(len(WORDS[view.stage]) for view in page.jobs))
    table.add_column("Age", justify="right", no_wrap=True, min_width=len("59 min ago"))
    table.add_column("Cost", justify="right", no_wrap=True, min_width=len("$0.0000"))
    table.add_column("For", overflow="ellipsis", no_wrap=True)
    table.add_column("Prompt", overflow="ellipsis", no_wrap=True, ratio=1)
    for view in page.jobs:
        purpose = view.input.model or view.use_case
        cost = words.dollars(view.cost_usd_micros)
        table.add_row(
            view.id, _stage(view.stage), words.age(view.created_at, now), cost, plain(purpose), Text(plain(view.prompt))
        )
    console.print(table)
    if page.cursor:
        console.print(Text(f"More: presscheck jobs list --cursor {page.cursor}", "dim"), soft_wrap=True)


def _headline(console: Console, view: JobView) -> None:
    took = f" in {words.duration(view.metrics.total_ms)}" if view.metrics.total_ms is not None else ""
    mark = "✓ " if view.stage is Stage.DONE else "✗ " if view.stage.terminal else ""
    console.print()
    console.print(
        Text.assemble(
            (f"{mark}{WORDS[view.stage]}{took}", f"bold {STYLES.get(view.stage, 'cyan')}"),
            f"   job {plain(view.id)}   {words.dollars(view.cost_usd_micros)}",
        ),
        soft_wrap=True,
    )
    console.print(Text(f"“{plain(view.prompt)}”", "italic dim"))
    if view.error:
        console.print(Text(plain(view.error), "red"), soft_wrap=True)
    if view.error_detail and (ended := view.error_detail.context.get("ended")):
        console.print(Text(plain(f"No further repair: {ended}"), "dim"), soft_wrap=True)


def _comparison(view: JobView, renders: Sequence[RenderView]) -> Table:
    table = Table(box=box.ROUNDED, border_style="dim", expand=False)
    table.add_column("", style="dim", no_wrap=True)
    for render in renders:
        final = render.tier is Tier.FINAL
        title = (
            ("Best attempt" if view.stage is Stage.FAILED else "Final")
            if final
            else f"Draft {render.candidate}"
            if len(view.drafts) > 1
            else "Draft"
        )
        table.add_column(title, overflow="fold", header_style="bold")
    rows: list[tuple[str, Callable[[RenderView], str | Text]]] = [
        ("model", words.model),
        ("seed", lambda render: words.seed(render.seed)),
        ("template", lambda render: words.template(render.template)),
        ("recipe", words.recipe),
        *([("painted from", words.painted_from)] if any(render.prompt_effective for render in renders) else []),
        ("latency", words.latency),
        ("cost", lambda render: words.cost(render.cost_usd_micros)),
        ("verification", lambda render: _verification(render.verification)),
        ("image", _source),
        ("sha256", lambda render: f"{render.image.sha256[:_SHORT_SHA]}…" if render.image else "none"),
    ]
    for name, cell in rows:
        table.add_row(name, *[cell(render) for render in renders])
    return table


def _attempts(title: str, attempts: Sequence[RenderView]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Render", "Model", "Changed", "Result"):
        table.add_column(name, overflow="fold")
    table.add_column("Latency", justify="right", no_wrap=True)
    table.add_column("Cost", justify="right", no_wrap=True)
    for attempt in attempts:
        name = f"draft {attempt.candidate}" if attempt.tier is Tier.DRAFT else "final"
        name = f"{name}, try {attempt.attempt}" if attempt.tier is Tier.FINAL or attempt.attempt > 1 else name
        result = Text(plain(attempt.error.message), "red") if attempt.error else _verification(attempt.verification)
        time = words.duration(attempt.latency_ms.total)
        table.add_row(
            name,
            plain(attempt.model),
            _changed(attempt),
            result,
            time,
            words.dollars(attempt.cost_usd_micros),
        )
    return table


def _changed(attempt: RenderView) -> Text:
    """What a repair changed, under the steps that were passed over on the way to it."""
    lines = [Text(plain(f"skipped {skip.step}: {skip.reason}"), "dim") for skip in attempt.skipped]
    return Text("\n").join([*lines, *([Text(plain(attempt.repair))] if attempt.repair else [])])


def _simulated(console: Console, view: JobView) -> None:
    """Say once and plainly which pictures no generative model painted."""
    painted = [attempt for attempt in view.attempts if attempt.simulated]
    if not painted:
        return
    console.print()
    text = Text.assemble(("Simulated  ", "bold yellow"), "No generative model painted these pictures. ")
    text.append("They come from a seeded painter behind the real serving contract; its times, prices and ")
    text.append("misspellings imitate a real model's. The workflow, the reading of the text and the ledger are real.")
    console.print(text)
    aliases = {attempt.alias for attempt in painted if attempt.alias}
    for asked, reason in sorted({(alias.asked, alias.reason) for alias in aliases}):
        served = " and ".join(
            sorted({alias.served_by for alias in aliases if (alias.asked, alias.reason) == (asked, reason)})
        )
        console.print(Padding(Text(plain(f"{asked} is served by {served}: {reason}"), "dim"), (0, 0, 0, 11)))


def _next_step(console: Console, view: JobView) -> None:
    commands: tuple[tuple[str, str], ...] = ()
    if view.stage is Stage.AWAITING_APPROVAL:
        commands = (
            (f"presscheck jobs approve {view.id} --draft 1", "make the final of draft 1"),
            (f"presscheck jobs more {view.id}", "see more drafts"),
            (f"presscheck jobs reject {view.id}", "leave it"),
        )
    elif view.stage is Stage.FAILED and view.final and view.final.verification:
        commands = ((f"presscheck jobs accept {view.id}", "take the best attempt all the same"),)
    if commands:
        console.print()
    for command, effect in commands:
        console.print(Text.assemble(("next ", "cyan"), command, (f"   {effect}", "dim")), soft_wrap=True)


def _source(render: RenderView) -> Text:
    if render.image is None:
        return Text("none", "red")
    size = f"{render.image.width}x{render.image.height}, {render.image.size_bytes / 1_024:,.0f} KiB"
    return Text.assemble(("cached", "green") if render.cached else "fresh", f", {size}")


def _verification(checked: Verification | None) -> Text:
    text = words.verification(checked)
    return Text(text, "dim") if checked is None else Text(text, _VERDICT_STYLES[checked.verdict])


def _stage(stage: Stage) -> Text:
    return Text(WORDS[stage], STYLES.get(stage, "cyan"))


def _brief(value: object) -> str:
    text = str(value)
    return text if len(text) <= _DETAIL_CHARS else f"{text[:_DETAIL_CHARS]}…"
