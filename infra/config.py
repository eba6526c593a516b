"""The numbers of each stage: sizes, limits, retentions, all with their units in the name.

Stages differ in values only, never in shape: what is tested on a laptop is the template that runs
in production. Holds no AWS object and reads no environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

PRODUCT: Final = "presscheck"


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FunctionConfig(_Config):
    """Size of one Lambda function. CPU grows with memory: 1,769 MB is one vCPU."""

    memory_mb: int = Field(ge=128, le=10_240)
    timeout_s: int = Field(ge=1, le=900)
    reserved_concurrency: int | None = None
    """Only where a limit protects something: it is taken from the account's pool."""


class TenantConfig(_Config):
    """What each tenant may ask for, unless an operator grants it limits of its own. Days are UTC's."""

    requests_per_s: float = 20
    burst: int = 200
    jobs_per_day: int = 20_000
    usd_micros_per_day: int = 200_000_000
    open_jobs: int = 1_000


class LaneConfig(_Config):
    """One intake queue: how many messages a dispatch takes and how many dispatches run at once."""

    batch_size: int = Field(10, ge=1, le=10)
    max_concurrency: int = Field(ge=2, le=1_000)
    max_receives: int = Field(5, ge=1)


class WarmHours(_Config):
    """When an endpoint keeps instances whether there is work or not, in the local time of `timezone`.

    Cron fields as EventBridge writes them: https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
    """

    days: str = "MON-FRI"
    from_hour: int = Field(ge=0, le=23)
    to_hour: int = Field(ge=0, le=23)
    timezone: str = "Etc/UTC"
    instances: int = Field(1, ge=1)


class VpcConfig(_Config):
    """Subnets and security groups the models run in, all of one VPC with an S3 gateway endpoint."""

    subnet_ids: tuple[str, ...] = Field(min_length=1)
    security_group_ids: tuple[str, ...] = Field(min_length=1)


class EndpointConfig(_Config):
    """One asynchronous SageMaker endpoint: one model on one kind of machine."""

    model: str
    instance_type: str
    min_instances: int = Field(0, ge=0)
    max_instances: int = Field(ge=1)
    concurrent_per_instance: int = Field(4, ge=1, le=1_000)
    backlog_per_instance: int = Field(5, ge=1)
    """Requests waiting for each instance above which target tracking adds another."""
    warm: WarmHours | None = None
    """Outside these hours the endpoint follows its backlog from `min_instances`; None for never warm by the clock."""
    weights_prefix: str | None = None
    """Folder of uncompressed weights in the weights bucket; None for a model the container ships.

    A LoRA adapter makes a model version of its own: a folder of the base weights with the adapter under `adapter/`.
    """


