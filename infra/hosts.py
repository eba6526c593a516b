"""What hosted models need: the secret with their keys, and the right to call Bedrock.

The keys are put into the secret by hand, once; nothing here ever knows one.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import StageConfig
from infra.nag import accept

BEDROCK_REGION: Final = "us-west-2"
_BEDROCK_MODELS: Final = ("stability.sd3-5-large-v1:0",)


class Hosts(Construct):
    """The keys of OpenAI, Google and Stability, and Bedrock's models."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self.secret_name = f"presscheck/{config.name}/hosts"
        self._keys = secretsmanager.Secret(
            self,
            "Keys",
            secret_name=self.secret_name,
            description='API keys of hosted models, JSON: {"openai": "...", "google": "...", "stability": "..."}',
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - an empty object, no secret
                generate_string_key="unused",
            ),
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        accept(self._keys, "AwsSolutions-SMG4", "The hosts issue these keys; no API of theirs could rotate them.")

    def grant_call(self, grantee: iam.IGrantable) -> None:
        """Read the keys and invoke the Bedrock models of the catalogue."""
        self._keys.grant_read(grantee)
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["bedrock:InvokeModel"],
            resource_arns=[
                f"arn:{Aws.PARTITION}:bedrock:{BEDROCK_REGION}::foundation-model/{model}" for model in _BEDROCK_MODELS
            ],
        )
