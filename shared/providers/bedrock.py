"""Amazon Bedrock: Stable Diffusion 3.5 Large by InvokeModel.

Hides boto3's errors and the two places where Bedrock says no. No key: the function's role signs the call.
Source: Amazon Bedrock user guide, "Stable Diffusion 3.5 Large"; bedrock-runtime service model of botocore 1.43.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as BotoConnectionError

from shared.errors import (
    ModelRetired,
    PresscheckError,
    ProviderRefused,
    ProviderThrottled,
    ProviderUnavailable,
    RenderFailed,
)
from shared.providers import AnswersAtOnce, Order, Painted
from shared.providers.guard import check_host
from shared.providers.replies import Wire, parse, picture
from shared.providers.retries import Passing, Retries, retry_after_s
from shared.providers.sd35 import fields_for, seed_for

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient

_HOST: Final = "Bedrock"
_THROTTLED: Final = {"ThrottlingException", "TooManyRequestsException", "ModelNotReadyException"}
_PASSING: Final = {"InternalServerException", "ServiceUnavailableException", "ModelTimeoutException"}
_ACCOUNT: Final = {
    "AccessDeniedException", "ServiceQuotaExceededException", "UnrecognizedClientException",
    "ExpiredTokenException", "InvalidSignatureException", "MissingAuthenticationTokenException",
}  # fmt: skip
_LATENCY: Final = "x-amzn-bedrock-invocation-latency"
_SERVER_ERROR: Final = 500
_CHUNK: Final = 2**16


class Bedrock(AnswersAtOnce):
    """Provider of SD3.5 in the deployment's own AWS account."""

    def __init__(
        self,
        client: BedrockRuntimeClient,
        *,
        retries: Retries,
        allow_paid: bool = False,
        max_body_bytes: int = 64 * 2**20,
    ) -> None:
        """`client` should neither retry nor wait for ever: retries are ours, its read time-out bounds one try."""
        self._client = client
        self._retries = retries
        self._allow_paid = allow_paid
        self._max_body_bytes = max_body_bytes

    def start(self, order: Order) -> Painted:
        if order.mask is not None or order.recipe.mask:
            raise ProviderRefused(f"{order.provider_model} takes no mask at {_HOST}", reason="invalid")
        check_host(self._client.meta.endpoint_url, allow_paid=self._allow_paid)
        body = json.dumps(_request(order))
        tried = self._retries.run(lambda: self._once(order.provider_model, body))
        headers, request_id, answer = tried.value
        latency = headers.get(_LATENCY, "")
        took_ms = int(latency) if latency.isdigit() else tried.took_ms
        return Painted(
            data=picture(_encoded_picture(answer), host=_HOST),
            seed_sent=seed_for(order.recipe),
            seed_reported=answer.seeds[0] if answer.seeds else None,
            model_revision=order.provider_model,
            queue_ms=tried.waited_ms + tried.took_ms - min(took_ms, tried.took_ms),
            inference_ms=took_ms,
            billed_ms=took_ms,
            provider_request_id=request_id,
        )

    def _once(self, model: str, body: str) -> tuple[dict[str, str], str, _Reply]:
        try:
            reply = self._client.invoke_model(
                modelId=model, body=body, contentType="application/json", accept="application/json"
            )
            data = self._read(reply["body"])
        except ClientError as error:
            raise _translated(error, model) from error
        except (HTTPClientError, BotoConnectionError, IncompleteReadError) as error:
            problem = f"{_HOST} did not answer: {error}"
            raise Passing(ProviderUnavailable(problem, reason="connection")) from error
        meta = reply["ResponseMetadata"]
        return dict(meta["HTTPHeaders"]), meta.get("RequestId", ""), parse(_Reply, data, host=_HOST)

    def _read(self, body: StreamingBody) -> bytes:
        """The whole body. In chunks to its end: only there does botocore notice that it broke off."""
        data = bytearray()
        for chunk in body.iter_chunks(_CHUNK):
            data += chunk
            if len(data) > self._max_body_bytes:
                body.close()
                raise RenderFailed(f"{_HOST}'s reply is longer than {self._max_body_bytes} bytes")
        return bytes(data)


class _Reply(Wire):
    seeds: tuple[int, ...] | None = None
    finish_reasons: tuple[str | None, ...] | None = None
    images: tuple[str, ...] | None = None


def _request(order: Order) -> dict[str, Any]:
    init = order.init_image
    fields: dict[str, Any] = dict(fields_for(order.recipe, from_picture=init is not None))
    return fields | ({"image": base64.b64encode(init).decode()} if init is not None else {})


def _encoded_picture(answer: _Reply) -> str | None:
    """A filtered picture comes as a 200 with a reason. Raises ProviderRefused, or RenderFailed for its other reason."""
    reason = next((each for each in answer.finish_reasons or () if each), None)
    if reason and reason.startswith("Filter reason"):
        raise ProviderRefused(f"{_HOST} filtered the picture: {reason[:120]}", reason="moderation")
    if reason:
        raise RenderFailed(f"{_HOST} could not paint: {reason[:120]}")
    return answer.images[0] if answer.images else None


def _translated(error: ClientError, model: str) -> PresscheckError | Passing:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    meta = error.response["ResponseMetadata"]
    said = " ".join(message.split())[:300]
    facts: dict[str, Any] = {"provider_code": code, "provider_request_id": meta.get("RequestId", "")}
    after = retry_after_s(meta.get("HTTPHeaders", {}))
    if code in _THROTTLED:
        facts |= {"retry_after_s": after} if after is not None else {}
        return Passing(ProviderThrottled(f"{_HOST} is throttling us: {said}", **facts), after_s=after)
    if code in _ACCOUNT:
        return ProviderUnavailable(f"{_HOST} does not serve our account: {code}: {said}", reason="account", **facts)
    if code == "ResourceNotFoundException":
        return ModelRetired(f"{_HOST} no longer has {model}: {said}", param="model", **facts)
    if code == "ModelErrorException":
        return RenderFailed(f"{model} answered {_HOST} with an error: {said}", **facts)
    if code in _PASSING or meta.get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return Passing(ProviderUnavailable(f"{_HOST}: {code}: {said}", reason="server", **facts), after_s=after)
    return ProviderRefused(f"{_HOST} refused the request: {code}: {said}", reason="invalid", **facts)
