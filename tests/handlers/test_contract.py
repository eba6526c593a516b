"""The OpenAPI document: it is committed, it is true, and what breaks clients is named."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from functions.api.breaking import breaks
from functions.api.contract import document
from functions.api.handler import ROUTES
from shared import wiring
from shared.models import Limits
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.world import Resources

COMMITTED = Path(__file__).parents[2] / "events" / "openapi.json"
DOCUMENT = document([operation for module in ROUTES for operation in module.operations])
ROUTE_COUNT = sum(len(module.operations) for module in ROUTES)


def test_the_committed_copy_is_the_document() -> None:
    """If not: `python -m functions.api`, which says first what would break clients."""
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))

    assert breaks(committed, DOCUMENT) == []
    assert _settled(committed) == _settled(DOCUMENT)


def _settled(document: Any) -> Any:
    """With every enum sorted: typing hands out whichever of two Literals with the same words was written first, and
    the SDKs that other tests import write some of ours in another order."""
    if isinstance(document, dict):
        return {name: sorted(value) if name == "enum" else _settled(value) for name, value in document.items()}
    return [_settled(each) for each in document] if isinstance(document, list) else document


def test_every_route_is_described_once_under_a_name_of_its_own() -> None:
    described = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]

    assert len(described) == ROUTE_COUNT
    assert len({operation["operationId"] for operation in described}) == ROUTE_COUNT
    assert all(operation["summary"] for operation in described)


def test_the_page_to_read_needs_nothing_from_elsewhere_and_forbids_it(deployed: Resources) -> None:
    reply = httpx.Client(transport=httpx.WSGITransport(Gateway(Context())), base_url="https://api.example").get("/docs")

    assert reply.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "script-src" not in reply.headers["content-security-policy"]
    assert not re.search(r"<script|<link|<img|url\(|@import", reply.text)
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in reply.text
    anchors = set(re.findall(r'href="#([^"]+)"', reply.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', reply.text))


def test_the_document_is_served_with_the_address_it_was_asked_at(deployed: Resources) -> None:
    gateway = httpx.WSGITransport(Gateway(Context()))
    reply = httpx.Client(transport=gateway, base_url="https://api.example").get("/openapi.json")

    assert reply.json() == DOCUMENT | {"servers": [{"url": "https://api.example/prod"}]}


# ── what breaks clients ──────────────────────────────────────────────────────────────────────────


def _job(document: Any) -> Any:
    return document["components"]["schemas"]["JobRequest"]["properties"]


def _view(document: Any) -> Any:
    return document["components"]["schemas"]["JobView"]


CHANGES: list[tuple[Callable[[Any], Any], str]] = [
    (lambda d: d["paths"].pop("/v1/jobs/{job_id}/audit"), "GET /v1/jobs/{job_id}/audit: the route is gone"),
    (lambda d: d["paths"]["/v1/jobs"]["post"]["responses"].pop("202"), "POST /v1/jobs: 202 is no longer answered"),
    (lambda d: _job(d).pop("seed"), "body.seed is gone"),
    (lambda d: _job(d)["drafts"].update(maximum=4), "body.drafts: maximum is 4 now, was 8"),
    (lambda d: _job(d)["drafts"].update(type="string"), "body.drafts no longer takes integer"),
    (
        lambda d: d["components"]["schemas"]["Finalize"]["enum"].remove("off_peak"),
        'body.finalize takes fewer words: "off_peak"',
    ),
    (
        lambda d: d["components"]["schemas"]["JobRequest"].update(required=["use_case"]),
        "body.use_case is required now",
    ),
    (lambda d: _view(d)["properties"].pop("cost_usd_micros"), ".cost_usd_micros is gone"),
    (lambda d: _view(d)["required"].remove("prompt"), ".prompt may be missing now"),
    (
        lambda d: _view(d)["properties"].update(seed={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ".seed may now be null",
    ),
    (
        lambda d: _view(d)["properties"]["status"]["enum"].append("aborted"),
        '.status may now be another word: "aborted"',
    ),
    (
        lambda d: d["paths"]["/v1/jobs"]["get"]["parameters"].clear(),
        "GET /v1/jobs: query parameter stage is gone",
    ),
]


@pytest.mark.parametrize(("change", "line"), CHANGES)
def test_what_breaks_clients_is_named(change: Callable[[Any], Any], line: str) -> None:
    changed = copy.deepcopy(DOCUMENT)
    change(changed)

    said = breaks(DOCUMENT, changed)

    assert [each for each in said if each.endswith(line)], said


def test_what_only_adds_breaks_nobody() -> None:
    changed = copy.deepcopy(DOCUMENT)
    changed["paths"]["/v2/jobs"] = changed["paths"]["/v1/jobs"]
    _job(changed)["mood"] = {"type": "string"}
    _job(changed)["drafts"]["maximum"] = 16
    _view(changed)["properties"]["mood"] = {"type": "string"}

    assert breaks(DOCUMENT, changed) == []


# ── what the document says is so ─────────────────────────────────────────────────────────────────

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.app = Gateway(Context(remaining_ms=2_000))  # no time to wait in, whatever `Prefer` says
BOUNDED = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def unlimited(deployed: Resources, job_id: str) -> None:
    plenty = Limits(requests_per_s=10_000, burst=100_000, jobs_per_day=10**6, usd_micros_per_day=10**9, open_jobs=10**6)
    wiring.ledger().usage.put_limits("acme", plenty)
    wiring.allowances.cache_clear()
    wiring.submissions.cache_clear()


@schema.parametrize()
@BOUNDED
def test_every_route_answers_as_described_whatever_is_sent(
    case: schemathesis.Case[Any], unlimited: None, job_id: str
) -> None:
    """No 5xx; statuses, headers and bodies as the document has them; what it forbids is refused."""
    if "job_id" in case.path_parameters and len(str(case.path_parameters["job_id"])) % 2:
        case.path_parameters["job_id"] = job_id

    case.call_and_validate(
        app=schema.app, headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=[positive_data_acceptance]
    )
