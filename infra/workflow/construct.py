"""The workflows: the state machines of render.asl.json and batch.asl.json with our functions in them.

Hides how ARNs get into the file and how executions are named. The order of states is in the files,
what each state decides is in the functions.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import StageConfig
from infra.functions import retention
from infra.nag import accept_wildcard, role_of

DEFINITION: Final = Path(__file__).with_name("render.asl.json")
BATCH_DEFINITION: Final = Path(__file__).with_name("batch.asl.json")


class Workflow(Construct):
    """A state machine; `arn` is known before it exists, so that functions can be told about it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, name: str, definition: Path = DEFINITION
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._name = name
        self._definition = definition
        stack = Stack.of(self)
        self.arn = stack.format_arn(
            service="states", resource="stateMachine", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        self._executions = stack.format_arn(
            service="states", resource="execution", resource_name=f"{name}:*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )

    def define(self, **functions: lambda_.Function) -> None:
        """Create the state machine over these functions, by their names in its file. Once, after the functions."""
        log_group = logs.LogGroup(self, "Logs", retention=retention(self._config), removal_policy=RemovalPolicy.DESTROY)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=self._name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            definition_body=sfn.DefinitionBody.from_string(self._definition.read_text(encoding="utf-8")),
            definition_substitutions={
                f"{name.capitalize()}FunctionArn": function.function_arn for name, function in functions.items()
            },
            tracing_enabled=True,
            # Events without data: prompts belong to the ledger, not to a log.
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        for function in functions.values():
            function.grant_invoke_latest_version(self.state_machine)
        accept_wildcard(self.state_machine, "*", "Log delivery and X-Ray take no resource.")

    def let_map(self) -> None:
        """Allow the state machine what its Distributed Map does: start, look at and stop children of itself.

        Source: AWS Step Functions Developer Guide, "IAM policies for using Distributed Map".
        """
        children = self._executions.removesuffix(":*") + "/*"
        _grant(self.state_machine, self.arn, "states:StartExecution")
        _grant(self.state_machine, children, "states:DescribeExecution", "states:StopExecution")
        self._grant_executions(self.state_machine, "states:DescribeExecution")
        self._grant_executions(self.state_machine, "states:StopExecution")
        accept_wildcard(self.state_machine, children, "Children of this one state machine, named by the map.")

    def grant_start(self, grantee: iam.IGrantable) -> None:
        """Start executions."""
        _grant(grantee, self.arn, "states:StartExecution")

    def grant_watch(self, grantee: iam.IGrantable) -> None:
        """Look at executions."""
        self._grant_executions(grantee, "states:DescribeExecution")

    def grant_stop(self, grantee: iam.IGrantable) -> None:
        """Stop executions."""
        self._grant_executions(grantee, "states:StopExecution")

    def grant_wake(self, grantee: iam.IGrantable) -> None:
        """End the wait of a task whose token is known.

        The action takes no resource (AWS service authorization reference, Step Functions): the token
        itself is the secret. CDK's `grant_task_response` names the state machine, which is no narrower.
        """
        _grant(grantee, "*", "states:SendTaskSuccess")

    def _grant_executions(self, grantee: iam.IGrantable, action: str) -> None:
        _grant(grantee, self._executions, action)
        accept_wildcard(role_of(grantee), self._executions, "Executions of this one state machine, named by job.")


def placeholders(definition: str) -> frozenset[str]:
    """The `${Name}` a definition wants substituted."""
    return frozenset(re.findall(r"\$\{(\w+)\}", definition))


def _grant(grantee: iam.IGrantable, resource: str, *actions: str) -> None:
    iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[resource])
