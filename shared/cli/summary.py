"""A concluded or waiting job as one JSON document for scripts: `presscheck demo --json` and `render --json`.

Hides its shape: flat facts of the draft and the final first, the API's own job in full under `job`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.cli.api import JobDocument
from shared.cli.pictures import Picture, the_draft
from shared.views import RenderView


def summary(document: JobDocument, pictures: Sequence[Picture]) -> dict[str, Any]:
    """Latencies in milliseconds, cost in millionths of a dollar, paths as they were given."""
    job = document.view
    shown = [render for render in (the_draft(job), job.final) if render]
    return {
        "status": job.status,
        "stage": job.stage.value,
        "id": job.id,
        "cached": bool(shown) and all(render.cached for render in shown),
        "simulated": any(render.simulated for render in job.attempts),
        "cost_usd_micros": job.cost_usd_micros,
        "total_ms": job.metrics.total_ms,
        "draft": _render(the_draft(job), pictures),
        "final": _render(job.final, pictures),
        "drafts": [_render(draft, pictures) for draft in job.drafts],
        "attempts": [_render(attempt, pictures) for attempt in job.attempts],
        "verification": job.verification.model_dump(mode="json") if job.verification else None,
        "error": job.error,
        "error_detail": job.error_detail.model_dump(mode="json") if job.error_detail else None,
        "job": document.raw,
    }


def _render(render: RenderView | None, pictures: Sequence[Picture]) -> dict[str, Any] | None:
    if render is None:
        return None
    path = next((picture.path for picture in pictures if picture.render is render), None)
    return {
        "tier": render.tier.value,
        "candidate": render.candidate,
        "attempt": render.attempt,
        "status": render.status.value,
        "model": render.model,
        "provider": render.provider,
        "alias": render.alias.model_dump() if render.alias else None,
        "simulated": render.simulated,
        "seed": render.recipe.seed,
        "seed_record": render.seed.model_dump(mode="json"),
        "prompt_effective": render.prompt_effective,
        "template": render.template.model_dump() if render.template else None,
        "repair": render.repair,
        "step": render.step,
        "skipped": [skip.model_dump() for skip in render.skipped],
        "typeset": render.typeset,
        "fingerprint": render.fingerprint,
        "sha256": render.image.sha256 if render.image else None,
        "path": str(path) if path else None,
        "cached": render.cached,
        "latency_ms": render.latency_ms.total,
        "queue_ms": render.latency_ms.queue,
        "inference_ms": render.latency_ms.inference,
        "cost_usd_micros": render.cost_usd_micros,
        "verification": render.verification.model_dump(mode="json") if render.verification else None,
        "error": render.error.model_dump(mode="json") if render.error else None,
    }
