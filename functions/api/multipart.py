"""A form with files, as HTML and the SDKs send it (RFC 7578).

Hides the parser and the bracket notation: `variables[headline]=SALE` is a field of `variables`, `tags[]=a` an entry of
`tags`. Values stay text; who knows what a field means reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from shared.errors import MalformedBody

if TYPE_CHECKING:
    from python_multipart.multipart import Field as _Field
    from python_multipart.multipart import File as _File


@dataclass
class Form:
    """`fields` by name, nested where brackets say so; `files` by name, in order, without brackets."""

    fields: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[bytes]] = field(default_factory=dict)


def parsed(body: bytes, content_type: str) -> Form:
    """Raises MalformedBody for what is no such form."""
    from python_multipart import parse_form
    from python_multipart.exceptions import FormParserError

    form = Form()

    def on_field(found: _Field) -> None:
        _put(form.fields, _text(found.field_name, "a name"), _text(found.value, "a value"))

    def on_file(found: _File) -> None:
        found.file_object.seek(0)
        name = _text(found.field_name, "a name").partition("[")[0]
        form.files.setdefault(name, []).append(found.file_object.read())
        found.close()

    headers = {"Content-Type": content_type.encode(), "Content-Length": str(len(body)).encode()}
    try:
        parse_form(headers, BytesIO(body), on_field, on_file)
    except (FormParserError, ValueError) as error:
        raise MalformedBody(f"the body is not the form its content type promises: {str(error)[:200]}") from error
    return form


def _put(fields: dict[str, Any], name: str, value: str) -> None:
    outer, _, inner = name.partition("[")
    key = inner.partition("]")[0]
    if not inner:
        fields[outer] = value
    elif key and isinstance(nested := fields.setdefault(outer, {}), dict):
        nested[key] = value
    elif not key and isinstance(entries := fields.setdefault(outer, []), list):
        entries.append(value)
    else:
        raise MalformedBody(f"{outer[:80]} is sent both as a list and as a map")


def _text(raw: bytes | None, what: str) -> str:
    try:
        return (raw or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedBody(f"{what} in the form is not UTF-8 text") from error
