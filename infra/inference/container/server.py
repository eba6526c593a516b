"""The HTTP face SageMaker asks for: GET /ping, POST /invocations.

Hides the worker threads, the bounded queue and the simulated waiting. A picture is made in a thread, so a
busy painter never keeps /ping waiting; what does not fit in the queue is refused at once with 503.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .models import choose
from .port import DeviceLost, Model, Picture
from .protocol import (
    CONTAINER_VERSION,
    ErrorCode,
    ErrorObject,
    ErrorReply,
    InvalidRequest,
    InvocationReply,
    InvocationRequest,
    ReplyImage,
    Timings,
    parse_request,
)

MAX_BODY_BYTES: Final = 48 * 1024 * 1024
"""A base64 PNG of the largest picture, uncompressed, and some air."""
log = logging.getLogger("inference")


@dataclass
class Service:
    """The models on offer and the workers that run them. `workers` pictures at once, `queue` more may wait.

    `time_scale` shortens the simulated inference time: 1.0 is what the model pretends to take, 0 no waiting.
    """

    models: Mapping[str, Model]
    time_scale: float = 0.02
    workers: int = 2
    queue: int = 32
    ready: bool = False
    failure: str = ""
    in_flight: int = 0
    _slots: asyncio.Semaphore = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.workers)
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="painter")

    async def warm(self) -> None:
        """Load every model; until then /ping answers 503. A failure stays visible there."""
        loop = asyncio.get_running_loop()
        try:
            for model in self.models.values():
                await loop.run_in_executor(self._threads, model.warm)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            log.exception("model_failed_to_load")
        else:
            self.ready = True

    @contextmanager
    def place(self) -> Iterator[bool]:
        """A place among those running or waiting, held for the block; False when there is none."""
        free = self.in_flight < self.workers + self.queue
        self.in_flight += free
        try:
            yield free
        finally:
            self.in_flight -= free

    async def run(self, request: InvocationRequest, *, received: float) -> InvocationReply:
        """The reply to one request. Raises what the model raises."""
        model = choose(self.models, request.model)
        async with self._slots:
            started = time.perf_counter()
            picture = await asyncio.get_running_loop().run_in_executor(self._threads, model.generate, request)
            await self._pretend(picture, started)
            ended = time.perf_counter()
        return _reply(request, model, picture, received=received, started=started, ended=ended)

    async def _pretend(self, picture: Picture, started: float) -> None:
        """Wait until the scaled nominal time is over: the worker is taken for as long as a real one would be."""
        if picture.nominal_ms is not None:
            left = started + picture.nominal_ms / 1000 * self.time_scale - time.perf_counter()
            await asyncio.sleep(max(0.0, left))

    def give_up(self, error: Exception) -> None:
        """Answer /ping with 503 from now on: SageMaker replaces the instance."""
        self.failure, self.ready = f"{type(error).__name__}: {error}", False
        log.error("device_lost", exc_info=error)

    def close(self) -> None:
        self._threads.shutdown(wait=True)


def create_app(service: Service) -> Starlette:
    """The ASGI app of a service; its models warm up in the background once the server listens."""

    async def ping(_: Request) -> Response:
        status = "ready" if service.ready else f"failed: {service.failure}" if service.failure else "loading"
        body = {"status": status, "models": sorted(service.models), "in_flight": service.in_flight}
        return JSONResponse(body, status_code=200 if service.ready else 503)

    async def invocations(request: Request) -> Response:
        received = time.perf_counter()
        if not service.ready:
            why = f"the models failed: {service.failure}" if service.failure else "the models are still loading"
            return _error(503, "busy", f"{why}; GET /ping says when they are ready", retry_after_s=1)
        with service.place() as free:
            if not free:
                message = f"{service.in_flight} requests are running or waiting already"
                return _error(503, "busy", message, retry_after_s=1)
            body = await _body(request)
            if body is None:
                return _error(413, "body_too_large", f"the body may have {MAX_BODY_BYTES} bytes")
            return await _answer(service, body, received)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm())
        try:
            yield
        finally:
            warming.cancel()
            service.close()

    routes = [Route("/ping", ping, methods=["GET"]), Route("/invocations", invocations, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


async def _answer(service: Service, body: bytes, received: float) -> Response:
    """The one place where a failure becomes a status: the server outlives every one of them."""
    try:
        reply = await service.run(parse_request(body), received=received)
    except InvalidRequest as error:
        return _error(400, "invalid_request", str(error), param=error.param)
    except MemoryError as error:
        log.warning("out_of_memory", exc_info=error)
        return _error(507, "out_of_memory", f"the picture does not fit into memory: {error}")
    except DeviceLost as error:
        service.give_up(error)
        return _error(500, "inference_failed", f"the device is lost: {error}")
    except Exception as error:
        log.exception("inference_failed")
        return _error(500, "inference_failed", f"{type(error).__name__}: {error}")
    return Response(reply.model_dump_json(), media_type="application/json")


async def _body(request: Request) -> bytes | None:
    """The body, or None as soon as it is larger than allowed."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        log.info("client_left")
    return bytes(body)


def _reply(
    request: InvocationRequest, model: Model, picture: Picture, *, received: float, started: float, ended: float
) -> InvocationReply:
    total_ms, queue_ms = round((ended - received) * 1000), round((started - received) * 1000) + picture.waited_ms
    inference_ms = max(0, round((ended - started) * 1000) - picture.encode_ms - picture.waited_ms)
    return InvocationReply(
        version="1",
        request_id=request.request_id,
        image=ReplyImage(
            mime="image/png",
            data=base64.b64encode(picture.png).decode(),
            sha256=hashlib.sha256(picture.png).hexdigest(),
        ),
        model=model.name,
        model_revision=model.revision,
        container_version=CONTAINER_VERSION,
        seed=request.seed,
        determinism=model.determinism,
        simulated=model.simulated,
        timings_ms=Timings(queue=queue_ms, inference=inference_ms, encode=picture.encode_ms, total=total_ms),
        nominal_inference_ms=inference_ms if picture.nominal_ms is None else picture.nominal_ms,
        detail=dict(picture.detail),
    )


def _error(
    status: int, code: ErrorCode, message: str, *, param: str | None = None, retry_after_s: int | None = None
) -> Response:
    headers = {"retry-after": str(retry_after_s)} if retry_after_s is not None else None
    reply = ErrorReply(error=ErrorObject(code=code, message=message, param=param))
    return JSONResponse(reply.model_dump(), status_code=status, headers=headers)
