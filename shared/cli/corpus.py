"""`presscheck corpus …`: finals and their prompts, out of the ledger and into a folder that trainers read.

Hides typer, and how candidates are found through the API. What is drawn is shared.corpus' to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from shared.cli.api import Api, open_api
from shared.cli.corpus_files import Corpus, Plan
from shared.cli.counting import Count
from shared.cli.datasheet import datasheet
from shared.cli.errors import CliError, print_json
from shared.cli.options import Json, Since
from shared.cli.world import world_of
from shared.corpus import Candidate, CorpusReport, StratumCount, draw, personal
from shared.models import JobFilter, Stage
from shared.views import JobSummary

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck corpus export --n 200 --out corpus
[dim]$[/dim] presscheck corpus export --n 500 --out best --min-rating 4 --since 90d
[dim]$[/dim] accelerate launch train_dreambooth_lora_sd3.py --dataset_name=corpus --caption_column=text …

[bold]What it writes[/bold]
train/ and test/ with pictures and metadata.jsonl (Hugging Face ImageFolder), README.md (the datasheet), sha256sums.txt
and export.json. One render in ten belongs to test/ by the hash of its recipe, for ever. The same command goes on with
an export that was interrupted. events/corpus-export.schema.json describes --json.
"""

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", epilog=EPILOG)

_PAGE: Final = 100


@app.callback()
def corpus() -> None:
    """Finals and their prompts as a data set: for fine-tuning, and for judging what came of it."""


@app.command(epilog="[bold]Example[/bold]\n[dim]$[/dim] presscheck corpus export --n 200 --out corpus --seed 7 --json")
def export(
    context: typer.Context,
    *,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=100_000, help="How many pictures, if there are so many.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", file_okay=False, help="An empty folder, or one to go on with.")
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed draws another sample to train on.")] = 0,
    min_rating: Annotated[
        float | None, typer.Option("--min-rating", min=1, max=5, help="Only finals rated so well, on the mean.")
    ] = None,
    since: Since = None,
    failed: Annotated[
        bool, typer.Option("--include-failed", help="Also the best attempts of jobs that failed their verification.")
    ] = False,
    real: Annotated[bool, typer.Option("--no-simulated", help="Leave out what the simulator painted.")] = False,
    json: Json = False,
) -> None:
    """Draw a sample of your tenant's finals, fair to every use case, model, verdict and rating, and write it."""
    world = world_of(context)
    api = open_api(world)
    arguments = {
        "n": n,
        "seed": seed,
        "min_rating": min_rating,
        "since": since.isoformat() if since else None,
        "include_failed": failed,
        "no_simulated": real,
    }
    folder = Corpus(out)
    with Count(world.err) as progress:
        plan = folder.plan(arguments)
        if plan is None:
            wish = _Wish(since=since, min_rating=min_rating, failed=failed, real=real)
            plan = _planned(api, wish, n=n, seed=seed, arguments=arguments, progress=progress)
            folder.keep(plan)
        progress.begin("pictures", total=len(plan.train) + len(plan.test))
        rows = folder.fetch(api, plan, told=progress.step)
    folder.finish(rows, datasheet(plan, rows, command=_command(arguments)))
    if json:
        print_json(world.out, _report(plan, out, there=progress.there).model_dump(mode="json"))
    else:
        _show(world.out, plan, out, there=progress.there)


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """Which finals may be drawn."""

    since: datetime | None
    min_rating: float | None
    failed: bool
    real: bool

    def refuses(self, job: JobSummary) -> str | None:
        """Why a job is left out."""
        if job.final is None:
            return "no final"
        if job.input.init_image:
            return "starts from a picture of the client's own"
        if self.real and job.final.simulated:
            return "simulated"
        if self.min_rating is not None and (job.stars is None or job.stars < self.min_rating):
            return "not rated" if job.stars is None else f"rated below {self.min_rating:g}"
        found = next((found for text in (job.prompt, *job.expected_text) if (found := personal(text))), None)
        return f"holds what looks like {found}" if found else None


