"""The GPUs: asynchronous SageMaker endpoints that scale from zero and back. A stack of its own.

Hides model and endpoint configuration; how they scale: scaling.py; what they ring for: alarms.py. What a model is
called and what it can do stands in shared.catalogue; this only gives it a machine.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import CfnOutput, CfnParameter, RemovalPolicy, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import EndpointConfig, StageConfig
from infra.events import Events
from infra.functions import retention
from infra.inference.alarms import watch
from infra.inference.scaling import scale_from_zero
from infra.nag import accept_wildcard, role_of
from infra.storage import INFERENCE, Storage

_VARIANT: Final = "main"
_GPU_AMI: Final = "al2023-ami-sagemaker-inference-gpu-4-1"
"""Driver 580: torch in the container is the CUDA 13.0 build, and SageMaker's default AMIs have older drivers.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html, seen in botocore 1.43.106
"""


class InferenceStack(Stack):
    """One endpoint for each model of the stage. Deployed after Core, and only where there is SageMaker.

    Parameters: `ImageUri`, the serving container in the stage's repository; `WeightsBucket`, where models
    that do not come inside the container lie uncompressed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        storage: Storage,
        events: Events,
        alarms: sns.ITopic,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{config.prefix}-inference",
            description=f"Presscheck {config.name}: models on SageMaker asynchronous endpoints",
        )
        image = CfnParameter(self, "ImageUri", description="URI of the serving container, best by digest.")
        repository = ecr.Repository.from_repository_name(self, "Images", config.inference_image_repository)
        weights = self._weights(config)
        for endpoint in config.endpoints:
            made = Endpoint(
                self,
                "".join(part.capitalize() for part in endpoint.model.split("-")),
                config=config,
                endpoint=endpoint,
                image_uri=image.value_as_string,
                weights=weights,
                storage=storage,
                events=events,
                alarms=alarms,
            )
            repository.grant_pull(made.role)
            accept_wildcard(made.role, "*", "ECR's GetAuthorizationToken takes no resource.")

    def _weights(self, config: StageConfig) -> s3.IBucket | None:
        if not any(endpoint.weights_prefix for endpoint in config.endpoints):
            return None
        name = CfnParameter(self, "WeightsBucket", description="Bucket of model weights, a folder for each model.")
        return s3.Bucket.from_bucket_name(self, "Weights", name.value_as_string)


