"""OpenAI's own Python package against our API: it needs to know nothing but the address."""

from __future__ import annotations

import base64
import io
from typing import Any

import openai
import pytest
from PIL import Image

from shared import wiring
from shared.models import Job
from tests.clients.bridge import Press, Server
from tests.handlers.conftest import KEY
from tests.world import picture

SALE = {"use_case": "hero", "expected_text": "SALE", "seed": 42}


def jobs() -> tuple[Job, ...]:
    return wiring.ledger().jobs("acme").jobs


def opened(encoded: str | None) -> Image.Image:
    assert encoded
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def test_a_prompt_becomes_a_verified_picture_that_says_where_it_comes_from(openai_client: openai.OpenAI) -> None:
    reply = openai_client.images.generate(
        model="tier/hero", prompt="A summer sale", size="1024x1024", extra_body=SALE, user="u-1"
    )

    (job,) = jobs()
    assert reply.data is not None
    shown: Any = reply.data[0]
    assert opened(shown.b64_json).format == "PNG"
    assert (shown.url, shown.job_id, shown.seed) == (None, job.id, 42)
    assert shown.verification["verdict"] == "pass"
    assert (reply.model, reply.job_id, reply.output_format) == (shown.model, job.id, "png")  # type: ignore[attr-defined]
    assert reply.usage is not None and reply.usage.total_tokens == 0
    assert (job.use_case, job.expected_text, str(job.size)) == ("hero", ("SALE",), "1024x1024")
    assert job.request.metadata == {"user": "u-1"}


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-2", "sd35-large", "tier/typography", None])
def test_models_are_named_as_at_openai_as_in_the_catalogue_or_by_use_case(
    model: str | None, openai_client: openai.OpenAI
) -> None:
    reply = openai_client.images.generate(model=model, prompt="A lighthouse", size="auto", response_format="b64_json")

    assert reply.data is not None and reply.data[0].b64_json


def test_a_quality_picks_the_row_of_the_catalogue_that_is_offered_in_it(openai_client: openai.OpenAI) -> None:
    reply = openai_client.images.generate(model="gpt-image-2", prompt="A lighthouse", quality="low")

    assert jobs()[0].request.model == "gpt-image-2-low"
    assert reply.quality == "low"


def test_so_many_pictures_are_so_many_verified_jobs_with_the_seeds_of_as_many_drafts(
    openai_client: openai.OpenAI,
) -> None:
    reply = openai_client.images.generate(model="tier/hero", prompt="A summer sale", n=3, extra_body=SALE)

    assert reply.data is not None
    shown: list[Any] = list(reply.data)
    assert len({each.job_id for each in shown}) == len({each.seed for each in shown}) == 3
    assert shown[0].seed == 42
    assert all(each.verification["verdict"] == "pass" for each in shown)


def test_drafts_alone_are_so_many_drafts_of_one_job(openai_client: openai.OpenAI) -> None:
    reply = openai_client.images.generate(
        model="tier/hero", prompt="A summer sale", extra_body={"finalize": "draft_only", "drafts": 2}
    )

    assert len(jobs()) == 1
    assert reply.data is not None and len(reply.data) == 2


def test_a_link_leads_to_the_stored_picture(openai_client: openai.OpenAI) -> None:
    reply = openai_client.images.generate(model="tier/hero", prompt="A summer sale", response_format="url")

    assert reply.data is not None
    assert reply.data[0].b64_json is None
    assert "X-Amz-Signature" in (reply.data[0].url or "")


@pytest.mark.parametrize(("asked", "got"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_the_reply_is_in_the_format_asked_for_and_the_store_keeps_the_original(
    asked: Any, got: str, openai_client: openai.OpenAI
) -> None:
    compression = {} if asked == "png" else {"output_compression": 60}
    reply = openai_client.images.generate(model="tier/hero", prompt="A sale", output_format=asked, **compression)

    final = wiring.ledger().attempts(jobs()[0].id)[-1]
    assert reply.data is not None and opened(reply.data[0].b64_json).format == got
    assert reply.output_format == asked
    assert final.image is not None and final.image.mime == "image/png"


def test_a_template_with_its_variables_stands_in_for_the_prompt(openai_client: openai.OpenAI) -> None:
    template = {"template": "poster@2", "variables": {"headline": "SALE", "subject": "a beach"}}
    body = wiring.templates().versions["poster"][2].example | {"headline": "SALE"}
    openai_client.images.generate(model="tier/typography", prompt="", extra_body=template | {"variables": body})

    assert jobs()[0].template is not None and str(jobs()[0].template.name) == "poster"


# ── what is refused ──────────────────────────────────────────────────────────────────────────────

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"background": "transparent"}, "background"),
    ({"style": "vivid"}, "style"),
    ({"moderation": "low"}, "moderation"),
    ({"output_format": "gif"}, "output_format"),
    ({"output_format": "png", "output_compression": 50}, "output_compression"),
    ({"output_format": "jpeg", "response_format": "url"}, "output_format"),
    ({"quality": "hd"}, "quality"),
    ({"model": "sd35-large", "quality": "hd"}, "quality"),
    ({"n": 11}, "n"),
    ({"size": "1000x1000"}, "size"),
    ({"size": "big"}, "size"),
    ({"partial_images": 1}, "partial_images"),
    ({"complexity": "high"}, "complexity"),
    ({"prompt": "x" * 4001}, "prompt"),
    ({"extra_body": {"colour": "red"}}, "colour"),
    ({"extra_body": {"use_case": "feed"}}, "use_case"),
    ({"extra_body": {"finalize": "on_approval"}}, "finalize"),
    ({"extra_body": {"seed": "x y"}}, "seed"),
]


