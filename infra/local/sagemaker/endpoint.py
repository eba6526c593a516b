"""One asynchronous endpoint: a bounded queue before a bounded number of inferences.

Hides queueing and the order of steps: infer, store the object, record the notification. Never
forgets an accepted request: what it cannot finish before a stop stays in the journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from uuid import uuid4

from infra.local.sagemaker.aws import Aws, Refused
from infra.local.sagemaker.config import EndpointConfig
from infra.local.sagemaker.container import Containers
from infra.local.sagemaker.faults import INFERENCE, Fault, Faults
from infra.local.sagemaker.invocation import Invocation, Result, expired, failed, model_error
from infra.local.sagemaker.journal import Journal, Notice
from infra.local.sagemaker.notification import notification, topic_for
from infra.local.sagemaker.protocol import Call, ServiceError
from infra.local.sagemaker.publisher import Publisher

_log = logging.getLogger(__name__)


class Endpoint:
    """`clock` answers in seconds since the epoch. Lives on one event loop."""

    def __init__(
        self,
        name: str,
        config: EndpointConfig,
        *,
        region: str,
        aws: Aws,
        containers: Containers,
        journal: Journal,
        faults: Faults,
        publisher: Publisher,
        clock: Callable[[], float],
    ) -> None:
        self.name, self._config, self._region, self._clock = name, config, region, clock
        self._aws, self._containers, self._journal = aws, containers, journal
        self._faults, self._publisher = faults, publisher
        self._waiting: deque[tuple[int, Invocation]] = deque()
        self._inferences: set[asyncio.Task[None]] = set()
        self._counts: Counter[str] = Counter()
        self._stopping = False

    def accept(self, call: Call) -> Invocation:
        """Queue a call, durably. Raises ServiceError (ThrottlingException) when the queue is full."""
        if len(self._waiting) >= self._config.queue_size:
            self._counts["throttled"] += 1
            raise ServiceError("ThrottlingException", f"Rate exceeded: the queue of {self.name} is full.", status=429)
        invocation = self._invocation(call)
        self.enqueue(self._journal.add(invocation), invocation)
        self._counts["accepted"] += 1
        _log.info("accepted endpoint=%s inference_id=%s", self.name, invocation.inference_id)
        return invocation

    def enqueue(self, seq: int, invocation: Invocation) -> None:
        """Put a journalled request in line; after a restart beyond the bound too, for it was accepted."""
        self._waiting.append((seq, invocation))
        self._start_next()

    def report(self) -> dict[str, int]:
        """Counts since the start, and the backlog as it is."""
        words = ("accepted", "throttled", "completed", "failed", "expired", "lost")
        return {
            "waiting": len(self._waiting),
            "in_flight": len(self._inferences),
            "unpublished": self._publisher.unpublished(self.name),
            "held": self._publisher.held(self.name),
            **{word: self._counts[word] for word in words},
        }

    async def stop(self, *, grace_s: float) -> None:
        """Start nothing more and let what runs finish within `grace_s`; the journal keeps the rest."""
        self._stopping = True
        if self._inferences:
            await asyncio.wait(self._inferences, timeout=grace_s)
        for task in self._inferences:
            task.cancel()
        await asyncio.gather(*self._inferences, return_exceptions=True)

    def _invocation(self, call: Call) -> Invocation:
        """File names are random, as observed; `-error.out` is a guess, so clients must use FailureLocation."""
        parts = [self._config.s3_output.rstrip("/")]
        if call.path_extension and (extension := call.path_extension.strip("/")):
            parts.append(extension)
        parts.append(call.filename or f"{uuid4()}.out")
        failure_path = self._config.s3_failure
        return Invocation(
            endpoint=self.name,
            received_at=self._clock(),
            output_location="/".join(parts),
            failure_location=f"{failure_path.rstrip('/')}/{uuid4()}-error.out" if failure_path else None,
            **call.model_dump(exclude={"endpoint", "path_extension", "filename"}),
        )

    def _start_next(self) -> None:
        while self._waiting and len(self._inferences) < self._config.max_concurrent and not self._stopping:
            task = asyncio.create_task(self._process(*self._waiting.popleft()))
            self._inferences.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._inferences.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.error("inference_crashed endpoint=%s; it runs again after a restart", self.name, exc_info=error)
        self._start_next()

    async def _process(self, seq: int, invocation: Invocation) -> None:
        fault = self._faults.take(INFERENCE, endpoint=self.name, inference_id=invocation.inference_id)
        if fault and fault.action == "lose":
            self._counts["lost"] += 1
            self._journal.remove(seq)
            _log.info("fault lose inference_id=%s", invocation.inference_id)
            return
        result = await self._store(invocation, await self._infer(invocation, fault))
        self._counts[result.status.lower()] += 1
        _log.info("%s inference_id=%s %s", result.status.lower(), invocation.inference_id, result.reason or "")
        self._tell(seq, invocation, result)

    async def _infer(self, invocation: Invocation, fault: Fault | None) -> Result:
        if invocation.expired(self._clock()):
            return expired(invocation.ttl_s)
        if fault and fault.action == "fail":
            return model_error(fault.status)
        if fault and fault.action == "timeout":
            await asyncio.sleep(fault.seconds)
            return model_error(0)
        try:
            body, content_type = await self._input(invocation)
        except Refused as refusal:
            return failed(f"ClientError: Unable to read the input: {refusal}")
        return await self._containers.invoke(self._config.container, invocation, body, content_type=content_type)

    async def _input(self, invocation: Invocation) -> tuple[bytes, str]:
        fallback = "application/octet-stream"
        if invocation.input_location is None:
            return invocation.body or b"", invocation.content_type or fallback
        body, stored_type = await self._aws.read(invocation.input_location)
        return body, invocation.content_type or stored_type or fallback

    async def _store(self, invocation: Invocation, result: Result) -> Result:
        """Write the object; an output that cannot be written turns the result into a failure."""
        if result.status == "Completed":
            try:
                await self._aws.write(invocation.output_location, result.payload, content_type=result.content_type)
            except Refused as refusal:
                result = failed(f"ClientError: Unable to write the output: {refusal}")
            else:
                return result
        if invocation.failure_location:
            try:
                await self._aws.write(invocation.failure_location, result.payload, content_type=result.content_type)
            except Refused as refusal:
                _log.error("failure_object_refused inference_id=%s: %s", invocation.inference_id, refusal)
        return result

    def _tell(self, seq: int, invocation: Invocation, result: Result) -> None:
        topic = topic_for(self._config, result)
        if topic is None:
            self._journal.remove(seq)
            return
        message = notification(invocation, result, config=self._config, region=self._region, now=self._clock())
        notice = Notice(seq=seq, endpoint=self.name, inference_id=invocation.inference_id, topic=topic, message=message)
        self._publisher.tell(notice)
