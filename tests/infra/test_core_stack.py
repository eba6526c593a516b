"""What the Core template promises about loss, limits, retention and alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.api.errors import problem
from infra import app
from infra.config import PROD
from infra.workflow.construct import BATCH_DEFINITION, DEFINITION, placeholders
from shared.errors import (
    BodyTooLarge,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PresscheckError,
    UnsupportedMediaType,
)
from shared.models import TERMINAL_STAGES
from shared.pipeline.batches.conveyor import RESTING
from shared.settings import Settings
from tests.infra.templates import Template, of_type, plain, words

pytestmark = pytest.mark.xdist_group("cdk")

DEAD_LETTERS = {
    "IntakeInteractiveDeadLetters",
    "IntakeBulkDeadLetters",
    "WebhooksDeliveriesDeadLetters",
    "EventsUndelivered",
}


def test_the_local_stack_deploys_the_template_of_production(
    prod: dict[str, Template], local: dict[str, Template]
) -> None:
    """Values differ between stages, resources do not: what runs on a laptop is what runs on AWS."""

    def shape(template: Template) -> dict[str, tuple[str, set[str]]]:
        return {
            name: (item["Type"], set(item["Properties"]) - {"ReservedConcurrentExecutions"})
            for name, item in template["Resources"].items()
            if item["Type"] != "AWS::ApiGateway::Deployment"  # named after what it deploys, stage included
        }

    assert shape(local["Core"]) == shape(prod["Core"])


def test_every_function_reads_the_settings_back(core: Template) -> None:
    for function in of_type(core, "AWS::Lambda::Function").values():
        environment = {name: str(words(value)) for name, value in function["Environment"]["Variables"].items()}

        settings = Settings.from_env(environment)

        assert settings.table_name == "<StorageLedger>"
        assert settings.workflow_arn.endswith(":stateMachine:presscheck-prod-render")
        assert settings.endpoint_prefix == "presscheck-prod-"


def test_every_function_has_its_size_a_trace_and_a_log_that_ends(core: Template) -> None:
    functions = of_type(core, "AWS::Lambda::Function")

    for name, function in functions.items():
        size = PROD.functions[name.removeprefix("Functions").lower()]
        assert (function["MemorySize"], function["Timeout"]) == (size.memory_mb, size.timeout_s)
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Handler"] == f"functions.{name.removeprefix('Functions').lower()}.handler.handler"
        assert words(function["LoggingConfig"]["LogGroup"]) == f"<{name}Logs>"
    assert len(functions) == len(PROD.functions)
    assert {group["RetentionInDays"] for group in of_type(core, "AWS::Logs::LogGroup").values()} == {365}


def test_onnxruntime_never_meets_arm(core: Template) -> None:
    machines = {name: item["Architectures"] for name, item in of_type(core, "AWS::Lambda::Function").items()}

    assert machines.pop("FunctionsVerify") == ["x86_64"]
    assert set(map(tuple, machines.values())) == {("arm64",)}


MACHINES = {"presscheck-prod-render": DEFINITION, "presscheck-prod-batch": BATCH_DEFINITION}


def test_the_workflow_files_and_their_substitutions_name_the_same_functions(core: Template) -> None:
    for machine in of_type(core, "AWS::StepFunctions::StateMachine").values():
        wanted = placeholders(MACHINES[machine["StateMachineName"]].read_text(encoding="utf-8"))

        assert wanted == set(machine["DefinitionSubstitutions"])
        assert wanted == placeholders(machine["DefinitionString"])


@pytest.mark.parametrize(
    ("definition", "called"),
    [(DEFINITION, ("Render", "Resume", "Verify", "Conclude")), (BATCH_DEFINITION, ("Batch", "Resume"))],
)
def test_a_function_ends_before_the_workflow_gives_it_up(
    core: Template, definition: Path, called: tuple[str, ...]
) -> None:
    """Otherwise the retry would run beside the try it replaces."""

    def tasks(value: object) -> Iterator[tuple[str, int]]:
        if isinstance(value, dict):
            if value.get("Type") == "Task":
                yield value["Arguments"]["FunctionName"], value["TimeoutSeconds"]
            value = list(value.values())
        if isinstance(value, list):
            for each in value:
                yield from tasks(each)

    functions = of_type(core, "AWS::Lambda::Function")
    found = list(tasks(json.loads(definition.read_text(encoding="utf-8"))))

    assert {name for name, _ in found} == {f"${{{name}FunctionArn}}" for name in called}
    for placeholder, patience_s in found:
        name = placeholder.removeprefix("${").removesuffix("FunctionArn}")
        assert functions[f"Functions{name}"]["Timeout"] < patience_s


def test_executions_are_traced_and_logged_without_prompts(core: Template) -> None:
    machines = of_type(core, "AWS::StepFunctions::StateMachine").values()

    assert {machine["StateMachineName"] for machine in machines} == set(MACHINES)
    for machine in machines:
        assert machine["TracingConfiguration"] == {"Enabled": True}
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert not machine["LoggingConfiguration"].get("IncludeExecutionData")


def test_a_batch_file_begins_its_batch_and_a_batch_job_that_moved_is_told_of(core: Template) -> None:
    """No function of CDK's is brought along for it, and what nobody takes is kept."""
    rules = of_type(core, "AWS::Events::Rule")
    stored, moved = rules["EventsBatchFileStored"], rules["EventsBatchJobMoved"]

    bucket = of_type(core, "AWS::S3::Bucket")["StorageImages"]
    assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert words(stored["EventPattern"]["detail"]["bucket"]["name"][0]) == "<StorageImages>"
    assert stored["EventPattern"]["detail"]["object"] == {"key": [{"prefix": "batches/incoming/"}]}
    assert "EventBusName" not in stored, "S3 speaks on the default bus"
    assert moved["EventPattern"]["detail"]["batch"] == {"id": [{"exists": True}]}
    assert set(moved["EventPattern"]["detail"]["stage"]) == {*TERMINAL_STAGES, *RESTING}
    for rule in (stored, moved):
        assert words(rule["Targets"][0]["Arn"]) == "<FunctionsBatch.Arn>"
        assert words(rule["Targets"][0]["DeadLetterConfig"]["Arn"]) == "<EventsUndelivered.Arn>"


