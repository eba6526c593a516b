"""What a client of OpenAI's asks for, in our words.

Hides OpenAI's parameters and what they mean here. What cannot be honoured is refused by name, never dropped: a caller
who asks for a transparent background must not find out from the picture that nobody listened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from functions.api.errors import invalid
from shared.catalogue import Catalogue
from shared.errors import InvalidRequest, ModelNotFound
from shared.formats import Format
from shared.models import Finalize, JobRequest, Value

TIER: Final = "tier/"
"""`model="tier/hero"`: the policy picks the models for the use case hero."""

# What we do not offer, and what to do instead. A null is no wish.
_REFUSED: Final[Mapping[str, str]] = {
    "style": "say in the prompt how it should look",
    "complexity": "leave it out",
    "frame_count": "moving pictures are not made here",
    "frame_duration_ms": "moving pictures are not made here",
    "svg": "drawings are not made here",
    "markup": "send a mask instead",
    "input_fidelity": "set `strength` instead: near 0 keeps the picture, 1 paints anew",
}
_SYNCHRONOUS: Final = frozenset({Finalize.AUTO, Finalize.DRAFT_ONLY})
_OURS: Final = frozenset(JobRequest.model_fields) - {"model", "prompt", "size"} | {"guidance_scale"}


class ImageParameters(BaseModel):
    """The parameters of OpenAI's that are heard here; beside them (`extra_body`) any field of a job."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    prompt: str | None = Field(None, description="May be empty where a `template` is named.")
    model: str | None = Field(
        None,
        description="A model of the catalogue by name or alias, or `tier/hero`: the policy's choice for a use case.",
    )
    n: Annotated[StrictInt, Field(ge=1, le=10)] | None = Field(
        None, description="So many finished, verified pictures, each a job of its own; the seeds differ."
    )
    size: str | None = Field(None, description="`1024x1024`, or `auto` for what the use case is designed for.")
    quality: Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"] | None = Field(
        None, description="Of models that are offered in several qualities."
    )
    background: Literal["auto", "opaque", "transparent"] | None = None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None = Field(
        None, description="Of the reply; the stored picture stays as its model made it."
    )
    output_compression: Annotated[StrictInt, Field(ge=0, le=100)] | None = None
    response_format: Literal["url", "b64_json"] | None = Field(
        None, description="b64_json unless said otherwise; for dall-e models url, as at OpenAI."
    )
    moderation: Literal["auto", "low"] | None = None
    user: Annotated[str, Field(max_length=512)] | None = Field(None, description="Kept in the job's metadata.")
    safety_identifier: Annotated[str, Field(max_length=512)] | None = None
    stream: StrictBool | None = Field(None, description="Server-sent events: drafts as they come, then the final.")
    partial_images: Annotated[StrictInt, Field(ge=0, le=3)] | None = Field(
        None, description="How many drafts to show while streaming; 1 by default."
    )


class Presentation(Value):
    """How the reply shows the pictures."""

    response_format: Literal["url", "b64_json"]
    output_format: Format | None
    """None leaves each picture in the format its model made."""
    output_compression: int
    background: Literal["auto", "opaque"]
    quality: str
    partial_images: int


class Wish(Value):
    """One call, understood."""

    request: JobRequest
    pictures: int
    stream: bool
    shown: Presentation


def understood(
    asked: ImageParameters,
    *,
    catalogue: Catalogue,
    use_cases: Collection[str],
    init_image: str | None = None,
    mask_image: str | None = None,
) -> Wish:
    """The call in our words. Raises InvalidRequest naming the parameter, or ModelNotFound."""
    ours = {name: value for name, value in (asked.model_extra or {}).items() if value is not None}
    for name in ours:
        if name in _REFUSED:
            raise InvalidRequest(f"{name} is not offered here; {_REFUSED[name]}", param=name)
        if name not in _OURS:
            raise InvalidRequest(f"{name}: is not a field of this request", param=name)
    _refuse_what_is_not_offered(asked)
    request = _request(
        ours
        | _painter(asked, ours, catalogue=catalogue, use_cases=use_cases)
        | {"prompt": asked.prompt if (asked.prompt or "").strip() or "template" not in ours else None}
        | ({} if asked.size in {None, "auto"} else {"size": asked.size})
        | _metadata(asked, ours)
        | ({"init_image": init_image} if init_image else {})
        | ({"mask_image": mask_image} if mask_image else {})
    )
    return _wish(asked, request)


