"""Intake: two queues between submit and dispatch, each with the queue of what it could not take.

Interactive and bulk are apart so that a batch of ten thousand never stands before a person.
Hides the arithmetic of visibility and redrive.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_lambda_event_sources import SqsEventSource
from constructs import Construct

from infra.config import LaneConfig, StageConfig
from infra.nag import accept

# AWS asks for six times the function's timeout, so that a throttled batch is not delivered twice:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_FACTOR: Final = 6


class Lane(Construct):
    """One queue, its dead letters, and the rate at which it is emptied."""

    def __init__(self, scope: Construct, construct_id: str, *, lane: LaneConfig, consumer_timeout_s: int) -> None:
        super().__init__(scope, construct_id)
        self._lane = lane
        self.dead_letters = dead_letter_queue(self, "DeadLetters")
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=Duration.seconds(_VISIBILITY_FACTOR * consumer_timeout_s),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=lane.max_receives),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def feed(self, function: lambda_.Function) -> None:
        """Let the function consume this queue; a bad message fails alone, not its whole batch."""
        source = SqsEventSource(
            self.queue,
            batch_size=self._lane.batch_size,
            max_concurrency=self._lane.max_concurrency,
            report_batch_item_failures=True,
        )
        function.add_event_source(source)
        mapping = next(
            c
            for c in function.node.find_all()
            if isinstance(c, lambda_.EventSourceMapping) and self.node.id in c.node.id
        )
        accept(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "Failure destinations exist for streams only; this queue has a redrive policy.",
        )


class Intake(Construct):
    """The interactive and the bulk lane."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig) -> None:
        super().__init__(scope, construct_id)
        timeout_s = config.functions["dispatch"].timeout_s
        self.interactive = Lane(self, "Interactive", lane=config.interactive, consumer_timeout_s=timeout_s)
        self.bulk = Lane(self, "Bulk", lane=config.bulk, consumer_timeout_s=timeout_s)

    def feed(self, function: lambda_.Function) -> None:
        """Let the function consume both lanes."""
        self.interactive.feed(function)
        self.bulk.feed(function)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Put jobs on either lane."""
        self.interactive.queue.grant_send_messages(grantee)
        self.bulk.queue.grant_send_messages(grantee)


def dead_letter_queue(scope: Construct, construct_id: str) -> sqs.Queue:
    """A queue at the end of the line: kept for two weeks, watched by an alarm (see Monitoring)."""
    queue = sqs.Queue(
        scope,
        construct_id,
        retention_period=Duration.days(14),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
        accept(queue, rule, "This is the dead-letter queue.")
    return queue
