"""One attempt at a tier: start it, or collect what came of it."""

from __future__ import annotations

from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.models import RenderTask, Value
from shared.telemetry import logger
from shared.wiring import renders


class RenderStep(Value):
    """What the workflow asks of this function."""

    step: Literal["start", "collect"]
    task: RenderTask


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do one step of a render. Input: events/render-start.json, events/render-collect.json."""
    asked = RenderStep.model_validate(event)
    logger.append_keys(job_id=asked.task.job_id)
    step = renders().start if asked.step == "start" else renders().collect
    return step(asked.task).model_dump(mode="json")
