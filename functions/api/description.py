"""Routes that describe the API itself: the OpenAPI document, and the same to read.

The page is written here, whole: no script, no font and no style comes from anywhere, and its policy forbids them to.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from jinja2 import Environment, StrictUndefined

from functions.api.contract import Schema, document
from functions.api.http import base_url
from functions.api.routes import Routes

_PAGE: Final = Path(__file__).with_name("page.html")
_STYLE: Final = Path(__file__).with_name("page.css")
_CACHED: Final = {"cache-control": "public, max-age=300"}


def described(modules: Sequence[Routes]) -> Routes:
    """Routes that describe those of `modules` and themselves."""
    routes = Routes("About")
    operations = [operation for module in modules for operation in module.operations]

    @cache
    def whole() -> Schema:
        return document([*operations, *routes.operations])

    def here() -> Schema:
        return whole() | {"servers": [{"url": base_url(routes.event)}]}

    @routes.get("/openapi.json", public=True, gives={200: "application/json"})
    def openapi() -> Response[str]:
        """This document."""
        return Response(200, content_type="application/json", body=json.dumps(here()), headers=dict(_CACHED))

    @routes.get("/docs", public=True, gives={200: "text/html"})
    def docs() -> Response[str]:
        """This document, to read."""
        style = _STYLE.read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
        headers = {"content-security-policy": policy, "x-content-type-options": "nosniff", **_CACHED}
        return Response(200, content_type="text/html; charset=utf-8", body=page(here(), style), headers=headers)

    return routes


def page(described: Schema, style: str) -> str:
    """An OpenAPI document as one HTML page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals["shape"] = _shape
    template = environment.from_string(_PAGE.read_text(encoding="utf-8"))
    return template.render(api=described, style=style, by_tag=_by_tag(described))


def _by_tag(described: Schema) -> dict[str, list[dict[str, Any]]]:
    """The operations under their tags, in the document's order."""
    found: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in described["tags"]}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            found[operation["tags"][0]].append({**operation, "path": path, "method": method.upper()})
    return found


def _shape(schema: Schema) -> list[tuple[str, str]]:
    """What a value may be, as (words, name of the schema behind them): `list of` RenderView, `or null`."""
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            shape = [(name, name)]
        case {"anyOf": options} | {"oneOf": options}:
            shape = [part for option in options for part in [(" or ", ""), *_shape(option)]][1:]
        case {"enum": words}:
            shape = [(" | ".join(map(json.dumps, words)), "")]
        case {"const": word}:
            shape = [(json.dumps(word), "")]
        case {"type": "array"}:
            shape = [("list of ", ""), *_shape(schema.get("items", {}))]
        case {"type": "object", "additionalProperties": dict() as each}:
            shape = [("map to ", ""), *_shape(each)]
        case _:
            limits = [f"{word} {schema[name]}" for name, word in _LIMITS.items() if name in schema]
            shape = [(" ".join([str(schema.get("format") or schema.get("type") or "any"), *limits]), "")]
    return shape


_LIMITS: Final = {"minimum": "from", "maximum": "to", "maxLength": "at most", "pattern": "like"}
