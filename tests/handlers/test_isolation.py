"""No tenant reads or moves what is another's: tried on every route of the OpenAPI document.

A route nobody has thought about here fails the first test, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from shared import wiring
from shared.models import BatchRequest, Principal
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.handlers.test_pictures_of_jobs import painted
from tests.world import DESIGNER, Resources, picture

DOCUMENT = json.loads((Path(__file__).parents[2] / "events" / "openapi.json").read_text(encoding="utf-8"))
ROUTES = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
NAMED = ("job_id", "batch_id", "key_id", "sha256", "delivery_id")
"""Path parameters that name something of one tenant's."""

SIGNED = {"/files/images/{tenant}/{shard}/{sha256}"}
"""Public: S3 judges the signature of the link, whoever follows it; see tests/clients/test_on_stack.py."""

OF_ONE = [
    (method, path) for method, path in ROUTES if path not in SIGNED and any(f"{{{name}}}" in path for name in NAMED)
]
BODIES: dict[str, Any] = {
    "/v1/jobs/{job_id}/rating": {"stars": 1},
    "/v1/jobs/{job_id}/restore": {"attempt": 1, "reason": "I want to"},
}
LISTS = {
    "/v1/jobs", "/v1/batches", "/v1/predictions", "/v1/keys", "/v1/insight", "/v1/webhooks/disabled", "/v1/me",
    "/v1/webhooks/secret", "/v1/audit", "/v1/outcomes", "/v1/trace",
}  # fmt: skip
REFERRING: dict[tuple[str, str], Any] = {
    ("post", "/v1/jobs"): {"prompt": "a", "init_image": "SHA256"},
    ("post", "/generate"): {"prompt": "a", "init_image": "SHA256", "mask_image": "SHA256"},
    ("post", "/v1/estimate"): {"prompt": "a", "init_image": "SHA256"},
    ("post", "/v1/predictions"): {"version": "hero", "input": {"prompt": "a", "init_image": "SHA256"}},
    ("post", "/v1/models/{owner}/{name}/predictions"): {"input": {"prompt": "a", "init_image": "SHA256"}},
    ("post", "/v1/images/edits"): {"prompt": "a", "image": "SHA256"},
    ("post", "/v1/images/generations"): {"prompt": "a", "init_image": "SHA256"},
    ("get", "/v1/compare"): {"left": "JOB_ID:d1-1", "right": "JOB_ID:d1-1"},
}
"""What refers to another's picture or job in its body or query; JOB_ID and SHA256 are filled in."""
SHARED = {
    *("/", "/docs", "/health", "/openapi.json", "/static/{folder}/{name}"),
    *("/v1/models", "/v1/models/{owner}/{name}", "/v1/models/{owner}/{name}/versions/{version}"),
    *("/v1/templates", "/v1/templates/{name}", "/v1/policy"),
    *("/v1/aliases", "/v1/aliases/{alias}/release", "/v1/aliases/{alias}/rollback"),
    *("/v1/templates/{name}/release", "/v1/templates/{name}/rollback", "/v1/policy/release", "/v1/policy/rollback"),
}
"""The same for every tenant: what there is to choose from belongs to the deployment."""
ONLY_MAKE = {
    *("/v1/files", "/v1/images", "/v1/images/uploads", "/v1/batches", "/v1/keys"),
    *("/v1/webhooks/enable", "/v1/webhooks/secret/rotate"),
}
"""Make or change something of the caller's own and can name nothing of another's."""


@pytest.fixture
def acmes(deployed: Resources) -> dict[str, str]:
    """One of everything a tenant may own."""
    job = painted()
    image = wiring.images().store("acme", picture(1))
    batch, _ = wiring.arrivals().create(DESIGNER, BatchRequest(), base_url="https://api.example/prod")
    (key,) = wiring.keys().of("acme")
    return {
        "job_id": job.id,
        "batch_id": batch.id,
        "key_id": key.id,
        "sha256": image.sha256,
        "delivery_id": f"msg_{job.id}_job_completed_1",
    }


@pytest.fixture
def rival(deployed: Resources) -> httpx.Client:
    """Another tenant's admin, with every scope."""
    return _client(wiring.keys().issue("rival", "rex")[0])


def _client(key: str) -> httpx.Client:
    transport = httpx.WSGITransport(Gateway(Context(remaining_ms=2_000)))
    return httpx.Client(transport=transport, base_url="https://api.example", headers={"authorization": f"Bearer {key}"})


def test_every_route_is_one_of_these_kinds() -> None:
    known = {*OF_ONE, *REFERRING, *(("get", path) for path in LISTS)}

    assert [
        (method, path)
        for method, path in ROUTES
        if (method, path) not in known and path not in SHARED | ONLY_MAKE | SIGNED
    ] == []


@pytest.mark.parametrize(("method", "path"), OF_ONE)
def test_what_is_named_in_a_path_is_not_there_for_another(
    method: str, path: str, acmes: dict[str, str], rival: httpx.Client
) -> None:
    body = {"json": BODIES.get(path, {})} if method == "post" else {}

    answer = rival.request(method, path.format(**acmes), **body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert (wiring.ledger().job(acmes["job_id"]).seq, wiring.keys().of("acme")[0].revoked_at) == (2, None)


@pytest.mark.parametrize("path", sorted(LISTS))
def test_lists_hold_nothing_of_anothers(path: str, acmes: dict[str, str], rival: httpx.Client) -> None:
    mine, theirs = _client(KEY).get(path), rival.get(path)

    assert (mine.status_code, theirs.status_code) == (200, 200)
    assert not [value for value in acmes.values() if value in theirs.text]
    if path == "/v1/webhooks/secret":
        assert mine.json()["secret"] != theirs.json()["secret"]


@pytest.mark.parametrize(("method", "path"), sorted(REFERRING))
def test_what_is_referred_to_is_not_there_for_another(
    method: str, path: str, acmes: dict[str, str], rival: httpx.Client
) -> None:
    text = json.dumps(REFERRING[method, path])
    asked = json.loads(text.replace("JOB_ID", acmes["job_id"]).replace("SHA256", acmes["sha256"]))
    where = path.format(owner="presscheck", name="hero")

    answer = rival.get(where, params=asked) if method == "get" else rival.post(where, json=asked)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert wiring.ledger().jobs("rival").jobs == ()


def test_links_lead_to_a_tenants_own_folder_and_end_soon(acmes: dict[str, str]) -> None:
    job = _client(KEY).get(f"/v1/jobs/{acmes['job_id']}").json()
    images = [draft["image"] for draft in job["drafts"]]

    links = [link for image in images for link in (image["url"], image["thumb_url"])]

    assert len(links) == 2
    for link in links:
        parts = urlsplit(link)
        assert parts.path.lstrip("/").startswith("images/acme/")
        assert "X-Amz-Expires=900" in parts.query


def test_an_idempotency_key_of_another_tenants_replays_nothing(acmes: dict[str, str], rival: httpx.Client) -> None:
    headers = {"idempotency-key": "order-17"}
    mine = _client(KEY).post("/v1/jobs", json={"prompt": "a"}, headers=headers).json()

    theirs = rival.post("/v1/jobs", json={"prompt": "a"}, headers=headers)

    assert theirs.json()["id"] != mine["id"]
    assert "idempotent-replayed" not in theirs.headers


def test_even_a_name_that_two_tenants_share_opens_nothing(acmes: dict[str, str]) -> None:
    """The tenant decides, never the name of who asks."""
    namesake = Principal(tenant="rival", name=DESIGNER.name, scopes=("admin",))

    assert wiring.ledger().jobs(namesake.tenant).jobs == ()
