"""What the emulator's CloudFormation drops without a word, applied again through the service APIs.

Seen in ministack 1.5.33, resource by resource, by asking the services what became of a template.
Safe to call again. Properties nobody can observe locally (access logs, bucket server logs,
state machine logs, encryption with service keys) stay dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from infra.local.deploy import Deployed
from infra.local.environment import Emulator


def reconcile(emulator: Emulator, deployed: Deployed) -> list[str]:
    """Apply what was dropped; returns what was done, as `LogicalId: what`."""
    done = []
    for logical_id, resource in deployed.template["Resources"].items():
        properties, physical_id = resource.get("Properties", {}), deployed.physical.get(logical_id)
        for name, apply in _REPAIRS.get(resource["Type"], {}).items():
            if physical_id and name in properties:
                apply(emulator, physical_id, properties[name], _Resolver(emulator, deployed))
                done.append(f"{logical_id}: {name}")
    return done


class _Resolver:
    """The ARN behind `Fn::GetAtt` to a queue: all that the repaired properties refer to."""

    def __init__(self, emulator: Emulator, deployed: Deployed) -> None:
        self._emulator = emulator
        self._deployed = deployed

    def queue_arn(self, reference: Any) -> str:
        if isinstance(reference, str):
            return reference
        logical_id, attribute = reference["Fn::GetAtt"]
        if attribute != "Arn":
            raise ValueError(f"expected the ARN of a queue, not {reference}")
        url = self._deployed.physical[logical_id]
        answer = self._emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])


def _lifecycle(emulator: Emulator, bucket: str, value: dict[str, Any], _: _Resolver) -> None:
    rules = []
    for number, rule in enumerate(value["Rules"]):
        translated: dict[str, Any] = {
            "ID": rule.get("Id", f"rule-{number}"),
            "Status": rule["Status"],
            "Filter": {"Prefix": rule.get("Prefix", "")},
        }
        if "ExpirationInDays" in rule:
            translated["Expiration"] = {"Days": rule["ExpirationInDays"]}
        for same in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
            if same in rule:
                translated[same] = rule[same]
        rules.append(translated)
    emulator.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _time_to_live(emulator: Emulator, table: str, value: dict[str, Any], _: _Resolver) -> None:
    client = emulator.client("dynamodb")
    if client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] != "ENABLED":
        client.update_time_to_live(TableName=table, TimeToLiveSpecification=value)


def _recovery(emulator: Emulator, table: str, value: dict[str, Any], _: _Resolver) -> None:
    emulator.client("dynamodb").update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=value)


def _reserved(emulator: Emulator, function: str, value: int, _: _Resolver) -> None:
    emulator.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=value)


def _dead_letters(emulator: Emulator, function: str, value: dict[str, Any], resolver: _Resolver) -> None:
    target = resolver.queue_arn(value["TargetArn"])
    emulator.client("lambda").update_function_configuration(
        FunctionName=function, DeadLetterConfig={"TargetArn": target}
    )


_Repair = Callable[[Emulator, str, Any, _Resolver], None]
_REPAIRS: Final[dict[str, dict[str, _Repair]]] = {
    "AWS::S3::Bucket": {"LifecycleConfiguration": _lifecycle},
    "AWS::DynamoDB::Table": {
        "TimeToLiveSpecification": _time_to_live,
        "PointInTimeRecoverySpecification": _recovery,
    },
    "AWS::Lambda::Function": {"ReservedConcurrentExecutions": _reserved, "DeadLetterConfig": _dead_letters},
}
