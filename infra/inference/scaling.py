"""How an endpoint grows with its backlog, sleeps without one, and stays warm by the clock.

Hides the two policies and the schedule that takes, and the alarm between them.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.config import EndpointConfig, WarmHours

_METRICS: Final = "AWS/SageMaker"


def scale_from_zero(
    scope: Construct, *, name: str, variant: str, endpoint: EndpointConfig, after: sagemaker.CfnEndpoint
) -> None:
    """Follow the backlog of endpoint `name`, and wake it from zero for the first request.

    Two policies, because at zero instances the backlog per instance does not exist: only
    HasBacklogWithoutCapacity speaks then.
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    target = scaling.CfnScalableTarget(
        scope,
        "Capacity",
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=f"endpoint/{name}/variant/{variant}",
        min_capacity=endpoint.min_instances,
        max_capacity=endpoint.max_instances,
        scheduled_actions=_schedule(endpoint.warm, asleep=endpoint.min_instances) if endpoint.warm else None,
    )
    target.add_resource_dependency(after)
    dimension = scaling.CfnScalingPolicy.MetricDimensionProperty(name="EndpointName", value=name)
    scaling.CfnScalingPolicy(
        scope,
        "FollowBacklog",
        policy_name=f"{name}-follow-backlog",
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=endpoint.backlog_per_instance,
            customized_metric_specification=scaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty(
                metric_name="ApproximateBacklogSizePerInstance",
                namespace=_METRICS,
                dimensions=[dimension],
                statistic="Average",
            ),
            # A GPU takes minutes to start: let it go only after a while without work.
            scale_in_cooldown=600,
            scale_out_cooldown=120,
        ),
    )
    wake = scaling.CfnScalingPolicy(
        scope,
        "WakeFromZero",
        policy_name=f"{name}-wake-from-zero",
        policy_type="StepScaling",
        scaling_target_id=target.ref,
        step_scaling_policy_configuration=scaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
            adjustment_type="ChangeInCapacity",
            metric_aggregation_type="Average",
            cooldown=300,
            step_adjustments=[
                scaling.CfnScalingPolicy.StepAdjustmentProperty(metric_interval_lower_bound=0, scaling_adjustment=1)
            ],
        ),
    )
    cloudwatch.CfnAlarm(
        scope,
        "BacklogWithoutCapacity",
        alarm_description=f"{name} has requests and no instance.",
        namespace=_METRICS,
        metric_name="HasBacklogWithoutCapacity",
        dimensions=[cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=name)],
        statistic="Average",
        period=60,
        evaluation_periods=1,
        threshold=1,
        comparison_operator="GreaterThanOrEqualToThreshold",
        treat_missing_data="missing",
        alarm_actions=[wake.ref],
    )


def _schedule(warm: WarmHours, *, asleep: int) -> list[scaling.CfnScalableTarget.ScheduledActionProperty]:
    """Raise the floor when the hours begin and lower it when they end; what is running meanwhile is not cut off."""
    return [
        scaling.CfnScalableTarget.ScheduledActionProperty(
            scheduled_action_name=name,
            schedule=f"cron(0 {hour} ? * {warm.days} *)",
            timezone=warm.timezone,
            scalable_target_action=scaling.CfnScalableTarget.ScalableTargetActionProperty(min_capacity=floor),
        )
        for name, hour, floor in (
            ("wake", warm.from_hour, max(warm.instances, asleep)),
            ("sleep", warm.to_hour, asleep),
        )
    ]
