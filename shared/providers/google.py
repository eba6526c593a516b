"""Google's image models: Gemini by generateContent, Imagen by predict (shut down; kept for replay).

Hides both wire formats of generativelanguage.googleapis.com and the many ways Google says no with a 200.
Source: python-genai 3.4 (types.py, models.py, errors.py).
"""

from __future__ import annotations

import base64
from typing import Any, Final, Literal, cast

from pydantic import Field

from shared.errors import ProviderRefused, RenderFailed
from shared.models import Recipe, Size
from shared.providers import AnswersAtOnce, Order, Painted
from shared.providers.http import Complaint, Http, Key, Network, Reply
from shared.providers.pictures import mime_of, nearest_ratio
from shared.providers.replies import CamelWire, parse, parse_error, picture

GOOGLE_URL: Final = "https://generativelanguage.googleapis.com/v1beta"
_HOST: Final = "Google"
_GEMINI_RATIOS: Final = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9", "21:9")
_IMAGEN_RATIOS: Final = ("1:1", "3:4", "4:3", "9:16", "16:9")
_INT32: Final = 2**31
# One megapixel class each: 1K is at most 1.1 megapixels in every shape, 2K 4.3, 4K 17.
_CLASSES: Final = ((2_000_000, "1K"), (8_000_000, "2K"))
# The finish reasons that say "not this content"; every other reason without a picture may be luck.
_FILTERED: Final = {
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
}  # fmt: skip
_ACCOUNT: Final = {"UNAUTHENTICATED", "PERMISSION_DENIED", "FAILED_PRECONDITION"}


class Google(AnswersAtOnce):
    """Provider of Nano Banana Pro, Gemini Flash Image and, for replay, Imagen."""

    def __init__(self, *, key: Key, network: Network, base_url: str = GOOGLE_URL) -> None:
        self._http = Http(base_url, host=_HOST, key=key, header="x-goog-api-key", explain=_explain, network=network)

    def start(self, order: Order) -> Painted:
        return self._imagen(order) if order.provider_model.startswith("imagen") else self._gemini(order)

    def _gemini(self, order: Order) -> Painted:
        if order.mask is not None or order.recipe.mask:
            raise ProviderRefused(f"{order.provider_model} takes no mask", reason="invalid")
        seed = order.recipe.seed % _INT32
        reply = self._http.post(f"models/{order.provider_model}:generateContent", json=_content(order, seed=seed))
        answer = parse(_Generated, reply.body, host=_HOST)
        return _painted(
            reply,
            data=picture(_inline_picture(answer), host=_HOST),
            seed=seed,
            revision=answer.model_version or order.provider_model,
            request_id=answer.response_id or "",
            usage=answer.usage_metadata,
        )

    def _imagen(self, order: Order) -> Painted:
        if order.init_image is not None:
            raise ProviderRefused(f"{order.provider_model} cannot start from a picture", reason="invalid")
        seed = 1 + (order.recipe.seed - 1) % (_INT32 - 1)  # 1 … 2^31-1; 0 is not a seed there
        body = {"instances": [{"prompt": order.recipe.prompt}], "parameters": _parameters(order.recipe, seed=seed)}
        reply = self._http.post(f"models/{order.provider_model}:predict", json=body)
        answer = parse(_Predicted, reply.body, host=_HOST)
        if not answer.predictions:
            raise RenderFailed(f"{_HOST} answered 200 with no image")
        first = answer.predictions[0]
        if first.rai_filtered_reason:
            raise _filtered(first.rai_filtered_reason)
        data = picture(first.bytes_base64_encoded, host=_HOST)
        painted = _painted(reply, data=data, seed=seed, revision=order.provider_model)
        return painted.model_copy(update={"prompt_effective": first.prompt or ""})


# ── Gemini ───────────────────────────────────────────────────────────────────────────────────────


class _Blob(CamelWire):
    mime_type: str | None = None
    data: str


class _Part(CamelWire):
    text: str | None = None
    inline_data: _Blob | None = None
    thought: bool | None = None


class _Content(CamelWire):
    parts: tuple[_Part, ...] | None = None


class _Candidate(CamelWire):
    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None


class _Feedback(CamelWire):
    block_reason: str | None = None
    block_reason_message: str | None = None


class _Usage(CamelWire):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    total_token_count: int | None = None


class _Generated(CamelWire):
    candidates: tuple[_Candidate, ...] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    model_version: str | None = None
    response_id: str | None = None


