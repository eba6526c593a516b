"""Routes for auditors: everything the ledger holds of a tenant's jobs, checked as it is read.

Each calls one method and shapes the answer.
"""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from functions.api.http import Moment, json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.models import AuditPage, JobRecord, Principal, Value

routes = Routes("Audit")


class Records(Value):
    since: Moment | None = Field(None, description="Only jobs submitted since then.")
    limit: Annotated[int, Field(ge=1, le=50)] = 25
    cursor: Annotated[str, Field(max_length=1024)] | None = None


@routes.get("/v1/audit", scope="audit", query=Records, gives={200: AuditPage})
def records(who: Principal, query: Records) -> Response[str]:
    """Read the records of your jobs, newest first, each checked at this moment.

    A record is all that the ledger holds of a job, as stored, so that it can be checked again by whoever reads it. A
    page may hold fewer than `limit` where records are long; the last one has no cursor.
    """
    found = wiring.audits().page(who, limit=query.limit, cursor=query.cursor, since=query.since)
    return json_reply(200, found, {"cache-control": "private, no-store"})


@routes.get("/v1/jobs/<job_id>/record", scope="audit", gives={200: JobRecord})
def record(who: Principal, job_id: str) -> Response[str]:
    """Read one job's record, checked at this moment."""
    found = wiring.ledger().record(job_id, tenant=who.tenant)
    return json_reply(200, found, {"cache-control": "private, no-store"})
