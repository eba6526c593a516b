"""What is wrong with an input, in the words of its author: the field and the rule it breaks.

Hides how pydantic names both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError


def complaints(error: ValidationError) -> list[tuple[str | None, str]]:
    """Field and broken rule of each complaint; None for the input as a whole."""
    return [(_field(item["loc"]), _rule(dict(item))) for item in error.errors(include_url=False)]


def first_complaint(error: ValidationError) -> tuple[str | None, str]:
    return complaints(error)[0]


def _field(location: tuple[int | str, ...]) -> str | None:
    return ".".join(str(part) for part in location) or None


def _rule(item: Mapping[str, Any]) -> str:
    if item["type"] == "extra_forbidden":
        return "is not a field of this request"
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    return str(item["msg"])
