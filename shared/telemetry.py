"""Logs and metrics, one door for both: structured lines and embedded metrics of Powertools.

Never log prompts, keys, tokens or image bytes at INFO.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics

SERVICE = "presscheck"

logger = Logger(service=SERVICE, use_rfc3339=True)
metrics = Metrics(namespace="Presscheck", service=SERVICE)