def test_no_message_is_lost_between_the_queues(core: Template) -> None:
    """All lanes redrive to their own dead letters, hide a message long enough and fail it alone."""
    queues = of_type(core, "AWS::SQS::Queue")
    lanes = {"IntakeInteractive": "dispatch", "IntakeBulk": "dispatch", "WebhooksDeliveries": "notify"}
    assert set(queues) == {f"{lane}Queue" for lane in lanes} | DEAD_LETTERS

    for lane, consumer in lanes.items():
        queue = queues[f"{lane}Queue"]
        assert words(queue["RedrivePolicy"]["deadLetterTargetArn"]) == f"<{lane}DeadLetters.Arn>"
        assert queue["VisibilityTimeout"] >= 6 * PROD.functions[consumer].timeout_s
    for name in DEAD_LETTERS:
        assert queues[name]["MessageRetentionPeriod"] == 14 * 24 * 3600
    for mapping in of_type(core, "AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"]["MaximumConcurrency"] in {10, 50}


def test_whoever_is_called_asynchronously_leaves_what_it_failed_at(core: Template) -> None:
    """Rules, notifications and the functions behind them all end in the queue of the undelivered."""
    undelivered = "<EventsUndelivered.Arn>"

    for rule in of_type(core, "AWS::Events::Rule").values():
        for target in rule["Targets"]:
            assert words(target["DeadLetterConfig"]["Arn"]) == undelivered
            assert target["RetryPolicy"]["MaximumRetryAttempts"] >= 1
    for subscription in of_type(core, "AWS::SNS::Subscription").values():
        assert words(subscription["RedrivePolicy"]["deadLetterTargetArn"]) == undelivered
    functions = of_type(core, "AWS::Lambda::Function")
    for name in ("Resume", "Conclude", "Sweep"):
        assert words(functions[f"Functions{name}"]["DeadLetterConfig"]["TargetArn"]) == undelivered


