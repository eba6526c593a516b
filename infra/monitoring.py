"""What an operator sees and is woken for: the alarms, their topic, and one dashboard.

Hides thresholds and metrics. An alarm stands for something a person must look at: lost messages,
broken executions, failing safety nets, errors that clients saw.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import StageConfig
from infra.intake import Intake
from infra.webhooks import Webhooks

_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)
_NAMESPACE, _SERVICE = "Presscheck", "presscheck"  # as shared.telemetry writes them


class Monitoring(Construct):
    """Alarms on one topic, and a dashboard from clients at the top to queues at the bottom."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: StageConfig,
        api: apigateway.RestApi,
        intake: Intake,
        webhooks: Webhooks,
        undelivered: sqs.Queue,
        workflow: sfn.StateMachine,
        batch_workflow: sfn.StateMachine,
        functions: Mapping[str, lambda_.Function],
    ) -> None:
        super().__init__(scope, construct_id)
        self.topic = self._topic(config)
        self._alarm("InteractiveDeadLetters", _depth(intake.interactive.dead_letters), "A job could not be dispatched.")
        self._alarm("BulkDeadLetters", _depth(intake.bulk.dead_letters), "A batch job could not be dispatched.")
        given_up = _depth(webhooks.deliveries.dead_letters)
        self._alarm("WebhookDeadLetters", given_up, "A webhook was told in vain until we gave up.")
        self._alarm("UndeliveredEvents", _depth(undelivered), "An event or notification found no taker.")
        self._alarm("ExecutionsFailed", workflow.metric_failed(period=_FIVE_MINUTES), "A render workflow broke.")
        self._alarm(
            "ExecutionsTimedOut", workflow.metric_timed_out(period=_FIVE_MINUTES), "A render workflow timed out."
        )
        self._alarm("BatchesBroke", batch_workflow.metric_failed(period=_FIVE_MINUTES), "A batch workflow broke.")
        for name in ("resume", "conclude", "batch", "sweep"):
            self._alarm(
                f"{name.capitalize()}Errors",
                functions[name].metric_errors(period=_FIVE_MINUTES),
                f"{name} fails: jobs may not reach their end by themselves.",
            )
        golden_errors = functions["golden"].metric_errors(period=_FIVE_MINUTES)
        self._alarm("GoldenErrors", golden_errors, "golden fails: a model that changed may go unnoticed.")
        for model in config.golden_models:  # those with endpoints are watched beside them
            title = "".join(part.capitalize() for part in model.replace(".", "-").split("-"))
            meaning = f"{model} paints a golden differently and says nothing: see golden.compared in the job's audit."
            self._alarm(f"GoldenDrift{title}", golden_drift(model), meaning)
        notify_errors = functions["notify"].metric_errors(period=_FIVE_MINUTES)
        self._alarm("NotifyErrors", notify_errors, "notify fails: webhooks are told late or not at all.")
        self._alarm(
            "ServerErrors",
            api.metric_server_error(period=_FIVE_MINUTES, statistic="Sum"),
            "Clients saw 5xx.",
            threshold=5,
        )
        self._dashboard(
            config,
            api=api,
            intake=intake,
            webhooks=webhooks,
            undelivered=undelivered,
            workflow=workflow,
            functions=functions,
        )

    def _topic(self, config: StageConfig) -> sns.Topic:
        # A key of ours: CloudWatch publishes as a service, which the policy of alias/aws/sns does not let in.
        key = kms.Key(
            self,
            "AlarmKey",
            enable_key_rotation=True,
            description=f"{config.prefix} alarms",
            removal_policy=RemovalPolicy.RETAIN if config.retain_data else RemovalPolicy.DESTROY,
        )
        key.grant_encrypt_decrypt(iam.ServicePrincipal("cloudwatch.amazonaws.com"))
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=True)
        if config.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(config.alarm_email))
        return topic

    def _alarm(self, construct_id: str, metric: cloudwatch.Metric, meaning: str, *, threshold: int = 1) -> None:
        alarm = metric.create_alarm(
            self,
            construct_id,
            alarm_description=meaning,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _dashboard(
        self,
        config: StageConfig,
        *,
        api: apigateway.RestApi,
        intake: Intake,
        webhooks: Webhooks,
        undelivered: sqs.Queue,
        workflow: sfn.StateMachine,
        functions: Mapping[str, lambda_.Function],
    ) -> None:
        lanes = (intake.interactive, intake.bulk)
        dead = [lane.dead_letters for lane in (*lanes, webhooks.deliveries)] + [undelivered]
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=config.prefix)
        dashboard.add_widgets(
            _graph("Requests", api.metric_count(), api.metric_client_error(), api.metric_server_error()),
            _graph("Latency, p90 ms", api.metric_latency(statistic="p90")),
        )
        dashboard.add_widgets(
            _graph("Executions", workflow.metric_started(), workflow.metric_succeeded(), workflow.metric_failed()),
            _graph("Execution time, p90 ms", workflow.metric_time(statistic="p90")),
        )
        dashboard.add_widgets(
            _graph("Function errors", *(function.metric_errors() for function in functions.values())),
            _graph(
                "Function duration, p90 ms",
                *(function.metric_duration(statistic="p90") for function in functions.values()),
            ),
        )
        dashboard.add_widgets(
            _graph(
                "Waiting to be dispatched",
                *(lane.queue.metric_approximate_number_of_messages_visible() for lane in lanes),
            ),
            _graph("Oldest waiting, s", *(lane.queue.metric_approximate_age_of_oldest_message() for lane in lanes)),
            _graph("Dead letters", *(_depth(queue) for queue in dead)),
        )


def _depth(queue: sqs.Queue) -> cloudwatch.Metric:
    return queue.metric_approximate_number_of_messages_visible(period=_MINUTE, statistic="Maximum")


def golden_drift(model: str) -> cloudwatch.Metric:
    """1 whenever a model painted a golden differently and said nothing, else 0."""
    return cloudwatch.Metric(
        namespace=_NAMESPACE,
        metric_name="GoldenDrift",
        dimensions_map={"service": _SERVICE, "model": model},
        statistic="Maximum",
        period=_FIVE_MINUTES,
    )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8)
