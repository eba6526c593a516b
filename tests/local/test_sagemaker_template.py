"""The stand-in's endpoints come from the template that AWS would deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local.sagemaker.config import EndpointConfig, dump_endpoints, load_endpoints
from infra.local.sagemaker.template import endpoints_from_template

VALUES = {
    "Core:Bucket": "images",
    "AWS::Partition": "aws",
    "SuccessTopic": "arn:aws:sns:us-east-1:000000000000:good",
    "Failures.TopicArn": "arn:aws:sns:us-east-1:000000000000:bad",
}


def _template() -> dict[str, Any]:
    output = {
        "S3OutputPath": {"Fn::Join": ["", ["s3://", {"Fn::ImportValue": "Core:Bucket"}, "/inference/output/"]]},
        "S3FailurePath": {"Fn::Sub": "s3://${Core:Bucket}/inference/failure/"},
        "NotificationConfig": {
            "SuccessTopic": {"Ref": "SuccessTopic"},
            "ErrorTopic": {"Fn::GetAtt": ["Failures", "TopicArn"]},
            "IncludeInferenceResponseIn": ["ERROR_NOTIFICATION_TOPIC"],
        },
    }
    config = {
        "ProductionVariants": [{"ModelName": "m", "InitialInstanceCount": 2}],
        "AsyncInferenceConfig": {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": 3}, "OutputConfig": output},
    }
    endpoint = {"EndpointName": "sketch-fine", "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}}
    return {
        "Resources": {
            "Model": {"Type": "AWS::SageMaker::Model", "Properties": {}},
            "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": config},
            "Endpoint": {"Type": "AWS::SageMaker::Endpoint", "Properties": endpoint},
        }
    }


def test_the_endpoint_of_a_template_is_resolved_and_survives_the_config_file(tmp_path: Path) -> None:
    endpoints = endpoints_from_template(
        _template(), container=lambda name: f"http://127.0.0.1:9/{name}"[:18], values=VALUES, queue_size=7
    )
    (tmp_path / "endpoints.json").write_bytes(dump_endpoints(endpoints))

    assert load_endpoints(tmp_path / "endpoints.json") == {
        "sketch-fine": EndpointConfig(
            container="http://127.0.0.1:9",
            s3_output="s3://images/inference/output/",
            s3_failure="s3://images/inference/failure/",
            success_topic="arn:aws:sns:us-east-1:000000000000:good",
            error_topic="arn:aws:sns:us-east-1:000000000000:bad",
            include_response_in=("ERROR_NOTIFICATION_TOPIC",),
            max_concurrent=6,
            queue_size=7,
        )
    }


@pytest.mark.parametrize("link", [{"Ref": "Config"}, "fine-config"])
def test_an_endpoint_finds_its_configuration_by_reference_or_by_name(link: Any) -> None:
    template = _template()
    template["Resources"]["Config"]["Properties"]["EndpointConfigName"] = "fine-config"
    template["Resources"]["Endpoint"]["Properties"]["EndpointConfigName"] = link

    assert list(endpoints_from_template(template, container=lambda _: "http://c", values=VALUES)) == ["sketch-fine"]


def test_an_unknown_reference_is_named() -> None:
    values = {name: value for name, value in VALUES.items() if name != "SuccessTopic"}

    with pytest.raises(KeyError, match="refers to SuccessTopic, which is not known here"):
        endpoints_from_template(_template(), container=lambda _: "http://c", values=values)


def test_a_wrong_configuration_file_is_named_with_every_wrong_field(tmp_path: Path) -> None:
    path = tmp_path / "endpoints.json"
    path.write_text('{"sketch": {"container": "127.0.0.1:8080", "s3_output": "s3://b/o", "max_concurrent": 0}}')

    with pytest.raises(ValueError, match=r"endpoints\.json: sketch\.container: .*sketch\.max_concurrent: "):
        load_endpoints(path)
