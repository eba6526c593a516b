"""Stability AI's REST API v2beta: generate with SD3.5, and repaint a box of a picture.

Hides its multipart forms and error names. A mask's white is what is repainted, where OpenAI's is what is transparent.
Source: https://platform.stability.ai/docs/api-reference (v2beta, 2026-11). There is no SDK for v2beta on PyPI.
"""

from __future__ import annotations

from typing import Any, Final

from shared.errors import ProviderRefused
from shared.models import Recipe
from shared.providers import AnswersAtOnce, Order, Painted
from shared.providers.http import Complaint, Http, Key, Network
from shared.providers.pictures import mime_of
from shared.providers.replies import Wire, parse, parse_error, picture
from shared.providers.sd35 import fields_for, seed_for

STABILITY_URL: Final = "https://api.stability.ai/v2beta/stable-image"
_HOST: Final = "Stability AI"
_GENERATE: Final = "generate/sd3"
_INPAINT: Final = "edit/inpaint"
_MODERATION: Final = {"content_moderation", "content_filtered", "invalid_prompts"}


class Stability(AnswersAtOnce):
    """Provider of SD3.5 at its makers."""

    def __init__(self, *, key: Key, network: Network, base_url: str = STABILITY_URL) -> None:
        self._http = Http(
            base_url, host=_HOST, key=key, header="Authorization", prefix="Bearer ", explain=_explain, network=network
        )

    def start(self, order: Order) -> Painted:
        path, form = _form(order)
        reply = self._http.post(path, files=form, headers={"Accept": "application/json"})
        answer = parse(_Reply, reply.body, host=_HOST)
        if answer.finish_reason != "SUCCESS":
            raise ProviderRefused(
                f"{_HOST} filtered the picture: {answer.finish_reason[:80]}",
                reason="moderation",
                provider_request_id=reply.request_id,
            )
        return Painted(
            data=picture(answer.image, host=_HOST),
            seed_sent=seed_for(order.recipe),
            seed_reported=answer.seed,
            # Inpainting is a service of its own and does not say which model is behind it.
            model_revision=order.provider_model if path == _GENERATE else _INPAINT,
            queue_ms=reply.waited_ms,
            inference_ms=reply.took_ms,
            billed_ms=reply.took_ms,
            provider_request_id=reply.request_id,
        )


class _Reply(Wire):
    image: str | None = None
    finish_reason: str
    seed: int | None = None


class _ErrorBody(Wire):
    id: str | None = None
    name: str | None = None
    errors: tuple[str, ...] | None = None


def _form(order: Order) -> tuple[str, dict[str, Any]]:
    """The path and its multipart form; a form without a file must be multipart as well."""
    recipe, init = order.recipe, order.init_image
    fields = {"model": order.provider_model, **fields_for(recipe, from_picture=init is not None)}
    files: dict[str, Any] = {}
    if init is not None:
        mime = mime_of(init)
        files["image"] = (f"image.{mime.removeprefix('image/')}", init, mime)
        if order.mask is not None:
            fields = _inpaint_fields(recipe)
            files["mask"] = ("mask.png", order.mask, "image/png")  # its convention is ours: white is repainted
    form = {name: (None, str(value)) for name, value in fields.items()} | files
    return (_INPAINT if "mask" in files else _GENERATE), form


def _inpaint_fields(recipe: Recipe) -> dict[str, str | int | float]:
    """Inpainting takes no model, strength, guidance or shape. The mask is not grown: ours is feathered already."""
    fields: dict[str, str | int | float] = {"prompt": recipe.prompt, "seed": seed_for(recipe), "output_format": "png"}
    fields["grow_mask"] = 0
    return fields | ({"negative_prompt": recipe.negative_prompt} if recipe.negative_prompt else {})


def _explain(status: int, body: bytes) -> Complaint:
    """A 403 is its content filter as often as a missing permission; the name tells which."""
    said = parse_error(_ErrorBody, body)
    if said is None:
        return Complaint()
    name, message = said.name or "", "; ".join(said.errors or ())
    moderated = name in _MODERATION or (status == 403 and "moderation" in message.lower())  # noqa: PLR2004
    return Complaint(message=message, code=name, kind="moderation" if moderated else "")