def test_an_execution_that_breaks_is_told_to_conclude_and_sweep_runs_every_minute(core: Template) -> None:
    rules = of_type(core, "AWS::Events::Rule")

    broke = rules["EventsExecutionBroke"]
    assert broke["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    (arn,) = broke["EventPattern"]["detail"]["stateMachineArn"]
    assert words(arn).endswith(":stateMachine:presscheck-prod-render")
    assert words(broke["Targets"][0]["Arn"]) == "<FunctionsConclude.Arn>"
    assert rules["EventsEveryMinute"]["ScheduleExpression"] == "rate(1 minute)"
    assert words(rules["EventsEveryMinute"]["Targets"][0]["Arn"]) == "<FunctionsSweep.Arn>"


def test_goldens_are_painted_by_schedule_and_compared_when_their_own_jobs_are_over(core: Template) -> None:
    rules = of_type(core, "AWS::Events::Rule")

    schedule, over = rules["EventsGoldenSchedule"], rules["EventsGoldenPainted"]
    assert (schedule["ScheduleExpression"], schedule["State"]) == ("cron(30 6 ? * MON-FRI *)", "ENABLED")
    assert over["EventPattern"]["detail"]["tenant"] == ["presscheck-golden"]
    assert words(over["EventBusName"]) == "<EventsBus>"
    for rule in (schedule, over):
        assert words(rule["Targets"][0]["Arn"]) == "<FunctionsGolden.Arn>"
        assert words(rule["Targets"][0]["DeadLetterConfig"]["Arn"]) == "<EventsUndelivered.Arn>"


def test_only_production_paints_goldens_by_itself(local: dict[str, Template]) -> None:
    assert of_type(local["Core"], "AWS::Events::Rule")["EventsGoldenSchedule"]["State"] == "DISABLED"


def test_success_and_error_of_every_render_reach_resume(core: Template) -> None:
    subscriptions = of_type(core, "AWS::SNS::Subscription").values()

    assert {words(each["TopicArn"]) for each in subscriptions} == {"<EventsInferenceSuccess>", "<EventsInferenceError>"}
    assert {words(each["Endpoint"]) for each in subscriptions} == {"<FunctionsResume.Arn>"}


def test_somebody_is_woken_for_lost_work_and_broken_safety_nets(core: Template) -> None:
    alarms = of_type(core, "AWS::CloudWatch::Alarm")

    depths = {
        words(alarm["Dimensions"][0]["Value"]).removesuffix(".QueueName>").removeprefix("<")
        for alarm in alarms.values()
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    errors = {words(alarm["Dimensions"][0]["Value"]) for alarm in alarms.values() if alarm["MetricName"] == "Errors"}
    assert depths == DEAD_LETTERS
    assert errors == {f"<Functions{name}>" for name in ("Resume", "Conclude", "Batch", "Sweep", "Notify", "Golden")}
    assert {"ExecutionsFailed", "ExecutionsTimedOut", "5XXError"} <= {alarm["MetricName"] for alarm in alarms.values()}
    for alarm in alarms.values():
        assert [words(action) for action in alarm["AlarmActions"]] == ["<MonitoringAlarms>"]


def test_data_outlives_the_stack_in_production_and_only_there(core: Template, local: dict[str, Template]) -> None:
    def kept(template: Template) -> set[str]:
        stateful = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")
        resources = {plain(name): item for name, item in template["Resources"].items()}
        del resources["StorageReplays"]  # answers by idempotency key live for a day
        return {item["DeletionPolicy"] for item in resources.values() if item["Type"] in stateful}

    table = of_type(core, "AWS::DynamoDB::Table")["StorageLedger"]
    assert kept(core) == {"Retain"}
    assert kept(local["Core"]) == {"Delete"}
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_the_ledger_has_its_indexes(core: Template) -> None:
    table = of_type(core, "AWS::DynamoDB::Table")["StorageLedger"]

    indexes = {
        index["IndexName"]: (
            [key["AttributeName"] for key in index["KeySchema"]],
            index["Projection"]["ProjectionType"],
        )
        for index in table["GlobalSecondaryIndexes"]
    }
    assert indexes == {
        "by_tenant": (["tenant_pk", "tenant_sk"], "ALL"),
        "by_version": (["version_pk", "version_sk"], "ALL"),
        "open": (["open_pk", "open_sk"], "KEYS_ONLY"),
        "open_by_tenant": (["open_tenant_pk", "open_tenant_sk"], "KEYS_ONLY"),
    }
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_images_are_versioned_and_inference_inputs_go_after_a_week(core: Template) -> None:
    bucket = of_type(core, "AWS::S3::Bucket")["StorageImages"]

    rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert (rules["inference-exchange"]["Prefix"], rules["inference-exchange"]["ExpirationInDays"]) == ("inference/", 7)
    assert "ExpirationInDays" not in rules["leftovers"], "an image never expires by itself"
    assert rules["leftovers"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}


def test_only_health_description_and_studio_need_no_key(core: Template) -> None:
    paths = {"<ApiRest.RootResourceId>": ""}
    resources = of_type(core, "AWS::ApiGateway::Resource")
    for _ in resources:
        for name, item in resources.items():
            if words(item["ParentId"]) in paths:
                paths[f"<{name}>"] = f"{paths[words(item['ParentId'])]}/{item['PathPart']}"

    guards = {
        (method["HttpMethod"], paths[words(method["ResourceId"])] or "/"): method["AuthorizationType"]
        for method in of_type(core, "AWS::ApiGateway::Method").values()
    }

    assert guards == {
        ("GET", "/"): "NONE",
        ("GET", "/docs"): "NONE",
        ("GET", "/files/{key+}"): "NONE",
        ("GET", "/health"): "NONE",
        ("GET", "/openapi.json"): "NONE",
        ("GET", "/static/{file+}"): "NONE",
        ("ANY", "/{proxy+}"): "CUSTOM",
        ("POST", "/v1/images/edits"): "CUSTOM",
        ("POST", "/v1/images/generations"): "CUSTOM",
    }


def test_pictures_for_openais_clients_leave_while_they_are_made(core: Template) -> None:
    """The two routes stream, for as long as their function lives; all others answer in one piece."""
    targets = {
        words(method["Integration"]["Uri"]).rpartition("/")[2]: method["Integration"]
        for method in of_type(core, "AWS::ApiGateway::Method").values()
    }
    stream = of_type(core, "AWS::Lambda::Function")["FunctionsStream"]

    streaming = targets["response-streaming-invocations"]
    assert streaming["ResponseTransferMode"] == "STREAM"
    assert streaming["TimeoutInMillis"] == stream["Timeout"] * 1000
    assert "FunctionsStream" in words(streaming["Uri"])
    assert "ResponseTransferMode" not in targets["invocations"]
    wrapper = stream["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"]
    assert (Path(__file__).parents[2] / wrapper.removeprefix("/var/task/")).stat().st_mode & 0o111


@pytest.mark.parametrize("error", [NotAuthenticated, NotPermitted, BodyTooLarge, UnsupportedMediaType, NotFound])
def test_the_gateway_answers_an_error_as_the_api_function_would(core: Template, error: type[PresscheckError]) -> None:
    """A client need not know who refused it: status, type, title and code are the same."""
    answers = [
        json.loads(item["ResponseTemplates"]["application/json"]) | {"status": int(item["StatusCode"])}
        for item in of_type(core, "AWS::ApiGateway::GatewayResponse").values()
    ]

    ours = json.loads(str(problem(error("why"), instance="/").body))

    theirs = [answer for answer in answers if answer["error"]["code"] == error.code]
    assert theirs
    for answer in theirs:
        assert set(answer) == set(ours)
        assert [answer[key] for key in ("type", "title", "status")] == [
            ours[key] for key in ("type", "title", "status")
        ]
        assert answer["error"] | {"message": ""} == ours["error"] | {"message": ""}


def test_every_error_of_the_gateway_is_our_problem_document(core: Template) -> None:
    responses = of_type(core, "AWS::ApiGateway::GatewayResponse").values()

    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"} <= {item["ResponseType"] for item in responses}
    for item in responses:
        assert item["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert json.loads(item["ResponseTemplates"]["application/json"])["status"] == int(item["StatusCode"])


def test_requests_are_throttled_traced_and_logged(core: Template) -> None:
    (stage,) = of_type(core, "AWS::ApiGateway::Stage").values()
    (settings,) = stage["MethodSettings"]

    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (200, 400)
    assert settings["DataTraceEnabled"] is False
    assert stage["TracingEnabled"] is True
    assert json.loads(stage["AccessLogSetting"]["Format"])["request_id"] == "$context.requestId"
    assert "authorization" not in stage["AccessLogSetting"]["Format"].lower()


def test_webhooks_are_told_what_happened_to_jobs_that_have_one(core: Template) -> None:
    """One message a delivery: a receiver that hangs keeps nobody else's news waiting."""
    rule = of_type(core, "AWS::Events::Rule")["WebhooksTold"]
    (mapping,) = (
        mapping
        for mapping in of_type(core, "AWS::Lambda::EventSourceMapping").values()
        if words(mapping["FunctionName"]) == "<FunctionsNotify>"
    )

    assert rule["EventPattern"] == {"source": ["presscheck"], "detail": {"webhook": [True]}}
    assert words(rule["EventBusName"]) == "<EventsBus>"
    assert words(rule["Targets"][0]["Arn"]) == words(mapping["EventSourceArn"]) == "<WebhooksDeliveriesQueue.Arn>"
    assert rule["Targets"][0]["InputPath"] == "$.detail"
    assert mapping["BatchSize"] == 1


def test_only_the_local_stack_lets_webhooks_lead_to_its_own_machine(core: Template, local: dict[str, Template]) -> None:
    def allowed(template: Template) -> set[str]:
        functions = of_type(template, "AWS::Lambda::Function").values()
        return {item["Environment"]["Variables"]["PRESSCHECK_WEBHOOK_ALLOW_LOOPBACK"] for item in functions}

    assert allowed(core) == {"False"}
    assert allowed(local["Core"]) == {"True"}


def test_synthesis_refuses_loopback_webhooks_for_production() -> None:
    careless = PROD.model_copy(update={"webhook_allow_loopback": True, "package": "source"})

    with pytest.raises(ValueError, match="webhook_allow_loopback is for the local stack alone"):
        app.build(careless)
