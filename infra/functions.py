"""The Lambda functions: one role, one log group and one size each.

Hides runtime, packaging and what every function has in common. Grants nothing but its own logs
and traces: what a function may touch stands in stack.py.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra import bundle
from infra.config import StageConfig
from infra.nag import accept, accept_wildcard
from shared.settings import Settings

_RUNTIME: Final = lambda_.Runtime("python" + bundle.PYTHON, lambda_.RuntimeFamily.PYTHON)
_ARCHITECTURE: Final = {"aarch64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
_RETENTION: Final = {30: logs.RetentionDays.ONE_MONTH, 365: logs.RetentionDays.ONE_YEAR}


class Functions(Construct):
    """All functions of the pipeline, as attributes."""

    def __init__(
        self, scope: Construct, construct_id: str, *, config: StageConfig, settings: Settings, undelivered: sqs.IQueue
    ) -> None:
        """`undelivered` takes what an asynchronously invoked function failed to handle after its retries."""
        super().__init__(scope, construct_id)
        self._config = config
        self._environment = settings.to_env()
        self.api = self._function("api")
        self.stream = self._function("stream", wrapper="functions/stream/runtime.sh")
        self.authorize = self._function("authorize", package=bundle.AUTHORIZE)
        self.dispatch = self._function("dispatch")
        self.render = self._function("render")
        self.resume = self._function("resume", dead_letters=undelivered)
        self.verify = self._function("verify", package=bundle.VERIFY)
        self.conclude = self._function("conclude", dead_letters=undelivered)
        self.batch = self._function("batch", dead_letters=undelivered)
        self.sweep = self._function("sweep", dead_letters=undelivered)
        self.notify = self._function("notify")
        self.golden = self._function("golden", dead_letters=undelivered)

    @property
    def all(self) -> dict[str, lambda_.Function]:
        """Every function by its folder's name."""
        return {name: getattr(self, name) for name in self._config.functions}

    def _function(
        self,
        name: str,
        *,
        package: bundle.Bundle = bundle.CORE,
        dead_letters: sqs.IQueue | None = None,
        wrapper: str | None = None,
    ) -> lambda_.Function:
        """`wrapper`: a script in the package that is started in place of Lambda's own runtime."""
        size = self._config.functions[name]
        title = name.capitalize()
        log_group = logs.LogGroup(
            self, f"{title}Logs", retention=retention(self._config), removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{title}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        function = lambda_.Function(
            self,
            title,
            runtime=_RUNTIME,
            architecture=_ARCHITECTURE[package.machine],
            handler=f"functions.{name}.handler.handler",
            code=lambda_.Code.from_asset(str(bundle.build(package, kind=self._config.package))),
            memory_size=size.memory_mb,
            timeout=Duration.seconds(size.timeout_s),
            reserved_concurrent_executions=size.reserved_concurrency,
            environment=self._environment | ({"AWS_LAMBDA_EXEC_WRAPPER": f"/var/task/{wrapper}"} if wrapper else {}),
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            dead_letter_queue=dead_letters,
        )
        accept_wildcard(role, "*", "X-Ray's PutTraceSegments and PutTelemetryRecords take no resource.")
        if dead_letters is None:
            accept(
                function,
                "Serverless-LambdaDLQ",
                "Called synchronously or by a queue that redrives: nothing to keep here.",
            )
        return function


def retention(config: StageConfig) -> logs.RetentionDays:
    """How long logs of this stage are kept."""
    return _RETENTION[config.log_retention_days]
