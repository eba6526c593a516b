"""The official SDKs talk to our imitated hosts, so that those are not merely our opinion of the providers.

If the SDK's types accept a reply and its errors carry what ours carry, then so will the real host's. Bedrock needs no
test here: its adapter is boto3. Stability AI has no SDK for v2beta.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import httpx
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.providers.conftest import World
from tests.providers.hosts import ENCODED, KEY, PATIENCE_S, PICTURE, Mood

PROMPT = "A poster that says SALE"


@cache
def openai_client(address: str) -> openai.OpenAI:
    url = f"{address}/openai/v1"
    return openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, _strict_response_validation=True)


@cache
def azure_client(address: str) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(
        azure_endpoint=f"{address}/azure",
        api_version="2025-04-01-preview",
        api_key=KEY,
        max_retries=0,
        _strict_response_validation=True,
    )


def gemini_client(world: World) -> genai.Client:
    options = types.HttpOptions(base_url=f"{world.url}/google", api_version="v1beta")
    return genai.Client(api_key=KEY, http_options=options)


def generate(client: openai.OpenAI) -> Any:
    return client.images.generate(model="gpt-image-2", prompt=PROMPT, n=1, size="1024x1024")


@pytest.mark.parametrize("client", [openai_client, azure_client])
def test_openais_sdk_reads_our_picture(world: World, client: Any) -> None:
    reply = generate(client(world.url))

    assert reply.data[0].b64_json == ENCODED
    assert reply.usage.total_tokens == 205


@pytest.mark.parametrize("client", [openai_client, azure_client])
def test_openais_sdk_sends_an_edit_that_our_host_takes(world: World, client: Any) -> None:
    reply = client(world.url).images.edit(
        model="gpt-image-2", prompt=PROMPT, n=1, size="1024x1024", image=io.BytesIO(PICTURE), mask=io.BytesIO(PICTURE)
    )

    assert reply.data[0].b64_json == ENCODED


def test_openais_sdk_reads_dalles_rewritten_prompt(world: World) -> None:
    reply = openai_client(world.url).images.generate(
        model="dall-e-3", prompt=PROMPT, n=1, size="1024x1024", quality="hd", response_format="b64_json"
    )

    assert reply.data is not None
    assert reply.data[0].revised_prompt == "A sale, rewritten"


@pytest.mark.parametrize(
    ("client", "mood", "kind", "code"),
    [
        (openai_client, "moderated", openai.BadRequestError, "moderation_blocked"),
        (openai_client, "throttled_for_7", openai.RateLimitError, "rate_limit_exceeded"),
        (openai_client, "broken", openai.InternalServerError, None),
        (openai_client, "gone", openai.NotFoundError, "model_not_found"),
        (openai_client, "locked_out", openai.AuthenticationError, "invalid_api_key"),
        (azure_client, "moderated", openai.BadRequestError, "content_policy_violation"),
        (azure_client, "gone", openai.NotFoundError, "DeploymentNotFound"),
        (azure_client, "locked_out", openai.PermissionDeniedError, "Forbidden"),
    ],
)
def test_openais_sdk_reads_our_errors(
    world: World, client: Any, mood: Mood, kind: type[openai.APIStatusError], code: str | None
) -> None:
    host = world.openai if client is openai_client else world.azure
    host.moods.append(mood)

    with pytest.raises(kind) as caught:
        generate(client(world.url))

    assert caught.value.code == code
    assert caught.value.request_id == "req-1"
    if mood == "throttled_for_7":
        assert caught.value.response.headers["retry-after"] == str(PATIENCE_S)


def test_openais_sdk_takes_our_empty_reply_for_a_success(world: World) -> None:
    """Why "200 with no image" must be our own failure: no SDK raises it."""
    world.openai.moods.append("empty")

    assert generate(openai_client(world.url)).data == []


def test_googles_sdk_reads_our_picture(world: World) -> None:
    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        candidate_count=1,
        seed=42,
        image_config=types.ImageConfig(aspect_ratio="1:1", image_size="1K"),
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.MINIMAL),
    )

    client = gemini_client(world)  # kept: it closes its connections when it is collected

    reply = client.models.generate_content(model="gemini-3.1-flash-image", contents=PROMPT, config=config)

    assert reply.parts is not None
    picture = [part.inline_data.data for part in reply.parts if part.inline_data and not part.thought]
    assert picture == [PICTURE]
    assert (reply.model_version, reply.response_id) == ("gemini-3.1-flash-image-002", "resp-1")
    assert reply.usage_metadata is not None
    assert reply.usage_metadata.total_token_count == 1299


@pytest.mark.parametrize(
    ("mood", "kind", "code"),
    [
        ("throttled", errors.ClientError, 429),
        ("broken", errors.ServerError, 500),
        ("gone", errors.ClientError, 404),
        ("locked_out", errors.ClientError, 400),
    ],
)
def test_googles_sdk_reads_our_errors(world: World, mood: Mood, kind: type[errors.APIError], code: int) -> None:
    world.gemini.moods.append(mood)
    url = f"{world.url}/google/v1beta/models/gemini-3-pro-image:generateContent"

    reply = httpx.post(url, headers={"x-goog-api-key": KEY}, json=_content(), trust_env=False)

    with pytest.raises(kind) as caught:
        errors.APIError.raise_for_response(reply)
    assert caught.value.code == code
    assert caught.value.status


@pytest.mark.parametrize(
    ("mood", "blocked", "finished"),
    [("moderated", types.BlockedReason.PROHIBITED_CONTENT, None), ("empty", None, types.FinishReason.NO_IMAGE)],
)
def test_googles_sdk_reads_our_refusals_without_raising(
    world: World, mood: Mood, blocked: types.BlockedReason | None, finished: types.FinishReason | None
) -> None:
    world.gemini.moods.append(mood)
    url = f"{world.url}/google/v1beta/models/gemini-3-pro-image:generateContent"

    reply = httpx.post(url, headers={"x-goog-api-key": KEY}, json=_content(), trust_env=False)

    parsed = types.GenerateContentResponse.model_validate_json(reply.content)
    assert (parsed.prompt_feedback.block_reason if parsed.prompt_feedback else None) == blocked
    assert (parsed.candidates[0].finish_reason if parsed.candidates else None) == finished


def test_every_reason_we_call_filtered_is_one_of_googles() -> None:
    from shared.providers.google import _FILTERED

    assert {each.value for each in types.FinishReason} >= _FILTERED


@pytest.mark.filterwarnings("ignore:The generate_images method is deprecated")
def test_vertex_sdk_reads_imagens_picture_and_its_refusal(world: World) -> None:
    """The SDK speaks to Imagen only through Vertex, whose reply has the same shape."""
    client = genai.Client(vertexai=True, api_key=KEY, http_options=types.HttpOptions(base_url=f"{world.url}/vertex"))
    config = types.GenerateImagesConfig(
        number_of_images=1, aspect_ratio="1:1", seed=42, add_watermark=False, include_rai_reason=True
    )
    world.imagen.moods.extend(["good", "moderated"])

    painted, filtered = (
        client.models.generate_images(model="imagen-4.0-fast-generate-001", prompt=PROMPT, config=config)
        for _ in range(2)
    )

    assert painted.generated_images is not None
    assert painted.generated_images[0].image is not None
    assert painted.generated_images[0].image.image_bytes == PICTURE
    assert filtered.generated_images is not None
    assert "58061214" in (filtered.generated_images[0].rai_filtered_reason or "")


def _content() -> Any:
    config = {
        "responseModalities": ["IMAGE"],
        "candidateCount": 1,
        "seed": 1,
        "imageConfig": {"aspectRatio": "1:1", "imageSize": "1K"},
    }
    return {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}], "generationConfig": config}
