"""The OpenAPI 3.1 document of the API, from the declarations of its routes and the pydantic models they name.

Hides OpenAPI's layout. Pure: no environment, no request. What a route does not declare is not in the document, and what
it declares is enforced by functions.api.routes, so the document is true of the code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from functions.api.errors import TITLES, Problem
from functions.api.replays import HEADER, KEY_FORM
from functions.api.routes import Gives, Operation

VERSION: Final = "1.0.0"
"""Of the contract, not of the code: the first number moves when a client may break."""

_ABOUT: Final = """\
A fast **draft** to look at, a **final** at full quality, a **verification** that the picture says and shows what was
asked, and a ledger that says a year later how every pixel came to be.

Send an API key as `Authorization: Bearer pc_live_…`. Errors have one body for every client: problem details (RFC 9457)
with OpenAI's `error` object inside. Numbers of money are millionths of a dollar. An id of another tenant's is answered
like one that does not exist.
"""
_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
_BEARER: Final = "bearer"
_REF: Final = "#/components/schemas/"

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

_REQUEST_HEADERS: Final[Mapping[str, Schema]] = {
    "prefer": {
        "description": "`wait=N`: answer when the job has settled, or after N seconds (at most 25).",
        "schema": {"type": "string", "examples": ["wait=20"]},
    },
    "if-none-match": {
        "description": "The `etag` of an earlier answer: 304 while nothing changed.",
        "schema": {"type": "string"},
    },
    "cancel-after": {
        "description": "Cancel the job when this long has passed: `90s`, `5m`, `1h`.",
        "schema": {"type": "string", "examples": ["5m"]},
    },
    "x-stainless-retry-count": {
        "description": "Sent by OpenAI's clients: above 0, this is the same request again.",
        "schema": {"type": "string"},
    },
    "x-stainless-read-timeout": {
        "description": "Sent by OpenAI's clients: the seconds they wait for an answer.",
        "schema": {"type": "string"},
    },
    HEADER.lower(): {
        "description": "The same key and request again: the same answer, and nothing done twice. Kept for a day.",
        "schema": {"type": "string", "pattern": KEY_FORM},
    },
}
_SOME: Final[Schema] = {"schema": {"type": "string"}}
_REPLY_HEADERS: Final[Mapping[str, Schema]] = {
    "etag": {"description": "Names this state.", "schema": {"type": "string"}},
    "location": {"description": "Where the new thing is.", "schema": {"type": "string"}},
    "retry-after": {"description": "Seconds.", "schema": {"type": "string", "pattern": r"^\d+$"}},
    "x-request-id": {"description": "For our logs.", "schema": {"type": "string"}},
    "x-should-retry": {
        "description": "Whether the same request may fare better in a minute.",
        "schema": {"type": "string", "enum": ["true", "false"]},
    },
    "ratelimit-limit": {"description": "Requests at once.", "schema": {"type": "string", "pattern": r"^\d+$"}},
    "ratelimit-remaining": {"description": "Of those, left.", "schema": {"type": "string", "pattern": r"^\d+$"}},
    "ratelimit-reset": {
        "description": "Seconds until all are left again.",
        "schema": {"type": "string", "pattern": r"^\d+$"},
    },
}


def document(operations: Iterable[Operation], *, base_url: str = "/") -> Schema:
    """The whole document; `base_url` is where the API answers."""
    operations = sorted(operations, key=lambda operation: (operation.path, operation.method))
    models = _Models(operations)
    paths: dict[str, dict[str, Schema]] = {}
    for operation in operations:
        paths.setdefault(_template(operation.path), {})[operation.method.lower()] = _operation(operation, models)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Presscheck", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": base_url}],
        "security": [{_BEARER: []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": models.schemas,
            "headers": dict(_REPLY_HEADERS),
            "securitySchemes": {
                _BEARER: {"type": "http", "scheme": "bearer", "description": "An API key, or a Cognito access token."}
            },
        },
    }


class _Models:
    """Every model the routes name, as components. A model has two schemas where reading and writing differ."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
        for operation in operations:
            taken = [operation.takes] if operation.takes else []
            wanted |= {(model, "validation"): None for model in taken}
            several = (each if isinstance(each, tuple) else (each,) for each in operation.gives.values())
            given = [each for option in several for each in option if isinstance(each, type)]
            wanted |= {(model, "serialization"): None for model in given}
        inputs = sorted(wanted, key=lambda each: (each[0].__name__, each[1]))
        references, definitions = models_json_schema(inputs, ref_template=_REF + "{model}", schema_generator=_Untitled)
        self._references = references
        self.schemas: Schema = definitions.get("$defs", {})
        closed = _reachable([references[each] for each in inputs if each[1] == "validation"], self.schemas)
        for name in self.schemas.keys() - closed:  # an answer may gain fields without breaking anybody
            if self.schemas[name].get("additionalProperties") is False:
                del self.schemas[name]["additionalProperties"]

    def reference(self, model: type[BaseModel], mode: Mode) -> Schema:
        return self._references[model, mode]


