"""Answers to cdk-nag: a finding is acknowledged beside the thing it is about, with its reason.

Hides how findings are named. Never silences a rule for more than one construct.
"""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledge one rule, e.g. `AwsSolutions-S1`, for a construct and what is below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def accept_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Acknowledge that a policy below `construct` names `resource`, which contains a `*`."""
    accept(construct, f"AwsSolutions-IAM5[Resource::{_in_words(construct, resource)}]", reason)


def logical_name(construct: Construct) -> str:
    """`<LogicalId.Arn>`: how a finding names the ARN of a resource of ours."""
    element = construct.node.default_child
    if not isinstance(element, CfnElement):
        raise TypeError(f"{construct.node.path} has no CloudFormation resource of its own")
    return f"<{Stack.of(construct).get_logical_id(element)}.Arn>"


def role_of(grantee: iam.IGrantable) -> Construct:
    """The role behind a grantee, where a finding about its policy is answered."""
    principal = grantee.grant_principal
    if not isinstance(principal, Construct):
        raise TypeError("grants go to roles of this app")
    return principal


def _in_words(construct: IConstruct, arn: str) -> str:
    """A finding writes pseudo parameters as `<AWS::Region>`; an ARN formatted by a stack holds tokens."""
    stack = Stack.of(construct)
    for token, word in ((stack.partition, "Partition"), (stack.region, "Region"), (stack.account, "AccountId")):
        arn = arn.replace(token, f"<AWS::{word}>")
    return arn
