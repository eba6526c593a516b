"""The stacks beside Core, and the checks that every synth runs."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs

from infra import app, bundle
from infra.config import DEV, PROD, StageConfig, VpcConfig
from tests.infra.templates import Template, allowed, of_type, words

pytestmark = pytest.mark.xdist_group("cdk")


def test_a_finding_nobody_answered_stops_the_synth(tmp_path: Path) -> None:
    checked = app.checked_app(outdir=tmp_path)
    sqs.Queue(Stack(checked, "Careless"), "Queue")

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        checked.synth()

    report = (tmp_path / "validation-report.json").read_text()
    assert "AwsSolutions-SQS4" in report
    assert "Serverless-SQSRedrivePolicy" in report


def test_a_model_sleeps_at_zero_and_wakes_for_the_first_request(prod: dict[str, Template]) -> None:
    """Target tracking cannot see a backlog at zero instances, so a second policy does."""
    inference = prod["Inference"]

    capacity = of_type(inference, "AWS::ApplicationAutoScaling::ScalableTarget")["Sd35LargeCapacity"]
    policies = of_type(inference, "AWS::ApplicationAutoScaling::ScalingPolicy")
    alarm = of_type(inference, "AWS::CloudWatch::Alarm")["Sd35LargeBacklogWithoutCapacity"]
    follow = policies["Sd35LargeFollowBacklog"]["TargetTrackingScalingPolicyConfiguration"]
    assert (capacity["MinCapacity"], capacity["MaxCapacity"]) == (0, 8)
    assert capacity["ResourceId"] == "endpoint/presscheck-prod-sd35-large/variant/main"
    assert follow["CustomizedMetricSpecification"]["MetricName"] == "ApproximateBacklogSizePerInstance"
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert [words(action) for action in alarm["AlarmActions"]] == ["<Sd35LargeWakeFromZero>"]


def test_the_draft_model_of_production_is_awake_while_designers_work(prod: dict[str, Template]) -> None:
    """A draft within 3 s is impossible from zero instances."""
    targets = of_type(prod["Inference"], "AWS::ApplicationAutoScaling::ScalableTarget")

    actions = {
        action["ScheduledActionName"]: action for action in targets["Sd35LargeTurboCapacity"]["ScheduledActions"]
    }

    assert actions["wake"]["Schedule"] == "cron(0 6 ? * MON-FRI *)"
    assert actions["wake"]["ScalableTargetAction"] == {"MinCapacity": 1}
    assert actions["sleep"]["Schedule"] == "cron(0 20 ? * MON-FRI *)"
    assert actions["sleep"]["ScalableTargetAction"] == {"MinCapacity": 0}
    assert "ScheduledActions" not in targets["Sd35LargeCapacity"]


def test_an_endpoint_rings_when_nobody_serves_keeps_up_succeeds_or_paints_as_before(prod: dict[str, Template]) -> None:
    alarms = of_type(prod["Inference"], "AWS::CloudWatch::Alarm")

    rung = {name: alarm["MetricName"] for name, alarm in alarms.items() if name.startswith("Sd35LargeTurbo")}

    assert rung == {
        "Sd35LargeTurboBacklogWithoutCapacity": "HasBacklogWithoutCapacity",
        "Sd35LargeTurboNoCapacity": "HasBacklogWithoutCapacity",
        "Sd35LargeTurboBacklog": "ApproximateBacklogSize",
        "Sd35LargeTurboModelErrors": "InvocationFailures",
        "Sd35LargeTurboExpired": "ExpiredRequests",
        "Sd35LargeTurboGoldenDrift": "GoldenDrift",
    }
    dimensions = {each["Name"]: each["Value"] for each in alarms["Sd35LargeTurboGoldenDrift"]["Dimensions"]}
    assert dimensions == {"service": "presscheck", "model": "sd35-large-turbo"}
    assert all("Alarms" in words(alarms[name]["AlarmActions"][0]) for name in rung if "Without" not in name)


def test_models_run_in_a_vpc_under_our_own_key_where_a_team_asks(tmp_path: Path) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    config = DEV.model_copy(
        update={
            "package": "source",
            "vpc": VpcConfig(
                subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
                security_group_ids=("sg-0123456789abcdef0",),
            ),
            "inference_key_arn": key,
        }
    )

    app.build(config, outdir=tmp_path).synth()  # which cdk-nag passes

    inference = json.loads((tmp_path / "Inference.template.json").read_text())
    model = of_type(inference, "AWS::SageMaker::Model")["Sd35LargeModel"]
    configuration = of_type(inference, "AWS::SageMaker::EndpointConfig")["Sd35LargeConfiguration"]
    assert len(model["VpcConfig"]["Subnets"]) == 2
    assert model["VpcConfig"]["SecurityGroupIds"] == ["sg-0123456789abcdef0"]
    assert configuration["AsyncInferenceConfig"]["OutputConfig"]["KmsKeyId"] == key
    assert key in allowed(inference, "Sd35LargeRole")["kms:GenerateDataKey"]


def test_an_endpoint_answers_into_the_exchange_and_tells_both_topics(prod: dict[str, Template]) -> None:
    configuration = of_type(prod["Inference"], "AWS::SageMaker::EndpointConfig")["Sd35LargeConfiguration"]
    output = configuration["AsyncInferenceConfig"]["OutputConfig"]

    assert words(output["S3OutputPath"]).endswith("/inference/output/")
    assert words(output["S3FailurePath"]).endswith("/inference/failure/")
    assert "InferenceSuccess" in words(output["NotificationConfig"]["SuccessTopic"])
    assert "InferenceError" in words(output["NotificationConfig"]["ErrorTopic"])


@pytest.mark.parametrize("config", [DEV, PROD], ids=lambda config: config.name)
def test_every_model_of_our_own_that_the_policy_may_pick_has_an_endpoint(config: StageConfig) -> None:
    policy = tomllib.loads((bundle.ROOT / "shared" / "policy.toml").read_text(encoding="utf-8"))
    models = tomllib.loads((bundle.ROOT / "shared" / "catalogue.toml").read_text(encoding="utf-8"))["models"]
    cases = policy["use_cases"].values()
    picked = {case[tier]["model"] for case in cases for tier in ("draft", "final")}
    picked |= {case["repair_model"] for case in cases if "repair_model" in case}

    ours = {model for model in picked if models[model]["provider"] == "sagemaker"}

    assert ours <= {endpoint.model for endpoint in config.endpoints}


def test_the_firewall_stands_before_the_stage_with_the_four_groups_of_aws(prod: dict[str, Template]) -> None:
    (acl,) = of_type(prod["Edge"], "AWS::WAFv2::WebACL").values()
    (association,) = of_type(prod["Edge"], "AWS::WAFv2::WebACLAssociation").values()

    assert [rule["Name"] for rule in acl["Rules"]] == [
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesAnonymousIpList",
        "AWSManagedRulesKnownBadInputsRuleSet",
    ]
    assert "RefApiStage" in words(association["ResourceArn"])


def test_people_sign_in_where_a_stage_wants_them_and_cannot_choose_their_tenant(tmp_path: Path) -> None:
    config = DEV.model_copy(update={"package": "source", "sign_in": True, "sign_in_urls": ("https://studio.example/",)})
    app.build(config, outdir=tmp_path).synth()
    core = json.loads((tmp_path / "Core.template.json").read_text())

    (pool,) = of_type(core, "AWS::Cognito::UserPool").values()
    (client,) = of_type(core, "AWS::Cognito::UserPoolClient").values()
    groups = {group["GroupName"] for group in of_type(core, "AWS::Cognito::UserPoolGroup").values()}
    environment = of_type(core, "AWS::Lambda::Function")["FunctionsAuthorize"]["Environment"]["Variables"]
    tenant = next(each for each in pool["Schema"] if each["Name"] == "tenant")
    assert (tenant["Mutable"], pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"]) == (False, True)
    assert pool["MfaConfiguration"] == "ON"
    assert client["WriteAttributes"] == ["email"]
    assert client["AllowedOAuthFlows"] == ["code"]
    assert groups == {"render", "approve", "audit", "admin"}
    assert words(environment["PRESSCHECK_USER_POOL_ID"]) == "<PeoplePool>"
    assert words(environment["PRESSCHECK_USER_POOL_CLIENTS"]) == "<PeoplePoolBrowser>"


def test_without_people_there_is_no_pool(prod: dict[str, Template]) -> None:
    assert not of_type(prod["Core"], "AWS::Cognito::UserPool")
