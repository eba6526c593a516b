"""S3 and SNS as the stand-in needs them: patient, and off the event loop.

Hides boto3, its threads and its errors. A service that does not answer is waited for, however
long that takes; a service that answers no raises Refused. Never decides what a failure means.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")

_log = logging.getLogger(__name__)
_THREADS: Final = 16
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 30.0
_CLIENT_ERRORS: Final = frozenset(range(400, 500)) - {408, 429}
CLIENT_CONFIG: Final = Config(
    connect_timeout=3,
    read_timeout=30,
    max_pool_connections=_THREADS,
    retries={"mode": "standard", "total_max_attempts": 3},
    s3={"addressing_style": "path"},
)


class Refused(Exception):
    """AWS answered no, and would again: missing object, missing bucket, access denied."""


class Aws:
    """Takes boto3 clients, so that the composition root chooses endpoint, region and credentials."""

    def __init__(self, *, s3: Any, sns: Any) -> None:
        self._s3, self._sns = s3, sns
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")

    async def read(self, location: str) -> tuple[bytes, str | None]:
        """The object's bytes and content type. Raises Refused."""
        bucket, key = split_location(location)

        def get() -> tuple[bytes, str | None]:
            reply = self._s3.get_object(Bucket=bucket, Key=key)
            return reply["Body"].read(), reply.get("ContentType")

        return await self._patiently(get, what=f"reading {location}")

    async def write(self, location: str, data: bytes, *, content_type: str) -> None:
        """Safe to repeat: the same object is written again. Raises Refused."""
        bucket, key = split_location(location)

        def put() -> None:
            self._s3.put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)

        await self._patiently(put, what=f"writing {location}")

    async def publish(self, topic: str, message: str) -> None:
        """Returns when SNS has the message. Never refuses: a topic that is missing now may be deployed again."""

        def send() -> None:
            self._sns.publish(TopicArn=topic, Message=message)

        await self._patiently(send, what=f"publishing to {topic}", give_up=False)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _patiently(self, call: Callable[[], T], *, what: str, give_up: bool = True) -> T:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
            except (BotoCoreError, ClientError) as error:
                if give_up and (answer := _refusal(error)):
                    raise Refused(f"{what}: {answer}") from error
                _log.warning("aws_unavailable %s: %s; again in %.1f s", what, error, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)


def split_location(location: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` URI or of an S3 `https://` URL, path or virtual-host style."""
    if match := re.fullmatch(r"s3://([^/]+)/?(.*)", location):
        return match[1], match[2]
    if match := re.fullmatch(r"https://s3[.-][^/]*amazonaws\.com[^/]*/([^/]+)/(.+)", location):
        return match[1], match[2]
    if match := re.fullmatch(r"https://(.+?)\.s3[.-][^/]*amazonaws\.com[^/]*/(.+)", location):
        return match[1], match[2]
    raise Refused(f"{location} is not a location in Amazon S3")


def _refusal(error: Exception) -> str:
    """The service's answer when it is a definite no; empty for anything that waiting may cure."""
    if not isinstance(error, ClientError):
        return ""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return str(error) if status in _CLIENT_ERRORS else ""
