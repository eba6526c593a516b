"""All that determines an image, and its fingerprint."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from shared.models.values import Box, Size, Value, canonical_json, sha256_hex


class Tier(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


class TemplateRef(Value):
    """The template version a prompt came from; `digest` is the sha256 of its file."""

    name: str
    version: int
    digest: str


class TextGuide(Value):
    """The lettering the model is asked for. `box` None lets the model place it."""

    content: tuple[str, ...]
    box: Box | None = None


Sampler = Literal["default", "typography", "typeset"]
"""How lettering comes about: the model's own way; typeset into a cleaned box and restyled; typeset and left alone."""


class Recipe(Value):
    """All that determines an image. Two equal recipes are the same picture and are paid for once."""

    model: str
    prompt: str
    negative_prompt: str = ""
    seed: int
    size: Size
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: Sampler = "default"
    template: TemplateRef | None = None
    text: TextGuide | None = None
    mask: Box | None = None
    """Only this box is repainted, over `init_image`; fractions of the image."""
    mask_image: str | None = None
    """sha256 of the stored picture of the mask; `mask` is then the box around all that may change. See shared.masks."""
    init_image: str | None = None
    """sha256 of the picture the render starts from; None paints from noise."""
    strength: float | None = None

    def fingerprint(self) -> str:
        """sha256 of the canonical JSON of what determines pixels: the cache key.

        The template is where the words came from, not what they are: another version that renders the same prompt is
        the same picture. A new field must default to what was meant before it.
        """
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude_defaults=True, exclude={"template"})))
