"""What every command that waits for a job does with it: follow, fetch, save, show, and an exit code.

Hides the order of these steps and what is shown where. The job itself goes on whatever happens here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from shared.cli import inline, show
from shared.cli.api import Api, JobDocument
from shared.cli.errors import FAILED, print_json
from shared.cli.inline import Images
from shared.cli.pictures import fetch, pair, save
from shared.cli.progress import Progress
from shared.cli.summary import summary
from shared.cli.world import World
from shared.models import Stage
from shared.views import JobView


@dataclass(frozen=True)
class Presentation:
    """How the person, or the script, wants it. Without a folder nothing is saved."""

    as_json: bool
    folder: Path | None
    prefix: str = ""
    images: Images = Images.AUTO


def concluded(job: JobView) -> bool:
    return job.stage.terminal


def needs_nobody(job: JobView) -> bool:
    """False once only a person or the clock can move the job on: no terminal should wait for that."""
    return job.stage.terminal or job.stage in {Stage.AWAITING_APPROVAL, Stage.WAITING_OFF_PEAK}


def follow(
    world: World,
    api: Api,
    document: JobDocument,
    *,
    until: Callable[[JobView], bool] = needs_nobody,
    timeout_s: float | None,
) -> JobDocument:
    """Watch the job's progress on stderr; the job as it is in the end."""
    newest = document
    try:
        with Progress(world.err, clock=world.clock) as progress:
            for newest in api.follow(document, until=until, timeout_s=timeout_s):
                progress.see(newest.view)
    except KeyboardInterrupt:
        job = document.view.id
        world.err.print(Text("Interrupted here; the job goes on."))
        for verb in ("watch", "cancel"):
            world.err.print(Text.assemble(("next ", "cyan"), f"presscheck jobs {verb} {job}"), soft_wrap=True)
        raise
    return newest


def present(world: World, api: Api, document: JobDocument, how: Presentation) -> int:
    """Save and show the job as it is now; 1 if it ended in anything but a final, else 0."""
    job = document.view
    visible = Images.NONE if how.as_json else inline.choose(how.images, console=world.out, environ=world.environ)
    pictures = fetch(api, job) if how.folder or visible is not Images.NONE else []
    if how.folder:
        pictures = save(pictures, how.folder, prefix=how.prefix)
    if how.as_json:
        print_json(world.out, summary(document, pictures))
    else:
        if visible is not Images.NONE:
            world.out.print()
            inline.show([picture.data for picture in pair(pictures, job)], how=visible, console=world.out)
        show.job(world.out, job, pictures=pictures)
    return FAILED if job.stage.terminal and job.stage is not Stage.DONE else 0
