"""The hosts we imitate: strict about requests, true to the published replies, and moody on demand.

What they accept and send is written from the providers' SDK types and reference pages (named at each class), and
test_sdks.py lets the official SDKs talk to them. Each request is kept, so that a test can look at what was sent.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.providers.hosting import Flood, Silence, Truncated
from tests.world import picture

KEY = "sk-test-0123456789abcdef0123456789abcdef"
PICTURE = picture(3)
ENCODED = base64.b64encode(PICTURE).decode()
PATIENCE_S = 7

Mood = Literal[
    "good", "moderated", "throttled", "throttled_for_7", "broken", "silent", "truncated", "empty", "garbled",
    "not_base64", "gone", "locked_out", "flooding",
]  # fmt: skip


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    fields: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Malformed(Exception):
    """The request breaks the host's published rules: the adapter is wrong."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Host:
    """What all imitations share: the queue of moods and the journal."""

    def __init__(self) -> None:
        self.moods: deque[Mood] = deque()
        self.seen: list[Seen] = []

    def reset(self) -> None:
        self.moods.clear()
        self.seen.clear()

    async def serve(self, request: Request) -> ASGIApp:
        try:
            seen = await self._read(request)
            self.check(request, seen)
        except (Malformed, ValidationError) as error:
            return JSONResponse({"error": {"message": f"malformed: {error}", "code": "malformed"}}, 400)
        self.seen.append(seen)
        mood = self.moods.popleft() if self.moods else "good"
        if mood == "silent":
            return Silence()
        if mood == "flooding":
            return Flood()
        if mood == "garbled":
            return Response("<html>a proxy's page</html>", media_type="text/html")
        if mood == "truncated":
            return Truncated(json.dumps(self.painted(seen, ENCODED)).encode())
        answer = self._answer(mood, seen)
        return JSONResponse(answer.body, answer.status, headers={"x-request-id": "req-1"} | answer.headers)

    def _answer(self, mood: Mood, seen: Seen) -> Answer:
        if mood in {"good", "not_base64"}:
            return Answer(200, self.painted(seen, ENCODED if mood == "good" else "%%%"), self.headers())
        if mood == "throttled_for_7":
            answer = self.throttled()
            return Answer(answer.status, answer.body, answer.headers | {"retry-after": str(PATIENCE_S)})
        answers = {
            "moderated": self.moderated,
            "throttled": self.throttled,
            "broken": self.broken,
            "empty": self.empty,
            "gone": self.gone,
            "locked_out": self.locked_out,
        }
        return answers[mood]()

    async def _read(self, request: Request) -> Seen:
        seen = Seen(path=request.url.path, headers=dict(request.headers), fields={})
        if request.headers["content-type"].startswith("multipart/form-data"):
            async with request.form(max_part_size=2**24) as form:
                for name, value in form.multi_items():
                    if isinstance(value, UploadFile):
                        seen.files[name] = await value.read()
                    else:
                        seen.fields[name] = value
        else:
            seen.fields = json.loads(await request.body())
        return seen

    # what each host says in its own words

    def check(self, request: Request, seen: Seen) -> None:
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        return {}

    def painted(self, seen: Seen, encoded: str) -> Any:
        raise NotImplementedError

    def moderated(self) -> Answer:
        raise NotImplementedError

    def throttled(self) -> Answer:
        raise NotImplementedError

    def broken(self) -> Answer:
        raise NotImplementedError

    def empty(self) -> Answer:
        raise NotImplementedError

    def gone(self) -> Answer:
        raise NotImplementedError

    def locked_out(self) -> Answer:
        raise NotImplementedError


def require(condition: bool, rule: str) -> None:
    if not condition:
        raise Malformed(rule)


# ── OpenAI ───────────────────────────────────────────────────────────────────────────────────────


