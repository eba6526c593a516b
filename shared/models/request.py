"""What a client asks for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, HttpUrl, StrictInt, field_validator, model_validator

from shared.models.values import (
    MAX_DRAFTS,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    SEED_SET,
    CleanText,
    ExpectedText,
    Name,
    Prompt,
    Sha256,
    Size,
    Tag,
    TextBox,
    Value,
)
from shared.models.webhooks import WebhookEvent


class Finalize(StrEnum):
    """When the final follows the draft."""

    AUTO = "auto"
    ON_APPROVAL = "on_approval"
    OFF_PEAK = "off_peak"
    DRAFT_ONLY = "draft_only"


class JobRequest(Value):
    """What a client asks for: the body of `POST /v1/jobs`."""

    use_case: Name | None = Field(None, description="What the image is for; the policy picks the models.")
    model: Name | None = Field(None, description="A model by catalogue name or alias, instead of the policy's choice.")
    template: Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*(@[1-9]\d*)?$")] | None = Field(
        None, description="`poster@3` pins a version, `poster` takes the released one."
    )
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=50)
    prompt: Prompt | None = None
    negative_prompt: Annotated[CleanText, Field(max_length=MAX_PROMPT_CHARS)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | Annotated[str, Field(pattern=rf"^{SEED_SET.pattern}$")] | None = (
        Field(None, description="A number, or a seed set: `brand@3`, or `brand` for its latest version.")
    )
    size: Size | None = None
    guidance: Annotated[float, Field(ge=0.0, le=30.0, allow_inf_nan=False)] | None = Field(
        None, validation_alias=AliasChoices("guidance", "guidance_scale")
    )
    steps: Annotated[StrictInt, Field(ge=1, le=150)] | None = None
    expected_text: tuple[ExpectedText, ...] = Field(
        (), max_length=8, description="A string or a list of strings that must be readable."
    )
    text_box: TextBox | None = Field(
        None, description="Where the text belongs: `[x, y, w, h]` in fractions of the image."
    )
    init_image: Sha256 | None = Field(None, description="sha256 of an image of yours that the render starts from.")
    mask_image: Sha256 | None = Field(
        None,
        description="sha256 of an image of yours, as large as init_image: only where it is white, or transparent if "
        "anything in it is, may init_image change.",
    )
    strength: Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)] | None = Field(
        None, description="How far to leave init_image: near 0 keeps it, 1 paints anew."
    )
    max_cost_usd_micros: Annotated[StrictInt, Field(ge=1)] | None = Field(
        None, description="The most this job may cost, in millionths of a dollar; repairs stop there."
    )
    cancel_after_s: Annotated[StrictInt, Field(ge=5, le=604_800)] | None = Field(
        None, description="Canceled where it has not concluded so many seconds after it was submitted."
    )
    fresh: bool = Field(
        False,
        description="Paint anew, though the very same recipe was painted before; later jobs are still served the first "
        "picture of it.",
    )
    drafts: Annotated[StrictInt, Field(ge=1, le=MAX_DRAFTS)] = 1
    finalize: Finalize = Finalize.AUTO
    webhook: HttpUrl | None = Field(None, description="Told what becomes of the job, signed (Standard Webhooks).")
    webhook_events: tuple[WebhookEvent, ...] = Field(
        (), max_length=16, description="Only these events are told; none named: all of them."
    )
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] = Field(
        default_factory=dict, max_length=16
    )
    tags: tuple[Tag, ...] = Field((), max_length=16)

    @field_validator("seed", mode="before")
    @classmethod
    def _number_or_name(cls, value: Any) -> Any:
        if value is None or (type(value) is int and 0 <= value <= MAX_SEED):
            return value  # a bool is no int here
        if isinstance(value, str) and SEED_SET.fullmatch(value):
            return value
        raise ValueError(f'must be a whole number from 0 to {MAX_SEED}, or a seed set such as "brand@3"')

    @field_validator("webhook_events", mode="before")
    @classmethod
    def _known_events(cls, value: Any) -> Any:
        known = {event.value for event in WebhookEvent}
        unknown = [each for each in value if str(each) not in known] if isinstance(value, list | tuple) else []
        if unknown:
            raise ValueError(f'"{str(unknown[0])[:64]}" is no event; choose from {", ".join(WebhookEvent)}')
        return value

    @field_validator("expected_text", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else () if value is None else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.prompt is not None and self.template is not None:
            raise ValueError("give either prompt or template, not both")
        if self.prompt is None and self.template is None:
            raise ValueError("give a prompt, or a template with its variables")
        if self.variables and self.template is None:
            raise ValueError("variables need a template")
        if self.text_box is not None and not self.expected_text:
            raise ValueError("text_box needs expected_text")
        if self.init_image is None:
            for field in ("mask_image", "strength"):
                if getattr(self, field) is not None:
                    raise ValueError(f"{field} needs init_image: there is no picture to change")
        if self.webhook_events and self.webhook is None:
            raise ValueError("webhook_events needs a webhook")
        return self


class Door(Value):
    """Through which door a request came in, and so how its webhook is spoken to."""

    base_url: str = Field("", description="Where the client reached the API, without a trailing slash.")
    dialect: Literal["presscheck", "replicate"] = "presscheck"
