"""What an operator is woken for at an endpoint: nobody serves, nobody keeps up, the model fails, or paints otherwise.

Hides SageMaker's metrics of asynchronous endpoints and their thresholds.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import EndpointConfig
from infra.monitoring import golden_drift

_MINUTE = Duration.minutes(1)


def watch(scope: Construct, *, name: str, endpoint: EndpointConfig, topic: sns.ITopic) -> None:
    """Alarms of endpoint `name` on `topic`."""
    wanted = (
        (
            "NoCapacity",
            _metric(name, "HasBacklogWithoutCapacity", "Minimum"),
            1,
            # A cold start takes 5 to 8 minutes: only what lasts is news, such as a region without such GPUs.
            15,
            f"{name} has had requests and no instance for a quarter of an hour.",
        ),
        (
            "Backlog",
            _metric(name, "ApproximateBacklogSize", "Minimum"),
            endpoint.backlog_per_instance * endpoint.max_instances * 4,
            10,
            f"{name} does not keep up at its largest size: raise max_instances, or wait longer.",
        ),
        (
            "ModelErrors",
            _metric(name, "InvocationFailures", "Sum"),
            3,
            5,
            f"{name} fails again and again: see its log group.",
        ),
        ("Expired", _metric(name, "ExpiredRequests", "Sum"), 1, 1, f"{name} let requests expire unseen."),
        (
            "GoldenDrift",
            golden_drift(endpoint.model),
            1,
            1,
            f"{name} paints a golden differently and says nothing: see golden.compared in the job's audit.",
        ),
    )
    for construct_id, metric, threshold, minutes, meaning in wanted:
        alarm = metric.create_alarm(
            scope,
            construct_id,
            alarm_description=meaning,
            threshold=threshold,
            evaluation_periods=minutes,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(topic))


def _metric(name: str, metric: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions_map={"EndpointName": name},
        statistic=statistic,
        period=_MINUTE,
    )
