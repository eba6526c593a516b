"""The stand-in as an ASGI app: composition root, routes, start and stop.

    POST /endpoints/{name}/async-invocations   InvokeEndpointAsync
    GET  /_status                              counts and backlog of each endpoint
    GET, PUT, DELETE /_faults                  see faults.py

Never decides anything about requests: protocol.py reads them, endpoint.py lives with them.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sagemaker.aws import Aws
from infra.local.sagemaker.config import Endpoints
from infra.local.sagemaker.container import Containers
from infra.local.sagemaker.endpoint import Endpoint
from infra.local.sagemaker.faults import Faults, read_faults
from infra.local.sagemaker.journal import Journal
from infra.local.sagemaker.protocol import (
    MAX_BODY_BYTES,
    ServiceError,
    accepted_response,
    endpoint_not_found,
    error_response,
    read_call,
)
from infra.local.sagemaker.publisher import Publisher

_log = logging.getLogger(__name__)


def create_app(
    endpoints: Endpoints,
    *,
    aws: Aws,
    journal: Journal,
    account: str,
    region: str,
    clock: Callable[[], float] = time.time,
    grace_s: float = 5.0,
) -> Starlette:
    """The app owns what it is given: on shutdown it drains for at most `grace_s`, then closes `aws` and `journal`."""
    service = _Service(endpoints, aws=aws, journal=journal, account=account, region=region, clock=clock)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.resume()
        yield
        await service.stop(grace_s=grace_s)

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/endpoints/{name}/async-invocations", service.invoke_async, methods=["POST"]),
            Route("/endpoints/{name}/{kind}", service.invoke_otherwise, methods=["POST"]),
            Route("/_status", service.status, methods=["GET"]),
            Route("/_faults", service.get_faults, methods=["GET"]),
            Route("/_faults", service.put_faults, methods=["PUT"]),
            Route("/_faults", service.delete_faults, methods=["DELETE"]),
        ],
    )


class _Service:
    """The parts of one stand-in, wired."""

    def __init__(
        self,
        endpoints: Endpoints,
        *,
        aws: Aws,
        journal: Journal,
        account: str,
        region: str,
        clock: Callable[[], float],
    ) -> None:
        self._aws, self._journal, self._account = aws, journal, account
        self._containers, self._faults = Containers(), Faults()
        self._publisher = Publisher(aws=aws, journal=journal, faults=self._faults, clock=clock)
        self._endpoints = {
            name: Endpoint(
                name,
                config,
                region=region,
                aws=aws,
                containers=self._containers,
                journal=journal,
                faults=self._faults,
                publisher=self._publisher,
                clock=clock,
            )
            for name, config in endpoints.items()
        }

    def resume(self) -> None:
        """Take up what an earlier process accepted and did not finish."""
        untold, unfinished = self._journal.untold(), self._journal.unfinished()
        for notice in untold:
            self._publisher.publish(notice)
        for seq, invocation in unfinished:
            if endpoint := self._endpoints.get(invocation.endpoint):
                endpoint.enqueue(seq, invocation)
            else:
                _log.warning("endpoint %s is gone: %s waits for it", invocation.endpoint, invocation.inference_id)
        if untold or unfinished:
            _log.info("resumed %d requests and %d notifications", len(unfinished), len(untold))

    async def stop(self, *, grace_s: float) -> None:
        deadline = time.monotonic() + grace_s
        for endpoint in self._endpoints.values():
            await endpoint.stop(grace_s=max(0.0, deadline - time.monotonic()))
        await self._publisher.stop(grace_s=max(0.5, deadline - time.monotonic()))
        await self._containers.close()
        self._aws.close()
        self._journal.close()

    async def invoke_async(self, request: Request) -> Response:
        try:
            name = request.path_params["name"]
            call = read_call(name, request.headers, await _body(request))
            return accepted_response(self._endpoint(name).accept(call))
        except ServiceError as error:
            _log.info("refused %s", error)
            return error_response(error)

    async def invoke_otherwise(self, request: Request) -> Response:
        """InvokeEndpoint and its kin: an asynchronous endpoint answers no others. The wording is ours."""
        try:
            name = request.path_params["name"]
            self._endpoint(name)
        except ServiceError as error:
            return error_response(error)
        message = f"Endpoint {name} is asynchronous and only supports InvokeEndpointAsync."
        return error_response(ServiceError("ValidationError", message))

    async def status(self, _: Request) -> Response:
        return JSONResponse({name: endpoint.report() for name, endpoint in self._endpoints.items()})

    async def get_faults(self, _: Request) -> Response:
        return JSONResponse(self._faults.report())

    async def put_faults(self, request: Request) -> Response:
        try:
            self._faults.replace(read_faults(await request.body()))
        except ValidationError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        return JSONResponse(self._faults.report())

    async def delete_faults(self, _: Request) -> Response:
        self._faults.replace([])
        self._publisher.release()
        return JSONResponse([])

    def _endpoint(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise endpoint_not_found(name, account=self._account)
        return self._endpoints[name]


async def _body(request: Request) -> bytes:
    """The body, read no further than needed to know that it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            break
    return body
