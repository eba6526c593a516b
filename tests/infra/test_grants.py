"""Least privilege: what each role may do, and nothing else, written out."""

from __future__ import annotations

import pytest

from tests.infra.templates import Template, allowed, of_type, words

pytestmark = pytest.mark.xdist_group("cdk")

LEDGER = {"<StorageLedger.Arn>", "<StorageLedger.Arn>/index/*"}
READ_WRITE_LEDGER = {f"dynamodb:{action}": LEDGER for action in ("GetItem", "Query", "PutItem", "UpdateItem")}
REPLAYS = {"<StorageReplays.Arn>"}
IMAGES = {"<StorageImages.Arn>/images/*"}
INFERENCE = {"<StorageImages.Arn>/inference/*"}
UPLOADS, COPIES, RESULTS = ({f"<StorageImages.Arn>/batches/{prefix}/*"} for prefix in ("incoming", "work", "results"))
LIST = {"s3:ListBucket": {"<StorageImages.Arn>"}}
LANES = {"<IntakeInteractiveQueue.Arn>", "<IntakeBulkQueue.Arn>"}
SEND = {f"sqs:{action}": LANES for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")}
RECEIVE = {
    f"sqs:{action}": LANES
    for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "GetQueueUrl")
}
GRAVE = "<IntakeInteractiveDeadLetters.Arn>"
BURY = {"sqs:SendMessage": {GRAVE}} | {
    f"sqs:{action}": LANES | {GRAVE} for action in ("GetQueueAttributes", "GetQueueUrl")
}
BEDROCK = {"arn:<AWS::Partition>:bedrock:us-west-2::foundation-model/stability.sd3-5-large-v1:0"}
ANNOUNCE = {"events:PutEvents": {"<EventsBus.Arn>"}}
TELL = "<WebhooksDeliveriesQueue.Arn>"
TOLD_IN_VAIN = "<WebhooksDeliveriesDeadLetters.Arn>"
SEAL = {f"kms:{action}": {"<WebhooksSecretsKey.Arn>"} for action in ("Encrypt", "Decrypt")}
WAKE = {"states:SendTaskSuccess": {"*"}}
STATES = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
START = {"states:StartExecution": {f"{STATES}:stateMachine:presscheck-prod-render"}}
EXECUTIONS = {f"{STATES}:execution:presscheck-prod-render:*"}
BATCH_MACHINE = {f"{STATES}:stateMachine:presscheck-prod-batch"}
BATCH_EXECUTIONS = {f"{STATES}:execution:presscheck-prod-batch:*"}
ENDPOINTS = {"arn:<AWS::Partition>:sagemaker:<AWS::Region>:<AWS::AccountId>:endpoint/presscheck-prod-*"}

EXPECTED = {
    "Authorize": {"dynamodb:GetItem": {"<StorageLedger.Arn>"}},
    "Api": READ_WRITE_LEDGER
    | {f"dynamodb:{action}": LEDGER | REPLAYS for action in ("GetItem", "PutItem", "UpdateItem")}
    | {"dynamodb:DeleteItem": REPLAYS}
    | {"s3:GetObject": IMAGES | RESULTS, "s3:PutObject": IMAGES | UPLOADS, "states:StopExecution": EXECUTIONS}
    | LIST
    | {action: lanes | {TELL} for action, lanes in SEND.items()}
    | SEAL
    | WAKE
    | ANNOUNCE,
    "Stream": READ_WRITE_LEDGER | {"s3:GetObject": IMAGES, "s3:PutObject": IMAGES} | LIST | SEND | ANNOUNCE,
    "Dispatch": READ_WRITE_LEDGER | RECEIVE | START | BURY | ANNOUNCE,
    "Render": READ_WRITE_LEDGER
    | {"s3:GetObject": IMAGES | INFERENCE, "s3:PutObject": IMAGES | INFERENCE}
    | {"sagemaker:InvokeEndpointAsync": ENDPOINTS, "bedrock:InvokeModel": BEDROCK}
    | {f"secretsmanager:{action}": {"<HostsKeys>"} for action in ("GetSecretValue", "DescribeSecret")}
    | WAKE
    | LIST,
    "Resume": READ_WRITE_LEDGER | WAKE,
    "Verify": READ_WRITE_LEDGER | {"s3:GetObject": IMAGES} | LIST,
    "Conclude": READ_WRITE_LEDGER | WAKE | ANNOUNCE,
    "Batch": READ_WRITE_LEDGER
    | {"s3:GetObject": IMAGES | UPLOADS | COPIES, "s3:GetObjectVersion": UPLOADS | COPIES}
    | {f"s3:{action}": COPIES | RESULTS for action in ("PutObject", "AbortMultipartUpload")}
    | {f"sqs:{action}": {"<IntakeBulkQueue.Arn>"} for action in ("SendMessage", "GetQueueAttributes", "GetQueueUrl")}
    | {"states:StartExecution": BATCH_MACHINE, "states:StopExecution": EXECUTIONS}
    | LIST
    | WAKE
    | ANNOUNCE,
    "Sweep": READ_WRITE_LEDGER
    | {"s3:GetObject": INFERENCE, "states:DescribeExecution": EXECUTIONS | BATCH_EXECUTIONS}
    | {"states:StopExecution": EXECUTIONS}
    | {f"s3:{action}": RESULTS for action in ("PutObject", "AbortMultipartUpload")}
    | LIST
    | SEND
    | {"states:StartExecution": START["states:StartExecution"] | BATCH_MACHINE}
    | WAKE
    | ANNOUNCE,
    "Golden": READ_WRITE_LEDGER
    | {"s3:GetObject": IMAGES}
    | LIST
    | {action: {"<IntakeInteractiveQueue.Arn>"} for action in SEND},
    "Notify": READ_WRITE_LEDGER
    | {"s3:GetObject": IMAGES | RESULTS}
    | LIST
    | {action: {TELL} for action in RECEIVE}
    | {f"sqs:{action}": {TELL, TOLD_IN_VAIN} for action in ("GetQueueAttributes", "GetQueueUrl")}
    | {"sqs:SendMessage": {TOLD_IN_VAIN}}
    | SEAL,
}


