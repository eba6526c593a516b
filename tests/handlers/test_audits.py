"""The routes of auditors: whole records, page by page, and an answer even where the table was tampered with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import httpx
import pytest

from shared import wiring
from shared.cli import recheck
from shared.models import JobRecord
from shared.pipeline.audits import Audits
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.handlers.test_pictures_of_jobs import painted
from tests.world import DESIGNER, Resources, hero


@pytest.fixture
def api(deployed: Resources) -> httpx.Client:
    transport = httpx.WSGITransport(Gateway(Context(remaining_ms=2_000)))
    return httpx.Client(transport=transport, base_url="https://api.example", headers={"authorization": f"Bearer {KEY}"})


def _submit(count: int) -> list[str]:
    return [wiring.submissions().submit(DESIGNER, hero(seed=seed)).id for seed in range(count)]


def test_a_record_is_all_there_is_and_can_be_checked_again(api: httpx.Client) -> None:
    job = painted()

    record = api.get(f"/v1/jobs/{job.id}/record").raise_for_status().json()

    assert (record["job"]["id"], record["job"]["seq"], record["breaks"]) == (job.id, len(record["events"]), [])
    assert list(record["items"]) == ["ATTEMPT#draft#01#01"]
    assert list(recheck.problems(record)) == []


def test_pages_go_through_all_jobs_once_newest_first(api: httpx.Client) -> None:
    made = _submit(5)
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": "2"}
    while True:
        page = api.get("/v1/audit", params=asked).raise_for_status().json()
        seen += [record["job_id"] for record in page["records"]]
        if page["cursor"] is None:
            break
        asked["cursor"] = page["cursor"]

    assert seen == sorted(made, reverse=True)


def test_only_jobs_since_then_are_read(api: httpx.Client) -> None:
    (made,) = _submit(1)
    created = wiring.ledger().job(made).created_at

    before, after = (
        api.get("/v1/audit", params={"since": (created + timedelta(seconds=shift)).isoformat()}).json()["records"]
        for shift in (-1, 1)
    )

    assert ([each["job_id"] for each in before], after) == ([made], [])


def test_long_records_make_short_pages_and_none_is_left_out(deployed: Resources) -> None:
    made = _submit(3)
    audits = Audits(ledger=wiring.ledger(), clock=wiring.now, page_bytes=1)
    seen: list[JobRecord] = []
    cursor: str | None = None
    for _ in made:
        page = audits.page(DESIGNER, limit=25, cursor=cursor)
        seen += page.records
        cursor = page.cursor

    assert [each.job_id for each in seen] == sorted(made, reverse=True)
    assert cursor is None


def test_what_cannot_be_read_any_more_is_a_break_and_never_an_error(api: httpx.Client, deployed: Resources) -> None:
    job = painted()
    table, key = deployed.settings.table_name, {"pk": {"S": f"JOB#{job.id}"}, "sk": {"S": "EVENT#00000001"}}
    change = {"UpdateExpression": "SET #data = :no", "ExpressionAttributeNames": {"#data": "data"}}
    boto3.client("dynamodb").update_item(
        TableName=table, Key=key, **change, ExpressionAttributeValues={":no": {"S": "{no JSON"}}
    )

    page = api.get("/v1/audit").raise_for_status().json()
    trail = api.get(f"/v1/jobs/{job.id}/audit").raise_for_status().json()

    assert [each["kind"] for each in page["records"][0]["breaks"]] == ["altered"]
    assert (trail["intact"], trail["problem"]) == (False, page["records"][0]["breaks"][0]["problem"])
    assert [event["seq"] for event in trail["events"]] == [2]


def test_auditing_takes_its_scope(deployed: Resources) -> None:
    (made,) = _submit(1)
    key, _ = wiring.keys().issue("acme", "painter", scopes=("render",))
    transport = httpx.WSGITransport(Gateway(Context(remaining_ms=2_000)))
    painter = httpx.Client(
        transport=transport, base_url="https://api.example", headers={"authorization": f"Bearer {key}"}
    )

    assert [painter.get(path).status_code for path in ("/v1/audit", f"/v1/jobs/{made}/record")] == [403, 403]


def test_moving_a_models_name_takes_an_admin_and_everybody_sees_where_it_leads(api: httpx.Client) -> None:
    key, _ = wiring.keys().issue("acme", "painter", scopes=("render",))
    body = {"model": "sd35-large", "reason": "our look"}
    headers = {"authorization": f"Bearer {key}"}

    refused = api.post("/v1/aliases/house/release", json=body, headers=headers)
    moved = api.post("/v1/aliases/house/release", json=body)
    seen = {each["alias"]: each for each in api.get("/v1/aliases", headers=headers).json()["aliases"]}
    known = {each["alias"]: each for each in api.get("/v1/aliases").json()["aliases"]}

    assert (refused.status_code, moved.status_code) == (403, 200)
    assert (seen["house"]["model"], seen["house"]["history"]) == ("sd35-large", None)
    assert [each["by"] for each in known["house"]["history"]] == ["acme/dana"]
