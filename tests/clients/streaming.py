"""The stream function as AWS runs it: API Gateway before it, Lambda's Runtime API below it, each a small HTTP server.

The gateway hands a request to the Runtime API, where the real loop of functions/stream/runtime.py fetches it; what the
loop sends comes back chunk by chunk and leaves the gateway the moment it arrives.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from functions.stream.handler import handler
from functions.stream.runtime import RuntimeApi, serve
from tests.clients.bridge import STAGE, Server, as_event

PRELUDE_ENDS = b"\0" * 8
LIFETIME_S = 60


@dataclass
class Pending:
    """An invocation: its event, and the chunks of its reply; None is the end."""

    event: dict[str, Any]
    chunks: queue.Queue[bytes | None] = field(default_factory=queue.Queue)
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)


class Lambda:
    """Invocations on their way to the runtime, and back."""

    def __init__(self) -> None:
        self.waiting: queue.Queue[Pending | None] = queue.Queue()
        self.running: dict[str, Pending] = {}

    def invoke(self, event: dict[str, Any]) -> Pending:
        pending = Pending(event)
        self.waiting.put(pending)
        return pending


@contextlib.contextmanager
def runtime_api(lambda_: Lambda, *, lifetime_s: float = LIFETIME_S) -> Iterator[str]:
    """The Runtime API of one execution environment; its host."""

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            pending = lambda_.waiting.get()
            if pending is None:
                self.close_connection = True
                return
            request_id = f"request-{len(lambda_.running) + 1}"
            lambda_.running[request_id] = pending
            body = json.dumps(pending.event).encode()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:stream"
            )
            self.send_header("Lambda-Runtime-Deadline-Ms", str(round((time.time() + lifetime_s) * 1000)))
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-1;Sampled=1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            _, request_id, what = self.path.rsplit("/", 2)
            pending = lambda_.running[request_id]
            pending.headers = {name.lower(): value for name, value in self.headers.items()}
            if what == "error":
                pending.trailers["body"] = self.rfile.read(int(self.headers["content-length"])).decode()
            else:
                while size := int(self.rfile.readline(), 16):
                    pending.chunks.put(self.rfile.read(size))
                    self.rfile.readline()
                while line := self.rfile.readline().strip().decode():
                    name, _, value = line.partition(": ")
                    pending.trailers[name] = value
            pending.chunks.put(None)
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with _running(Api) as server:
        yield f"127.0.0.1:{server.server_port}"


@contextlib.contextmanager
def streaming_server() -> Iterator[Server]:
    """A gateway whose integration streams, in front of one execution environment of the stream function."""
    lambda_ = Lambda()

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = as_event(self)
            server.requests.append(event)
            pending = lambda_.invoke(event)
            head = b""
            while PRELUDE_ENDS not in head:
                head += pending.chunks.get(timeout=LIFETIME_S) or b""
            prelude, _, rest = head.partition(PRELUDE_ENDS)
            answer = json.loads(prelude)
            self.send_response(answer["statusCode"])
            for name, values in answer["multiValueHeaders"].items():
                for value in values:
                    self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            chunk: bytes | None = rest
            while chunk is not None:
                if chunk:
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                    self.wfile.flush()
                chunk = pending.chunks.get(timeout=LIFETIME_S)
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with runtime_api(lambda_) as host, _running(Gateway) as gateway:
        server = Server(f"http://127.0.0.1:{gateway.server_port}{STAGE}")
        worker = threading.Thread(target=_work, args=(host,), daemon=True)
        worker.start()
        yield server
        lambda_.waiting.put(None)
        worker.join()


def _work(host: str) -> None:
    with contextlib.suppress(ConnectionError):  # the Runtime API hangs up: the environment ends
        while True:
            serve(RuntimeApi(host), handler)  # type: ignore[arg-type]  # a Context is what Powertools asks of one


@contextlib.contextmanager
def _running(kind: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield httpd
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()
