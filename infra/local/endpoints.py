"""The stand-in's endpoint table: what the SageMaker stack would deploy, read from its synthesized template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from infra.local.deploy import Assembly
from infra.local.environment import ACCOUNT, REGION, Emulator
from infra.local.sagemaker.config import EndpointConfig, Endpoints, dump_endpoints
from infra.local.sagemaker.template import endpoints_from_template

_ENDPOINT: Final = "AWS::SageMaker::Endpoint"
_PSEUDO: Final = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


def write_endpoints(
    path: Path,
    *,
    emulator: Emulator,
    assembly: Assembly,
    container: str,
) -> list[str]:
    """Write the table to `path`; returns the endpoints' names."""
    endpoints = _templated(emulator, assembly, container=container)
    if not endpoints:
        raise LookupError("no synthesized stack declares an asynchronous SageMaker endpoint")
    path.write_bytes(dump_endpoints(endpoints))
    return list(endpoints)


def _templated(emulator: Emulator, assembly: Assembly, *, container: str) -> Endpoints:
    endpoints: dict[str, EndpointConfig] = {}
    for template_path in assembly.stacks().values():
        template: dict[str, Any] = json.loads(template_path.read_text())
        if any(item["Type"] == _ENDPOINT for item in template["Resources"].values()):
            values = _PSEUDO | _exports(emulator)
            endpoints |= endpoints_from_template(template, container=lambda _: container, values=values)
    return endpoints


def _exports(emulator: Emulator) -> dict[str, str]:
    pages = emulator.client("cloudformation").get_paginator("list_exports").paginate()
    return {item["Name"]: item["Value"] for page in pages for item in page["Exports"]}
