"""The model behind an endpoint: one POST /invocations, with the service's patience for back-pressure.

Hides HTTP and the retries. A container that is busy (503) or not listening yet is asked again
until InvocationTimeoutSeconds is over; every other answer is final. Never touches S3 or SNS.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

import httpx

from infra.local.sagemaker.invocation import Invocation, Result, completed, model_error

_log = logging.getLogger(__name__)
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_NO_ANSWER: Final = 0


class Containers:
    """One connection pool for all endpoints, for plain HTTP on loopback: no proxies, no certificates."""

    def __init__(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        # No time-out of its own: each call runs under InvocationTimeoutSeconds.
        trusting_nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None), limits=limits, trust_env=False, verify=trusting_nobody
        )

    async def invoke(self, base_url: str, invocation: Invocation, body: bytes, *, content_type: str) -> Result:
        """The model's answer, or a failure that says there was none. Never raises for what the container does."""
        last = model_error(_NO_ANSWER)
        pause = _FIRST_PAUSE_S
        try:
            async with asyncio.timeout(invocation.timeout_s):
                while True:
                    try:
                        reply = await self._post(base_url, invocation, body, content_type=content_type)
                    except httpx.ConnectError as error:
                        _log.warning("container_not_listening %s: %s; again in %.2f s", base_url, error, pause)
                    else:
                        if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                            return _result(reply)
                        last = _result(reply)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_S)
        except TimeoutError:
            _log.warning("timed_out inference_id=%s after %d s", invocation.inference_id, invocation.timeout_s)
            return last
        except httpx.HTTPError as error:
            _log.warning("container_broke_off inference_id=%s: %r", invocation.inference_id, error)
            return model_error(_NO_ANSWER)

    async def _post(self, base_url: str, invocation: Invocation, body: bytes, *, content_type: str) -> httpx.Response:
        headers = {"Content-Type": content_type, "X-Amzn-SageMaker-Inference-Id": invocation.inference_id}
        if invocation.accept:
            headers["Accept"] = invocation.accept
        if invocation.custom_attributes:
            headers["X-Amzn-SageMaker-Custom-Attributes"] = invocation.custom_attributes
        return await self._http.post(f"{base_url.rstrip('/')}/invocations", content=body, headers=headers)

    async def close(self) -> None:
        await self._http.aclose()


def _result(reply: httpx.Response) -> Result:
    content_type = reply.headers.get("content-type", "application/octet-stream")
    if reply.is_success:
        return completed(reply.content, content_type=content_type)
    return model_error(reply.status_code, reply.content, content_type=content_type)