class _Generate(Strict):
    """openai-python 3.54 types/image_generate_params.py, without what we never send."""

    prompt: str = Field(min_length=1, max_length=32_000)
    model: str
    n: int = Field(ge=1, le=10)
    size: str = Field(pattern=r"^(auto|\d+x\d+)$")
    quality: Literal["low", "medium", "high", "auto", "standard", "hd"] | None = None
    style: Literal["vivid", "natural"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    moderation: Literal["low", "auto"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    response_format: Literal["url", "b64_json"] | None = None


def _error(status: int, message: str, kind: str, code: str | None, **more: Any) -> Answer:
    return Answer(status, {"error": {"message": message, "type": kind, "param": None, "code": code, **more}})


class OpenAIHost(Host):
    """api.openai.com: images/generations and images/edits."""

    prefix = "/openai/v1"

    def routes(self) -> list[Route]:
        paths = (f"{self.prefix}/images/generations", f"{self.prefix}/images/edits")
        return [Route(path, self.serve, methods=["POST"]) for path in paths]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("authorization") == f"Bearer {KEY}", "Authorization: Bearer")
        self.check_fields(seen)

    def check_fields(self, seen: Seen) -> None:
        edits = seen.path.endswith("/edits")
        fields = dict(seen.fields) | ({"n": int(seen.fields.get("n", 1))} if edits else {})
        asked = _Generate.model_validate(fields)
        require(edits == ("image" in seen.files), "edits take a file named image, generations none")
        require(set(seen.files) <= {"image", "mask"}, "no other files")
        dalle = asked.model.startswith("dall-e")
        require(not (dalle and asked.output_format), "output_format is for GPT image models only")
        require(not (not dalle and asked.response_format), "response_format is not for GPT image models")

    def painted(self, seen: Seen, encoded: str) -> Any:
        if seen.fields["model"].startswith("dall-e"):
            return {"created": 1, "data": [{"b64_json": encoded, "revised_prompt": "A sale, rewritten"}]}
        details = {"image_tokens": 0, "text_tokens": 9}
        usage = {"input_tokens": 9, "input_tokens_details": details, "output_tokens": 196, "total_tokens": 205}
        facts = {"background": "opaque", "output_format": "png", "quality": "high", "size": "1024x1024"}
        return {"created": 1, "data": [{"b64_json": encoded}], **facts, "usage": usage}

    def moderated(self) -> Answer:
        text = "Your request was rejected by the safety system. safety_violations=[violence]."
        return _error(400, text, "image_generation_user_error", "moderation_blocked")

    def throttled(self) -> Answer:
        return _error(429, "Rate limit reached for images per minute.", "requests", "rate_limit_exceeded")

    def broken(self) -> Answer:
        return _error(500, "The server had an error.", "server_error", None)

    def empty(self) -> Answer:
        return Answer(200, {"created": 1, "data": []})

    def gone(self) -> Answer:
        return _error(404, "The model does not exist.", "invalid_request_error", "model_not_found")

    def locked_out(self) -> Answer:
        return _error(401, f"Incorrect API key provided: {KEY}.", "invalid_request_error", "invalid_api_key")


class AzureHost(OpenAIHost):
    """{resource}.openai.azure.com; error bodies as in litellm issue 16072."""

    def routes(self) -> list[Route]:
        path = "/azure/openai/deployments/{deployment}/images/{operation}"
        return [Route(path, self.serve, methods=["POST"])]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("api-key") == KEY, "api-key")
        require(request.query_params.get("api-version") == "2025-04-01-preview", "api-version")
        self.check_fields(seen)

    def moderated(self) -> Answer:
        inner = {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_results": {"violence": {"filtered": True, "severity": "high"}},
        }
        text = "Your request was rejected as a result of our safety system."
        return _error(400, text, "invalid_request_error", "content_policy_violation", inner_error=inner)

    def throttled(self) -> Answer:
        return _error(429, "Requests have exceeded the rate limit of your tier.", "", "429")

    def gone(self) -> Answer:
        return _error(404, "The API deployment for this resource does not exist.", "", "DeploymentNotFound")

    def locked_out(self) -> Answer:
        return _error(403, "Your resource has been temporarily blocked.", "", "Forbidden")


# ── Google ───────────────────────────────────────────────────────────────────────────────────────


class _Blob(Strict):
    mimeType: Literal["image/png", "image/jpeg", "image/webp"]  # noqa: N815  # the wire's names
    data: str


class _Part(Strict):
    text: str | None = None
    inlineData: _Blob | None = None  # noqa: N815


class _Content(Strict):
    role: Literal["user"]
    parts: list[_Part] = Field(min_length=1)


class _ImageConfig(Strict):
    aspectRatio: Literal["1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9"]  # noqa: N815
    imageSize: Literal["1K", "2K", "4K"]  # noqa: N815


class _Thinking(Strict):
    """Protobuf's JSON takes a field by either of its names, and the SDK sends this one in snake case."""

    level: Literal["MINIMAL", "LOW", "MEDIUM", "HIGH"] = Field(
        validation_alias=AliasChoices("thinkingLevel", "thinking_level")
    )


class _GenerationConfig(Strict):
    responseModalities: list[Literal["IMAGE", "TEXT"]]  # noqa: N815
    candidateCount: Literal[1]  # noqa: N815
    seed: int = Field(ge=-(2**31), lt=2**31)
    imageConfig: _ImageConfig  # noqa: N815
    thinkingConfig: _Thinking | None = None  # noqa: N815


