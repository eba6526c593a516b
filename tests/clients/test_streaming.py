"""A reply leaves while it is still being made: the real SDK, the real runtime loop, the real handler."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from functions.stream.handler import handler
from functions.stream.runtime import RuntimeApi, serve
from tests.clients.bridge import Now, Press, Server
from tests.clients.streaming import PRELUDE_ENDS, Lambda, runtime_api, streaming_server
from tests.clients.test_openai import SALE, jobs, opened
from tests.handlers.conftest import KEY


@pytest.fixture
def streaming(press: Press) -> Iterator[Server]:
    with streaming_server() as server:
        yield server


@pytest.fixture
def client(streaming: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=f"{streaming.url}/v1", max_retries=0, timeout=30) as client:
        yield client


def test_the_draft_arrives_before_the_final_is_painted(client: openai.OpenAI, press: Press) -> None:
    """Nobody paints the final until the client holds the draft: a reply in one piece would never come."""
    press.finals.clear()
    events: list[Any] = []

    for event in client.images.generate(model="tier/hero", prompt="A sale", stream=True, extra_body=SALE):
        events.append(event)
        press.finals.set()

    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert all(opened(event.b64_json).format == "PNG" for event in events)
    assert {event.job_id for event in events} == {jobs()[0].id}


def test_what_does_not_stream_is_answered_as_ever(client: openai.OpenAI, streaming: Server) -> None:
    reply: Any = client.images.generate(model="tier/hero", prompt="A sale", extra_body=SALE)
    with pytest.raises(openai.NotFoundError) as missing:
        client.images.generate(model="gpt-image-9", prompt="A sale", stream=True)

    assert reply.data[0].verification["verdict"] == "pass"
    assert missing.value.code == "model_not_found"


def test_a_failure_in_the_midst_is_an_event(client: openai.OpenAI, press: Press) -> None:
    press.studio.reader.readings = ["SALF"] * 20
    seen: list[Any] = []

    with pytest.raises(openai.APIError) as caught:
        seen.extend(client.images.generate(model="tier/hero", prompt="A sale", stream=True, extra_body=SALE))

    assert caught.value.code == "rendered_text_mismatch"


def test_a_stream_that_may_last_no_longer_names_the_job_it_leaves(press: Press) -> None:
    press.gate.clear()
    lambda_ = Lambda()
    event = _post(stream=True)

    with runtime_api(lambda_, lifetime_s=5.5) as host:
        pending = lambda_.invoke(event)
        serve(RuntimeApi(host), handler)  # type: ignore[arg-type]

    body = _body(pending.chunks.queue)
    assert "event: error" in body and "still_working" in body
    assert jobs()[0].id in body


# ── the loop by itself ───────────────────────────────────────────────────────────────────────────


def test_a_streamed_reply_is_what_lambda_and_api_gateway_expect() -> None:
    lambda_ = Lambda()
    with runtime_api(lambda_) as host:
        pending = lambda_.invoke({"n": 1})
        serve(RuntimeApi(host), lambda event, _: {"statusCode": 201, "headers": {"a": "b"}, "body": str(event)})

    assert pending.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert pending.headers["transfer-encoding"] == "chunked"
    assert pending.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    whole = b"".join(chunk for chunk in pending.chunks.queue if chunk)
    assert whole == b'{"statusCode": 201, "headers": {"a": "b"}}' + PRELUDE_ENDS + b"{'n': 1}"


def test_bytes_leave_as_bytes() -> None:
    lambda_ = Lambda()
    with runtime_api(lambda_) as host:
        pending = lambda_.invoke({})
        serve(RuntimeApi(host), lambda *_: {"statusCode": 200, "body": "/9j/", "isBase64Encoded": True})

    assert b"".join(chunk for chunk in pending.chunks.queue if chunk).endswith(PRELUDE_ENDS + b"\xff\xd8\xff")


def test_a_handler_that_raises_is_reported_and_the_next_invocation_is_served() -> None:
    lambda_ = Lambda()

    def fragile(event: dict[str, Any], _: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": event["body"]}

    with runtime_api(lambda_) as host:
        broken, whole = lambda_.invoke({}), lambda_.invoke({"body": "fine"})
        api = RuntimeApi(host)
        serve(api, fragile)
        serve(api, fragile)

    assert broken.headers["lambda-runtime-function-error-type"] == "KeyError"
    assert "fine" in _body(whole.chunks.queue)


def test_a_reply_that_breaks_off_says_so_in_its_trailers() -> None:
    lambda_ = Lambda()

    def breaking(_: dict[str, Any], context: Any) -> dict[str, Any]:
        def pieces() -> Iterator[str]:
            yield "one"
            raise ConnectionError("the ledger is gone")

        context.outlet.pieces = pieces()
        return {"statusCode": 200, "body": ""}

    with runtime_api(lambda_) as host:
        pending = lambda_.invoke({})
        serve(RuntimeApi(host), breaking)

    assert _body(pending.chunks.queue).endswith("one")
    assert pending.trailers["Lambda-Runtime-Function-Error-Type"] == "ConnectionError"


def _body(chunks: Any) -> str:
    whole = b"".join(chunk for chunk in chunks if chunk)
    return whole.partition(PRELUDE_ENDS)[2].decode()


def _post(**fields: Any) -> dict[str, Any]:
    body = json.dumps({"model": "tier/hero", "prompt": "A sale"} | fields).encode()
    headers = {"content-type": "application/json", "host": "127.0.0.1"}
    return {
        "path": "/v1/images/generations",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "requestId": "r-1",
            "requestTimeEpoch": round(Now()().timestamp() * 1000),
            "path": "/prod/v1/images/generations",
            "authorizer": {"tenant": "acme", "name": "dana", "scopes": "render"},
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
