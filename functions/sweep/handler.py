"""Every minute: find what stands still and move it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.telemetry import logger
from shared.wiring import batch_sweep, sweep


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once. Input: any scheduled event (events/sweep-schedule.json); answers with what was done."""
    report = sweep().run()
    return report.model_dump(mode="json") | {"batches": batch_sweep().run()}
