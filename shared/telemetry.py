"""Logs and metrics, one door for both: structured lines and embedded metrics of Powertools.

Never log prompts, keys, tokens or image bytes at INFO.
"""

from __future__ import annotations

from typing import Final, Literal

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

SERVICE: Final = "presscheck"
NAMESPACE: Final = "Presscheck"

logger = Logger(service=SERVICE, use_rfc3339=True)

_UNITS: Final = {"count": MetricUnit.Count, "ms": MetricUnit.Milliseconds, "usd_micros": MetricUnit.NoUnit}


def measure(
    name: str, value: float, *, unit: Literal["count", "ms", "usd_micros"] = "count", **dimensions: str
) -> None:
    """One number someone will graph, with few-valued dimensions such as tier and model."""
    with single_metric(name=name, unit=_UNITS[unit], value=value, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="service", value=SERVICE)
        for key, each in dimensions.items():
            metric.add_dimension(name=key, value=each)
