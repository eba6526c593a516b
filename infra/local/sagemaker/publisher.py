"""Telling: every finished request is published at least once, unless a fault says otherwise.

Hides delays, duplicates, holding back and the retries. A notice leaves the journal only when SNS
has taken it. Never looks at results.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from infra.local.sagemaker.aws import Aws
from infra.local.sagemaker.faults import NOTIFICATION, Fault, Faults
from infra.local.sagemaker.journal import Journal, Notice

_log = logging.getLogger(__name__)


class Publisher:
    """`clock` answers in seconds since the epoch."""

    def __init__(self, *, aws: Aws, journal: Journal, faults: Faults, clock: Callable[[], float]) -> None:
        self._aws, self._journal, self._faults, self._clock = aws, journal, faults, clock
        self._tasks: dict[asyncio.Task[None], Notice] = {}
        self._held: dict[str, list[Notice]] = defaultdict(list)

    def tell(self, notice: Notice) -> None:
        """Record the notice and publish it as the faults in force allow."""
        fault = self._faults.take(NOTIFICATION, endpoint=notice.endpoint, inference_id=notice.inference_id)
        if fault is None:
            self._journal.finish(notice)
            self.publish(notice)
        else:
            _log.info("fault %s inference_id=%s", fault.action, notice.inference_id)
            self._tell_badly(notice, fault)

    def publish(self, notice: Notice) -> None:
        """Start publishing a notice that the journal holds."""
        task = asyncio.create_task(self._publish(notice))
        self._tasks[task] = notice
        task.add_done_callback(self._tasks.pop)

    def release(self) -> None:
        """Publish whatever was held back."""
        for endpoint in list(self._held):
            self._release(endpoint)

    def unpublished(self, endpoint: str) -> int:
        return sum(notice.endpoint == endpoint for notice in self._tasks.values())

    def held(self, endpoint: str) -> int:
        return len(self._held.get(endpoint, ()))

    async def stop(self, *, grace_s: float) -> None:
        """Finish what is due within `grace_s`; the journal keeps the rest."""
        due = [task for task, notice in self._tasks.items() if notice.not_before <= self._clock()]
        if due:
            await asyncio.wait(due, timeout=grace_s)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell_badly(self, notice: Notice, fault: Fault) -> None:
        if fault.action == "drop":
            self._journal.remove(notice.seq)
            return
        if fault.action == "delay":
            notice = notice.model_copy(update={"not_before": self._clock() + fault.seconds})
        if fault.action == "duplicate":
            notice = notice.model_copy(update={"copies": 1 + fault.copies})
        self._journal.finish(notice)
        if fault.action == "reorder":
            self._held[notice.endpoint].append(notice)
        else:
            self.publish(notice)

    async def _publish(self, notice: Notice) -> None:
        await asyncio.sleep(max(0.0, notice.not_before - self._clock()))
        for _ in range(notice.copies):
            await self._aws.publish(notice.topic, notice.message)
        self._journal.remove(notice.seq)
        _log.info("notified inference_id=%s copies=%d", notice.inference_id, notice.copies)
        self._release(notice.endpoint)

    def _release(self, endpoint: str) -> None:
        for notice in self._held.pop(endpoint, ()):
            self.publish(notice)
