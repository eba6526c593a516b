"""A job as OpenAI's server-sent events: its drafts as partial images, its final as the completed one.

Hides the events' shape. Never waits: it is handed the job as often as something happened to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from functions.api.errors import problem_body
from functions.api.openai.reply import (
    Render,
    encoded,
    failure,
    format_of,
    origin,
    renders,
    size_of,
    standing,
    still_working,
    usage,
)
from functions.api.openai.request import Presentation
from shared import wiring
from shared.errors import PresscheckError
from shared.models import Attempt, Job, Stage, Tier

Kind = Literal["image_generation", "image_edit"]
CONTENT_TYPE = "text/event-stream"
ALIVE = ": still painting\n\n"
"""A comment: clients skip it, and what lies between keeps the line open."""


def told(snapshots: Iterable[Job | None], shown: Presentation, *, kind: Kind, instance: str) -> Iterator[str]:
    """The events of one job, each as soon as its snapshot shows it; None among the snapshots keeps the line open.

    The last is `completed` or `error`: also when the snapshots end before the job does. What is raised on the way is
    told as an `error` too, for the status line is gone by then.
    """
    told_drafts: set[int] = set()
    job: Job | None = None
    try:
        for snapshot in snapshots:
            if snapshot is None:
                yield ALIVE
                continue
            job = snapshot
            attempts = wiring.ledger().attempts(job.id)
            for draft in _new(attempts, told_drafts, at_most=shown.partial_images):
                yield _frame(f"{kind}.partial_image", _partial(job, draft, shown, index=len(told_drafts) - 1))
            if job.stage.terminal:
                yield _last(job, attempts, shown, kind=kind, instance=instance)
                return
        yield _error(still_working([job] if job else []), instance=instance)
    except PresscheckError as error:
        yield _error(error, instance=instance)


def _last(job: Job, attempts: tuple[Attempt, ...], shown: Presentation, *, kind: Kind, instance: str) -> str:
    final = next(iter(standing(job, attempts)), None)
    if job.stage is not Stage.DONE or final is None:
        return _error(failure(job, attempts), instance=instance)
    facts = {"usage": usage([final]).model_dump()}
    return _frame(f"{kind}.completed", _image(job, final, shown) | facts)


def _new(attempts: tuple[Attempt, ...], told_drafts: set[int], *, at_most: int) -> Iterator[Render]:
    for draft in renders(attempts, Tier.DRAFT):
        if draft.attempt.candidate not in told_drafts and len(told_drafts) < at_most:
            told_drafts.add(draft.attempt.candidate)
            yield draft


def _partial(job: Job, draft: Render, shown: Presentation, *, index: int) -> dict[str, Any]:
    return _image(job, draft, shown) | {"partial_image_index": index}


def _image(job: Job, render: Render, shown: Presentation) -> dict[str, Any]:
    facts = origin(job, render.attempt)
    checked = facts.pop("verification")
    return {
        "b64_json": encoded(job.tenant, render.image, shown),
        "created_at": round((render.attempt.completed_at or job.updated_at).timestamp()),
        "size": size_of(render.image),
        "quality": shown.quality if shown.quality not in {"standard", "hd"} else "auto",
        "background": shown.background,
        "output_format": format_of(render.image, shown),
        **facts,
        "verification": checked.model_dump(mode="json") if checked else None,
    }


def _frame(event: str, data: dict[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps({'type': event} | data, ensure_ascii=False)}\n\n"


def _error(error: PresscheckError, *, instance: str) -> str:
    """The SDK raises APIError with the object under `error`."""
    return _frame("error", problem_body(error, instance=instance).model_dump(mode="json") | {"type": "error"})