def _planned(api: Api, wish: _Wish, *, n: int, seed: int, arguments: dict[str, Any], progress: Count) -> Plan:
    progress.begin("jobs")
    excluded: Counter[str] = Counter()
    candidates: list[Candidate] = []
    looked_at = 0
    for job in _jobs(api, wish):
        looked_at += 1
        progress.step(False)
        if why := wish.refuses(job):
            excluded[why] += 1
        else:
            candidates.append(_candidate(api, job))
    drawn = draw(candidates, n=n, seed=seed)
    twice = len(candidates) - sum(there for there, _ in drawn.strata.values())
    excluded += Counter({"the same picture as another": twice})
    if not drawn.train and not drawn.test:
        why = "; ".join(f"{count} {reason}" for reason, count in excluded.items()) or "there is no job that is done"
        raise CliError(f"no final to export: {why}", hint="see what there is: presscheck jobs list", code="not_found")
    return Plan(
        arguments=arguments,
        train=drawn.train,
        test=drawn.test,
        strata=tuple((*name, there, taken) for name, (there, taken) in drawn.strata.items()),
        excluded=dict(excluded),
        looked_at=looked_at,
    )


def _jobs(api: Api, wish: _Wish) -> Iterator[JobSummary]:
    """Every job that is over and may have a final, newest first."""
    for stage in (Stage.DONE, Stage.FAILED) if wish.failed else (Stage.DONE,):
        cursor: str | None = None
        while True:
            page = api.jobs(limit=_PAGE, cursor=cursor, only=JobFilter(stage=stage)).view
            for job in page.jobs:
                if wish.since and job.created_at < wish.since:
                    break
                yield job
            else:
                cursor = page.cursor
                if cursor:
                    continue
            break


def _candidate(api: Api, job: JobSummary) -> Candidate:
    assert job.final is not None  # noqa: S101 - jobs without one are refused before
    fingerprint = job.final.fingerprint
    if not fingerprint:  # painted before lists told it
        whole = api.job(job.id).view.final
        fingerprint = whole.fingerprint if whole else job.final.image.sha256
    return Candidate(
        job_id=job.id,
        fingerprint=fingerprint,
        sha256=job.final.image.sha256,
        use_case=job.use_case,
        model=job.final.model,
        verdict=job.final.verdict.value if job.final.verdict else "none",
        stars=job.stars,
    )


# ── telling ──────────────────────────────────────────────────────────────────────────────────────


def _command(arguments: dict[str, Any]) -> str:
    words = ["presscheck corpus export"]
    for name, value in arguments.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value is not None and value is not False:  # 0 is a seed
            words.append(f"{option} {value}")
    return " ".join([*words, "--out DIR"])


def _report(plan: Plan, out: Path, *, there: int) -> CorpusReport:
    names = StratumCount.model_fields
    return CorpusReport(
        out=str(out),
        train=len(plan.train),
        test=len(plan.test),
        looked_at=plan.looked_at,
        already_there=there,
        excluded=plan.excluded,
        strata=tuple(StratumCount.model_validate(dict(zip(names, stratum, strict=True))) for stratum in plan.strata),
        arguments=plan.arguments,
    )


def _show(out: Console, plan: Plan, folder: Path, *, there: int) -> None:
    total = len(plan.train) + len(plan.test)
    wanted = plan.arguments["n"]
    out.print(
        Text.assemble(
            "Wrote ", (str(folder), "bold"), f": {len(plan.train)} to train on, {len(plan.test)} to judge by",
            f" ({there} were there already)" if there else "",
        ),
        soft_wrap=True,
    )  # fmt: skip
    for reason, count in sorted(plan.excluded.items()):
        out.print(Text(f"  left out: {count} {reason}", "dim"), soft_wrap=True)
    if total < wanted:
        out.print(Text.assemble(("note ", "yellow"), f"{wanted} were asked for; no more may be in it"), soft_wrap=True)
    out.print(Text.assemble(("next ", "cyan"), f"read {folder / 'README.md'}"), soft_wrap=True)