class _GenerateContent(Strict):
    contents: list[_Content] = Field(min_length=1)
    generationConfig: _GenerationConfig  # noqa: N815


def _google_error(code: int, status: str, message: str, *details: dict[str, Any]) -> Answer:
    return Answer(code, {"error": {"code": code, "message": message, "status": status, "details": list(details)}})


class GeminiHost(Host):
    """generativelanguage.googleapis.com: models/{model}:generateContent (python-genai 3.4 types.py)."""

    def routes(self) -> list[Route]:
        return [Route("/google/v1beta/models/{model}:generateContent", self.serve, methods=["POST"])]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("x-goog-api-key") == KEY, "x-goog-api-key")
        require(not request.query_params, "the key belongs into the header, not into the URL")
        _GenerateContent.model_validate(seen.fields)

    def painted(self, seen: Seen, encoded: str) -> Any:
        thought = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thought": True}
        final = {"inlineData": {"mimeType": "image/png", "data": encoded}}
        return {
            "candidates": [
                {"content": {"role": "model", "parts": [thought, final]}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1290, "totalTokenCount": 1299},
            "modelVersion": "gemini-3.1-flash-image-002",
            "responseId": "resp-1",
        }

    def stopped(self, reason: str, message: str = "") -> Any:
        return {"candidates": [{"finishReason": reason, "finishMessage": message, "index": 0}], "responseId": "resp-1"}

    def moderated(self) -> Answer:
        return Answer(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "responseId": "resp-1"})

    def throttled(self) -> Answer:
        return _google_error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.")

    def broken(self) -> Answer:
        return _google_error(500, "INTERNAL", "An internal error has occurred.")

    def empty(self) -> Answer:
        return Answer(200, self.stopped("NO_IMAGE", "No image was made."))

    def gone(self) -> Answer:
        return _google_error(404, "NOT_FOUND", "models/x is not found for API version v1beta.")

    def locked_out(self) -> Answer:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return _google_error(400, "INVALID_ARGUMENT", f"API key not valid: {KEY}", info)


class _Instance(Strict):
    prompt: str


class _Output(Strict):
    mimeType: Literal["image/png", "image/jpeg"]  # noqa: N815


class _Parameters(Strict):
    sampleCount: Literal[1]  # noqa: N815
    aspectRatio: Literal["1:1", "3:4", "4:3", "9:16", "16:9"]  # noqa: N815
    seed: int | None = Field(None, ge=1, lt=2**31)
    addWatermark: bool = True  # noqa: N815
    enhancePrompt: bool = True  # noqa: N815
    includeRaiReason: bool = False  # noqa: N815
    guidanceScale: float | None = None  # noqa: N815
    negativePrompt: str | None = None  # noqa: N815
    outputOptions: _Output | None = None  # noqa: N815


class _Predict(Strict):
    instances: list[_Instance] = Field(min_length=1)
    parameters: _Parameters


class ImagenHost(GeminiHost):
    """The same host's models/{model}:predict, and Vertex's path for its SDK (python-genai 3.4 models.py)."""

    def routes(self) -> list[Route]:
        paths = (
            "/google/v1beta/models/{model}:predict",
            "/vertex/v1beta1/publishers/google/models/{model}:predict",
        )
        return [Route(path, self.serve, methods=["POST"]) for path in paths]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("x-goog-api-key") == KEY, "x-goog-api-key")
        asked = _Predict.model_validate(seen.fields)
        require(not (asked.parameters.seed and asked.parameters.addWatermark), "no seed with a watermark")

    def painted(self, seen: Seen, encoded: str) -> Any:
        return {"predictions": [{"bytesBase64Encoded": encoded, "mimeType": "image/png"}]}

    def moderated(self) -> Answer:
        return Answer(200, {"predictions": [{"raiFilteredReason": "Unable to show generated images: 58061214"}]})

    def empty(self) -> Answer:
        return Answer(200, {"predictions": []})


# ── Stability AI ─────────────────────────────────────────────────────────────────────────────────

_SD3 = {
    "prompt", "negative_prompt", "aspect_ratio", "seed", "output_format", "model", "mode", "strength", "style_preset",
    "cfg_scale",
}  # fmt: skip
_INPAINT = {"prompt", "negative_prompt", "grow_mask", "seed", "output_format", "style_preset"}


