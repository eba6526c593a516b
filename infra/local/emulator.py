"""The emulator process: ministack, patched, on loopback, with a front door to the REST API.

    python -m infra.local.emulator --port 4566 --front-port 8080

Two ports. The first is the AWS endpoint. The second answers as a custom domain name of the REST
API does, so that `http://127.0.0.1:<front>/v1/jobs` is all a client needs to know; it answers
503 until `POST /_presscheck/front` has named the API. `/_presscheck/*` on the first port is for
the supervisor alone. Reads its other options from ministack's own environment variables.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, Final

from infra.local import patches
from infra.local.autosave import Autosave
from infra.local.governor import Governor

CONTROL: Final = "/_presscheck/"
_MOST_CORES: Final = 8
_STOP_WITHIN_S: Final = 8.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--front-port", type=int, required=True)
    arguments = parser.parse_args()
    os.environ["GATEWAY_PORT"] = str(arguments.port)
    os.environ.setdefault("LAMBDA_ACCOUNT_CONCURRENCY", "0")  # the governor bounds it
    _raise_file_limit()

    governor = Governor(cores=min(os.cpu_count() or 2, _MOST_CORES))
    patches.apply(governor)
    ministack = import_module("ministack.app")

    autosave = Autosave(ministack._build_persistence_save_dict)
    doors = _Doors(ministack.app, governor, autosave, front_port=arguments.front_port)
    asyncio.run(_serve(doors, ports=[arguments.port, arguments.front_port]))
    lambda_runtime = import_module("ministack.core.lambda_runtime")

    lambda_runtime.reset()
    os._exit(0)  # executions of a stopped stack still sleep in non-daemon threads


class _Doors:
    """ASGI: control requests and front-door requests are ours, the rest is the emulator's."""

    def __init__(self, emulator: Any, governor: Governor, autosave: Autosave, *, front_port: int) -> None:
        self._emulator = emulator
        self._governor = governor
        self._autosave = autosave
        self._front_port = front_port
        self._prefix: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, self._saving_once_loaded(send))
        elif scope["type"] != "http":
            await self._emulator(scope, receive, send)
        elif scope["server"][1] == self._front_port:
            await self._front(scope, receive, send)
        elif scope["path"].startswith(CONTROL):
            await self._control(scope, receive, send)
        else:
            await self._emulator(scope, receive, send)

    def _saving_once_loaded(self, send: Send) -> Send:
        """The first snapshot waits until the last one is loaded: before that, services are empty."""

        async def sending(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete" and os.environ.get("PERSIST_STATE") == "1":
                self._autosave.start()
            await send(message)

        return sending

    async def _front(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._prefix is None:
            await _reply(send, 503, {"message": "the stack is still starting"}, (b"retry-after", b"1"))
            return
        headers = [item for item in scope["headers"] if not item[0].lower().startswith(b"x-forwarded-")]
        client = (scope.get("client") or ("127.0.0.1",))[0]
        headers += [
            (b"x-forwarded-proto", b"http"),
            (b"x-forwarded-port", str(self._front_port).encode()),
            (b"x-forwarded-for", client.encode()),
        ]
        patches.through_front_door.set(True)  # the scope's task ends with the request, and the mark with it
        raw_path = self._prefix.encode() + (scope.get("raw_path") or scope["path"].encode())
        await self._emulator(
            {**scope, "path": self._prefix + scope["path"], "raw_path": raw_path, "headers": headers}, receive, send
        )

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = json.loads(await _body(receive) or b"{}")
        match scope["path"].removeprefix(CONTROL):
            case "front":
                self._prefix = f"/_aws/execute-api/{body['api_id']}/{body['stage']}"
                await _reply(send, 200, {})
            case "warm":
                await _reply(send, 200, await asyncio.to_thread(_warm, body["functions"]))
            case "save":
                await asyncio.to_thread(self._autosave.save)
                await _reply(send, 200, {})
            case "stats":
                await _reply(send, 200, self._stats())
            case other:
                await _reply(send, 404, {"message": f"no control named {other}"})

    def _stats(self) -> dict[str, Any]:
        lambda_runtime = import_module("ministack.core.lambda_runtime")

        with lambda_runtime._lock:
            workers = {key.split(":")[2]: len(pool) for key, pool in lambda_runtime._workers.items() if pool}
        return {
            "workers": workers,
            "running": self._governor.in_flight(),
            "queued": self._governor.queued(),
            "started": self._governor.started,
            "longest_wait_ms": int(self._governor.longest_wait_s * 1000),
            "total": self._governor.total,
        }


def _warm(functions: list[str]) -> dict[str, Any]:
    """Start one process for each function, a core's worth at a time; the reply says how long, or what went wrong."""
    with ThreadPoolExecutor(max_workers=min(os.cpu_count() or 2, _MOST_CORES)) as pool:
        return dict(zip(functions, pool.map(_warm_one, functions), strict=True))


def _warm_one(name: str) -> dict[str, Any]:
    lambda_runtime = import_module("ministack.core.lambda_runtime")
    lambda_svc = import_module("ministack.services.lambda_svc")

    record, config, _ = lambda_svc._get_func_record_for_ref(name)
    if not record or not config:
        return {"error": f"the emulator has no function {name}"}
    code = record.get("code_zip")
    if not code:
        return {"error": f"function {name} has no code: its asset was not uploaded before the deployment"}
    began = time.monotonic()
    lambda_svc._ensure_reaper_thread()
    worker, _ = lambda_runtime.acquire_worker(name, config, code, qualifier=config.get("Version", "$LATEST"))
    try:
        lambda_runtime.ensure_spawned(worker)
    except RuntimeError as error:
        return {"error": str(error)}
    finally:
        lambda_runtime.release_worker(worker)
    return {"ms": int((time.monotonic() - began) * 1000)}


async def _serve(doors: _Doors, *, ports: list[int]) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}" for port in ports]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2.0
    config.backlog = 1024
    config.loglevel = "WARNING"
    stop = asyncio.Event()

    def stopping() -> None:
        timer = threading.Timer(_STOP_WITHIN_S, os._exit, (1,))
        timer.daemon = True
        timer.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping)
    await serve(doors, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]  # hypercorn types ASGI narrowly


def _raise_file_limit() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _reply(send: Send, status: int, answer: dict[str, Any], *headers: tuple[bytes, bytes]) -> None:
    body = json.dumps(answer).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *headers]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    main()
