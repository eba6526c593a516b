"""What a host sent, as checked values: its JSON, and the picture inside it.

Hides pydantic's and base64's complaints. Never quotes a reply's content: it may be megabytes, or someone's picture.
"""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import RenderFailed


class Wire(BaseModel):
    """A part of a host's JSON: strict in what we read, indifferent to what else it says."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, protected_namespaces=())


class CamelWire(Wire):
    """The same for hosts that write camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


W = TypeVar("W", bound=Wire)


def parse(kind: type[W], body: bytes, *, host: str) -> W:
    """The reply. Raises RenderFailed naming the fields that are not as the host documents them."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)[:3]
        )
        raise RenderFailed(f"{host}'s reply of {len(body)} bytes cannot be read: {wrong[:300]}") from None


def parse_error(kind: type[W], body: bytes) -> W | None:
    """An error body, or None for what a proxy or a gateway wrote instead."""
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        return None


def picture(encoded: str | None, *, host: str) -> bytes:
    """The bytes of a base64 picture. Raises RenderFailed for none, for an empty one and for broken base64."""
    try:
        data = base64.b64decode(encoded or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise RenderFailed(f"{host}'s picture is not base64: {error}") from error
    if not data:
        raise RenderFailed(f"{host} answered 200 with no image")
    return data
