"""API Gateway in this process: a WSGI application in front of the api function and its authorizer.

What real HTTP clients and property tests talk to without a socket. The public paths are read off the routes.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from functions.api.handler import ROUTES, handler
from shared import wiring
from shared.errors import NotAuthenticated
from tests.handlers.conftest import Context

STAGE = "prod"


@dataclass
class Gateway:
    """Calls itself by whatever host the client used; every reply is kept in `log`, newest last."""

    context: Context = field(default_factory=Context)
    log: list[tuple[str, str, int]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.pop("HTTP_ACCEPT_ENCODING", None)  # schemathesis offers gzip and does not unpack it
        event = _event(environ)
        if not _public(event):
            who = _vouch(event["headers"].get("authorization", ""))
            if who is None:
                return _send(start_response, 401, {"Content-Type": ["application/problem+json"]}, _UNAUTHORIZED)
            event["requestContext"]["authorizer"] = who
        reply = handler(event, self.context)  # type: ignore[arg-type]
        self.log.append((event["httpMethod"], event["path"], reply["statusCode"]))
        body = reply["body"] or ""
        raw = base64.b64decode(body) if reply.get("isBase64Encoded") else body.encode()
        return _send(start_response, reply["statusCode"], reply["multiValueHeaders"], raw)


_UNAUTHORIZED = json.dumps(
    {
        "type": "urn:presscheck:error:not_authenticated",
        "title": "Not authenticated",
        "status": 401,
        "detail": "no",
        "instance": "urn:request:1",
        "error": {"message": "no", "type": "invalid_request_error", "param": None, "code": "not_authenticated"},
    }
).encode()


def _public(event: dict[str, Any]) -> bool:
    operations = [operation for module in ROUTES for operation in module.operations if operation.public]
    return any(operation.matches(event["path"]) and operation.method == event["httpMethod"] for operation in operations)


def _vouch(authorization: str) -> dict[str, str] | None:
    scheme, _, key = authorization.partition(" ")
    try:
        who = wiring.keys().authenticate(key.strip() if scheme.lower() in {"bearer", "token"} else "")
    except NotAuthenticated:
        return None
    return {"tenant": who.tenant, "name": who.name, "scopes": " ".join(who.scopes)}


def _event(environ: dict[str, Any]) -> dict[str, Any]:
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
    }
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        body, encoded = raw.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(raw).decode(), True
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": environ["REQUEST_METHOD"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "path": f"/{STAGE}{path}",
            "stage": STAGE,
            "requestId": "2f1c0d8e-6f3a-4c59-9d7e-0d2f3a1b4c5d",
            "requestTimeEpoch": int(time.time() * 1000),
            "domainName": headers.get("host", "localhost"),
            "httpMethod": environ["REQUEST_METHOD"],
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": body or None,
        "isBase64Encoded": encoded,
    }


def _send(
    start_response: Callable[..., Any], status: int, headers: dict[str, list[str]], body: bytes
) -> Iterable[bytes]:
    start_response(f"{status} .", [(name, value) for name, values in headers.items() for value in values])
    return [body]
