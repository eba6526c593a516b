"""Answers to cdk-nag: a finding is acknowledged beside the thing it is about, with its reason.

Hides how findings are named. Never silences a rule for more than one construct.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge one rule, e.g. `AwsSolutions-S1`, for a construct and what is below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def accept_wildcard(construct: IConstruct, arn: str, reason: str) -> None:
    """Acknowledge that a policy below `construct` names `arn`, which contains a `*`."""
    accept(construct, f"AwsSolutions-IAM5[Resource::{_in_words(Stack.of(construct).resolve(arn))}]", reason)


def role_of(grantee: iam.IGrantable) -> Construct:
    """The role behind a grantee, where a finding about its policy is answered."""
    principal = grantee.grant_principal
    if not isinstance(principal, Construct):
        raise TypeError("grants go to roles of this app")
    return principal


def _in_words(value: Any) -> str:
    """How a finding writes an ARN: `<LogicalId.Arn>`, `<AWS::Region>`, the name of an export."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return str(name)
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_in_words(part) for part in parts)
    raise TypeError(f"no words for {value}")
