"""Pictures clients bring along, and how a call is told from its repeat."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import openai
import pytest
import replicate
from PIL import Image
from replicate.exceptions import ReplicateError

from functions.api.multipart import parsed
from shared import wiring
from shared.errors import KeyReused, MalformedBody
from shared.formats import converted
from shared.ledger.calls import Call
from shared.models import Door, Limits
from tests.clients.bridge import Press, Server
from tests.clients.test_openai import jobs
from tests.handlers.conftest import KEY
from tests.world import DESIGNER, Resources, hero, picture

NAMED = {"asked": "wish", "door": Door()}


@pytest.fixture
def post(server: Server) -> Callable[..., httpx.Response]:
    def send(path: str, **sent: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {KEY}"} | sent.pop("headers", {})
        return httpx.post(server.url + path, headers=headers, trust_env=False, **sent)

    return send


# ── uploads ──────────────────────────────────────────────────────────────────────────────────────


def test_a_raw_picture_is_kept_under_its_hash(post: Callable[..., httpx.Response]) -> None:
    image = picture(1, size=(80, 64))

    reply = post("/v1/images", content=image, headers={"content-type": "image/png"})

    stored = reply.json()
    assert (reply.status_code, stored["sha256"]) == (201, hashlib.sha256(image).hexdigest())
    assert (stored["width"], stored["height"], stored["mime"]) == (80, 64, "image/png")
    assert wiring.images().load("acme", stored["sha256"]) == image


def test_what_is_no_picture_is_refused(post: Callable[..., httpx.Response]) -> None:
    for content, kind, status in (
        (b"GIF89a", "image/png", 422),
        (b"", "image/png", 422),
        (picture(1), "text/html", 422),
        (b"\x89PNG" + bytes(4_500_000), "image/png", 413),
    ):
        assert post("/v1/images", content=content, headers={"content-type": kind}).status_code == status


def test_a_larger_picture_is_invited_to_s3_under_its_hash_and_size(post: Callable[..., httpx.Response]) -> None:
    digest = "ab" * 32

    ticket = post("/v1/images/uploads", json={"sha256": digest, "size_bytes": 9_000_000, "mime": "image/png"}).json()
    large = post("/v1/images/uploads", json={"sha256": digest, "size_bytes": 50_000_001, "mime": "image/png"})

    assert f"/images/acme/ab/{digest}?" in ticket["url"]
    signed = "content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256"
    assert f"X-Amz-SignedHeaders={signed}" in ticket["url"]
    assert set(ticket["headers"]) == {"content-type", "content-length", "x-amz-checksum-sha256"}
    assert (large.status_code, large.json()["error"]["param"]) == (422, "size_bytes")


def test_a_form_is_read_with_its_brackets_and_bytes() -> None:
    sent = httpx.Request(
        "POST",
        "http://x",
        data={"prompt": "a café", "tags[]": ["a", "b"], "variables[headline]": "SALE"},
        files=[("image[]", ("one.png", b"\r\n--\x00\xff")), ("image[]", ("two.png", b"2"))],
    )

    form = parsed(sent.read(), sent.headers["content-type"])

    assert form.fields == {"prompt": "a café", "tags": ["a", "b"], "variables": {"headline": "SALE"}}
    assert form.files == {"image": [b"\r\n--\x00\xff", b"2"]}


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain"])
def test_what_is_no_form_says_so(content_type: str) -> None:
    with pytest.raises(MalformedBody):
        parsed(b"--y\r\nno form", content_type)


@pytest.mark.parametrize(("to", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_a_picture_changes_its_format_and_a_jpeg_is_laid_on_white(to: Any, kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(buffer, "PNG")

    image = Image.open(io.BytesIO(converted(buffer.getvalue(), to, quality=90)))

    assert (image.format, image.size) == (kind, (8, 8))
    if kind == "JPEG":
        assert image.getpixel((4, 4)) == (255, 255, 255)


# ── a call and its repeat ────────────────────────────────────────────────────────────────────────


def begin(digest: str = "same", **how: Any) -> Call:
    fields = {"pictures": 1, "keyed": False, "patience": timedelta(seconds=25)} | NAMED | how
    return wiring.calls().begin(DESIGNER, digest, hero(), **fields)


def attach(digest: str = "same", **how: Any) -> Call | None:
    fields = {"asked": "wish", "keyed": False, "repeat": False, "patience": timedelta(seconds=25)} | how
    return wiring.calls().attach(DESIGNER, digest, **fields)


def test_a_call_that_was_sent_away_is_taken_up_once_by_whoever_asks_next(deployed: Resources) -> None:
    call = begin()
    wiring.calls().leave(call)

    first, second = attach(), attach()

    assert first is not None and first.job_ids == call.job_ids
    assert second is None


def test_a_call_somebody_waits_for_is_shared_by_a_marked_repeat_alone(deployed: Resources) -> None:
    call = begin()

    assert attach() is None
    assert attach(digest="other", repeat=True) is None
    shared = attach(repeat=True)
    assert shared is not None and shared.id == call.id


def test_an_answered_call_is_over(deployed: Resources) -> None:
    wiring.calls().answered(begin())

    assert attach(repeat=True) is None


def test_two_callers_cannot_take_up_the_same_call(deployed: Resources) -> None:
    call = begin()
    wiring.calls().leave(call)
    left = call.model_copy(update={"held_until_ms": 0})

    taken = [wiring.ledger().calls.hold(left, until=datetime.now(UTC)) for _ in range(2)]

    assert [each is None for each in taken] == [False, True]


def test_a_key_of_the_callers_is_one_call_answered_or_not(deployed: Resources) -> None:
    call = begin(keyed=True)
    wiring.calls().answered(call)

    again = attach(keyed=True)

    assert again is not None and again.id == call.id
    with pytest.raises(KeyReused):
        attach(keyed=True, asked="another wish")


def test_a_key_sent_twice_to_openais_door_is_answered_twice_with_one_job(openai_client: openai.OpenAI) -> None:
    headers = {"Idempotency-Key": "order-17"}

    first, second = (
        openai_client.images.generate(model="tier/hero", prompt="A sale", extra_headers=headers) for _ in range(2)
    )

    assert first.data is not None and second.data is not None
    assert first.data[0].b64_json == second.data[0].b64_json
    assert len(jobs()) == 1


# ── the remaining classes of errors ──────────────────────────────────────────────────────────────


def test_a_job_canceled_while_its_caller_waits_is_a_conflict(openai_client: openai.OpenAI, press: Press) -> None:
    press.gate.clear()
    over = threading.Event()

    def cancel() -> None:
        while not over.wait(0.05):
            for job in jobs():
                wiring.decisions().cancel(DESIGNER, job.id)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(openai.ConflictError) as caught:
        openai_client.images.generate(model="tier/hero", prompt="A sale")
    over.set()
    thread.join()

    assert caught.value.code == "wrong_stage"
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_too_many_requests_are_the_classes_the_packages_promise(
    openai_client: openai.OpenAI, replicate_client: replicate.Client, server: Server
) -> None:
    tight = Limits(requests_per_s=0.001, burst=1, jobs_per_day=1, open_jobs=1, usd_micros_per_day=1)
    wiring.ledger().usage.put_limits("acme", tight)
    wiring.allowances.cache_clear()

    openai_client.models.list()
    with pytest.raises(openai.RateLimitError) as limited:
        openai_client.models.list()
    with pytest.raises(ReplicateError) as throttled:
        replicate_client.predictions.create(version="hero", input={"prompt": "x"})

    assert float(limited.value.response.headers["retry-after"]) > 0
    assert limited.value.response.headers["ratelimit-remaining"] == "0"
    assert throttled.value.status == 429
