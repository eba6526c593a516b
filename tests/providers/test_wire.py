"""From recipe to wire and back, host by host: what each is sent, and what of its answer is kept."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from shared.errors import ProviderRefused, RenderFailed
from shared.masks import drawn
from shared.models import Box
from shared.providers import Order, Painted
from shared.providers.http import Network
from shared.providers.pictures import as_png
from tests.providers.conftest import CASES, World, order
from tests.providers.hosts import ENCODED, Answer
from tests.world import picture

INIT = picture(7, size=(100, 50))
BOX: Box = (0.1, 0.2, 0.3, 0.4)
MASK = drawn(BOX, width=100, height=50, feather=0.0)
INSIDE, OUTSIDE = (25, 20), (60, 20)
CASE = {case.name: case for case in CASES}


def start(name: str, world: World, network: Network, asked: Order) -> Painted:
    answer = CASE[name].build(world.url, network).start(asked)
    assert isinstance(answer, Painted)
    return answer


# ── OpenAI and Azure ─────────────────────────────────────────────────────────────────────────────


def test_openai_is_sent_what_its_api_knows_and_nothing_else(world: World, network: Network) -> None:
    asked = order("gpt-image-2", options={"quality": "high", "unknown": "x"}, size="1536x1024")

    painted = start("openai", world, network, asked)

    assert world.openai.seen[0].fields == {
        "model": "gpt-image-2",
        "prompt": "A poster that says SALE",
        "n": 1,
        "size": "1536x1024",
        "quality": "high",
        "output_format": "png",
    }
    assert painted.provider_request_id == "req-1"
    assert painted.usage == {"input_tokens": 9, "output_tokens": 196, "total_tokens": 205}


def test_the_prompt_dalle_rewrote_is_kept(world: World, network: Network) -> None:
    painted = start("openai", world, network, order("dall-e-3", options={"quality": "hd"}))

    assert painted.prompt_effective == "A sale, rewritten"
    assert world.openai.seen[0].fields["response_format"] == "b64_json"


def test_dalle_does_not_start_from_a_picture(world: World, network: Network) -> None:
    with pytest.raises(ProviderRefused, match="cannot start from a picture"):
        start("openai", world, network, order("dall-e-3", init_image=INIT))

    assert world.openai.seen == []


def test_azure_is_called_by_the_operators_deployment_name(world: World, network: Network) -> None:
    start("azure", world, network, order("gpt-image-2"))

    assert world.azure.seen[0].path == "/azure/openai/deployments/our-images/images/generations"


@pytest.mark.parametrize("name", ["openai", "azure"])
def test_an_edit_sends_the_stored_bytes_and_a_mask_whose_hole_is_the_box(
    world: World, network: Network, name: str
) -> None:
    start(name, world, network, order("gpt-image-2", init_image=INIT, mask=BOX, drawn_mask=MASK))

    (seen,) = CASE[name].host(world).seen
    assert seen.path.endswith("/images/edits")
    assert seen.files["image"] == INIT
    mask = Image.open(io.BytesIO(seen.files["mask"]))
    assert (mask.mode, mask.size) == ("RGBA", (100, 50))
    assert [mask.getpixel(at) for at in (INSIDE, OUTSIDE)] == [(0, 0, 0, 0), (0, 0, 0, 255)]


def test_a_final_over_its_draft_needs_no_mask(world: World, network: Network) -> None:
    start("openai", world, network, order("gpt-image-2", init_image=INIT, strength=0.6))

    assert set(world.openai.seen[0].files) == {"image"}


# ── Google ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "ratio", "resolution"),
    [
        ("1024x1024", "1:1", "1K"),
        ("848x1264", "2:3", "1K"),
        ("1376x768", "16:9", "1K"),
        ("1584x672", "21:9", "1K"),
        ("2048x2048", "1:1", "2K"),
        ("2400x1792", "4:3", "2K"),
        ("6336x2688", "21:9", "4K"),
        ("3584x4800", "3:4", "4K"),
    ],
)
def test_a_size_becomes_geminis_shape_and_class(
    world: World, network: Network, size: str, ratio: str, resolution: str
) -> None:
    start("gemini", world, network, order("gemini-3-pro-image", size=size))

    config = world.gemini.seen[0].fields["generationConfig"]
    assert config["imageConfig"] == {"aspectRatio": ratio, "imageSize": resolution}
    assert "thinkingConfig" not in config


def test_gemini_is_told_how_long_to_think_and_what_to_change(world: World, network: Network) -> None:
    asked = order("gemini-3.1-flash-image", init_image=INIT, options={"thinking_level": "MINIMAL"})

    painted = start("gemini", world, network, asked)

    fields = world.gemini.seen[0].fields
    assert [set(part) for part in fields["contents"][0]["parts"]] == [{"inlineData"}, {"text"}]
    assert fields["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "MINIMAL"}
    assert painted.model_revision == "gemini-3.1-flash-image-002"
    assert painted.provider_request_id == "resp-1"
    assert painted.usage["candidates_token_count"] == 1290


def test_gemini_takes_no_mask_and_is_not_asked_to(world: World, network: Network) -> None:
    with pytest.raises(ProviderRefused, match="takes no mask"):
        start("gemini", world, network, order("gemini-3-pro-image", init_image=INIT, mask=BOX, drawn_mask=MASK))

    assert world.gemini.seen == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("IMAGE_SAFETY", ProviderRefused),
        ("IMAGE_PROHIBITED_CONTENT", ProviderRefused),
        ("IMAGE_RECITATION", ProviderRefused),
        ("SAFETY", ProviderRefused),
        ("IMAGE_OTHER", RenderFailed),
        ("NO_IMAGE", RenderFailed),
        ("STOP", RenderFailed),
        ("A_REASON_OF_NEXT_YEAR", RenderFailed),
    ],
)
def test_geminis_200_without_a_picture_is_refused_or_failed_by_its_reason(
    world: World, network: Network, monkeypatch: pytest.MonkeyPatch, reason: str, kind: type[Exception]
) -> None:
    monkeypatch.setattr(world.gemini, "painted", lambda *_: world.gemini.stopped(reason, "because"))

    with pytest.raises(kind, match="because"):
        start("gemini", world, network, order("gemini-3-pro-image"))


def test_a_sketch_from_geminis_thoughts_is_not_the_picture(
    world: World, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    thought = {"inlineData": {"mimeType": "image/png", "data": ENCODED}, "thought": True}
    answer = {"candidates": [{"content": {"role": "model", "parts": [thought]}, "finishReason": "STOP"}]}
    monkeypatch.setattr(world.gemini, "painted", lambda *_: answer)

    with pytest.raises(RenderFailed, match="no image"):
        start("gemini", world, network, order("gemini-3-pro-image"))


def test_google_asks_for_patience_in_the_body(
    world: World, network: Network, time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"}
    body = {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": [retry]}}
    monkeypatch.setattr(world.gemini, "throttled", lambda: Answer(429, body))
    world.gemini.moods.append("throttled")

    start("gemini", world, network, order("gemini-3-pro-image"))

    assert time.pauses == [4.0]


def test_imagen_keeps_its_seed_by_leaving_out_the_watermark(world: World, network: Network) -> None:
    painted = start("imagen", world, network, order("imagen-4.0-fast-generate-001", size="1408x768"))

    parameters = world.imagen.seen[0].fields["parameters"]
    assert (parameters["seed"], parameters["addWatermark"], parameters["enhancePrompt"]) == (42, False, False)
    assert parameters["aspectRatio"] == "16:9"
    assert (painted.seed_sent, painted.seed_reported) == (42, None)


# ── Stability AI and Bedrock ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        ("1024x1024", "1:1"),
        ("1344x768", "16:9"),
        ("1536x640", "21:9"),
        ("832x1216", "2:3"),
        ("1088x896", "5:4"),
        ("640x1536", "9:21"),
    ],
)
def test_sd35_is_asked_for_a_shape(world: World, network: Network, size: str, ratio: str) -> None:
    start("stability", world, network, order("sd3.5-large", size=size, guidance_scale=4.5, negative_prompt="blurry"))
    start("bedrock", world, network, order("stability.sd3-5-large-v1:0", size=size, negative_prompt="blurry"))

    assert world.stability.seen[0].fields == {
        "model": "sd3.5-large",
        "prompt": "A poster that says SALE",
        "mode": "text-to-image",
        "seed": "42",
        "output_format": "png",
        "aspect_ratio": ratio,
        "negative_prompt": "blurry",
        "cfg_scale": "4.5",
    }
    assert world.bedrock.seen[0].fields["aspect_ratio"] == ratio
    assert world.bedrock.seen[0].fields["negative_prompt"] == "blurry"


def test_stability_repaints_what_is_white(world: World, network: Network) -> None:
    painted = start(
        "stability", world, network, order("sd3.5-large", init_image=INIT, mask=BOX, drawn_mask=MASK, strength=0.9)
    )

    (seen,) = world.stability.seen
    assert seen.path.endswith("/edit/inpaint")
    assert seen.files["mask"] == MASK
    assert painted.model_revision == "edit/inpaint"


@pytest.mark.parametrize(("name", "model"), [("stability", "sd3.5-large"), ("bedrock", "stability.sd3-5-large-v1:0")])
def test_sd35_paints_over_a_picture_by_strength(world: World, network: Network, name: str, model: str) -> None:
    painted = start(name, world, network, order(model, init_image=INIT, strength=0.55))

    fields = CASE[name].host(world).seen[0].fields
    assert (fields["mode"], float(fields["strength"])) == ("image-to-image", 0.55)
    assert (painted.seed_sent, painted.seed_reported) == (42, 42)


def test_stabilitys_blurred_picture_is_a_refusal(
    world: World, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.stability, "painted", lambda *_: world.stability.filtered())

    with pytest.raises(ProviderRefused, match="CONTENT_FILTERED"):
        start("stability", world, network, order("sd3.5-large"))


def test_bedrocks_inference_error_is_a_failure_and_not_a_refusal(
    world: World, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"seeds": [1], "finish_reasons": ["Inference error"], "images": [ENCODED]}
    monkeypatch.setattr(world.bedrock, "painted", lambda *_: answer)

    with pytest.raises(RenderFailed, match="Inference error"):
        start("bedrock", world, network, order("stability.sd3-5-large-v1:0"))


def test_bedrocks_own_latency_is_the_inference_time(world: World, network: Network) -> None:
    painted = start("bedrock", world, network, order("stability.sd3-5-large-v1:0"))

    assert (painted.inference_ms, painted.provider_request_id) == (8100, "req-1")


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────


def test_our_own_endpoints_get_the_pixels_of_a_jpeg_as_png() -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(INIT)).save(buffer, "JPEG")

    converted = Image.open(io.BytesIO(as_png(buffer.getvalue())))

    assert (converted.format, converted.tobytes()) == ("PNG", Image.open(buffer).tobytes())
    assert as_png(INIT) is INIT
    with pytest.raises(ProviderRefused, match="cannot be read"):
        as_png(b"\xff\xd8\xff no picture")
