"""A tenant's jobs as pages, newest first.

Hides the index they are read from and which part of a filter DynamoDB answers. The order is the index's key; everything
else is a filter expression over what was read, so a page of rare jobs reads more than it shows, up to a bound, and may
come back short of its limit with a cursor to go on from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from shared.ledger.cursors import open_cursor, seal_cursor
from shared.ledger.table import Item, Table, encode, stamp
from shared.models import Job, JobFilter, JobPage

_READ_AT_MOST: Final = 1_000
_READ_AT_ONCE: Final = 250


class Listings:
    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, tenant: str, *, limit: int, cursor: str | None, only: JobFilter) -> JobPage:
        """Up to `limit` jobs that fit."""
        partition = f"TENANT#{tenant}"
        query = _query(partition, only)
        start = open_cursor(cursor, partition=partition) if cursor else None
        found: list[Item] = []
        read = 0
        while True:
            at_once = limit if only.empty else _READ_AT_ONCE
            more = {"ExclusiveStartKey": encode(start)} if start else {}
            items, start = self._table.page(**query, Limit=at_once, **more)
            found += items
            read += at_once
            if len(found) >= limit or start is None or read >= _READ_AT_MOST:
                break
        if len(found) > limit:
            found = found[:limit]
            start = {name: found[-1][name] for name in ("pk", "sk", "tenant_pk", "tenant_sk")}
        jobs = tuple(Job.model_validate_json(item["doc"]) for item in found)
        return JobPage(jobs=jobs, cursor=seal_cursor(start) if start else None)

    def ids(
        self, tenant: str, *, limit: int, cursor: str | None, since: datetime | None
    ) -> tuple[tuple[str, str | None], ...]:
        """Ids without reading what the jobs say, and where to go on after each: an auditor trusts none of it."""
        query = _query(f"TENANT#{tenant}", JobFilter())
        if since is not None:
            query["KeyConditionExpression"] += " AND tenant_sk >= :since"
            query["ExpressionAttributeValues"] |= encode({":since": stamp(since)})
        if cursor:
            query["ExclusiveStartKey"] = encode(open_cursor(cursor, partition=f"TENANT#{tenant}"))
        items, last = self._table.page(**query, Limit=limit)
        keys = [{name: item[name] for name in ("pk", "sk", "tenant_pk", "tenant_sk")} for item in items]
        ids = [str(key["pk"]).removeprefix("JOB#") for key in keys]
        cursors = [seal_cursor(key) for key in keys]
        return tuple(zip(ids, [*cursors[:-1], cursors[-1] if last else None], strict=True)) if ids else ()


def listed(job: Job) -> Item:
    """What a job's item carries so that it is listed, and found by a filter."""
    request = job.request
    item: Item = {
        "tenant_pk": f"TENANT#{job.tenant}",
        "tenant_sk": f"{stamp(job.created_at)}#{job.id}",
        "use_case": job.use_case,
        "models": sorted({*([request.model] if request.model else ()), *(each.model for each in job.pictures)}),
        "tags": list(request.tags),
        "words": " ".join([job.prompt, *job.expected_text, *request.tags]).casefold(),
    }
    if job.template:
        item |= {"template": [job.template.name, f"{job.template.name}@{job.template.version}"]}
    return item


def _query(partition: str, only: JobFilter) -> dict[str, Any]:
    conditions: list[str] = []
    values: Item = {":tenant": partition}
    names: dict[str, str] = {}
    for name, operator, value in (
        ("stage", "=", only.stage.value if only.stage else None),
        ("use_case", "=", only.use_case),
        ("models", "contains", only.model),
        ("template", "contains", only.template),
        ("tags", "contains", only.tag),
        *(("words", "contains", word) for word in (only.q or "").casefold().split()),
    ):
        if value is None:
            continue
        place = f":v{len(values)}"
        names[f"#{name}"] = name
        values[place] = value
        conditions.append(f"#{name} = {place}" if operator == "=" else f"contains(#{name}, {place})")
    query: dict[str, Any] = {
        "IndexName": "by_tenant",
        "KeyConditionExpression": "tenant_pk = :tenant",
        "ScanIndexForward": False,
        "ExpressionAttributeValues": encode(values),
    }
    if conditions:
        query |= {"FilterExpression": " AND ".join(conditions), "ExpressionAttributeNames": names}
    return query