class StageConfig(_Config):
    """One deployment. `name` is part of every explicit resource name."""

    name: str = Field(pattern=r"^[a-z][a-z0-9]{1,11}$")
    profile: Literal["aws", "local", "simulated"] = "aws"
    package: Literal["lambda", "source"] = "lambda"
    """Bundles with pinned wheels, or only our own source where the host provides the packages."""
    retain_data: bool = False
    """Keep table and buckets when the stack goes, and refuse to delete the table."""
    log_retention_days: int = 30
    requests_per_s: int = 50
    request_burst: int = 100
    """Of all tenants together; each has its own limits."""
    tenant: TenantConfig = TenantConfig()
    functions: dict[str, FunctionConfig]
    interactive: LaneConfig
    bulk: LaneConfig
    webhooks: LaneConfig
    webhook_allow_loopback: bool = False
    """Let webhooks lead to this very machine; Settings refuses it for the profile aws."""
    bulk_in_flight: int = Field(8, ge=1)
    """Jobs of batches that may ask for painters at once, all batches together."""
    inference_input_days: int = 7
    noncurrent_image_days: int = 30
    batch_file_days: int = 30
    """Uploaded batch files, and copies made of them; results stay."""
    access_log_days: int = 90
    golden_schedule: str = "cron(30 6 ? * MON-FRI *)"
    """When the golden set is painted, in UTC, as EventBridge writes it; whether, says `golden_scheduled`.

    Six jobs are six cents of GPU work. What costs is to wake an endpoint that sleeps: 20 to 30 minutes of its instance,
    with three on g6e about $3 a run and $65 a month (our arithmetic from the prices in the README, November 2026).
    """
    golden_scheduled: bool = False
    golden_models: tuple[str, ...] = ()
    """Models that paint the set besides those the policy picks: hosted ones, at their price an image."""
    alarm_email: str | None = None
    inference_image_repository: str = "presscheck/inference"
    vpc: VpcConfig | None = None
    """Where the models run; None for SageMaker's own network. The container itself reaches no network either way."""
    inference_key_arn: str | None = None
    """KMS key that encrypts what the endpoints write; None for keys AWS manages."""
    endpoints: tuple[EndpointConfig, ...] = ()
    sign_in: bool = False
    """Make a Cognito user pool for people; it is not in the local stack, which has API keys only."""
    sign_in_urls: tuple[str, ...] = ()
    """Where the pool's sign-in page may lead back to: https://…/ of Studio."""
    user_pool_id: str = ""
    """Or take the people of a pool that is there, signed in by these clients of it."""
    user_pool_clients: tuple[str, ...] = ()
    azure_openai_endpoint: str = ""
    """https://<resource>.openai.azure.com, to take OpenAI's models from there; empty for OpenAI itself."""

    def serving(self, models: Sequence[str]) -> Self:
        """The same stage with an endpoint for each of these models too, on machines like those of its first."""
        known = {endpoint.model for endpoint in self.endpoints}
        more = [self.endpoints[0].model_copy(update={"model": model}) for model in models if model not in known]
        return self.model_copy(update={"endpoints": (*self.endpoints, *more)})

    @property
    def prefix(self) -> str:
        """`presscheck-<stage>`: begins every explicit name, so that ARNs can be written before things exist."""
        return f"{PRODUCT}-{self.name}"

    @property
    def workflow_name(self) -> str:
        return f"{self.prefix}-render"

    @property
    def batch_workflow_name(self) -> str:
        return f"{self.prefix}-batch"

    @property
    def endpoint_prefix(self) -> str:
        return f"{self.prefix}-"

    def endpoint_name(self, model: str) -> str:
        """Endpoint of a model. SageMaker allows letters, digits and hyphens only."""
        return self.endpoint_prefix + model.replace(".", "-").replace("_", "-")


_FUNCTIONS: Final = {
    # API Gateway gives up after 29 s; `Prefer: wait` is at most 25 s, and holds one instance for as long: at 1,000
    # concurrent executions, AWS's default for an account, that many clients may wait at once.
    "api": FunctionConfig(memory_mb=1024, timeout_s=29),
    # The same routes where the reply streams: as long as a job with repairs takes. API Gateway would allow 900 s.
    "stream": FunctionConfig(memory_mb=1024, timeout_s=300),
    "authorize": FunctionConfig(memory_mb=512, timeout_s=5),
    "dispatch": FunctionConfig(memory_mb=512, timeout_s=30),
    # Shorter than its task in the workflow, here and below: a state that gave up has no twin still running.
    # A hosted model may take five minutes: gpt-image at high quality has its 95th percentile at 280 s.
    "render": FunctionConfig(memory_mb=1024, timeout_s=420),
    "resume": FunctionConfig(memory_mb=512, timeout_s=15),
    # Bought for its 1.7 vCPU, as two threads read: at its peak (24 megapixels, a page of print) it takes 0.7 GB.
    "verify": FunctionConfig(memory_mb=3008, timeout_s=90),
    "conclude": FunctionConfig(memory_mb=512, timeout_s=30),
    # A hundred megabytes pass by a megabyte at a time: time is what it needs, not memory.
    "batch": FunctionConfig(memory_mb=512, timeout_s=300),
    # Ends before the next minute's sweep starts.
    "sweep": FunctionConfig(memory_mb=512, timeout_s=55),
    # A receiver has 15 s; the rest is for finding its address and for the ledger.
    "notify": FunctionConfig(memory_mb=512, timeout_s=30),
    # Submits the set, or decodes four pictures of 4 megapixels: memory for those, and a vCPU's half.
    "golden": FunctionConfig(memory_mb=1024, timeout_s=120),
}