def _refuse_what_is_not_offered(asked: ImageParameters) -> None:
    if asked.background == "transparent":
        raise InvalidRequest("background: no model here paints transparency; ask for opaque", param="background")
    if asked.output_format in {"gif", "svg"}:
        raise InvalidRequest(f"output_format: {asked.output_format} is not made here; png, jpeg and webp are",
                             param="output_format")  # fmt: skip
    if asked.moderation == "low":
        raise InvalidRequest("moderation: each model's host decides on it; leave it auto", param="moderation")
    if asked.output_compression is not None and asked.output_format not in {"jpeg", "webp"}:
        raise InvalidRequest("output_compression needs output_format jpeg or webp", param="output_compression")
    if asked.response_format == "url" and asked.output_format in {"jpeg", "webp"}:
        raise InvalidRequest(
            "output_format: a url leads to the picture as its model made it; ask for response_format b64_json",
            param="output_format",
        )
    if asked.partial_images is not None and not asked.stream:
        raise InvalidRequest("partial_images needs stream", param="partial_images")
    if asked.stream and asked.response_format == "url":
        raise InvalidRequest("response_format: events carry b64_json", param="response_format")
    if asked.stream and (asked.n or 1) > 1:
        raise InvalidRequest("n: a stream shows one picture; ask for n=1, or without stream", param="n")


def _painter(
    asked: ImageParameters, ours: Mapping[str, Any], *, catalogue: Catalogue, use_cases: Collection[str]
) -> dict[str, str]:
    """Who paints: the fields `model` and `use_case` of a job."""
    if asked.model is None or asked.model.startswith(TIER):
        if asked.quality not in {None, "auto"}:
            raise InvalidRequest("quality: the use case decides on it; leave it out, or name a model", param="quality")
        if asked.model is None:
            return {}
        use_case = asked.model.removeprefix(TIER)
        if use_case not in use_cases:
            known = ", ".join(f"{TIER}{name}" for name in use_cases)
            raise ModelNotFound(f'model "{asked.model[:80]}" is not known; known are: {known}', param="model")
        if ours.get("use_case", use_case) != use_case:
            raise InvalidRequest(f'use_case: model says "{asked.model}"; give one of the two', param="use_case")
        return {"use_case": use_case}
    try:
        row = catalogue.find(asked.model)
    except InvalidRequest as error:
        problem = f"{error.message}; or name a use case, such as tier/hero"
        raise ModelNotFound(problem, param="model", **error.context) from error
    if asked.quality in {None, "auto", row.options.get("quality")}:
        return {"model": asked.model}
    siblings = {
        other.options["quality"]: other.name
        for other in catalogue
        if (other.provider, other.provider_model) == (row.provider, row.provider_model) and "quality" in other.options
    }
    if asked.quality not in siblings:
        offered = f"it is offered in {', '.join(sorted(siblings))}" if siblings else "it has one quality"
        problem = f'quality: model "{asked.model}" is not offered in {asked.quality}; {offered}'
        raise InvalidRequest(problem, param="quality", offered=sorted(siblings))
    return {"model": siblings[str(asked.quality)]}


def _metadata(asked: ImageParameters, ours: Mapping[str, Any]) -> dict[str, Any]:
    """Who the caller's user is, where the ledger keeps it."""
    said = {"user": asked.user, "safety_identifier": asked.safety_identifier}
    named = {name: value for name, value in said.items() if value}
    metadata = ours.get("metadata") or {}
    return {"metadata": metadata | named} if named and isinstance(metadata, dict) else {}


def _request(fields: Mapping[str, Any]) -> JobRequest:
    try:
        request = JobRequest.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise invalid(error) from error
    if request.finalize not in _SYNCHRONOUS:
        problem = f"finalize: nobody waits in a call for {request.finalize}; submit it with POST /v1/jobs"
        raise InvalidRequest(problem, param="finalize")
    return request


def _wish(asked: ImageParameters, request: JobRequest) -> Wish:
    by_link = asked.response_format is None and (asked.model or "").startswith("dall-e") and not asked.stream
    return Wish(
        request=request,
        pictures=asked.n or 1,
        stream=bool(asked.stream),
        shown=Presentation(
            response_format=asked.response_format or ("url" if by_link and not asked.output_format else "b64_json"),
            output_format=asked.output_format,
            output_compression=100 if asked.output_compression is None else asked.output_compression,
            background="opaque" if asked.background == "opaque" else "auto",
            quality=asked.quality or "auto",
            partial_images=1 if asked.partial_images is None else asked.partial_images,
        ),
    )
