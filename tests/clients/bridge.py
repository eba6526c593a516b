"""An HTTP server in front of the api function, as API Gateway is on AWS; and a press that paints what was ordered.

The server asks the real authorizer and calls the real handler, one request at a time as Lambda does. The press walks
every queued job through the real pipeline over moto; only the model and the eyes are fakes.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from functions.api.handler import handler
from functions.authorize.handler import handler as authorize
from tests.handlers.conftest import Context
from tests.test_pipeline import Studio

STAGE = "/prod"


class Now:
    """The time as it is, where tests of the pipeline have a clock to turn."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)

    def forward(self, **by: float) -> None:
        """Time passes by itself here."""


@dataclass
class Press:
    """Paints jobs as they are queued, while its gate is open."""

    studio: Studio
    gate: threading.Event = field(default_factory=threading.Event)
    finals: threading.Event = field(default_factory=threading.Event)
    """Closed, drafts are painted and their finals wait."""
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        seen: set[str] = set()
        while not self.over.wait(0.02):
            if not self.gate.is_set():
                continue
            for job_id in self.studio.queued():
                if job_id not in seen:
                    seen.add(job_id)
                    self._paint(job_id)

    def _paint(self, job_id: str) -> None:
        job = self.studio.ledger.job(job_id)
        if job.stage.terminal:
            return
        reply = self.studio.drafts(job)
        if reply.next == "finalize":
            while not self.finals.wait(0.02):
                if self.over.is_set():
                    return
            self.studio.final(job)
        elif reply.next == "conclude":
            self.studio.milestones.conclude(job.id, reply.outcome)  # type: ignore[arg-type]  # an Outcome


@dataclass
class Server:
    url: str
    """Up to and with the stage, as in API Gateway's own addresses."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Every event so far."""


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    one_at_a_time = threading.Lock()

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            event = as_event(self)
            server.requests.append(event)
            with one_at_a_time:
                reply = handler(event, Context())  # type: ignore[arg-type]
            body = base64.b64decode(reply["body"]) if reply["isBase64Encoded"] else reply["body"].encode()
            self.send_response(reply["statusCode"])
            for name, values in reply["multiValueHeaders"].items():
                for value in values:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name http.server calls

        def log_message(self, *_: Any) -> None:
            """Nothing: a test that fails shows its requests."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    server = Server(f"http://127.0.0.1:{httpd.server_port}{STAGE}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


def as_event(request: BaseHTTPRequestHandler) -> dict[str, Any]:
    """The request as API Gateway's proxy hands it over."""
    parts = urlsplit(request.path)
    path = parts.path.removeprefix(STAGE)
    headers = dict(request.headers.items()) | {"X-Forwarded-Proto": "http"}
    raw = request.rfile.read(int(request.headers.get("content-length") or 0))
    query = parse_qs(parts.query)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": request.command,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "requestTimeEpoch": round(Now()().timestamp() * 1000),
            "path": parts.path,
            "httpMethod": request.command,
            "stage": STAGE.strip("/"),
            "authorizer": _vouched(headers),
        },
        "body": base64.b64encode(raw).decode() or None,
        "isBase64Encoded": bool(raw),  # of every type: see binary_media_types in infra/api.py
    }


def _vouched(headers: dict[str, str]) -> dict[str, Any] | None:
    event = {"headers": headers, "methodArn": "arn:aws:execute-api:us-east-1:123456789012:api/prod/POST/v1/jobs"}
    try:
        answer = authorize(event, Context())  # type: ignore[arg-type]
    except Exception as error:
        assert str(error) == "Unauthorized", error
        return None
    return dict(json.loads(json.dumps(answer["context"])))
