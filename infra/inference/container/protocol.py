"""The wire: what POST /invocations takes and answers, as frozen values.

Hides nothing and decides nothing. Its JSON Schemas are in events/inference-*.schema.json. This folder ships
alone, so these are the container's own words: nothing here is imported from the rest of the project.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

CONTAINER_VERSION: Final = "1.1.0"
MAX_PIXELS: Final = 4_194_304
"""2048 x 2048: what one picture may measure."""
MAX_SIDE_PX: Final = 4_096
MAX_SEED: Final = 2**32 - 1


class Wire(BaseModel):
    """Base of every message: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


def _inside_image(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, w, h = box
    if w <= 0 or h <= 0:
        raise ValueError("needs a width and a height above 0")
    if x + w > 1.0 + 1e-9 or y + h > 1.0 + 1e-9:
        raise ValueError("must lie inside the image: x + w and y + h at most 1")
    return box


def _base64(data: str) -> str:
    try:
        base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64: {error}") from error
    return data


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


Box = Annotated[tuple[Fraction, Fraction, Fraction, Fraction], AfterValidator(_inside_image)]
"""`[x, y, w, h]` in fractions of the image, origin top left."""


Sampler = Literal["default", "typography", "typeset"]


class Lettering(Wire):
    """Words the picture must show. `box` None lets the model place them."""

    content: tuple[Annotated[str, Field(max_length=500), AfterValidator(_not_blank)], ...] = Field(
        min_length=1, max_length=16
    )
    box: Box | None = None


class InvocationRequest(Wire):
    """One picture to make. `steps`, `guidance_scale` and `strength` None mean the model's own choice.

    With a mask only its region is painted, and every other pixel stays the init_image's. There `sampler` says how:
    "default" repaints it from the prompt; "typography" cleans it, sets the text and lets the model restyle the
    letters; "typeset" cleans it and sets the text, and no model touches the letters. Without a mask "typography"
    is the model's own way with words, if it has one.
    """

    version: Literal["1"]
    request_id: str = Field(min_length=1, max_length=128)
    model: str = Field(min_length=1, max_length=64)
    prompt: Annotated[str, Field(max_length=10_000), AfterValidator(_not_blank)]
    negative_prompt: str = Field("", max_length=10_000)
    seed: int = Field(ge=0, le=MAX_SEED, strict=True)
    width: int = Field(ge=64, le=MAX_SIDE_PX, strict=True)
    height: int = Field(ge=64, le=MAX_SIDE_PX, strict=True)
    steps: int | None = Field(None, ge=1, le=150, strict=True)
    guidance_scale: float | None = Field(None, ge=0.0, le=30.0, allow_inf_nan=False)
    sampler: Sampler = "default"
    text: Lettering | None = None
    mask: Box | None = Field(
        None,
        description="The only region repainted, feathered inwards where no mask_image says more; needs init_image.",
    )
    mask_image: Annotated[str, AfterValidator(_base64)] | None = Field(
        None,
        description="Base64 PNG, 8-bit grey, as large as the picture: 255 is repainted, 0 kept, values between "
        "are the feather. Needs mask, the box around all of it that is not 0.",
    )
    init_image: Annotated[str, AfterValidator(_base64)] | None = Field(
        None, description="Base64 PNG the picture starts from."
    )
    strength: float | None = Field(None, ge=0.0, le=1.0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.width * self.height > MAX_PIXELS:
            raise ValueError(f"width x height must be at most {MAX_PIXELS} pixels, not {self.width} x {self.height}")
        if self.mask is not None and self.init_image is None:
            raise ValueError("mask needs an init_image to keep around it")
        if self.mask_image is not None and self.mask is None:
            raise ValueError("mask_image needs mask, the box around what it repaints")
        if self.sampler == "typeset" and self.mask is None:
            raise ValueError('mask is missing: sampler "typeset" needs the box to clean and set the text in')
        if self.sampler == "typeset" and self.text is None:
            raise ValueError('text is missing: sampler "typeset" needs the words to set')
        return self


class ReplyImage(Wire):
    mime: Literal["image/png"]
    data: str
    """Base64."""
    sha256: str


class Timings(Wire):
    """Milliseconds: waiting for a worker, making the picture, encoding it, and all of it."""

    queue: int = Field(ge=0)
    inference: int = Field(ge=0)
    encode: int = Field(ge=0)
    total: int = Field(ge=0)


class InvocationReply(Wire):
    """The picture and everything needed to make it again."""

    version: Literal["1"]
    request_id: str
    image: ReplyImage
    model: str
    model_revision: str
    container_version: str
    seed: int
    determinism: Literal["exact", "best_effort"]
    simulated: bool
    timings_ms: Timings
    nominal_inference_ms: int
    """What the simulated model would take at time scale 1; equals timings_ms.inference for a real one."""
    detail: dict[str, JsonValue]


ErrorCode = Literal["invalid_request", "body_too_large", "busy", "out_of_memory", "inference_failed"]


class ErrorObject(Wire):
    code: ErrorCode
    message: str
    param: str | None = None


class ErrorReply(Wire):
    error: ErrorObject


class InvalidRequest(Exception):
    """The caller must change the request; `param` names the field."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


_CONSISTENT: Final = ("mask_image", "mask", "text", "width")
"""Fields that rules across fields complain about; such a message begins with the name."""


def parse_request(body: bytes) -> InvocationRequest:
    """The request in a body. Raises InvalidRequest naming the first field that breaks a rule."""
    try:
        return InvocationRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "json_invalid":
            raise InvalidRequest(f"the body is not JSON: {message}") from error
        param = path or next((name for name in _CONSISTENT if message.startswith(name)), None)
        raise InvalidRequest(f"{path}: {message}" if path else message, param=param) from error
