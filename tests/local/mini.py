"""A cloud assembly small enough to write by hand: one API, one function, one table, one endpoint."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from shared.settings import Settings

_PREFIX = "presscheck-local-"
_BUCKET = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
_HANDLER = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps({"answer": ANSWER, "context": event["requestContext"]})}
"""


def write(folder: Path, *, answer: str = "first", broken: bool = False) -> Path:
    """The assembly on disk. `answer` is what its function says; `broken` names a resource type nobody knows."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"code-{answer}.zip", "w") as archive:
        archive.writestr("index.py", _HANDLER.replace("ANSWER", repr(answer)))
    core = _core(f"code-{answer}.zip")
    if broken:
        core["Resources"]["Nonsense"] = {"Type": "AWS::Presscheck::Nonsense"}
    (folder / "Core.template.json").write_text(json.dumps(core))
    (folder / "Inference.template.json").write_text(json.dumps(_INFERENCE))
    destination = {"bucketName": _BUCKET}
    files = {
        answer: {
            "source": {"path": f"code-{answer}.zip", "packaging": "file"},
            "destinations": {"here": {**destination, "objectKey": f"code-{answer}.zip"}},
        },
        f"template-{answer}": {
            "source": {"path": "Core.template.json", "packaging": "file"},
            "destinations": {"here": {**destination, "objectKey": f"{answer}-{broken}.json"}},
        },
    }
    (folder / "Core.assets.json").write_text(json.dumps({"files": files}))
    artifacts = {
        name: {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": f"{name}.template.json", "stackName": f"presscheck-local-{name.lower()}"},
        }
        for name in ("Core", "Inference")
    }
    (folder / "manifest.json").write_text(json.dumps({"version": "48.0.0", "artifacts": artifacts}))
    return folder


def _core(code: str) -> dict[str, Any]:
    needed = {name: "none" for name, field in Settings.model_fields.items() if field.is_required()}
    own = {"stage": "local", "table_name": "mini-ledger", "bucket_name": "mini-images", "endpoint_prefix": _PREFIX}
    settings = Settings.model_validate(needed | own).to_env()
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Api.Arn}/invocations"
    return {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
            },
            "Ledger": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "TableName": "mini-ledger",
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [
                        {"AttributeName": "pk", "AttributeType": "S"},
                        {"AttributeName": "sk", "AttributeType": "S"},
                    ],
                    "KeySchema": [
                        {"AttributeName": "pk", "KeyType": "HASH"},
                        {"AttributeName": "sk", "KeyType": "RANGE"},
                    ],
                    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
                },
            },
            "Images": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "BucketName": "mini-images",
                    "LifecycleConfiguration": {
                        "Rules": [{"Id": "inputs", "Status": "Enabled", "Prefix": "inference/", "ExpirationInDays": 7}]
                    },
                },
            },
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Api": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"S3Bucket": "cdk-hnb659fds-assets-000000000000-us-east-1", "S3Key": code},
                    "Environment": {"Variables": settings},
                    "DeadLetterConfig": {"TargetArn": {"Fn::GetAtt": ["Letters", "Arn"]}},
                },
            },
            "Rest": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "mini"}},
            "Get": {
                "Type": "AWS::ApiGateway::Method",
                "Properties": {
                    "RestApiId": {"Ref": "Rest"},
                    "ResourceId": {"Fn::GetAtt": ["Rest", "RootResourceId"]},
                    "HttpMethod": "GET",
                    "AuthorizationType": "NONE",
                    "Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": {"Fn::Sub": uri}},
                },
            },
            "Deployment": {
                "Type": "AWS::ApiGateway::Deployment",
                "DependsOn": ["Get"],
                "Properties": {"RestApiId": {"Ref": "Rest"}, "StageName": "local"},
            },
        },
        "Outputs": {"ApiId": {"Value": {"Ref": "Rest"}}, "ApiFunction": {"Value": {"Ref": "Api"}}},
    }


_INFERENCE = {
    "Resources": {
        "Config": {
            "Type": "AWS::SageMaker::EndpointConfig",
            "Properties": {
                "ProductionVariants": [{"InitialInstanceCount": 1}],
                "AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://mini-images/inference/output/"}},
            },
        },
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {
                "EndpointName": _PREFIX + "sketch-fast",
                "EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]},
            },
        },
    }
}
