"""The real client libraries against the local stack: real template, real gateway, roles enforced."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
import replicate
from PIL import Image
from replicate.exceptions import ReplicateError
from replicate.webhook import Webhooks, WebhookSigningSecret

from tests.clients.test_openai import masked
from tests.local.running import Stack
from tests.receiver import receiver
from tests.world import picture

_seeds = iter(range(3_000_000, 4_000_000))


@pytest.fixture
def openai_client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=stack.api_key, base_url=f"{stack.api_url}/v1") as client:
        yield client


@pytest.fixture
def replicate_client(stack: Stack) -> replicate.Client:
    return replicate.Client(api_token=stack.api_key, base_url=stack.api_url)


def sale(**fields: Any) -> dict[str, Any]:
    """Fields of a job nobody asked for before, small and quick."""
    return {"seed": next(_seeds)} | fields


def jobs_since(stack: Stack, before: set[str]) -> set[str]:
    return {job["id"] for job in stack.api.get("/v1/jobs?limit=100").json()["jobs"]} - before


def opened_bytes(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def opened(encoded: str | None) -> Image.Image:
    return opened_bytes(base64.b64decode(encoded or ""))


# ── OpenAI ───────────────────────────────────────────────────────────────────────────────────────


def test_openai_generates_streams_and_edits_under_a_mask(openai_client: openai.OpenAI) -> None:
    made: Any = openai_client.images.generate(
        model="tier/hero", prompt="A beach at golden hour", size="512x512", extra_body=sale()
    )
    events = list(
        openai_client.images.generate(
            model="tier/hero", prompt="A quiet harbour", size="512x512", stream=True, extra_body=sale()
        )
    )
    original = base64.b64decode(made.data[0].b64_json)
    edited: Any = openai_client.images.edit(
        model="tier/creative",  # notes defects: what the simulator paints into a hard mask may look like one
        image=("beach.png", original),
        mask=("mask.png", masked((512, 512))),
        prompt="A beach under a stormy sky",
        extra_body=sale(),
    )

    assert opened(made.data[0].b64_json).size == (512, 512)
    assert made.data[0].verification["verdict"] in {"pass", "unreadable"}
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    kept = [opened(reply.data[0].b64_json).convert("RGB").crop((0, 300, 512, 512)) for reply in (made, edited)]
    changed = [opened(reply.data[0].b64_json).convert("RGB").crop((0, 0, 512, 200)) for reply in (made, edited)]
    assert kept[0].tobytes() == kept[1].tobytes()
    assert changed[0].tobytes() != changed[1].tobytes()


def test_openais_retry_waits_for_the_job_it_began(stack: Stack) -> None:
    """The endpoints are slow for a while, so that the first tries are sent away."""
    before = jobs_since(stack, set())
    client = openai.OpenAI(api_key=stack.api_key, base_url=f"{stack.api_url}/v1", max_retries=8, timeout=3)

    with stack.faults({"action": "delay", "seconds": 4, "count": 2}):
        made: Any = client.images.generate(model="tier/hero", prompt="A pier", size="512x512", extra_body=sale())

    assert jobs_since(stack, before) == {made.job_id}
    client.close()


def test_openai_lists_models_and_raises_its_own_errors(
    stack: Stack,
    openai_client: openai.OpenAI,
) -> None:
    stranger = openai.OpenAI(api_key="pc_live_" + "x" * 32, base_url=f"{stack.api_url}/v1", max_retries=0)

    names = {model.id for model in openai_client.models.list()}
    with pytest.raises(openai.AuthenticationError) as unknown:
        stranger.images.generate(model="tier/hero", prompt="A pier")
    with pytest.raises(openai.NotFoundError):
        openai_client.images.generate(model="gpt-image-9", prompt="A pier")
    with pytest.raises(openai.UnprocessableEntityError) as invalid:
        openai_client.images.generate(model="tier/hero", prompt="A pier", background="transparent")

    assert {"tier/hero", "gpt-image-2", "dall-e-3"} <= names
    assert unknown.value.code == "not_authenticated"
    assert (invalid.value.param, bool(invalid.value.request_id)) == ("background", True)
    stranger.close()


# ── Replicate ────────────────────────────────────────────────────────────────────────────────────


def test_replicate_runs_edits_lists_and_cancels(stack: Stack, replicate_client: replicate.Client) -> None:
    wanted = {"prompt": "A lighthouse", "size": "512x512"}

    output = replicate_client.run("presscheck/hero", input=sale(**wanted))
    edited = replicate_client.predictions.create(
        version="creative", input=sale(prompt="A stormy sky", image=io.BytesIO(picture(3, size=(512, 512))))
    )
    canceled = replicate_client.predictions.create(version="hero", input=sale(**wanted, finalize="on_approval"))
    canceled.cancel()
    edited.wait()

    link = str(output[0])
    for headers in ({}, {"Authorization": f"Bearer {stack.api_key}"}):  # as a browser, and as the package's own read()
        fetched = httpx.get(link, headers=headers, trust_env=False)
        assert (fetched.headers["content-type"], opened_bytes(fetched.content).size) == ("image/png", (512, 512))
    assert httpx.get(link.replace("Signature=", "Signature=0"), trust_env=False).status_code == 404
    assert (edited.status, canceled.status) == ("succeeded", "canceled"), edited.error
    assert {edited.id, canceled.id} <= {each.id for each in replicate_client.predictions.list()}
    assert stack.api.get(f"/v1/jobs/{edited.id}").json()["input"]["init_image"]


def test_replicate_raises_its_own_errors(stack: Stack, replicate_client: replicate.Client) -> None:
    stranger = replicate.Client(api_token="pc_live_" + "x" * 32, base_url=stack.api_url)

    with pytest.raises(ReplicateError) as unknown:
        stranger.predictions.get("01JXXXXXXXXXXXXXXXXXXXXXXX")
    with pytest.raises(ReplicateError) as missing:
        replicate_client.predictions.get("01JXXXXXXXXXXXXXXXXXXXXXXX")
    with pytest.raises(ReplicateError) as invalid:
        replicate_client.run("presscheck/hero", input={"prompt": "x", "colour": "red"})

    assert [each.value.status for each in (unknown, missing, invalid)] == [401, 404, 422]
    assert "colour" in (invalid.value.detail or "")


def test_replicate_s_own_verifier_takes_the_predictions_its_webhook_is_told(
    stack: Stack, replicate_client: replicate.Client
) -> None:
    secret = WebhookSigningSecret(key=stack.api.get("/v1/webhooks/secret").json()["secret"])

    with receiver() as there:
        prediction = replicate_client.predictions.create(
            version="hero",
            input=sale(prompt="A lighthouse", size="256x256"),
            webhook=there.url,
            webhook_events_filter=["start", "completed"],
        )
        prediction.wait()
        stack.until(lambda: len(there.received) == 2)
    for _, headers, body in there.received:
        Webhooks.validate(headers=headers, body=body, secret=secret)
    told = [json.loads(body) for _, _, body in there.received]

    assert {each["id"] for each in told} == {prediction.id}
    assert [each["status"] for each in told if each["completed_at"]] == [prediction.status]
    assert {each["urls"]["get"] for each in told} == {prediction.urls["get"]}


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_uploaded_straight_to_s3_and_only_what_it_is_named_by(stack: Stack) -> None:
    image = picture(5, size=(256, 256))
    digest = hashlib.sha256(image).hexdigest()

    asked = {"sha256": digest, "size_bytes": len(image), "mime": "image/png"}
    ticket = stack.api.post("/v1/images/uploads", json=asked).json()
    other = image[:-1] + b"\x00"
    forged = httpx.put(ticket["url"], content=other, headers=ticket["headers"], trust_env=False)
    stored = httpx.put(ticket["url"], content=image, headers=ticket["headers"], trust_env=False)
    job = stack.api.post("/v1/jobs", json=sale(prompt="A sky", use_case="hero", init_image=digest, size="256x256"))

    assert forged.status_code == 400, forged.text
    assert stored.status_code == 200, stored.text
    assert job.status_code == 202, job.text


def test_several_callers_at_once_each_get_the_job_they_began(stack: Stack) -> None:
    """Equal calls side by side are wishes of their own: nobody is handed another's job."""
    client = openai.OpenAI(api_key=stack.api_key, base_url=f"{stack.api_url}/v1")
    replies: list[Any] = []

    def ask() -> None:
        replies.append(client.images.generate(model="tier/feed", prompt="A market", size="512x512"))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({reply.job_id for reply in replies}) == 3
    client.close()
