"""The API: one Lambda behind API Gateway's proxy. Composes the routes of its neighbours, and answers every error.

No route lives here, and no other module turns an exception into a reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.api import (
    audits,
    batches,
    choices,
    health,
    insight,
    jobs,
    keys,
    openai,
    replicate,
    studio,
    uploads,
    webhooks,
)
from functions.api.description import described
from functions.api.errors import problem
from functions.api.http import allowance_headers
from functions.api.routes import Operation, Routes
from shared.errors import MethodNotAllowed, NotFound, PresscheckError, StillWorking
from shared.telemetry import logger

_MODULES: Final[tuple[Routes, ...]] = (
    jobs.routes,
    audits.routes,
    batches.routes,
    openai.routes,
    replicate.routes,
    uploads.routes,
    choices.routes,
    keys.routes,
    webhooks.routes,
    insight.routes,
    studio.routes,
    health.routes,
)
ROUTES: Final = (*_MODULES, described(_MODULES))

app = APIGatewayRestResolver(strip_prefixes=[])
for _module in ROUTES:
    app.include_router(_module.router)


def _say_what_is_left(resolver: APIGatewayRestResolver, next_middleware: Callable[..., Response[Any]]) -> Response[Any]:
    reply = next_middleware(resolver)
    reply.headers.update(allowance_headers(resolver.context.get("allowance")))
    return reply


app.use([_say_what_is_left])


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST, clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one HTTP request. Input: events/api-*.json."""
    reply = app.resolve(event, context)
    reply.setdefault("multiValueHeaders", {})["x-request-id"] = [event["requestContext"]["requestId"]]
    return reply


@app.exception_handler(PresscheckError)  # type: ignore[untyped-decorator]  # Powertools does not type it
def _ours(error: PresscheckError) -> Response[str]:
    ours = error.status >= 500 and not isinstance(error, StillWorking)  # noqa: PLR2004 - that one is an answer
    log = logger.exception if ours else logger.info
    log("request_refused", extra={"code": error.code, "param": error.param})
    reply = problem(error, instance=app.current_event.path)
    reply.headers.update(allowance_headers(app.context.get("allowance")))
    return reply


@app.not_found
def _no_route(_: Exception) -> Response[str]:
    event = app.current_event
    allowed = [operation.method for operation in _operations() if operation.matches(event.path)]
    if not allowed or event.http_method in allowed:  # the path fits but for its characters: no id looks like that
        return problem(NotFound(f"{event.http_method} {event.path} is no route of this API"), instance=event.path)
    words = f"{event.path} takes {' and '.join(allowed)}, not {event.http_method}"
    reply = problem(MethodNotAllowed(words, allow=allowed), instance=event.path)
    reply.headers["allow"] = ", ".join(allowed)
    return reply


def _operations() -> Iterator[Operation]:
    return (operation for module in ROUTES for operation in module.operations)