class StabilityHost(Host):
    """api.stability.ai v2beta: stable-image/generate/sd3 and stable-image/edit/inpaint."""

    def routes(self) -> list[Route]:
        paths = ("/stability/v2beta/stable-image/generate/sd3", "/stability/v2beta/stable-image/edit/inpaint")
        return [Route(path, self.serve, methods=["POST"]) for path in paths]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("authorization") == f"Bearer {KEY}", "Authorization: Bearer")
        require(seen.headers["content-type"].startswith("multipart/form-data"), "multipart/form-data")
        require(seen.headers.get("accept") == "application/json", "Accept: application/json")
        require(1 <= int(seen.fields["seed"]) <= 2**32 - 2, "0 draws a random seed, and 2^32-1 is out of range")
        if seen.path.endswith("/inpaint"):
            require(set(seen.fields) <= _INPAINT, f"unknown fields: {set(seen.fields) - _INPAINT}")
            require(set(seen.files) == {"image", "mask"}, "inpaint takes image and mask")
            return
        require(set(seen.fields) <= _SD3, f"unknown fields: {set(seen.fields) - _SD3}")
        from_picture = seen.fields["mode"] == "image-to-image"
        require(("image" in seen.files) == from_picture, "image-to-image takes an image")
        require(("strength" in seen.fields) == from_picture, "image-to-image takes a strength")
        require(not (from_picture and "aspect_ratio" in seen.fields), "aspect_ratio is for text-to-image")

    def painted(self, seen: Seen, encoded: str) -> Any:
        return {"image": encoded, "finish_reason": "SUCCESS", "seed": int(seen.fields["seed"])}

    def _error(self, status: int, name: str, *errors: str) -> Answer:
        return Answer(status, {"id": "a1b2", "name": name, "errors": list(errors)})

    def moderated(self) -> Answer:
        return self._error(403, "content_moderation", "Your request was flagged by our content moderation system.")

    def throttled(self) -> Answer:
        return self._error(429, "rate_limit_exceeded", "You have exceeded 150 requests within 10 seconds.")

    def broken(self) -> Answer:
        return self._error(500, "internal_error", "An unexpected server error has occurred.")

    def empty(self) -> Answer:
        return Answer(200, {"finish_reason": "SUCCESS", "seed": 1})

    def filtered(self) -> Any:
        return {"image": ENCODED, "finish_reason": "CONTENT_FILTERED", "seed": 1}

    def gone(self) -> Answer:
        return self._error(404, "not_found", "This endpoint does not exist.")

    def locked_out(self) -> Answer:
        return self._error(401, "unauthorized", f"The key {KEY} is not valid.")


# ── Bedrock ──────────────────────────────────────────────────────────────────────────────────────


class _StableDiffusion(Strict):
    """Bedrock user guide, "Stable Diffusion 3.5 Large"."""

    prompt: str = Field(max_length=10_000)
    mode: Literal["text-to-image", "image-to-image"]
    aspect_ratio: Literal["16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"] | None = None
    seed: int = Field(ge=1, le=2**32 - 2)
    negative_prompt: str | None = Field(None, max_length=10_000)
    output_format: Literal["jpeg", "png"]
    image: str | None = None
    strength: float | None = Field(None, ge=0, le=1)


class BedrockHost(Host):
    """bedrock-runtime InvokeModel: rest-json, the error's name in a header."""

    def routes(self) -> list[Route]:
        return [Route("/model/{model}/invoke", self.serve, methods=["POST"])]

    def check(self, request: Request, seen: Seen) -> None:
        require(seen.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "), "signature version 4")
        asked = _StableDiffusion.model_validate(seen.fields)
        from_picture = asked.mode == "image-to-image"
        require(from_picture == (asked.image is not None) == (asked.strength is not None), "image and strength")
        require(not (from_picture and asked.aspect_ratio), "aspect_ratio is for text-to-image")

    def headers(self) -> dict[str, str]:
        return {"x-amzn-requestid": "req-1", "x-amzn-bedrock-invocation-latency": "8100"}

    def painted(self, seen: Seen, encoded: str) -> Any:
        return {"seeds": [seen.fields["seed"]], "finish_reasons": [None], "images": [encoded]}

    def _error(self, status: int, name: str, message: str) -> Answer:
        return Answer(status, {"message": message}, {"x-amzn-errortype": f"{name}:http://internal.amazon.com/"})

    def moderated(self) -> Answer:
        return Answer(200, {"finish_reasons": ["Filter reason: prompt"]})

    def throttled(self) -> Answer:
        return self._error(429, "ThrottlingException", "Too many requests, please wait before trying again.")

    def broken(self) -> Answer:
        return self._error(500, "InternalServerException", "The system encountered an unexpected error.")

    def empty(self) -> Answer:
        return Answer(200, {"seeds": [], "finish_reasons": [None], "images": []})

    def gone(self) -> Answer:
        return self._error(404, "ResourceNotFoundException", "This model version has reached the end of its life.")

    def locked_out(self) -> Answer:
        return self._error(403, "AccessDeniedException", "You don't have access to the model.")
