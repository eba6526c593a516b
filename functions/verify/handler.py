"""Does the final say what was asked, and does it look right?"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.models import RenderTask
from shared.telemetry import logger
from shared.wiring import verdicts


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Verify one final. Input: events/verify-final.json."""
    task = RenderTask.model_validate(event)
    logger.append_keys(job_id=task.job_id)
    return verdicts().verify(task).model_dump(mode="json")
