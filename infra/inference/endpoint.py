"""The GPUs: asynchronous SageMaker endpoints that scale from zero and back. A stack of its own.

Hides model, endpoint configuration and scaling. What a model is called and what it can do stands in
shared.catalogue; this only gives it a machine.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import CfnOutput, CfnParameter, Duration, Stack
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import EndpointConfig, StageConfig
from infra.nag import accept_wildcard, role_of
from infra.storage import INFERENCE, Storage

_VARIANT: Final = "main"
_METRICS: Final = "AWS/SageMaker"


def grant_invoke_async(grantee: iam.IGrantable, *, config: StageConfig) -> None:
    """Send renders to any endpoint of this stage, also to one that is deployed later."""
    endpoints = Stack.of(role_of(grantee)).format_arn(
        service="sagemaker", resource="endpoint", resource_name=f"{config.endpoint_prefix}*"
    )
    iam.Grant.add_to_principal(grantee=grantee, actions=["sagemaker:InvokeEndpointAsync"], resource_arns=[endpoints])
    accept_wildcard(role_of(grantee), endpoints, "The endpoints of this stage, which come and go with the models.")
