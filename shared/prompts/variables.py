"""What a template may leave open: typed variables and the text each value becomes.

Hides the rules of each type. A complaint is a ValueError whose message follows the variable's name.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Final, Literal

from pydantic import Field

from shared.models import Value

Scalar = str | int | float | bool

_WHOLE: Final = re.compile(r"-?\d{1,18}")
_STRAIGHT: Final = {ord(mark): '"' for mark in "\u201c\u201d\u201e\u201f"} | {
    ord(mark): "'" for mark in "\u2018\u2019\u201a\u201b"
}


def normalise(text: str) -> str:
    """The one spelling of a prompt: NFC, straight quotes, single spaces, none at the ends. Idempotent.

    What differs only in these is the same prompt to a designer and must be the same recipe to the cache.
    """
    return " ".join(unicodedata.normalize("NFC", text).translate(_STRAIGHT).split())


class _Variable(Value):
    description: str = ""
    required: bool = True
    """A variable with a default, or one that is not required, may be left out; without a default it is then empty."""

    def read(self, value: Scalar) -> Scalar:
        """A value that came as text, from a table, as this kind of variable takes it. What cannot be read stays."""
        return value


class TextVariable(_Variable):
    type: Literal["string"]
    max_length: int = Field(120, ge=1, le=1000)
    default: str | None = None

    def text(self, value: Scalar) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")  # noqa: TRY004  # complaints about a value are all of one kind
        if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in value):
            raise ValueError("must not contain control characters")
        text = normalise(value)
        if not text:
            raise ValueError("must not be empty")
        if len(text) > self.max_length:
            raise ValueError(f"has {len(text)} characters; at most {self.max_length} are allowed")
        return text

    def longest(self) -> int:
        return self.max_length


class ColourVariable(_Variable):
    type: Literal["colour"]
    default: str | None = None

    def text(self, value: Scalar) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"#[0-9a-fA-F]{6}|[a-zA-Z]+( [a-zA-Z]+){0,2}", value):
            raise ValueError('must be a colour: "#1f6feb", or up to three words like "deep teal"')
        if len(value) > self.longest():
            raise ValueError(f"must be at most {self.longest()} characters")
        return value.lower()

    def longest(self) -> int:
        return 40


class NumberVariable(_Variable):
    """`int` or `number`; both ends of the range belong to it."""

    type: Literal["int", "number"]
    min: float
    max: float
    default: int | float | None = None

    def read(self, value: Scalar) -> Scalar:
        try:
            return int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else float(value)
        except ValueError:
            return value

    def text(self, value: Scalar) -> str:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and (self.type == "int" or not isinstance(value, float)):
            raise ValueError("must be a whole number" if self.type == "int" else "must be a number")
        if not self.min <= float(value) <= self.max:
            raise ValueError(f"must be between {self.min:g} and {self.max:g}")
        return f"{value:g}" if isinstance(value, float) else str(value)

    def longest(self) -> int:
        return 24


class ChoiceVariable(_Variable):
    type: Literal["enum"]
    values: tuple[str, ...] = Field(min_length=1)
    default: str | None = None

    def text(self, value: Scalar) -> str:
        if value not in self.values:
            raise ValueError(f"must be one of: {', '.join(self.values)}")
        return str(value)

    def longest(self) -> int:
        return max(len(value) for value in self.values)


class SwitchVariable(_Variable):
    """True puts `yes` into the prompt, false puts `no`."""

    type: Literal["bool"]
    yes: str
    no: str = ""
    default: bool | None = None

    def read(self, value: Scalar) -> Scalar:
        return {"true": True, "false": False}.get(str(value).strip().lower(), value)

    def text(self, value: Scalar) -> str:
        if not isinstance(value, bool):
            raise ValueError("must be true or false")  # noqa: TRY004  # as above
        return self.yes if value else self.no

    def longest(self) -> int:
        return max(len(self.yes), len(self.no))


Variable = Annotated[
    TextVariable | ColourVariable | NumberVariable | ChoiceVariable | SwitchVariable, Field(discriminator="type")
]