class _Untitled(GenerateJsonSchema):
    """Without a title for every field: it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - asked for each field
        return False


def _reachable(roots: Iterable[Schema], schemas: Mapping[str, Schema]) -> set[str]:
    """Names of all schemas that these refer to, and those to others."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        names = set(re.findall(re.escape(_REF) + r"([\w.-]+)", json.dumps(waiting.pop()))) - found
        found |= names
        waiting += [schemas[name] for name in names]
    return found


def _operation(operation: Operation, models: _Models) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary.rstrip("."),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, models),
    }
    if operation.description or operation.scope:
        scope = f"Takes the scope `{operation.scope}`." if operation.scope else ""
        described["description"] = " ".join(filter(None, [operation.description, scope]))
    if operation.public:
        described["security"] = []
    if operation.takes or operation.media != _JSON:
        described["requestBody"] = _body(operation, models)
    return described


def _body(operation: Operation, models: _Models) -> Schema:
    if operation.takes is None:
        form = operation.media == _FORM
        schema = {"type": "object"} if form else {"type": "string", "contentMediaType": operation.media}
        return {"required": True, "content": {operation.media: {"schema": schema}}}
    schema = models.reference(operation.takes, "validation")
    needed = operation.body_required or bool(operation.takes.model_json_schema().get("required"))
    media = {_JSON, operation.media}  # what a form may say, JSON may say, too
    return {"required": needed, "content": {each: {"schema": schema} for each in sorted(media)}}


def _path_parameters(operation: Operation) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in operation.places
    ]


def _query_parameters(operation: Operation) -> list[Schema]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema()
    required = schema.get("required", ())
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            **({"description": text} if (text := field.get("description")) else {}),
            "schema": _plain(field, definitions),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _plain(field: Schema, definitions: Schema) -> Schema:
    """A query field's schema without references and without `null`: a parameter is left out, never null."""
    if "$ref" in field:
        field = {**definitions[field["$ref"].rpartition("/")[2]], **{k: v for k, v in field.items() if k != "$ref"}}
    if "anyOf" in field:
        (only,) = [each for each in field["anyOf"] if each.get("type") != "null"]
        field = {**_plain(only, definitions), **{k: v for k, v in field.items() if k not in {"anyOf", "default"}}}
    return {name: value for name, value in field.items() if name not in {"title", "description"}}


def _header_parameters(operation: Operation) -> list[Schema]:
    names = dict.fromkeys([*operation.headers, *([HEADER] if operation.idempotent else ())])
    return [
        {"name": name, "in": "header", "required": False, **_REQUEST_HEADERS.get(name.lower(), _SOME)} for name in names
    ]


def _responses(operation: Operation, models: _Models) -> Schema:
    given = {str(status): _given(status, gives, operation, models) for status, gives in operation.gives.items()}
    problem = {"application/problem+json": {"schema": models.reference(Problem, "serialization")}}
    refused = {
        str(status): {
            "description": TITLES.get(status, "Internal error"),
            "headers": _headers(operation, status),
            "content": problem,
        }
        for status in sorted(_errors(operation))
    }
    return given | refused


def _given(status: int, gives: Gives, operation: Operation, models: _Models) -> Schema:
    described: Schema = {
        "description": _WORDS.get(status, "Done"),
        "headers": _headers(operation, status),
    }
    content: Schema = {}
    for each in gives if isinstance(gives, tuple) else (gives,):
        if isinstance(each, str):
            content[each] = {"schema": {} if each == _JSON else {"type": "string"}}
        elif each is not None:
            content[_JSON] = {"schema": models.reference(each, "serialization")}
    return described | ({"content": content} if content else {})


_WORDS: Final = {200: "OK", 201: "Created", 202: "Accepted", 204: "Done", 302: "It is there", 304: "Nothing changed"}


def _errors(operation: Operation) -> set[int]:
    """Every status of an error this route may answer, from its declaration."""
    errors = set(operation.errors)
    if not operation.public:
        errors |= {401, 429}
    if operation.scope:
        errors |= {403}
    if operation.places:
        errors |= {404}
    if operation.query:
        errors |= {422}
    if operation.takes or operation.media != _JSON:
        errors |= {400, 413, 415, 422}
    if operation.idempotent:
        errors |= {409, 422}
    if operation.method != "GET":
        errors |= {503}
    return errors - set(operation.gives)


def _headers(operation: Operation, status: int) -> Schema:
    names = ["x-request-id"]
    if not operation.public:
        names += ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] if status != 401 else []  # noqa: PLR2004
    if status >= 400:  # noqa: PLR2004
        names += ["x-should-retry"]
    if status in {429, 503}:
        names += ["retry-after"]
    if "If-None-Match" in operation.headers and status in {200, 304}:
        names += ["etag"]
    if status in {201, 202, 302}:
        names += ["location"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


@cache
def _template(path: str) -> str:
    return re.sub(r"<(\w+)>", r"{\1}", path)
