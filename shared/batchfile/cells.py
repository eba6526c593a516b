"""From a row's cells to the body of a job.

A column is named after a field of JobRequest; `variables.headline` and `metadata.sku` fill one entry of a field that
has many. A list is written `a; b` or as JSON. What a field holds is read from JobRequest itself, so that a new field
is a column at once. A cell is data: `=1+1` is three characters that a designer may want on a picture.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from shared.models import JobRequest

_WHOLE: Final = re.compile(r"-?\d{1,18}")
_NUMBER: Final = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


def columns_problem(header: Sequence[str]) -> tuple[str, str] | None:
    """The first column that is no field, and what is wrong with it; None when all are."""
    seen: set[str] = set()
    for number, column in enumerate(map(_plain, header), start=1):
        name, dot, entry = column.partition(".")
        if column in seen:
            return column, f'column {number}: "{column}" is there twice'
        seen.add(column)
        if not column:
            return "", f"column {number} has no name: the first row names the fields"
        if name not in _kinds() or (dot and ("object" not in _kinds()[name] or not entry)):
            return column, f'column {number}: "{column[:60]}" is no field of a job{_meant(name)}'
    if not seen & {"prompt", "template"}:
        return "prompt", 'the header names neither "prompt" nor "template": the first row names the fields'
    return None


def body_of(cells: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /v1/jobs` that a CSV row means; an empty cell says nothing.

    Never refuses: what cannot be read as its kind stays text, and the job's own rules say what is wrong with it.
    """
    body: dict[str, Any] = {}
    for column, cell in cells.items():
        name, dot, entry = _plain(column).partition(".")
        if not isinstance(cell, str) or not cell.strip():
            continue
        if dot:
            inner = body.setdefault(name, {})
            if isinstance(inner, dict):
                inner[entry] = cell
        elif isinstance(value := _read(cell, _kinds().get(name, frozenset())), dict):
            body[name] = value | body.get(name, {})
        else:
            body[name] = value
    return body


def _read(cell: str, kinds: frozenset[str]) -> Any:
    text = cell.strip()
    if "object" in kinds or ("array" in kinds and text.startswith("[")):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return cell
    if "array" in kinds:
        parts = [part.strip() for part in text.split(";") if part.strip()]
        return [float(part) if "numbers" in kinds and _NUMBER.fullmatch(part) else part for part in parts]
    return _scalar(cell, kinds)


def _scalar(cell: str, kinds: frozenset[str]) -> str | int | float | bool:
    text = cell.strip()
    if "integer" in kinds and _WHOLE.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in kinds and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return text


@cache
def _kinds() -> dict[str, frozenset[str]]:
    """What each field may hold, by every name it goes by."""
    schema = JobRequest.model_json_schema(mode="validation", by_alias=False)
    kinds = {name: frozenset(_of(prop, schema)) for name, prop in schema["properties"].items()}
    for name, field in JobRequest.model_fields.items():
        choices = getattr(field.validation_alias, "choices", ())
        kinds |= {str(choice): kinds[name] for choice in choices}
    return kinds


def _of(prop: Mapping[str, Any], schema: Mapping[str, Any]) -> set[str]:
    if "$ref" in prop:
        return _of(schema["$defs"][prop["$ref"].rpartition("/")[2]], schema)
    if branches := prop.get("anyOf") or prop.get("oneOf"):
        return set().union(*(_of(branch, schema) for branch in branches))
    found = {str(prop["type"])} if "type" in prop else set()
    items = prop.get("prefixItems") or [prop.get("items") or {}]
    if "array" in found and "number" in _of(items[0], schema):
        found.add("numbers")
    return found | ({"enum"} if "enum" in prop else set())


def _plain(column: str) -> str:
    return column.removeprefix("\ufeff").strip()


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, _kinds(), n=1)
    return f'; did you mean "{close[0]}"?' if close else f": it has {', '.join(JobRequest.model_fields)}"