# One message a call: a receiver that takes its 15 s keeps nobody else's news waiting. Eight tries are eight receives;
# the others are for messages that come early, twice or while their delivery is under way.
_WEBHOOKS: Final = LaneConfig(batch_size=1, max_concurrency=10, max_receives=25)

DEV: Final = StageConfig(
    name="dev",
    functions=_FUNCTIONS,
    interactive=LaneConfig(max_concurrency=10),
    bulk=LaneConfig(max_concurrency=2),
    webhooks=_WEBHOOKS,
    endpoints=(
        EndpointConfig(
            model="sd35-large-turbo",
            instance_type="ml.g6e.2xlarge",
            max_instances=1,
            warm=WarmHours(from_hour=8, to_hour=18),
            weights_prefix="sd35-large-turbo/",
        ),
        EndpointConfig(
            model="sd35-large", instance_type="ml.g6e.2xlarge", max_instances=1, weights_prefix="sd35-large/"
        ),
        EndpointConfig(
            model="sd35-medium", instance_type="ml.g6e.xlarge", max_instances=1, weights_prefix="sd35-medium/"
        ),
    ),
)

PROD: Final = DEV.model_copy(
    update={
        "name": "prod",
        "retain_data": True,
        "log_retention_days": 365,
        "requests_per_s": 200,
        "request_burst": 400,
        "functions": _FUNCTIONS | {"sweep": _FUNCTIONS["sweep"].model_copy(update={"reserved_concurrency": 1})},
        "interactive": LaneConfig(max_concurrency=50),
        "bulk": LaneConfig(max_concurrency=10),
        "webhooks": _WEBHOOKS.model_copy(update={"max_concurrency": 50}),
        "bulk_in_flight": 40,
        "golden_scheduled": True,
        "endpoints": (
            # A draft within 3 s is impossible from zero instances: one stays warm while designers work, and may
            # sleep when they do.
            EndpointConfig(
                model="sd35-large-turbo",
                instance_type="ml.g6e.2xlarge",
                max_instances=8,
                warm=WarmHours(from_hour=6, to_hour=20),
                weights_prefix="sd35-large-turbo/",
            ),
            EndpointConfig(
                model="sd35-large", instance_type="ml.g6e.2xlarge", max_instances=8, weights_prefix="sd35-large/"
            ),
            EndpointConfig(
                model="sd35-medium", instance_type="ml.g6e.xlarge", max_instances=4, weights_prefix="sd35-medium/"
            ),
        ),
    }
)

LOCAL: Final = DEV.model_copy(
    update={
        "name": "local",
        "profile": "local",
        "package": "source",
        # One machine, one tenant: the limits are there, and out of the way.
        "requests_per_s": 500,
        "request_burst": 1_000,
        "tenant": TenantConfig(requests_per_s=100, burst=2_000, jobs_per_day=100_000, open_jobs=10_000),
        "webhook_allow_loopback": True,
        # Half of two cores: the other is for the person who waits.
        "bulk_in_flight": 1,
        "endpoints": (
            EndpointConfig(model="mini-fast", instance_type="ml.c7i.large", max_instances=1),
            EndpointConfig(model="mini", instance_type="ml.c7i.large", max_instances=1),
            EndpointConfig(model="sketch-fast", instance_type="ml.m7i.large", max_instances=1),
            EndpointConfig(model="sketch-fine", instance_type="ml.m7i.large", max_instances=1),
        ),
    }
)

SIMULATED: Final = LOCAL.model_copy(update={"profile": "simulated"})
"""The local stage where a simulator stands in for the models."""

STAGES: Final = {"dev": DEV, "prod": PROD, "local": LOCAL, "simulated": SIMULATED}