def test_what_cannot_be_honoured_is_refused_by_name(openai_client: openai.OpenAI, subtests: pytest.Subtests) -> None:
    for fields, param in REFUSED:
        with subtests.test(**fields), pytest.raises(openai.UnprocessableEntityError) as caught:
            openai_client.images.generate(**{"model": "tier/hero", "prompt": "A summer sale"} | fields)
        assert (caught.value.param or "").split(".")[0] == param, fields
    assert jobs() == ()


def test_an_unknown_model_is_not_found_and_near_names_are_told(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        openai_client.images.generate(model="gpt-image-9", prompt="A summer sale")

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert "gpt-image-2" in caught.value.message


def test_errors_are_the_classes_the_sdk_promises(server: Server, openai_client: openai.OpenAI) -> None:
    stranger = openai.OpenAI(api_key="pc_live_wrong", base_url=f"{server.url}/v1", max_retries=0)

    with pytest.raises(openai.AuthenticationError) as unknown:
        stranger.images.generate(model="tier/hero", prompt="A summer sale")
    with pytest.raises(openai.UnprocessableEntityError) as invalid:
        openai_client.images.generate(model="tier/hero", prompt="")
    with pytest.raises(openai.NotFoundError) as missing:
        openai_client.images.generate(model="tier/billboard", prompt="A summer sale")

    assert unknown.value.code == "not_authenticated"
    assert (invalid.value.code, invalid.value.param, invalid.value.type) == (
        "invalid_request", "prompt", "invalid_request_error"
    )  # fmt: skip
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert invalid.value.request_id
    stranger.close()


def test_the_articles_failure_says_what_was_read_and_is_not_asked_for_again(server: Server, press: Press) -> None:
    press.studio.reader.readings = ["SALF"] * 20
    client = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=2)

    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.images.generate(model="tier/hero", prompt="A summer sale", extra_body=SALE)

    error = caught.value
    assert error.code == "rendered_text_mismatch"
    assert "rendered_text_mismatch: expected 'SALE' not found" in error.message
    assert error.response.headers["x-should-retry"] == "false"
    body = error.response.json()
    assert (body["ocr_text"], body["job_id"]) == ("SALF", jobs()[0].id)
    assert "X-Amz-Signature" in body["best_asset"]
    assert error.request_id == error.response.headers["x-request-id"]
    assert len(server.requests) == len(jobs()) == 1


# ── waiting, and coming back ─────────────────────────────────────────────────────────────────────


def test_the_sdks_own_retry_goes_on_waiting_for_the_same_job(server: Server, press: Press) -> None:
    press.gate.clear()
    client = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=2, timeout=4)
    opens = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0, timeout=3)

    with pytest.raises(openai.InternalServerError) as sent_away:
        opens.images.generate(model="tier/hero", prompt="A summer sale")
    press.gate.set()
    reply: Any = client.images.generate(model="tier/hero", prompt="A summer sale")

    assert (sent_away.value.status_code, sent_away.value.code) == (503, "still_working")
    assert sent_away.value.response.headers["x-should-retry"] == "true"
    assert float(sent_away.value.response.headers["retry-after"]) > 0
    assert [job.id for job in jobs()] == [reply.job_id]


