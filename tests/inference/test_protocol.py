"""What the serving container accepts, and the files that document it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from infra.inference.container.protocol import InvalidRequest, InvocationReply, InvocationRequest, parse_request

EVENTS = Path(__file__).parents[2] / "events"


def sample(**changes: Any) -> bytes:
    """The sample request with some fields changed; a value of ... takes the field away."""
    body = json.loads((EVENTS / "inference-request.json").read_text()) | changes
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def test_the_sample_request_is_understood() -> None:
    request = parse_request(sample())

    assert request.text is not None
    assert request.text.content == ("SALE",)
    assert request.model == "sketch-fine"


def test_the_sample_reply_is_a_reply() -> None:
    reply = InvocationReply.model_validate_json((EVENTS / "inference-reply.json").read_text())

    assert reply.simulated
    assert reply.request_id == parse_request(sample()).request_id


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"version": "2"}, "version"),
        ({"version": ...}, "version"),
        ({"colour": "red"}, "colour"),
        ({"prompt": "  "}, "prompt"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"width": 63}, "width"),
        ({"width": 4096, "height": 4096}, "width"),
        ({"steps": 0}, "steps"),
        ({"guidance_scale": 31}, "guidance_scale"),
        ({"sampler": "euler"}, "sampler"),
        ({"text": {"content": []}}, "text.content"),
        ({"text": {"content": ["SALE", " "]}}, "text.content.1"),
        ({"text": {"content": ["SALE"], "box": [0.5, 0.5, 0.6, 0.1]}}, "text.box"),
        ({"mask": [0, 0, 0, 0.5], "init_image": "AAAA"}, "mask"),
        ({"mask": [0, 0, 1, 1]}, "mask"),
        ({"init_image": "not base64!"}, "init_image"),
        ({"mask_image": "AAAA", "init_image": "AAAA"}, "mask_image"),
        ({"mask_image": "not base64!", "mask": [0, 0, 1, 1], "init_image": "AAAA"}, "mask_image"),
        ({"sampler": "typeset"}, "mask"),
        ({"sampler": "typeset", "mask": [0, 0, 1, 1], "init_image": "AAAA", "text": None}, "text"),
        ({"strength": 1.5}, "strength"),
    ],
)
def test_a_broken_rule_is_answered_with_the_name_of_the_field(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_request(sample(**changes))

    assert caught.value.param == param
    assert param.partition(".")[0] in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_request(body)


@pytest.mark.parametrize(("name", "model"), [("request", InvocationRequest), ("reply", InvocationReply)])
def test_the_json_schemas_in_events_are_those_of_the_code(name: str, model: type[BaseModel]) -> None:
    """Write them anew with `python tests/inference/test_protocol.py`."""
    written = json.loads((EVENTS / f"inference-{name}.schema.json").read_text())

    assert written == schema(model)


def schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}


if __name__ == "__main__":
    for title, value in (("request", InvocationRequest), ("reply", InvocationReply)):
        target = EVENTS / f"inference-{title}.schema.json"
        target.write_text(json.dumps(schema(value), indent=2, ensure_ascii=False) + "\n")
