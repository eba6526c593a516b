"""What of a new OpenAPI document breaks clients of an old one, in words that name route and field.

Hides the rules: what is sent may only become more welcome, what is answered only more certain. Compares what this API's
documents are made of, not all of OpenAPI. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

Schema = dict[str, Any]
Way = Literal["sent", "answered"]

_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def breaks(old: Schema, new: Schema) -> list[str]:
    """One line for each thing that a client of `old` may trip over; empty when there is none."""
    return sorted(set(_Comparison(old, new).all()))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old = old
        self._new = new
        self._seen: set[tuple[str, str, Way]] = set()

    def all(self) -> Iterator[str]:
        for path, methods in self._old["paths"].items():
            for method, operation in methods.items():
                where = f"{method.upper()} {path}"
                if (now := self._new["paths"].get(path, {}).get(method)) is None:
                    yield f"{where}: the route is gone"
                else:
                    yield from self._operation(where, operation, now)

    def _operation(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        yield from self._parameters(where, old, new)
        if "requestBody" in new:
            if new["requestBody"].get("required") and not old.get("requestBody", {}).get("required"):
                yield f"{where}: a body is required now"
            for media, content in old.get("requestBody", {}).get("content", {}).items():
                if now := new["requestBody"]["content"].get(media):
                    yield from self._schema(f"{where}: body", content["schema"], now["schema"], "sent")
                else:
                    yield f"{where}: a body of {media} is no longer taken"
        elif "requestBody" in old:
            yield f"{where}: no body is taken any more"
        for status, reply in old["responses"].items():
            if (now := new["responses"].get(status)) is None:
                if status < "300":
                    yield f"{where}: {status} is no longer answered"
                continue
            for media, content in reply.get("content", {}).items():
                if media not in now.get("content", {}):
                    yield f"{where}: {status} is no longer {media}"
                else:
                    there = now["content"][media]["schema"]
                    yield from self._schema(f"{where}: {status}", content["schema"], there, "answered")

    def _parameters(self, where: str, old: Schema, new: Schema) -> Iterator[str]:
        before = {(each["in"], each["name"]): each for each in old.get("parameters", ())}
        after = {(each["in"], each["name"]): each for each in new.get("parameters", ())}
        for kind, name in before.keys() - after.keys():
            yield f"{where}: {kind} parameter {name} is gone"
        for (kind, name), parameter in after.items():
            known = before.get((kind, name))
            if parameter.get("required") and not (known and known.get("required")):
                yield f"{where}: {kind} parameter {name} is required now"
            if known:
                yield from self._schema(
                    f"{where}: {kind} parameter {name}", known["schema"], parameter["schema"], "sent"
                )

    def _schema(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        if "$ref" in old and "$ref" in new:
            pair = (old["$ref"], new["$ref"], way)
            if pair in self._seen:  # said once, where it is met first
                return
            self._seen.add(pair)
        before, after = _options(old, self._old), _options(new, self._new)
        kinds_before, kinds_after = {_kind(each) for each in before}, {_kind(each) for each in after}
        lost, gained = kinds_before - kinds_after, kinds_after - kinds_before
        if way == "sent" and (lost := lost - ({"integer"} if "number" in kinds_after else set())):
            yield f"{where} no longer takes {' or '.join(sorted(lost))}"
        if way == "answered" and (gained := gained - ({"integer"} if "number" in kinds_before else set())):
            yield f"{where} may now be {' or '.join(sorted(gained))}"
        for option in before:
            same = [each for each in after if _kind(each) == _kind(option)]
            if len(same) == 1:
                yield from self._values(where, option, same[0], way)

    def _values(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        yield from self._limits(where, old, new, way)
        yield from self._fields(where, old, new, way)
        for part in ("items", "additionalProperties"):
            if isinstance(old.get(part), dict) and isinstance(new.get(part), dict):
                yield from self._schema(f"{where}[]", old[part], new[part], way)

    def _limits(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        before, after = _words(old), _words(new)
        if way == "sent" and after is not None and (before is None or before - after):
            yield f"{where} takes fewer words{_listed(before - after) if before else ''}"
        if way == "answered" and before is not None and (after is None or after - before):
            yield f"{where} may now be another word{_listed(after - before) if after else ''}"
        if way == "answered":
            return
        for name in (*_FLOORS, *_CEILINGS):
            stricter = name in new and (name not in old or (new[name] > old[name]) is (name in _FLOORS))
            if stricter and new[name] != old.get(name):
                yield f"{where}: {name} is {new[name]} now, was {old.get(name, 'free')}"
        if "pattern" in new and new["pattern"] != old.get("pattern"):
            yield f"{where}: the pattern is {new['pattern']} now, was {old.get('pattern', 'free')}"

    def _fields(self, where: str, old: Schema, new: Schema, way: Way) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        demanded, promised = set(new.get("required", ())), set(old.get("required", ()))
        for name in before.keys() - after.keys():
            yield f"{where}.{name} is gone"
        if way == "sent":
            for name in demanded - set(old.get("required", ())):
                yield f"{where}.{name} is required now"
        else:
            for name in (promised - demanded) & after.keys():
                yield f"{where}.{name} may be missing now"
        for name in before.keys() & after.keys():
            yield from self._schema(f"{where}.{name}", before[name], after[name], way)


def _options(schema: Schema, whole: Schema) -> list[Schema]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        return _options(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    several = schema.get("anyOf") or schema.get("oneOf")
    return [each for option in several for each in _options(option, whole)] if several else [schema]


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    return str(kind) if kind else ("string" if "enum" in schema or "const" in schema else "anything")


def _words(schema: Schema) -> set[str] | None:
    """The closed list of values, as JSON; None for an open one."""
    if "const" in schema:
        return {json.dumps(schema["const"])}
    return {json.dumps(value) for value in schema["enum"]} if "enum" in schema else None


def _listed(words: set[str]) -> str:
    return ": " + ", ".join(sorted(words))