def test_one_call_with_retries_is_one_job_however_often_it_was_sent_away(server: Server, press: Press) -> None:
    press.gate.clear()
    client = openai.OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=3, timeout=3)

    def opened_after_the_first_503(event: dict[str, Any]) -> bool:
        return event["headers"].get("x-stainless-retry-count") == "1"

    class Opening(list[dict[str, Any]]):
        def append(self, event: dict[str, Any]) -> None:
            super().append(event)
            if opened_after_the_first_503(event):
                press.gate.set()

    server.requests = Opening()
    reply: Any = client.images.generate(model="tier/hero", prompt="A summer sale")

    assert len(server.requests) > 1
    assert [job.id for job in jobs()] == [reply.job_id]


def test_asking_again_after_the_answer_is_a_new_wish(openai_client: openai.OpenAI) -> None:
    first, second = (openai_client.images.generate(model="tier/hero", prompt="A summer sale") for _ in range(2))

    assert first.job_id != second.job_id  # type: ignore[attr-defined]
    assert len(jobs()) == 2


# ── streams ──────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_shows_the_draft_and_then_the_final(openai_client: openai.OpenAI) -> None:
    events: list[Any] = list(
        openai_client.images.generate(model="tier/hero", prompt="A sale", stream=True, partial_images=1)
    )

    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert events[0].partial_image_index == 0
    assert all(opened(event.b64_json).format == "PNG" for event in events)
    assert events[-1].job_id == jobs()[0].id
    assert events[-1].usage.total_tokens == 0


def test_a_stream_without_partial_images_is_the_final_alone(openai_client: openai.OpenAI) -> None:
    events = list(openai_client.images.generate(model="tier/hero", prompt="A sale", stream=True, partial_images=0))

    assert [event.type for event in events] == ["image_generation.completed"]


def test_a_streams_failure_is_raised_by_the_sdk(openai_client: openai.OpenAI, press: Press) -> None:
    press.studio.reader.readings = ["SALF"] * 20

    with pytest.raises(openai.APIError) as caught:
        list(openai_client.images.generate(model="tier/hero", prompt="A sale", stream=True, extra_body=SALE))

    assert caught.value.code == "rendered_text_mismatch"


# ── edits ────────────────────────────────────────────────────────────────────────────────────────


def masked(size: tuple[int, int]) -> bytes:
    """Transparent, so to be repainted, in its upper half."""
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, size[0], size[1] // 2))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def test_an_edit_starts_from_the_picture_and_changes_it_under_the_mask(openai_client: openai.OpenAI) -> None:
    original = picture(1, size=(512, 512))

    reply = openai_client.images.edit(
        model="tier/hero",
        image=("photo.png", original),
        mask=("mask.png", masked((512, 512))),
        prompt="A red balloon",
        extra_body={"seed": 7, "tags": ["a", "b"], "metadata": {"team": "web"}, "strength": 0.8},
    )

    (job,) = jobs()
    assert job.request.init_image is not None and job.request.mask_image is not None
    assert wiring.images().load("acme", job.request.init_image) == original
    assert (job.request.seed, job.request.strength, job.request.tags) == (7, 0.8, ("a", "b"))
    assert job.request.metadata == {"team": "web"}
    assert str(job.size) == "512x512"
    assert reply.data is not None and reply.data[0].b64_json


def test_an_edit_streams_too(openai_client: openai.OpenAI) -> None:
    events = list(
        openai_client.images.edit(model="tier/hero", image=picture(1, size=(512, 512)), prompt="A sale", stream=True)
    )

    assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_bad_pictures_and_masks_are_named(openai_client: openai.OpenAI, subtests: pytest.Subtests) -> None:
    good, wrong = picture(1, size=(512, 512)), masked((256, 256))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"image": b"no picture"}, "image"),
        ({"image": [good, good]}, "image"),
        ({"image": good, "mask": wrong}, "mask"),
        ({"image": good, "mask": b"no picture"}, "mask"),
        ({"image": good, "input_fidelity": "high"}, "input_fidelity"),
        ({"image": good, "markup": good}, "markup"),
    ]
    for fields, param in cases:
        with subtests.test(param=param), pytest.raises(openai.UnprocessableEntityError) as caught:
            openai_client.images.edit(model="tier/hero", prompt="A balloon", **fields)
        assert caught.value.param == param
    assert jobs() == ()


def test_a_form_too_large_for_lambda_says_where_to_put_it(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        openai_client.images.edit(model="tier/hero", prompt="A balloon", image=b"\x89PNG" + bytes(4_500_000))

    assert caught.value.status_code == 413
    assert "/v1/images/uploads" in caught.value.message


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def test_the_models_are_listed_for_the_sdk(openai_client: openai.OpenAI) -> None:
    listed = {model.id: model for model in openai_client.models.list()}

    assert {"gpt-image-2", "dall-e-3", "sd35-large", "tier/hero"} <= set(listed)
    assert all(model.object == "model" and model.created for model in listed.values())
