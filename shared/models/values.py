"""What every value is made of: the frozen base, sizes, boxes, clean text, and the one text of a JSON value."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_serializer, model_validator

MAX_PROMPT_CHARS: Final = 4_000
MAX_SEED: Final = 2**32 - 1
MAX_DRAFTS: Final = 8
SEED_SET: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}(@[1-9]\d{0,8})?")
"""A seed by name: `brand@3`, or `brand` for its latest version."""


class Value(BaseModel):
    """Base of every value: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, UTF-8; what digests and fingerprints hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_hex(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


class Size(Value):
    """Width and height in pixels; reads `"1024x1024"` and writes it back."""

    width: int = Field(ge=64, le=8192)
    height: int = Field(ge=64, le=8192)

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            if not (match := re.fullmatch(r"(\d{2,5})x(\d{2,5})", value)):
                raise ValueError(f'size must look like "1024x1024", not "{value[:40]}"')
            return {"width": int(match[1]), "height": int(match[2])}
        return value

    @model_serializer
    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def __get_pydantic_json_schema__(cls, _: Any, __: Any) -> dict[str, Any]:
        """On the wire it is the text alone, whichever way it goes."""
        return {
            "type": "string",
            "title": cls.__name__,
            "description": "Width and height in pixels, 64 to 8192 each.",
            "pattern": r"^[1-9]\d{1,3}x[1-9]\d{1,3}$",
            "examples": ["1024x1024"],
        }


Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
"""`[x, y, w, h]` in fractions of the image, origin top left."""


def _inside_image(box: Box) -> Box:
    x, y, w, h = box
    if w <= 0 or h <= 0:
        raise ValueError("text_box needs a width and a height above 0")
    if x + w > 1.0 + 1e-9 or y + h > 1.0 + 1e-9:
        raise ValueError("text_box must lie inside the image: x + w and y + h at most 1")
    return box


TextBox = Annotated[Box, AfterValidator(_inside_image)]


def _clean_text(text: str) -> str:
    """NFC, line ends as \\n, no control characters: what may reach a model or a log."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t":
            raise ValueError(f"must not contain control characters (found U+{ord(char):04X})")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


CleanText = Annotated[str, AfterValidator(_clean_text)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""64 lower-case hex digits: a stored image by its bytes."""
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_clean_text)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(_clean_text), AfterValidator(_not_blank)]
ExpectedText = Annotated[
    str, Field(min_length=1, max_length=120), AfterValidator(_clean_text), AfterValidator(_not_blank)
]
