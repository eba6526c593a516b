"""A batch begins: asked for through the API or dropped into the bucket, and in both cases begun by its file.

Hides what makes two files the same: the same bytes under the same name are one batch, however often S3 says so and
however often they are uploaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ulid import ULID

from shared.batchfiles import BatchFiles, Upload, format_of, incoming_key, owner_of, stem_of
from shared.errors import NotFound
from shared.ledger import Ledger
from shared.models import Batch, BatchFile, BatchPage, BatchRequest, BatchStatus, Principal, sha256_hex
from shared.outlets import Announcer
from shared.pipeline.waits import Waits
from shared.telemetry import logger, measure
from shared.webhooks.destinations import Destinations
from shared.workflow import BatchWorkflow

DROPPED_BY = "s3"


def _new_id() -> str:
    return f"batch_{str(ULID()).lower()}"


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """The doors of a batch. A batch of another tenant is NotFound."""

    ledger: Ledger
    files: BatchFiles
    workflow: BatchWorkflow
    waits: Waits
    announcer: Announcer
    destinations: Destinations
    upload_patience: timedelta
    clock: Callable[[], datetime]
    new_id: Callable[[], str] = field(default=_new_id)

    def create(self, who: Principal, request: BatchRequest, *, base_url: str = "") -> tuple[Batch, Upload]:
        """A batch that waits for its file, and how to upload it. Raises InvalidRequest for a webhook we do not call."""
        if request.webhook:
            self.destinations.find(str(request.webhook))
        now = self.clock()
        batch = Batch(
            id=self.new_id(),
            tenant=who.tenant,
            actor=who.name,
            format=request.format,
            finalize=request.finalize,
            metadata=request.metadata,
            webhook=request.webhook,
            base_url=base_url,
            created_at=now,
            expires_at=now + self.upload_patience,
        )
        self.ledger.batches.open(batch)
        return batch, self.files.upload(incoming_key(batch.tenant, batch.id, batch.format), format=batch.format)

    def find(self, who: Principal, batch_id: str) -> Batch:
        return self.ledger.batches.find(batch_id, tenant=who.tenant)

    def page(self, who: Principal, *, limit: int, cursor: str | None = None) -> BatchPage:
        return self.ledger.batches.page(who.tenant, limit=limit, cursor=cursor)

    def arrived(self, key: str, *, version: str | None = None) -> Batch | None:
        """A file was stored: begin its batch. Safe to repeat. None where nobody of ours can have asked for it."""
        tenant = owner_of(key)
        if tenant is None or all(each.revoked_at for each in self.ledger.keys.of(tenant)):
            logger.warning("batch_without_owner", key=key)
            measure("BatchesWithoutOwner", 1)
            return None
        try:
            file = self.files.look(key, version=version)
        except NotFound:
            logger.info("batch_file_gone", key=key)
            return None
        batch = self._awaited(tenant, file) or self._dropped(tenant, file)
        if batch.status is BatchStatus.VALIDATING:
            self.workflow.start(batch)
        return batch

    def cancel(self, who: Principal, batch_id: str) -> Batch:
        """Stop a batch: nothing more is started, what runs is canceled. One that is over is answered as it is."""

        def change(batch: Batch) -> dict[str, Any] | None:
            if batch.status not in {BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS}:
                return None
            now = self.clock()
            if batch.file is None:
                return {"status": BatchStatus.CANCELLED, "cancelling_at": now, "cancelled_at": now}
            return {"status": BatchStatus.CANCELLING, "cancelling_at": now}

        self.find(who, batch_id)
        batch = self.ledger.batches.amend(batch_id, change)
        logger.info("batch_cancelling", batch_id=batch_id, status=batch.status)
        self.waits.wake(batch.ticket)
        return batch

    def expire(self, batch: Batch) -> None:
        """The upload never came. Safe to repeat."""

        def change(now: Batch) -> dict[str, Any] | None:
            if now.file is not None or now.status is not BatchStatus.VALIDATING:
                return None
            return {"status": BatchStatus.EXPIRED, "expired_at": self.clock()}

        after = self.ledger.batches.amend(batch.id, change)
        if after.status is BatchStatus.EXPIRED:
            self.announcer.announce_batch(after)

    def _awaited(self, tenant: str, file: BatchFile) -> Batch | None:
        """The batch that this file was asked for by; a second file for it changes nothing."""
        try:
            batch = self.ledger.batches.find(stem_of(file.key), tenant=tenant)
        except NotFound:
            return None
        if file.key != incoming_key(tenant, batch.id, batch.format):
            return None

        def change(now: Batch) -> dict[str, Any] | None:
            if now.file is not None or now.status is not BatchStatus.VALIDATING:
                return None
            return {"file": file, "expires_at": None}

        return self.ledger.batches.amend(batch.id, change)

    def _dropped(self, tenant: str, file: BatchFile) -> Batch:
        """The batch of a file nobody announced; who may write to the tenant's prefix speaks for the tenant."""
        batch = Batch(
            id=f"batch_{sha256_hex(f'{self.files.bucket}/{file.key}#{file.etag}')[:26]}",
            tenant=tenant,
            actor=DROPPED_BY,
            format=format_of(file.key) or "csv",
            file=file,
            created_at=self.clock(),
        )
        if self.ledger.batches.open(batch):
            logger.info("batch_opened", batch_id=batch.id, size_bytes=file.size_bytes)
            return batch
        return self.ledger.batches.find(batch.id)
