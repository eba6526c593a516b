"""What happens without a request: our event bus, the rules, and the notifications of endpoints.

Hides the shape of AWS's own events and what becomes of those nobody could take. Decides nothing
about jobs.
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import StageConfig
from infra.intake import dead_letter_queue


class Events(Construct):
    """Bus, topics and the queue of the undelivered. Rules are added once their targets exist."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(self, "Bus", event_bus_name=config.prefix)
        self.undelivered = dead_letter_queue(self, "Undelivered")
        self.success_topic = self._topic("InferenceSuccess")
        self.error_topic = self._topic("InferenceError")

    def tell_of_renders(self, function: lambda_.IFunction) -> None:
        """Send the success and error notifications of every endpoint to the function."""
        for topic in (self.success_topic, self.error_topic):
            topic.add_subscription(subscriptions.LambdaSubscription(function, dead_letter_queue=self.undelivered))

    def tell_of_broken_executions(self, function: lambda_.IFunction, *, workflow_arn: str) -> None:
        """The safety net: an execution that ended without its Conclude state reaches the function."""
        events.Rule(
            self,
            "ExecutionBroke",
            description="A render workflow failed, timed out or was aborted: see that its job is concluded.",
            # Events of AWS services arrive on the default bus only.
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [workflow_arn]},
            ),
            targets=[self._patiently(function)],
        )

    def tell_of_batch_files(self, function: lambda_.IFunction, *, bucket: s3.IBucket, prefix: str) -> None:
        """Every file stored under the prefix reaches the function."""
        events.Rule(
            self,
            "BatchFileStored",
            description="A batch's file was uploaded: begin the batch.",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [{"prefix": prefix}]}},
            ),
            targets=[self._patiently(function)],
        )

    def tell_of_batch_jobs(self, function: lambda_.IFunction) -> None:
        """A job of a batch that ended, or waits for a person or for the night, reaches the function."""
        stages = ["awaiting_approval", "waiting_off_peak", "done", "rejected", "failed", "canceled", "expired"]
        events.Rule(
            self,
            "BatchJobMoved",
            description="A job of a batch needs no painter any more: count it, start the next.",
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=["presscheck"], detail={"stage": stages, "batch": {"id": [{"exists": True}]}}
            ),
            targets=[self._patiently(function)],
        )

    def paint_goldens(self, function: lambda_.IFunction, *, schedule: str, enabled: bool, tenant: str) -> None:
        """Call the function by schedule, and whenever a job of the golden set's own tenant is over."""
        events.Rule(
            self,
            "GoldenSchedule",
            description="Paint the golden set: does each model still paint what it painted?",
            schedule=events.Schedule.expression(schedule),
            enabled=enabled,
            targets=[self._patiently(function)],
        )
        events.Rule(
            self,
            "GoldenPainted",
            description="A job of the golden set is over: compare its pictures with those remembered.",
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                source=["presscheck"],
                detail={"tenant": [tenant], "stage": ["done", "rejected", "failed", "canceled", "expired"]},
            ),
            targets=[self._patiently(function)],
        )

    def _patiently(self, function: lambda_.IFunction) -> targets.LambdaFunction:
        return targets.LambdaFunction(
            function, dead_letter_queue=self.undelivered, retry_attempts=8, max_event_age=Duration.hours(2)
        )

    def every_minute(self, function: lambda_.IFunction) -> None:
        """Call the function once a minute; a missed minute is made good by the next."""
        events.Rule(
            self,
            "EveryMinute",
            description="Look for jobs that have not moved.",
            schedule=events.Schedule.rate(Duration.minutes(1)),
            targets=[
                targets.LambdaFunction(
                    function, dead_letter_queue=self.undelivered, retry_attempts=1, max_event_age=Duration.minutes(1)
                )
            ],
        )

    def _topic(self, construct_id: str) -> sns.Topic:
        # AWS's own SNS key: an endpoint publishes with its execution role, a principal of this account,
        # and the key's policy lets every principal of the account through SNS. A key of ours would cost
        # a dollar a month and protect a message that holds no more than S3 locations.
        key = kms.Alias.from_alias_name(self, f"{construct_id}Key", "alias/aws/sns")
        return sns.Topic(self, construct_id, master_key=key, enforce_ssl=True)
