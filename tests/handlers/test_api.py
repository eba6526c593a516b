"""The job API: what it answers, and what it answers to nonsense."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.handler import handler
from shared import wiring
from shared.models import Limits, Stage
from tests.handlers.conftest import Context
from tests.world import Resources

Sample = Callable[[str], dict[str, Any]]


@pytest.fixture
def call(sample: Sample, context: Context) -> Callable[..., tuple[int, Any, dict[str, str]]]:
    """Send a sample event, changed as asked; answers status, body and headers."""

    def send(name: str, *, body: Any = ..., path: str | None = None, **changes: Any) -> tuple[int, Any, dict[str, str]]:
        event = sample(name) | changes
        if path is not None:
            event["path"] = path
            event["requestContext"] = event["requestContext"] | {"path": "/prod" + path}
        if body is not ...:
            event["body"] = body if isinstance(body, str | None) else json.dumps(body)
        reply = handler(event, context)  # type: ignore[arg-type]
        headers = {
            key.lower(): (value[0] if isinstance(value, list) else value)
            for key, value in reply["multiValueHeaders"].items()
        }
        return reply["statusCode"], json.loads(reply["body"]) if reply["body"] else None, headers

    return send


Call = Callable[..., tuple[int, Any, dict[str, str]]]


@pytest.mark.parametrize("name", ["api-submit", "api-generate"])
def test_a_job_is_accepted_and_found_at_its_link(name: str, call: Call) -> None:
    status, job, headers = call(name)

    assert status == 202
    assert (job["status"], job["stage"], job["seed"]) == ("starting", "queued", 42)
    assert headers["location"] == job["urls"]["get"]
    assert job["urls"]["get"].startswith("https://abc123.execute-api.us-east-1.amazonaws.com/prod/v1/jobs/")
    assert call("api-get", path=f"/v1/jobs/{job['id']}")[0] == 200


def test_who_prefers_to_wait_gets_a_201(call: Call) -> None:
    headers = {"content-type": "application/json", "prefer": "wait=0"}

    status, job, answered = call("api-submit", headers=headers, multiValueHeaders={k: [v] for k, v in headers.items()})

    assert (status, job["status"]) == (201, "starting")
    assert answered["preference-applied"] == "wait=0"
    assert answered["x-request-id"] == "2f1c0d8e-6f3a-4c59-9d7e-0d2f3a1b4c5d"


def test_plain_curl_labels_its_json_as_a_form_and_generate_takes_it(call: Call) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    headers = {"headers": form, "multiValueHeaders": {"content-type": list(form.values())}}

    assert call("api-generate", **headers)[0] == 202
    assert call("api-submit", **headers)[0] == 415


MANY = {"prompt": "x"}
NONSENSE: list[tuple[Any, int, str | None]] = [
    ({**MANY, "use_case": "billboard"}, 422, "use_case"),
    ({**MANY, "template": "poster"}, 422, None),
    ({}, 422, None),
    ({"prompt": "x" * 4001}, 422, "prompt"),
    ({"prompt": "a\u0000b"}, 422, "prompt"),
    ({"prompt": "   "}, 422, "prompt"),
    ({**MANY, "size": "1000x1000"}, 422, "size"),
    ({**MANY, "size": "big"}, 422, "size"),
    ({**MANY, "seed": 2**32}, 422, "seed"),
    ({**MANY, "seed": -1}, 422, "seed"),
    ({**MANY, "seed": True}, 422, "seed"),
    ({**MANY, "seed": "42"}, 422, "seed"),
    ({**MANY, "expected_text": "W" * 119, "size": "512x512", "text_box": [0, 0, 0.1, 0.1]}, 422, "expected_text"),
    ({**MANY, "expected_text": "A", "text_box": [0.5, 0, 0.6, 1]}, 422, "text_box"),
    ({**MANY, "text_box": [0, 0, 1, 1]}, 422, None),
    ({**MANY, "drafts": 0}, 422, "drafts"),
    ({**MANY, "drafts": 9}, 422, "drafts"),
    ({**MANY, "guidance": "NaN"}, 422, "guidance"),
    ({**MANY, "colour": "red"}, 422, "colour"),
    ({**MANY, "finalize": "someday"}, 422, "finalize"),
    ({**MANY, "model": "dalle9"}, 422, "model"),
    ("{not json", 400, None),
    ("[]", 400, None),
    ('"text"', 400, None),
    ("[" * 100_000, 400, None),
    (None, 400, None),
    ('{"prompt": "' + "x" * 300_000 + '"}', 413, None),
]


def test_bad_input_gets_the_documented_error_naming_the_field(call: Call, subtests: pytest.Subtests) -> None:
    for body, status, param in NONSENSE:
        with subtests.test(body=str(body)[:60]):
            answered, problem, headers = call("api-submit", body=body)

            assert answered == status
            assert headers["content-type"] == "application/problem+json"
            assert problem["status"] == status
            assert problem["error"]["message"] == problem["detail"]
            assert (problem["error"]["param"] or "").split(".")[0] == (param or "")
    assert wiring.ledger().jobs("acme").jobs[1:] == ()  # only the fixture's own job


def test_a_body_in_base64_is_read(call: Call) -> None:
    body = base64.b64encode(json.dumps({"prompt": "a café"}).encode()).decode()

    assert call("api-submit", body=body, isBase64Encoded=True)[1]["prompt"] == "a café"
    assert call("api-submit", body="%%%", isBase64Encoded=True)[0] == 400


def test_an_unchanged_job_answers_304(call: Call, job_id: str) -> None:
    etag = call("api-get")[2]["etag"]

    status, body, _ = call("api-get", headers={"if-none-match": etag}, multiValueHeaders={"if-none-match": [etag]})

    assert (status, body) == (304, None)


def test_unknown_jobs_and_routes_are_404_in_the_same_shape(call: Call) -> None:
    for path in ("/v1/jobs/01JXXXXXXXXXXXXXXXXXXXXXXX", "/v1/pictures"):
        status, problem, _ = call("api-get", path=path)
        assert (status, problem["error"]["code"]) == (404, "not_found")


def test_another_tenants_job_is_404_on_every_route(call: Call, sample: Sample, job_id: str) -> None:
    stranger = {"tenant": "rival", "name": "rex", "scopes": "render approve audit admin"}
    for name in ("api-get", "api-approve", "api-accept", "api-cancel", "api-audit"):
        request_context = sample(name)["requestContext"] | {"authorizer": stranger}
        assert call(name, requestContext=request_context)[0] == 404
    request_context = sample("api-list")["requestContext"] | {"authorizer": stranger}
    assert call("api-list", requestContext=request_context)[1]["jobs"] == []


def test_a_key_without_the_scope_is_told_which_one_it_lacks(call: Call, sample: Sample) -> None:
    request_context = sample("api-submit")["requestContext"] | {
        "authorizer": {"tenant": "acme", "name": "ro", "scopes": "audit"}
    }

    status, problem, _ = call("api-submit", requestContext=request_context)

    assert status == 403
    assert "render" in problem["detail"]


def test_cancel_ends_the_job_and_the_audit_shows_who(call: Call, job_id: str) -> None:
    assert call("api-cancel")[1]["stage"] == Stage.CANCELED

    audit = call("api-audit")[1]
    assert audit["intact"] is True
    assert [(event["type"], event["actor"]) for event in audit["events"]] == [
        ("job.submitted", "dana"),
        ("job.canceled", "dana"),
    ]


def test_approving_what_nobody_waits_for_is_a_conflict(call: Call) -> None:
    status, problem, _ = call("api-approve")

    assert (status, problem["error"]["code"]) in {(409, "wrong_stage"), (422, "invalid_request")}


def test_accepting_a_final_that_did_not_fail_is_a_conflict(call: Call) -> None:
    status, problem, _ = call("api-accept")

    assert (status, problem["error"]["code"]) == (409, "wrong_stage")


def test_lists_page_and_refuse_nonsense(call: Call) -> None:
    assert len(call("api-list")[1]["jobs"]) == 1
    for query in ({"limit": "0"}, {"limit": "x"}, {"cursor": "zz"}, {"stage": "lost"}, {"colour": "red"}):
        assert call("api-list", queryStringParameters=query, multiValueQueryStringParameters=None)[0] == 422


def test_every_answer_says_what_is_left_and_the_one_too_many_when_to_come_back(call: Call) -> None:
    limits = Limits(requests_per_s=0.1, burst=2, jobs_per_day=9, usd_micros_per_day=9, open_jobs=9)
    wiring.ledger().usage.put_limits("acme", limits)
    wiring.allowances.cache_clear()  # an instance of the function that does not remember acme

    answers = [call("api-get")[2], call("api-get", path="/v1/jobs/01JXXXXXXXXXXXXXXXXXXXXXXX")[2]]
    status, problem, headers = call("api-get")

    assert [(each["ratelimit-limit"], each["ratelimit-remaining"]) for each in answers] == [("2", "1"), ("2", "0")]
    assert (status, problem["error"]["code"]) == (429, "throttled")
    assert headers["retry-after"] == headers["ratelimit-reset"]
    assert headers["x-should-retry"] == "true"


def test_health_needs_no_key(call: Call, sample: Sample, deployed: Resources) -> None:
    request_context = sample("api-get")["requestContext"] | {"authorizer": None}

    assert call("api-get", path="/health", requestContext=request_context)[0] == 200
    assert call("api-get", requestContext=request_context)[0] == 401
