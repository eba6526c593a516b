"""The API on the local stack: its own table for replays, its indexes, its authorizer, real presigned links."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from PIL import Image

from tests.local.running import Stack
from tests.local.test_end_to_end import HERO


def _job(**fields: Any) -> dict[str, Any]:
    return HERO | {"size": "256x256", "tags": ["api-e2e"]} | fields


def test_who_waits_gets_a_finished_job_and_the_same_answer_again(stack: Stack) -> None:
    headers = {"prefer": "wait=25", "idempotency-key": "api-e2e-1"}

    first, again = (stack.api.post("/v1/jobs", json=_job(seed=3_000_001), headers=headers) for _ in range(2))

    assert (first.status_code, first.headers["preference-applied"]) == (201, "wait=25")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.text == first.text
    other = stack.api.post("/v1/jobs", json=_job(seed=3_000_002), headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def test_six_at_once_under_one_key_make_one_job(stack: Stack) -> None:
    def submit(_: int) -> httpx.Response:
        return stack.api.post("/v1/jobs", json=_job(seed=3_000_003), headers={"idempotency-key": "api-e2e-2"})

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(submit, range(6)))

    assert {reply.status_code for reply in replies} <= {202, 409}
    assert len({reply.json()["id"] for reply in replies if reply.status_code == 202}) == 1


def test_a_board_finds_its_jobs_with_small_pictures_and_people_rate_them(stack: Stack) -> None:
    job = stack.finished(stack.api.post("/v1/jobs", json=_job(seed=3_000_004)).json()["id"])
    stack.until(lambda: stack.api.get("/v1/jobs", params={"tag": "api-e2e", "stage": job["stage"]}).json()["jobs"])

    rated = stack.api.post(f"/v1/jobs/{job['id']}/rating", json={"stars": 5})
    listed = stack.api.get("/v1/jobs", params={"tag": "api-e2e", "q": "summer SALE"})

    assert rated.status_code == 200, rated.text
    shown = next(each for each in listed.json()["jobs"] if each["id"] == job["id"])
    small = httpx.get(shown["drafts"][0]["image"]["thumb_url"], trust_env=False)
    assert Image.open(io.BytesIO(small.content)).format == "WEBP"
    assert stack.api.get(f"/v1/jobs/{job['id']}/audit").json()["intact"] is True


def test_an_estimate_costs_nothing_and_rests_on_what_was_painted(stack: Stack) -> None:
    stack.finished(stack.api.post("/v1/jobs", json=_job(seed=3_000_005)).json()["id"])

    estimate = stack.api.post("/v1/estimate", json=_job()).json()

    assert estimate["draft"]["renders"] >= 1
    assert estimate["cost_usd_micros"] > 0
    assert estimate["latency_ms"] > 0


def test_a_key_made_through_the_api_opens_what_its_scope_says(stack: Stack) -> None:
    made = stack.api.post("/v1/keys", json={"name": "ci", "scopes": ["render"]})
    assert made.status_code == 201, made.text

    with httpx.Client(base_url=stack.api.base_url, trust_env=False) as client:
        client.headers["authorization"] = f"Bearer {made.json()['key']}"
        assert (client.get("/v1/jobs").status_code, client.get("/v1/keys").status_code) == (200, 403)
    stack.api.post(f"/v1/keys/{made.json()['id']}/revoke").raise_for_status()
