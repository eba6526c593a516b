"""Webhooks: what of the bus is told to them, the queue it waits in between tries, and the key of their secrets.

Hides the rule and the key. When a delivery is tried again is the function's decision: it hides its message that long.
"""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.config import StageConfig
from infra.intake import Lane


class Webhooks(Construct):
    """Delivery queue with its dead letters, and the key that seals signing secrets."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self.deliveries = Lane(
            self, "Deliveries", lane=config.webhooks, consumer_timeout_s=config.functions["notify"].timeout_s
        )
        self.key = kms.Key(
            self,
            "SecretsKey",
            enable_key_rotation=True,
            description=f"{config.prefix}: signing secrets of webhooks",
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )

    def listen(self, bus: events.IEventBus, *, undelivered: sqs.IQueue) -> None:
        """Queue what happened to every job that has a webhook."""
        events.Rule(
            self,
            "Told",
            event_bus=bus,
            description="Something happened that a webhook may want to know.",
            event_pattern=events.EventPattern(source=["presscheck"], detail={"webhook": [True]}),
            targets=[
                targets.SqsQueue(
                    self.deliveries.queue,
                    message=events.RuleTargetInput.from_event_path("$.detail"),
                    dead_letter_queue=undelivered,
                    retry_attempts=8,
                    max_event_age=Duration.hours(2),
                )
            ],
        )

    def feed(self, function: lambda_.Function) -> None:
        """Let the function deliver."""
        self.deliveries.feed(function)

    def grant_deliver(self, grantee: iam.IGrantable) -> None:
        """Bury what was given up."""
        self.deliveries.dead_letters.grant_send_messages(grantee)

    def grant_redeliver(self, grantee: iam.IGrantable) -> None:
        """Queue a delivery once more."""
        self.deliveries.queue.grant_send_messages(grantee)

    def grant_secrets(self, grantee: iam.IGrantable) -> None:
        """Make, read and rotate signing secrets. Either may be the first to need one."""
        self.key.grant(grantee, "kms:Encrypt", "kms:Decrypt")
