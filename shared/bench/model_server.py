"""The model server without the pipeline: one picture, one call, as an ad-hoc script would make it.

Hides SageMaker's asynchronous endpoints and the looking for the answer. The same endpoints that the stack uses, so that
before and after meet the same painter. On AWS it needs leave to write inference/input/ and read inference/ in the
bucket, and to invoke the endpoints. Never touches the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from shared.catalogue import Model
from shared.errors import ConfigurationError, ProviderUnavailable
from shared.models import AttemptId, Recipe, Ticket, Tier
from shared.providers import Order, Painted

LOOK_EVERY_S: Final = 0.1
"""A picture is noticed up to so much later than it was there."""
_LOOKS: Final = 9_000
"""For 15 minutes, as long as an endpoint tries."""
_NOT_OURS: Final = (301, 400, 401, 403, 404)
_ABSENT: Final = (403, 404)
"""S3 says 403 for what is not there to those who may not list it."""


@dataclass(frozen=True)
class Whereabouts:
    """`s3_url` and `runtime_url` are a local stack's; None for AWS, with whatever credentials the environment has."""

    bucket: str
    endpoint_prefix: str
    s3_url: str | None = None
    runtime_url: str | None = None


class ModelServer:
    """Paints through the endpoints of a stack. Safe to call from several threads."""

    def __init__(
        self, where: Whereabouts, *, run: str, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        """`run` goes into the pictures' names, so that no two runs meet."""
        from botocore.exceptions import BotoCoreError, ClientError

        from shared.providers.sagemaker import SageMaker

        self._failures = (BotoCoreError, ClientError)
        client = _clients(local=where.s3_url is not None)
        self._s3 = client("s3", endpoint_url=where.s3_url)
        self._provider = SageMaker(
            client("sagemaker-runtime", endpoint_url=where.runtime_url),
            self._s3,
            bucket=where.bucket,
            endpoint_prefix=where.endpoint_prefix,
            clock=lambda: datetime.now(UTC),
        )
        self._run = run
        self._clock, self._sleep = clock, sleep

    def paint(self, recipe: Recipe, model: Model, *, number: int, attempt: int) -> tuple[Painted, float]:
        """The picture, and the seconds until it was there; fetching it comes after.

        Raises ProviderError, and ConfigurationError where the bucket is not ours to use.
        """
        try:
            return self._painted(recipe, model, number=number, attempt=attempt)
        except self._failures as error:
            status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status in _NOT_OURS or type(error).__name__ == "NoCredentialsError":
                raise ConfigurationError(f"the model server cannot be called: {error}") from error
            raise ProviderUnavailable(f"the model server cannot be reached: {error}") from error

    def _painted(self, recipe: Recipe, model: Model, *, number: int, attempt: int) -> tuple[Painted, float]:
        began = self._clock()
        job = f"adhoc-{self._run}-{number}"
        order = Order(
            id=AttemptId(job_id=job, tier=Tier.FINAL, candidate=0, attempt=attempt),
            provider_model=model.provider_model,
            recipe=recipe,
        )
        ticket = self._provider.start(order)
        for _ in range(_LOOKS):
            if self._there(ticket):
                break
            self._sleep(LOOK_EVERY_S)
        waited_s = self._clock() - began
        return self._provider.collect(ticket), waited_s

    def _there(self, ticket: Ticket) -> bool:
        return any(self._exists(where) for where in (ticket.output_location, ticket.failure_location) if where)

    def _exists(self, location: str) -> bool:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except self._s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in _ABSENT:
                return False
            raise
        return True


def _clients(*, local: bool) -> Callable[..., Any]:
    """A local stack's owner has a key that works nowhere else; the user's own never goes there.

    boto3 takes half a second to load, which no other command should spend.
    """
    import boto3
    from botocore.config import Config

    known: dict[str, Any] = {
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
        "region_name": "us-east-1",
    }
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 4},
        s3={"addressing_style": "path"},
        max_pool_connections=32,
    )
    return partial(boto3.Session(**(known if local else {})).client, config=config)