@pytest.mark.parametrize("function", EXPECTED)
def test_a_function_may_do_exactly_its_work(core: Template, function: str) -> None:
    """Beside its work a function writes its own log and traces, and keeps the events it could not handle."""
    may = allowed(core, f"Functions{function}Role")

    traces = {f"xray:{action}": {"*"} for action in ("PutTraceSegments", "PutTelemetryRecords")}
    log = {f"logs:{action}": {f"<Functions{function}Logs.Arn>"} for action in ("CreateLogStream", "PutLogEvents")}
    keeps = {"Resume", "Conclude", "Batch", "Sweep", "Golden"}
    undelivered = {"<EventsUndelivered.Arn>"} if function in keeps else set()
    expected = EXPECTED[function] | traces | log
    if undelivered:
        expected = expected | {"sqs:SendMessage": expected.get("sqs:SendMessage", set()) | undelivered}
    assert may == expected


def test_every_function_has_a_role_of_its_own(core: Template) -> None:
    roles = [words(function["Role"]) for function in of_type(core, "AWS::Lambda::Function").values()]

    assert len(set(roles)) == len(roles) == len(EXPECTED)


def test_no_role_carries_a_policy_that_aws_may_widen(core: Template, prod: dict[str, Template]) -> None:
    """Managed policies grow with time; the one exception is API Gateway's account-wide log role."""
    for template in prod.values():
        for name, role in of_type(template, "AWS::IAM::Role").items():
            assert not role.get("ManagedPolicyArns") or name == "ApiRestCloudWatchRole"


def test_the_workflow_may_call_its_four_functions_only(core: Template) -> None:
    may = allowed(core, "WorkflowStateMachineRole")

    called = {resource.removesuffix(":$LATEST") for resource in may["lambda:InvokeFunction"]}
    assert called == {f"<Functions{name}.Arn>" for name in ("Render", "Resume", "Verify", "Conclude")}
    assert {action.split(":")[0] for action in may} == {"lambda", "logs", "xray"}


def test_the_batch_workflow_reads_files_and_starts_nothing_but_its_own_children(core: Template) -> None:
    may = allowed(core, "BatchWorkflowStateMachineRole")

    called = {resource.removesuffix(":$LATEST") for resource in may["lambda:InvokeFunction"]}
    children = BATCH_EXECUTIONS | {f"{STATES}:execution:presscheck-prod-batch/*"}
    assert called == {"<FunctionsBatch.Arn>", "<FunctionsResume.Arn>"}
    assert may["states:StartExecution"] == BATCH_MACHINE
    assert may["states:DescribeExecution"] == may["states:StopExecution"] == children
    assert may["s3:GetObject"] == may["s3:GetObjectVersion"] == UPLOADS | COPIES
    assert {action.split(":")[0] for action in may} == {"lambda", "logs", "xray", "states", "s3"}


def test_an_endpoint_reads_inputs_and_leaves_answers_and_touches_nothing_else(prod: dict[str, Template]) -> None:
    may = allowed(prod["Inference"], "Sd35LargeRole")

    exchange = {"presscheck-prod-core:ExportsOutputFnGetAttStorageImagesArn/inference/*"}
    weights = {"arn:<AWS::Partition>:s3:::<WeightsBucket>/sd35-large/*"}
    assert may["s3:GetObject"] == exchange | weights
    assert may["s3:PutObject"] == exchange
    assert {action for action in may if action.startswith("sns:")} == {"sns:Publish"}
    assert not [action for action in may if action.startswith(("dynamodb:", "states:", "sqs:", "lambda:"))]
