"""A job's pictures on this machine: which to fetch, how the files are called.

Hides file names and the choice of what counts as *the* draft and *the* final. The bytes are written as they came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shared.cli.api import Api
from shared.cli.errors import CliError
from shared.models import Stage
from shared.views import JobView, RenderView

_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


@dataclass(frozen=True)
class Picture:
    """One render's bytes; `path` once they are saved."""

    name: str
    render: RenderView
    data: bytes
    path: Path | None = None


def the_draft(job: JobView) -> RenderView | None:
    """The chosen draft, or the first while nobody has chosen."""
    return next(
        (draft for draft in job.drafts if draft.candidate == job.chosen_draft), job.drafts[0] if job.drafts else None
    )


def fetch(api: Api, job: JobView) -> list[Picture]:
    """Every draft and the final (of a failed job: its best attempt), in this order."""
    return [Picture(name, render, api.picture(render.image)) for name, render in _named(job) if render.image]


def save(pictures: Sequence[Picture], folder: Path, *, prefix: str = "") -> list[Picture]:
    """The same pictures with their paths; files of that name are replaced. Raises CliError where it cannot write."""
    saved = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures:
            mime = picture.render.image.mime if picture.render.image else ""
            path = folder / f"{prefix}{picture.name}{_SUFFIXES.get(mime, '.img')}"
            path.write_bytes(picture.data)
            saved.append(replace(picture, path=path))
    except OSError as error:
        raise CliError(
            f"cannot write to {folder}: {error.strerror}", hint="choose another folder with --out", code="cannot_write"
        ) from error
    return saved


def pair(pictures: Sequence[Picture], job: JobView) -> list[Picture]:
    """What to look at side by side: the draft and the final, or all drafts while there is no final."""
    final = [picture for picture in pictures if picture.render is job.final]
    if not final:
        return list(pictures)
    draft = the_draft(job)
    return [picture for picture in pictures if picture.render is draft] + final


def _named(job: JobView) -> list[tuple[str, RenderView]]:
    one = len(job.drafts) == 1
    named = [("draft" if one else f"draft-{draft.candidate}", draft) for draft in job.drafts]
    if job.final:
        named.append(("best-attempt" if job.stage is Stage.FAILED else "final", job.final))
    return named
