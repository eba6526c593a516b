"""Lambda's Runtime API, spoken so that a reply can be sent while it is still being made.

Lambda's own Python runtime sends a reply in one piece: awslambdaric 4.2.2 has no other way, and
https://github.com/aws/aws-lambda-roadmap/issues/39 is open (read 2026-11). The API below it has had one since 2023.
Hides that API and the format in which API Gateway takes a streamed reply. Knows no route. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from importlib import import_module
from typing import Any, Final

from functions.api.live import Outlet

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

_VERSION: Final = "/2018-06-01/runtime"
_PRELUDE_ENDS: Final = b"\0" * 8
_ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"


@dataclass(frozen=True)
class Context:
    """What a handler may ask about its invocation, in the words of Lambda's own context; and an outlet."""

    aws_request_id: str
    invoked_function_arn: str
    deadline_ms: int
    function_name: str = ""
    function_version: str = ""
    memory_limit_in_mb: str = ""
    log_group_name: str = ""
    log_stream_name: str = ""
    identity: Any = None
    client_context: Any = None
    tenant_id: str | None = None
    outlet: Outlet = field(default_factory=Outlet)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self.deadline_ms - round(time.time() * 1000))


@dataclass(frozen=True)
class Invocation:
    event: dict[str, Any]
    context: Context
    trace_id: str


class RuntimeApi:
    """One execution environment's line to Lambda. `host` is AWS_LAMBDA_RUNTIME_API: a name and a port."""

    def __init__(self, host: str) -> None:
        self._host = host

    def next(self) -> Invocation:
        """The next event; waits for it as long as it takes, frozen in between."""
        reply = self._call("GET", "/invocation/next")
        context = Context(
            aws_request_id=reply.headers["Lambda-Runtime-Aws-Request-Id"],
            invoked_function_arn=reply.headers["Lambda-Runtime-Invoked-Function-Arn"] or "",
            deadline_ms=int(reply.headers["Lambda-Runtime-Deadline-Ms"]),
            function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", ""),
            function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", ""),
            memory_limit_in_mb=os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""),
            log_group_name=os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            log_stream_name=os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )
        return Invocation(json.loads(reply.read()), context, reply.headers["Lambda-Runtime-Trace-Id"] or "")

    def answer(self, request_id: str, reply: dict[str, Any], pieces: Iterable[bytes]) -> None:
        """Send a proxy reply: status and headers at once, each piece of its body as soon as it is made.

        Should making one fail, the reply ends there and Lambda is told why; the error is raised on.
        """
        connection = HTTPConnection(self._host)
        connection.putrequest("POST", f"{_VERSION}/invocation/{request_id}/response")
        connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
        connection.putheader("Content-Type", "application/vnd.awslambda.http-integration-response")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.putheader("Trailer", f"{_ERROR_TYPE}, {_ERROR_BODY}")
        connection.endheaders()
        prelude = {name: reply[name] for name in ("statusCode", "headers", "multiValueHeaders") if reply.get(name)}
        connection.send(_chunk(json.dumps(prelude).encode() + _PRELUDE_ENDS))
        try:
            for piece in pieces:
                if piece:
                    connection.send(_chunk(piece))
        except Exception as error:
            body = base64.b64encode(_said(error)).decode()
            connection.send(f"0\r\n{_ERROR_TYPE}: {type(error).__name__}\r\n{_ERROR_BODY}: {body}\r\n\r\n".encode())
            connection.getresponse().read()
            raise
        connection.send(b"0\r\n\r\n")
        connection.getresponse().read()
        connection.close()

    def fail(self, request_id: str, error: BaseException) -> None:
        """The handler raised before it answered."""
        self._call("POST", f"/invocation/{request_id}/error", body=_said(error), error=error).read()

    def fail_to_start(self, error: BaseException) -> None:
        self._call("POST", "/init/error", body=_said(error), error=error).read()

    def _call(
        self, method: str, path: str, *, body: bytes | None = None, error: BaseException | None = None
    ) -> HTTPResponse:
        headers = {_ERROR_TYPE: type(error).__name__} if error else {}
        connection = HTTPConnection(self._host)
        connection.request(method, _VERSION + path, body=body, headers=headers)
        return connection.getresponse()


def serve(api: RuntimeApi, handler: Handler) -> None:
    """Answer one invocation."""
    invocation = api.next()
    context = invocation.context
    os.environ["_X_AMZN_TRACE_ID"] = invocation.trace_id  # where boto3 looks for it
    try:
        reply = handler(invocation.event, context)
    except Exception as error:
        traceback.print_exc()
        api.fail(context.aws_request_id, error)
        return
    try:
        api.answer(context.aws_request_id, reply, _pieces(reply, context.outlet))
    except Exception:
        # Told to Lambda already, or the line is gone: either way the next invocation is another's.
        traceback.print_exc()


def _pieces(reply: dict[str, Any], outlet: Outlet) -> Iterator[bytes]:
    if outlet.pieces is not None:
        for piece in outlet.pieces:
            yield piece.encode()
    elif reply.get("isBase64Encoded"):
        yield base64.b64decode(reply["body"])
    else:
        yield (reply.get("body") or "").encode()


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _said(error: BaseException) -> bytes:
    lines = traceback.format_exception(error)
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": lines}).encode()


def main() -> None:
    """Run until Lambda ends this process."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        handler: Handler = getattr(import_module(module), name)
    except Exception as error:
        traceback.print_exc()
        api.fail_to_start(error)
        sys.exit(1)
    while True:
        serve(api, handler)


if __name__ == "__main__":
    main()
