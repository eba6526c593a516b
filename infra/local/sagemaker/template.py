"""The stand-in's endpoints, read from the synthesized SageMaker stack that AWS would deploy.

Hides how CloudFormation links an endpoint to its configuration, and the few intrinsic functions
that CDK writes there. Never deploys, and never guesses: what it cannot resolve is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from infra.local.sagemaker.config import EndpointConfig, Endpoints

_ENDPOINT = "AWS::SageMaker::Endpoint"
_ENDPOINT_CONFIG = "AWS::SageMaker::EndpointConfig"


def endpoints_from_template(
    template: Mapping[str, Any],
    *,
    container: Callable[[str], str],
    values: Mapping[str, str],
    queue_size: int = 1000,
) -> Endpoints:
    """Every asynchronous endpoint of the template, by name.

    `container` gives the base URL that serves an endpoint name. `values` resolves what the
    template leaves open, by name: parameters, pseudo parameters such as `AWS::Region`, the
    exports that `Fn::ImportValue` asks for, and `LogicalId.Attribute` or `LogicalId` of resources.
    Raises KeyError naming a reference that `values` does not answer.
    """
    resources: Mapping[str, Any] = template["Resources"]
    configs = {key: item["Properties"] for key, item in resources.items() if item["Type"] == _ENDPOINT_CONFIG}
    endpoints: Endpoints = {}
    for logical_id, item in resources.items():
        if item["Type"] != _ENDPOINT:
            continue
        name = _resolve(item["Properties"]["EndpointName"], values)
        config = configs[_linked_config(item["Properties"]["EndpointConfigName"], configs, values)]
        if "AsyncInferenceConfig" not in config:
            raise KeyError(f"{logical_id}: endpoint {name} has no AsyncInferenceConfig")
        endpoints[name] = _endpoint(config, container=container(name), values=values, queue_size=queue_size)
    return endpoints


def _endpoint(
    config: Mapping[str, Any], *, container: str, values: Mapping[str, str], queue_size: int
) -> EndpointConfig:
    asynchronous = config["AsyncInferenceConfig"]
    output = asynchronous["OutputConfig"]
    notification = output.get("NotificationConfig", {})
    per_instance = asynchronous.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", 4)
    instances = max(1, int(config["ProductionVariants"][0].get("InitialInstanceCount", 1)))
    return EndpointConfig(
        container=container,
        s3_output=_resolve(output["S3OutputPath"], values),
        s3_failure=_optional(output.get("S3FailurePath"), values),
        success_topic=_optional(notification.get("SuccessTopic"), values),
        error_topic=_optional(notification.get("ErrorTopic"), values),
        include_response_in=tuple(notification.get("IncludeInferenceResponseIn", ())),
        max_concurrent=int(per_instance) * instances,
        queue_size=queue_size,
    )


def _linked_config(reference: Any, configs: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """Logical id of the configuration: CDK links by `Ref` or `Fn::GetAtt`, a person may write its name."""
    match reference:
        case {"Ref": str(logical_id)} if logical_id in configs:
            return logical_id
        case {"Fn::GetAtt": [str(logical_id), "EndpointConfigName"]}:
            return logical_id
    name = _resolve(reference, values)
    for logical_id, config in configs.items():
        if "EndpointConfigName" in config and _resolve(config["EndpointConfigName"], values) == name:
            return logical_id
    raise KeyError(f"no endpoint configuration is named {name}")


def _optional(value: Any, values: Mapping[str, str]) -> str | None:
    return None if value is None else _resolve(value, values)


def _resolve(value: Any, values: Mapping[str, str]) -> str:
    match value:
        case str() | int():
            return str(value)
        case {"Ref": str(name)}:
            return _answer(name, values)
        case {"Fn::ImportValue": name}:
            return _answer(_resolve(name, values), values)
        case {"Fn::GetAtt": [str(logical_id), str(attribute)]}:
            return _answer(f"{logical_id}.{attribute}", values)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_resolve(part, values) for part in parts)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^!}]+)\}", lambda found: _answer(found[1], values), text)
    raise KeyError(f"cannot resolve {value!r} in the SageMaker template")


def _answer(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        raise KeyError(f"the SageMaker template refers to {name}, which is not known here")
    return values[name]
