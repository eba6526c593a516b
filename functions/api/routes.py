"""A module's routes: what each one takes, gives and demands, declared once.

Hides how a declaration becomes a route of Powertools, a checked request and a paragraph of the OpenAPI document. The
same declaration drives all three, so the document cannot promise what the code does not do. Knows no business.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from functions.api.http import MAX_BODY_BYTES, body, header, principal, query_of
from functions.api.replays import HEADER, KEPT, answer_once, checked_key
from shared import wiring
from shared.allowances import refuse
from shared.keys import Scope
from shared.ledger import Once

Method = Literal["GET", "POST", "PUT", "DELETE"]
Give = type[BaseModel] | str | None
"""The body of a reply: JSON of a model, bytes or text of a media type, or nothing."""
Gives = Give | tuple[Give, ...]

_PLACE: Final = re.compile(r"<(\w+)>")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One route as declared."""

    method: Method
    path: str
    """`/v1/jobs/<job_id>`, in Powertools' spelling."""
    tag: str
    name: str
    summary: str
    description: str
    public: bool = False
    scope: Scope | None = None
    takes: type[BaseModel] | None = None
    media: str = "application/json"
    """Of what it takes."""
    max_bytes: int = MAX_BODY_BYTES
    """Of a JSON body."""
    body_required: bool = False
    """Even where every field has a default: an empty request would be a mistake."""
    lenient: bool = False
    """Reads JSON whatever its content type says."""
    idempotent: bool = False
    """Heeds `Idempotency-Key`."""
    query: type[BaseModel] | None = None
    gives: Mapping[int, Gives] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    """Beyond those that follow from the rest of the declaration."""
    headers: tuple[str, ...] = ()
    """Request headers it heeds beside those: `Prefer`, `If-None-Match`."""

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the path's parameters."""
        return tuple(_PLACE.findall(self.path))

    def matches(self, path: str) -> bool:
        return re.fullmatch(_PLACE.sub("[^/]+", re.escape(self.path)), path) is not None


class Routes:
    """The routes of one module. Include `router` in the resolver, and hand `operations` to the document.

    A decorated function is called with keywords: `who` (the Principal, where it names it), `asked` (an instance of
    `takes`), `query` (an instance of `query`), `once` (where it names it: None, or the claim of an `idempotent`
    request's key), and one string for each parameter of its path. Its docstring is the
    route's text in the document. `takes` of another `media` than JSON is declared only: the function reads it itself.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.router = APIGatewayRouter()  # type: ignore[no-untyped-call]  # Powertools does not type it
        self.operations: list[Operation] = []

    @property
    def event(self) -> BaseProxyEvent:
        """The request being answered."""
        return self.router.current_event

    @property
    def context(self) -> LambdaContext:
        return self.router.lambda_context

    def get(self, path: str, **contract: Any) -> Callable[[Callable[..., Response[Any]]], Callable[..., Response[Any]]]:
        return self._route("GET", path, **contract)

    def post(
        self, path: str, **contract: Any
    ) -> Callable[[Callable[..., Response[Any]]], Callable[..., Response[Any]]]:
        return self._route("POST", path, **contract)

    def delete(
        self, path: str, **contract: Any
    ) -> Callable[[Callable[..., Response[Any]]], Callable[..., Response[Any]]]:
        return self._route("DELETE", path, **contract)

    def _route(
        self, method: Method, path: str, **contract: Any
    ) -> Callable[[Callable[..., Response[Any]]], Callable[..., Response[Any]]]:
        """`contract`: the fields of Operation, by keyword."""

        def declare(function: Callable[..., Response[Any]]) -> Callable[..., Response[Any]]:
            summary, _, rest = (function.__doc__ or "").strip().partition("\n")
            operation = Operation(
                method=method,
                path=path,
                tag=self.tag,
                name=function.__name__,
                summary=summary.strip(),
                description=" ".join(rest.split()),
                **contract,
            )
            self.operations.append(operation)
            self.router.route(path, method)(self._checked(operation, function))
            return function

        return declare

    def _checked(self, operation: Operation, function: Callable[..., Response[Any]]) -> Callable[..., Response[Any]]:
        named = inspect.signature(function).parameters

        @wraps(function, assigned=("__name__", "__doc__"), updated=())
        def answer(**given: str) -> Response[Any]:
            arguments: dict[str, Any] = dict(given)
            if not operation.public:
                who = principal(self.event, operation.scope)
                allowance = wiring.allowances().take_request(who.tenant)
                self.router.append_context(allowance=allowance)  # type: ignore[no-untyped-call]  # Powertools again
                if allowance.exceeded:
                    raise refuse(allowance)
                arguments |= {"who": who} if "who" in named else {}
            if operation.query:
                arguments["query"] = query_of(self.event, operation.query)
            if operation.takes and operation.media == "application/json":
                arguments["asked"] = body(
                    self.event, operation.takes, lenient=operation.lenient, limit=operation.max_bytes
                )
            if not operation.idempotent:
                return function(**arguments)
            key = checked_key(header(self.event, HEADER))
            if "once" in named:
                arguments["once"] = Once(key=f"request:{key}", until=wiring.now() + KEPT) if key else None
            if key is None:
                return function(**arguments)
            asked = arguments.get("asked")
            stands_for = {
                "method": operation.method,
                "path": self.event.path,
                "body": asked.model_dump(mode="json") if asked else None,
            }
            return answer_once(
                lambda: function(**arguments),
                key=key,
                tenant=who.tenant,
                request=stands_for,
                store=wiring.replays(),
                context=self.context,
            )

        del answer.__wrapped__  # Powertools would read the parameters off it
        return answer
