"""OpenAI's images API, at OpenAI and at Azure: generations, and edits of a given picture with or without a mask.

Hides both hosts' routes, headers and error words. Sends no seed, guidance, steps or negative prompt: the API has none.
Source: openai-python 3.54 (types/image_generate_params.py, image_edit_params.py, images_response.py, lib/azure.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self
from urllib.parse import quote

from shared.errors import ProviderRefused, RenderFailed
from shared.masks import with_hole
from shared.providers import AnswersAtOnce, Order, Painted
from shared.providers.http import Complaint, Http, Key, Network
from shared.providers.pictures import mime_of
from shared.providers.replies import Wire, parse, parse_error, picture

OPENAI_URL: Final = "https://api.openai.com/v1"
_OPTIONS: Final = ("quality", "style", "background", "moderation")
_MODERATION: Final = {"moderation_blocked", "content_policy_violation", "contentFilter", "content_filter"}
_ACCOUNT: Final = {
    "insufficient_quota", "billing_hard_limit_reached", "account_deactivated", "invalid_api_key", "Forbidden",
}  # fmt: skip
_RETIRED: Final = {"model_not_found", "DeploymentNotFound"}

Route = Callable[[str, str], str]
"""(provider_model, "generations" | "edits") -> path."""


class OpenAI(AnswersAtOnce):
    """Provider of the gpt-image line, and of DALL·E 3 for replay."""

    def __init__(self, http: Http, *, host: str, route: Route) -> None:
        self._http = http
        self._host = host
        self._route = route

    @classmethod
    def direct(cls, *, key: Key, network: Network, base_url: str = OPENAI_URL) -> Self:
        """The models at OpenAI itself."""
        host = "OpenAI"
        http = Http(
            base_url, host=host, key=key, header="Authorization", prefix="Bearer ", explain=_explain, network=network
        )
        return cls(http, host=host, route=lambda _, operation: f"images/{operation}")

    @classmethod
    def azure(
        cls,
        *,
        endpoint: str,
        api_version: str,
        key: Key,
        network: Network,
        deployments: Mapping[str, str] | None = None,
    ) -> Self:
        """The models at Azure. `deployments`: the operator's name for a model, where it is not the model's own."""
        host, names = "Azure OpenAI", deployments or {}
        http = Http(
            f"{endpoint.rstrip('/')}/openai", host=host, key=key, header="api-key", explain=_explain, network=network
        )

        def route(model: str, operation: str) -> str:
            deployment = quote(names.get(model, model), safe="")
            return f"deployments/{deployment}/images/{operation}?api-version={quote(api_version, safe='')}"

        return cls(http, host=host, route=route)

    def start(self, order: Order) -> Painted:
        fields = _fields(order)
        if order.init_image is None:
            reply = self._http.post(self._route(order.provider_model, "generations"), json=fields)
        else:
            reply = self._http.post(self._route(order.provider_model, "edits"), files=_parts(order, fields))
        answer = parse(_Reply, reply.body, host=self._host)
        if not answer.data:
            raise RenderFailed(f"{self._host} answered 200 with no image", provider_request_id=reply.request_id)
        image = answer.data[0]
        return Painted(
            data=picture(image.b64_json, host=self._host),
            seed_sent=None,
            seed_reported=None,
            model_revision=order.provider_model,
            queue_ms=reply.waited_ms,
            inference_ms=reply.took_ms,
            billed_ms=reply.took_ms,
            provider_request_id=reply.request_id,
            prompt_effective=image.revised_prompt or "",
            usage=answer.usage.model_dump(exclude_none=True) if answer.usage else {},
        )


class _Image(Wire):
    b64_json: str | None = None
    revised_prompt: str | None = None


class _Usage(Wire):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None


class _Reply(Wire):
    created: int
    data: tuple[_Image, ...] | None = None
    usage: _Usage | None = None


class _InnerError(Wire):
    code: str | None = None


class _Error(Wire):
    message: str | None = None
    type: str | None = None
    code: str | int | None = None
    inner_error: _InnerError | None = None
    innererror: _InnerError | None = None


class _ErrorBody(Wire):
    error: _Error


def _fields(order: Order) -> dict[str, Any]:
    recipe, model = order.recipe, order.provider_model
    fields: dict[str, Any] = {"model": model, "prompt": recipe.prompt, "n": 1, "size": str(recipe.size)}
    fields |= {name: order.options[name] for name in _OPTIONS if name in order.options}
    # gpt-image refuses response_format and always answers in base64; DALL·E answers with a link unless asked.
    return fields | ({"response_format": "b64_json"} if _is_dalle(model) else {"output_format": "png"})


def _parts(
    order: Order, fields: Mapping[str, Any]
) -> dict[str, tuple[str | None, str | bytes] | tuple[str, bytes, str]]:
    """A multipart form: the fields, the picture and, where one was drawn, its mask whose hole is repainted."""
    if _is_dalle(order.provider_model):
        raise ProviderRefused(f"{order.provider_model} cannot start from a picture", reason="invalid")
    init = order.init_image or b""
    parts: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    mime = mime_of(init)
    parts["image"] = (f"image.{mime.removeprefix('image/')}", init, mime)
    if order.mask is not None:
        parts["mask"] = ("mask.png", with_hole(order.mask), "image/png")
    return parts


def _is_dalle(model: str) -> bool:
    return model.startswith("dall-e")


def _explain(_: int, body: bytes) -> Complaint:
    """Azure tells a content filter by the inner error's code and a blocked resource by `Forbidden`."""
    said = parse_error(_ErrorBody, body)
    if said is None:
        return Complaint()
    error = said.error
    code = str(error.code or error.type or "")
    inner = error.inner_error or error.innererror
    message = error.message or ""
    filtered = (inner and inner.code == "ResponsibleAIPolicyViolation") or "safety system" in message
    if code in _MODERATION or filtered:
        return Complaint(message=message, code=code, kind="moderation")
    if code in _ACCOUNT or "must be verified" in message:
        return Complaint(message=message, code=code, kind="account")
    return Complaint(message=message, code=code, kind="retired" if code in _RETIRED else "")
