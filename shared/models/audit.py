"""A job's record as an auditor sees it: everything the ledger holds of it, and where its chain is broken."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from shared.models.values import Value


class BreakKind(StrEnum):
    ALTERED = "altered"
    """An event no longer has the content it was sealed with."""
    DROPPED = "dropped"
    """An event, or what an event wrote, is gone."""
    REORDERED = "reordered"
    """An event lies in another's place."""
    FORKED = "forked"
    """An event follows another than the one before it, or the chain does not end where the job says."""
    MISMATCHED = "mismatched"
    """The job, an attempt or a rating is not as its last event left it."""
    REWRITTEN = "rewritten"
    """The whole chain is sound, and another than an earlier export holds."""


class Break(Value):
    """One place at which a record does not hold."""

    kind: BreakKind
    item: str = Field(description="`EVENT#00000003`, `JOB`, `ATTEMPT#final#00#01`: its sort key in the table.")
    problem: str


class JobRecord(Value):
    """All the ledger holds of one job, as stored: texts that are JSON are given as JSON, others as they are."""

    job_id: str
    job: Any = Field(description="Its state after the last event, with that event's number `seq` and digest `head`.")
    events: tuple[dict[str, Any], ...]
    items: dict[str, Any] = Field(description="Its attempts and ratings by sort key.")
    breaks: tuple[Break, ...] = ()

    @property
    def intact(self) -> bool:
        return not self.breaks


class AuditPage(Value):
    """Records of one page of jobs, newest first, each checked as it was read. Ask on with `cursor`."""

    tenant: str
    as_of: datetime
    records: tuple[JobRecord, ...]
    cursor: str | None = None
