"""The environment of a function, as one typed value.

The only reader of `os.environ` among the functions. CDK builds the same class and calls
`to_env()`, so a missing variable fails at synth and not at three in the morning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shared.errors import ConfigurationError

_PREFIX: Final = "PRESSCHECK_"


class Settings(BaseModel):
    """Names of the resources a function may use, and its few knobs. Durations in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str = Field(description="dev, prod or local: which deployment this is.")
    profile: Literal["aws", "local", "simulated"] = Field("aws", description="Which of policy.toml picks the models.")
    table_name: str
    bucket_name: str
    bus_name: str
    workflow_arn: str
    batch_workflow_arn: str
    interactive_queue_url: str
    bulk_queue_url: str
    poison_queue_url: str = Field(
        description="Dead letters of the intake: what no retry can make good, with its reason."
    )
    webhook_queue_url: str
    webhook_dead_letters_url: str = Field(description="Webhook deliveries that were given up, each with its reason.")
    webhook_key_id: str = Field(description="KMS key that seals the tenants' signing secrets.")
    webhook_allow_loopback: bool = Field(False, description="Webhooks may lead to this very machine, by http too.")
    endpoint_prefix: str = Field(description="SageMaker endpoint of a model: this prefix and the model's name.")
    endpoint_models: str = Field("", description="Models that have an endpoint here, by commas: no stand-in for them.")
    replay_table_name: str = Field(description="Answers to requests that carried an idempotency key, for a day.")
    tenant_requests_per_s: float = Field(20, gt=0, description="Of each tenant without limits of its own; so below.")
    tenant_burst: int = Field(200, ge=1, description="Requests at once.")
    tenant_jobs_per_day: int = Field(20_000, ge=0)
    tenant_usd_micros_per_day: int = Field(200_000_000, ge=0, description="Once spent, no job is accepted that day.")
    tenant_open_jobs: int = Field(1_000, ge=1, description="Jobs at once, those of batches not counted.")
    user_pool_id: str = Field("", description="Cognito user pool whose people may sign in; empty: API keys only.")
    user_pool_clients: str = Field("", description="Its app clients whose tokens are taken, by commas.")
    image_url_ttl_s: int = Field(900, ge=60, le=3600)
    stuck_after_s: int = Field(120, ge=5, description="A job that has not moved for this long is looked at by sweep.")
    bulk_in_flight: int = Field(
        8, ge=1, description="Jobs of batches that may ask for painters at once, all batches together."
    )
    batch_max_rows: int = Field(100_000, ge=1)
    batch_max_bytes: int = Field(100 * 1024 * 1024, ge=1)
    batch_upload_ttl_s: int = Field(3600, ge=60, le=43_200)
    batch_stuck_after_s: int = Field(600, ge=5, description="A batch that stands still for so long is looked at.")
    approval_patience_s: int = Field(259_200, ge=5, description="A job nobody approves for this long expires.")
    provider_secret_name: str = Field("", description="Secret with the hosts' API keys, a JSON object of host -> key.")
    provider_read_timeout_s: int = Field(300, ge=5, le=600, description="One try at a host; gpt-image high: p95 280 s.")
    provider_retry_budget_s: int = Field(60, ge=0, le=300, description="No new try at a host begins later than this.")
    bedrock_region: str = Field("us-west-2", description="Where SD3.5 is offered; may differ from the stack's.")
    azure_openai_endpoint: str = Field("", description="https://<resource>.openai.azure.com; empty: no Azure.")
    azure_openai_api_version: str = "2025-04-01-preview"
    golden_tenant: str = Field("presscheck-golden", description="Whose jobs the golden set is, and nobody else's.")
    golden_models: str = Field("", description="Models that paint it besides those the policy picks, by commas.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _loopback_stays_at_home(self) -> Self:
        if self.webhook_allow_loopback and self.profile == "aws":
            raise ValueError("webhook_allow_loopback is for the local stack alone")
        return self

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read `PRESSCHECK_*`. Raises ConfigurationError that names every missing or wrong variable."""
        values = {name: environ[_variable(name)] for name in cls.model_fields if _variable(name) in environ}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            wrong = "; ".join(
                f"{_variable(str(item['loc'][0])) if item['loc'] else _PREFIX}: {item['msg']}"
                for item in error.errors()
            )
            raise ConfigurationError(f"environment: {wrong}") from error

    def to_env(self) -> dict[str, str]:
        """The variables that `from_env` reads back to an equal value."""
        ours = {_variable(name): str(value) for name, value in self.model_dump().items()}
        return ours | {"POWERTOOLS_LOG_LEVEL": self.log_level}


def _variable(field: str) -> str:
    return _PREFIX + field.upper()
