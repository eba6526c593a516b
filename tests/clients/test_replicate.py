"""Replicate's own Python package against our API: it needs to know nothing but the address."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import pytest
import replicate
from replicate.exceptions import ModelError, ReplicateError

from shared import wiring
from shared.models import Job
from tests.clients.bridge import Press, Server
from tests.handlers.conftest import KEY
from tests.world import picture

SALE = {"prompt": "A summer sale", "expected_text": "SALE", "seed": 42, "size": "1024x1024"}
STATUSES = {"starting", "processing", "succeeded", "failed", "canceled"}


def jobs() -> tuple[Job, ...]:
    return wiring.ledger().jobs("acme").jobs


def data_uri(image: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(image).decode()


# ── predictions ──────────────────────────────────────────────────────────────────────────────────


def test_run_waits_and_answers_with_the_picture(replicate_client: replicate.Client, server: Server) -> None:
    output = replicate_client.run("presscheck/hero", input=SALE)

    (job,) = jobs()
    assert (job.use_case, job.expected_text, job.seed) == ("hero", ("SALE",), 42)
    assert len(output) == 1 and str(output[0]).startswith(f"{server.url}/files/images/acme/")
    assert "X-Amz-Signature" in str(output[0])


def test_run_goes_on_polling_when_the_wait_is_over_before_the_job(
    replicate_client: replicate.Client, server: Server, press: Press
) -> None:
    """The package takes every status but `starting` of a waited-for prediction for its end."""
    press.gate.clear()

    class Opening(list[dict[str, Any]]):
        def append(self, event: dict[str, Any]) -> None:
            super().append(event)
            if event["httpMethod"] == "GET":
                press.gate.set()

    server.requests = Opening()
    output = replicate_client.run("presscheck/hero", input=SALE, wait=2)

    assert len(output) == 1
    assert len(jobs()) == 1


def test_a_prediction_is_created_polled_and_done(replicate_client: replicate.Client) -> None:
    prediction = replicate_client.predictions.create(version="hero", input=SALE)
    created = prediction.status
    prediction.wait()

    assert created in {"starting", "processing"}
    assert (prediction.status, prediction.error) == ("succeeded", None)
    assert (prediction.model, prediction.version) == ("presscheck/hero", "hero")
    assert prediction.input == {**SALE, "use_case": "hero", "expected_text": ["SALE"]}
    assert prediction.logs is not None and "final 1" in prediction.logs and 'read "SALE"' in prediction.logs
    assert prediction.metrics is not None and prediction.metrics["predict_time"] >= 0
    assert prediction.urls is not None and "stream" not in prediction.urls
    assert wiring.ledger().job(prediction.id, tenant="acme").id == prediction.id


@pytest.mark.parametrize("version", ["hero", "presscheck/hero", "sd35-large", "dall-e-3"])
def test_a_version_is_a_use_case_or_a_model(version: str, replicate_client: replicate.Client) -> None:
    prediction = replicate_client.predictions.create(version=version, input={"prompt": "A lighthouse"})

    assert prediction.version == version.removeprefix("presscheck/")


def test_the_body_is_replicates_field_by_field(server: Server) -> None:
    reply = httpx.post(
        f"{server.url}/v1/predictions",
        json={"version": "hero", "input": SALE},
        headers={"Authorization": f"Token {KEY}", "Prefer": "wait=5"},
        trust_env=False,
    )

    body = reply.json()
    assert (reply.status_code, reply.headers["preference-applied"]) == (201, "wait=5")
    assert set(body) == {
        "id", "model", "version", "input", "logs", "output", "data_removed", "error", "status", "created_at",
        "started_at", "completed_at", "metrics", "urls",
    }  # fmt: skip
    assert body["status"] == "succeeded"
    assert body["urls"]["get"] == f"{server.url}/v1/predictions/{body['id']}"
    assert body["created_at"].endswith("Z")


def test_a_prediction_is_canceled_and_stays_so(replicate_client: replicate.Client, press: Press) -> None:
    press.gate.clear()
    prediction = replicate_client.predictions.create(version="hero", input=SALE)

    prediction.cancel()
    again = replicate_client.predictions.cancel(prediction.id)

    assert (prediction.status, again.status) == ("canceled", "canceled")


def test_a_failed_prediction_says_why(replicate_client: replicate.Client, press: Press) -> None:
    press.studio.reader.readings = ["SALF"] * 20

    with pytest.raises(ModelError) as caught:
        replicate_client.run("presscheck/hero", input=SALE)

    assert str(caught.value) == "rendered_text_mismatch: expected 'SALE' not found"
    assert caught.value.prediction.status == "failed"


def test_predictions_are_listed_page_by_page(replicate_client: replicate.Client, press: Press) -> None:
    press.gate.clear()
    made = [replicate_client.predictions.create(version="hero", input=SALE).id for _ in range(27)]

    first = replicate_client.predictions.list()
    second = replicate_client.predictions.list(first.next)  # type: ignore[arg-type]

    assert [each.id for each in (*first, *second)] == made[::-1]
    assert {each.status for each in first} <= STATUSES
    assert second.next is None


# ── pictures to start from ───────────────────────────────────────────────────────────────────────


def test_an_open_file_is_uploaded_and_edited_under_a_mask(replicate_client: replicate.Client) -> None:
    original, mask = picture(1, size=(512, 512)), picture(2, size=(512, 512))

    prediction = replicate_client.predictions.create(
        version="hero", input={"prompt": "A balloon", "image": io.BytesIO(original), "mask": data_uri(mask)}
    )
    prediction.wait()

    (job,) = jobs()
    assert prediction.status == "succeeded", prediction.error
    assert job.request.init_image is not None and job.request.mask_image is not None
    assert wiring.images().load("acme", job.request.init_image) == original
    assert wiring.images().load("acme", job.request.mask_image) == mask


# ── what is refused ──────────────────────────────────────────────────────────────────────────────

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"version": "billboard"}, "version"),
    ({"input": {"colour": "red", "prompt": "x"}}, "input.colour"),
    ({"input": {"prompt": "x", "image": "http://169.254.169.254/latest"}}, "input.init_image"),
    ({"input": {"prompt": "x", "image": "data:image/png;base64,AAAA"}}, "input.init_image"),
    ({"stream": True}, "stream"),
    ({"webhook_events_filter": ["completed"]}, "webhook_events_filter"),
    ({"webhook": "https://hooks.example.com", "webhook_events_filter": ["logs"]}, "webhook_events_filter"),
    ({"webhook": "no url"}, "webhook"),
]


def test_what_cannot_be_done_is_refused_by_name(server: Server, subtests: pytest.Subtests) -> None:
    for fields, param in REFUSED:
        with subtests.test(**fields):
            reply = httpx.post(
                f"{server.url}/v1/predictions",
                json={"version": "hero", "input": SALE} | fields,
                headers={"Authorization": f"Bearer {KEY}"},
                trust_env=False,
            )
            assert (reply.status_code, reply.json()["error"]["param"]) == (422, param)
    assert jobs() == ()


def test_errors_are_problem_details_in_the_packages_own_class(
    replicate_client: replicate.Client, server: Server
) -> None:
    stranger = replicate.Client(api_token="pc_live_wrong", base_url=server.url)

    with pytest.raises(ReplicateError) as unknown:
        stranger.predictions.create(version="hero", input=SALE)
    with pytest.raises(ReplicateError) as missing:
        replicate_client.predictions.get("01JXXXXXXXXXXXXXXXXXXXXXXX")
    with pytest.raises(ReplicateError) as invalid:
        replicate_client.run("presscheck/hero", input={"prompt": ""})
    with pytest.raises(ReplicateError) as another:
        replicate_client.run("stability-ai/sdxl", input=SALE)

    assert [each.value.status for each in (unknown, missing, invalid, another)] == [401, 404, 422, 404]
    assert missing.value.title == "Not found" and "no job" in (missing.value.detail or "")
    assert invalid.value.type == "urn:presscheck:error:invalid_request"


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def test_a_model_and_its_version_are_what_the_package_expects(replicate_client: replicate.Client) -> None:
    model = replicate_client.models.get("presscheck/hero")
    version = model.versions.get("hero")

    assert (model.owner, model.name) == ("presscheck", "hero")
    assert model.latest_version is not None and model.latest_version.id == "hero"
    assert "prompt" in version.openapi_schema["components"]["schemas"]["Input"]["properties"]
    assert replicate_client.run("presscheck/hero:hero", input=SALE)
