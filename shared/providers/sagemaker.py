"""SageMaker async endpoints: our own models, behind InvokeEndpointAsync.

Hides the endpoint's names, its S3 objects and the serving container's wire contract (version 1, schema
in events/inference-*.schema.json). The notification is only a wake-up: the answer is read from S3.
Source: SageMaker Runtime API, InvokeEndpointAsync, botocore 1.43 service model (2026-11).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import ProviderRefused, ProviderThrottled, ProviderUnavailable, RenderFailed, RenderLost
from shared.models import AttemptId, Ticket, canonical_json
from shared.providers import Order, Painted
from shared.providers.pictures import as_png

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

WIRE_VERSION: Final = "1"
_INPUTS: Final = "inference/input"
_REQUEST_TTL_S: Final = 3600
_INVOCATION_TIMEOUT_S: Final = 900


class _Image(BaseModel):
    mime: str
    data: str
    sha256: str


class _Timings(BaseModel):
    queue: int
    inference: int


class _Detail(BaseModel):
    """What a model of ours says of its work, as far as we pass it on."""

    understood: tuple[str, ...] = ()


class _Reply(BaseModel):
    """What we need of the container's reply; it may say more."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    version: Literal["1"]
    request_id: str
    image: _Image
    model_revision: str
    seed: int
    simulated: bool
    timings_ms: _Timings
    nominal_inference_ms: int
    detail: _Detail = _Detail()


class SageMaker:
    """Provider of every model that runs on our own endpoints."""

    repeatable = True

    def __init__(
        self,
        runtime: SageMakerRuntimeClient,
        s3: S3Client,
        *,
        bucket: str,
        endpoint_prefix: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._runtime = runtime
        self._s3 = s3
        self._bucket = bucket
        self._endpoint_prefix = endpoint_prefix
        self._clock = clock

    def start(self, order: Order) -> Ticket:
        """Queue the render. The output key follows from the attempt, so a repeated call finds the same answer."""
        key = f"{_INPUTS}/{order.id}.json"
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=canonical_json(wire_request(order)).encode(),
            ContentType="application/json",
        )
        try:
            reply = self._runtime.invoke_endpoint_async(
                EndpointName=self._endpoint(order.provider_model),
                ContentType="application/json",
                Accept="application/json",
                InferenceId=str(order.id),
                InputLocation=f"s3://{self._bucket}/{key}",
                S3OutputPathExtension=order.id.job_id,
                Filename=f"{_short(order.id)}.json",
                RequestTTLSeconds=_REQUEST_TTL_S,
                InvocationTimeoutSeconds=_INVOCATION_TIMEOUT_S,
            )
        except ClientError as error:
            raise _translated(error, order.provider_model) from error
        except BotoCoreError as error:
            raise ProviderUnavailable(f"endpoint of {order.provider_model} cannot be reached: {error}") from error
        return Ticket(
            id=str(order.id),
            output_location=reply["OutputLocation"],
            failure_location=reply.get("FailureLocation", ""),
            submitted_at=self._clock(),
        )

    def collect(self, ticket: Ticket) -> Painted:
        if (output := self._read(ticket.output_location)) is not None:
            return read_reply(output, request_id=ticket.id)
        if (failure := self._read(ticket.failure_location)) is not None:
            reason = failure.decode(errors="replace").strip()[:500]
            raise RenderFailed(f"the model answered {ticket.id} with an error: {reason}")
        raise RenderLost(f"no answer for {ticket.id} at {ticket.output_location}, and no failure object")

    def answered(self, ticket: Ticket) -> bool:
        return any(self._read(location) is not None for location in (ticket.output_location, ticket.failure_location))

    def _endpoint(self, model: str) -> str:
        return self._endpoint_prefix + model.replace(".", "-").replace("_", "-")

    def _read(self, location: str) -> bytes | None:
        bucket, _, key = location.removeprefix("s3://").partition("/")
        if not key:
            return None
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None


def wire_request(order: Order) -> dict[str, Any]:
    """The body of POST /invocations that paints an order."""
    recipe = order.recipe
    return {
        "version": WIRE_VERSION,
        "request_id": str(order.id),
        "model": order.provider_model,
        "prompt": recipe.prompt,
        "negative_prompt": recipe.negative_prompt,
        "seed": recipe.seed,
        "width": recipe.size.width,
        "height": recipe.size.height,
        "steps": recipe.steps,
        "guidance_scale": recipe.guidance_scale,
        "sampler": recipe.sampler,
        "text": recipe.text.model_dump(mode="json") if recipe.text else None,
        "mask": recipe.mask,
        "mask_image": base64.b64encode(order.mask).decode() if order.mask else None,
        "init_image": base64.b64encode(as_png(order.init_image)).decode() if order.init_image else None,
        "strength": recipe.strength,
    }


def read_reply(output: bytes, *, request_id: str) -> Painted:
    """The picture in a reply. Raises RenderFailed where it holds none, or answers another request."""
    try:
        reply = _Reply.model_validate_json(output)
        data = base64.b64decode(reply.image.data, validate=True)
    except (ValidationError, binascii.Error) as error:
        raise RenderFailed(
            f"{request_id}: the container's reply is not version {WIRE_VERSION} of the contract: {error}"
        ) from error
    if reply.request_id != request_id:
        raise RenderFailed(f"{request_id}: the reply answers {reply.request_id[:80]}, not this request")
    if not data:
        raise RenderFailed(f"{request_id}: the reply carries no image")
    return Painted(
        data=data,
        seed_sent=reply.seed,
        seed_reported=reply.seed,
        model_revision=reply.model_revision,
        simulated=reply.simulated,
        queue_ms=reply.timings_ms.queue,
        inference_ms=reply.timings_ms.inference,
        billed_ms=reply.nominal_inference_ms,
        provider_request_id=request_id,
        prompt_effective=", ".join(reply.detail.understood),
    )


def _translated(error: ClientError, model: str) -> ProviderUnavailable | ProviderThrottled | ProviderRefused:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if "Throttl" in code or code == "TooManyRequestsException":
        return ProviderThrottled(f"endpoint of {model} has a full queue: {message}")
    if code in {"ValidationError", "ValidationException"} and "not found" not in message:
        return ProviderRefused(f"endpoint of {model} refused the request: {message}")
    return ProviderUnavailable(f"endpoint of {model}: {code}: {message}")


def _short(attempt_id: AttemptId) -> str:
    return str(attempt_id).removeprefix(f"{attempt_id.job_id}-")