def _content(order: Order, *, seed: int) -> dict[str, Any]:
    """An edit is an instruction that follows its picture; there is no strength and no mask."""
    parts: list[dict[str, Any]] = [{"text": order.recipe.prompt}]
    if order.init_image is not None:
        encoded = base64.b64encode(order.init_image).decode()
        parts.insert(0, {"inlineData": {"mimeType": mime_of(order.init_image), "data": encoded}})
    config: dict[str, Any] = {
        "responseModalities": ["IMAGE"],
        "candidateCount": 1,
        "seed": seed,
        "imageConfig": {
            "aspectRatio": nearest_ratio(order.recipe.size, _GEMINI_RATIOS),
            "imageSize": _size_class(order.recipe.size),
        },
    }
    if level := order.options.get("thinking_level"):
        config["thinkingConfig"] = {"thinkingLevel": level}
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _size_class(size: Size) -> Literal["1K", "2K", "4K"]:
    pixels = size.width * size.height
    return cast(Literal["1K", "2K", "4K"], next((name for limit, name in _CLASSES if pixels < limit), "4K"))


def _inline_picture(answer: _Generated) -> str:
    """The last picture that is not a thought. Raises ProviderRefused when filtered, RenderFailed when absent."""
    feedback = answer.prompt_feedback
    if feedback and feedback.block_reason and feedback.block_reason != "BLOCKED_REASON_UNSPECIFIED":
        raise _filtered(feedback.block_reason_message or "", code=feedback.block_reason)
    candidate = answer.candidates[0] if answer.candidates else _Candidate()
    reason = candidate.finish_reason or ""
    if reason in _FILTERED:
        raise _filtered(candidate.finish_message or "", code=reason)
    parts = (candidate.content.parts if candidate.content else None) or ()
    pictures = [part.inline_data.data for part in parts if part.inline_data and not part.thought]
    if not pictures:
        said = candidate.finish_message or " ".join(part.text for part in parts if part.text)
        tail = f": {' '.join(said.split())[:200]}" if said else ""
        raise RenderFailed(f"{_HOST} answered 200 with no image ({reason or 'no finish reason'}){tail}")
    return pictures[-1]


# ── Imagen ───────────────────────────────────────────────────────────────────────────────────────


class _Prediction(CamelWire):
    bytes_base64_encoded: str | None = Field(None, alias="bytesBase64Encoded")
    prompt: str | None = None
    rai_filtered_reason: str | None = None


class _Predicted(CamelWire):
    predictions: tuple[_Prediction, ...] | None = None


def _parameters(recipe: Recipe, *, seed: int) -> dict[str, Any]:
    """The watermark and the prompt's enhancement are off: with either, the seed would not be kept."""
    parameters: dict[str, Any] = {
        "sampleCount": 1,
        "aspectRatio": nearest_ratio(recipe.size, _IMAGEN_RATIOS),
        "seed": seed,
        "addWatermark": False,
        "enhancePrompt": False,
        "includeRaiReason": True,
        "outputOptions": {"mimeType": "image/png"},
    }
    if recipe.guidance_scale is not None:
        parameters["guidanceScale"] = recipe.guidance_scale
    return parameters | ({"negativePrompt": recipe.negative_prompt} if recipe.negative_prompt else {})


# ── both ─────────────────────────────────────────────────────────────────────────────────────────


class _Detail(CamelWire):
    reason: str | None = None
    retry_delay: str | None = None


class _Status(CamelWire):
    message: str | None = None
    status: str | None = None
    details: tuple[_Detail, ...] | None = None


class _ErrorBody(CamelWire):
    error: _Status


def _painted(
    reply: Reply, *, data: bytes, seed: int, revision: str, request_id: str = "", usage: _Usage | None = None
) -> Painted:
    return Painted(
        data=data,
        seed_sent=seed,
        seed_reported=None,
        model_revision=revision,
        queue_ms=reply.waited_ms,
        inference_ms=reply.took_ms,
        billed_ms=reply.took_ms,
        provider_request_id=request_id,
        usage=usage.model_dump(exclude_none=True) if usage else {},
    )


def _filtered(said: str, *, code: str = "") -> ProviderRefused:
    words = " ".join(part for part in (code, " ".join(said.split())[:300]) if part)
    return ProviderRefused(f"{_HOST} filtered the picture: {words}", reason="moderation", provider_code=code)


def _explain(status: int, body: bytes) -> Complaint:
    """Google asks for patience in a RetryInfo detail ("34.07s") and tells a bad key by a 400 with a reason."""
    said = parse_error(_ErrorBody, body)
    if said is None:
        return Complaint()
    error = said.error
    details = error.details or ()
    bad_key = any(detail.reason in {"API_KEY_INVALID", "API_KEY_EXPIRED"} for detail in details)
    account = bad_key or error.status in _ACCOUNT
    delay = next((detail.retry_delay for detail in details if detail.retry_delay), "").removesuffix("s")
    return Complaint(
        message=error.message or "",
        code=error.status or "",
        kind="account" if account else "retired" if status == 404 else "",  # noqa: PLR2004  # HTTP's own number
        retry_after_s=float(delay) if delay.replace(".", "", 1).isdigit() else None,
    )