class Endpoint(Construct):
    """One model on its machines: role, logs, model, configuration, endpoint and scaling."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        endpoint: EndpointConfig,
        image_uri: str,
        weights: s3.IBucket | None,
        storage: Storage,
        events: Events,
        alarms: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._endpoint = endpoint
        self._name = config.endpoint_name(endpoint.model)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
        self._grant(config, weights=weights, storage=storage, events=events)
        model = self._model(image_uri, weights=weights)
        made = self._serve(model, storage=storage, events=events)
        scale_from_zero(self, name=self._name, variant=_VARIANT, endpoint=endpoint, after=made)
        watch(self, name=self._name, endpoint=endpoint, topic=alarms)
        CfnOutput(Stack.of(self), f"{construct_id}Endpoint", value=self._name)

    def _grant(self, config: StageConfig, *, weights: s3.IBucket | None, storage: Storage, events: Events) -> None:
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/sagemaker/Endpoints/{self._name}",
            retention=retention(config),
            removal_policy=RemovalPolicy.DESTROY,
        )
        log_group.grant_write(self.role)
        storage.grant_serve_inference(self.role)
        for topic in (events.success_topic, events.error_topic):
            topic.grant_publish(self.role)
        if weights and self._endpoint.weights_prefix:
            folder = weights.arn_for_objects(f"{self._endpoint.weights_prefix}*")
            _allow(self.role, folder, "s3:GetObject")
            _allow(self.role, weights.bucket_arn, "s3:ListBucket")
            accept_wildcard(self.role, folder, "The files of this one model.")
        if config.vpc:
            # What SageMaker needs to put a network interface into a VPC; EC2 takes no narrower resource for these.
            # https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createmodel-perms
            _allow(self.role, "*", *_NETWORK)
            accept_wildcard(self.role, "*", "EC2's network interface actions of SageMaker take no resource.")

    def _model(self, image_uri: str, *, weights: s3.IBucket | None) -> sagemaker.CfnModel:
        source = None
        if weights and self._endpoint.weights_prefix:
            source = sagemaker.CfnModel.ModelDataSourceProperty(
                s3_data_source=sagemaker.CfnModel.S3DataSourceProperty(
                    # Uncompressed: unpacking 16 GB of safetensors would double the time to the first picture.
                    compression_type="None",
                    s3_data_type="S3Prefix",
                    s3_uri=weights.s3_url_for_object(self._endpoint.weights_prefix),
                )
            )
        model = sagemaker.CfnModel(
            self,
            "Model",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=True,
            vpc_config=sagemaker.CfnModel.VpcConfigProperty(
                subnets=list(vpc.subnet_ids), security_group_ids=list(vpc.security_group_ids)
            )
            if (vpc := self._config.vpc)
            else None,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image_uri,
                environment={
                    "INFERENCE_MODELS": self._endpoint.model,
                    "INFERENCE_HOST": "0.0.0.0",  # noqa: S104 - inside, only SageMaker reaches it
                },
                model_data_source=source,
            ),
        )
        # SageMaker pulls the image with the role while it creates the model: its policy has to be there.
        model.node.add_dependency(self.role)
        return model

    def _serve(self, model: sagemaker.CfnModel, *, storage: Storage, events: Events) -> sagemaker.CfnEndpoint:
        exchange = storage.bucket.s3_url_for_object(INFERENCE)
        configuration = sagemaker.CfnEndpointConfig(
            self,
            "Configuration",
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=_VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=self._endpoint.instance_type,
                    initial_instance_count=max(1, self._endpoint.min_instances),
                    inference_ami_version=_GPU_AMI if self._endpoint.weights_prefix else None,
                    container_startup_health_check_timeout_in_seconds=900,
                    model_data_download_timeout_in_seconds=1200,
                )
            ],
            async_inference_config=sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty(
                client_config=sagemaker.CfnEndpointConfig.AsyncInferenceClientConfigProperty(
                    max_concurrent_invocations_per_instance=self._endpoint.concurrent_per_instance
                ),
                output_config=sagemaker.CfnEndpointConfig.AsyncInferenceOutputConfigProperty(
                    # The instances' own disks are NVMe with keys of their own: SageMaker refuses one of ours there.
                    kms_key_id=self._config.inference_key_arn,
                    s3_output_path=f"{exchange}output/",
                    s3_failure_path=f"{exchange}failure/",
                    notification_config=sagemaker.CfnEndpointConfig.AsyncInferenceNotificationConfigProperty(
                        success_topic=events.success_topic.topic_arn, error_topic=events.error_topic.topic_arn
                    ),
                ),
            ),
        )
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=self._name,
            endpoint_config_name=configuration.attr_endpoint_config_name,
        )


def grant_invoke_async(grantee: iam.IGrantable, *, config: StageConfig) -> None:
    """Send renders to any endpoint of this stage, also to one that is deployed later."""
    endpoints = Stack.of(role_of(grantee)).format_arn(
        service="sagemaker", resource="endpoint", resource_name=f"{config.endpoint_prefix}*"
    )
    _allow(grantee, endpoints, "sagemaker:InvokeEndpointAsync")
    accept_wildcard(role_of(grantee), endpoints, "The endpoints of this stage, which come and go with the models.")


_NETWORK: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeVpcs",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)


def _allow(grantee: iam.IGrantable, resource: str, *actions: str) -> None:
    iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[resource])
