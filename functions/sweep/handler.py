"""Every minute: find what stands still and move it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.telemetry import logger, metrics
from shared.wiring import sweep


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once. Input: any scheduled event (events/sweep-schedule.json); answers with what was done."""
    report = sweep().run()
    for name, count in report.model_dump().items():
        metrics.add_metric(name=f"Sweep{name.title().replace('_', '')}", unit=MetricUnit.Count, value=count)
    return report.model_dump(mode="json")
