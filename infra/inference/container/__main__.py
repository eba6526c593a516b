"""`python -m infra.inference.container serve` starts the server; `paint` writes one picture to a file.

Copied alone into an image the folder runs the same way, as `python -m container serve`: `serve` is the
argument SageMaker passes. Every option of `serve` can come from the environment instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn

from .models import KNOWN, choose, offer
from .protocol import InvalidRequest, InvocationRequest, Lettering
from .server import Service, create_app

DRAIN_S = 25
"""SageMaker kills a container 30 s after SIGTERM."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "paint":
            return _paint(options)
        return _serve(options)
    except InvalidRequest as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    env = os.environ
    parser = argparse.ArgumentParser(prog="container", description="The Presscheck serving container.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer /ping and /invocations")
    serve.add_argument("--host", default=env.get("INFERENCE_HOST", "127.0.0.1"))
    serve.add_argument("--port", type=_count, default=env.get("INFERENCE_PORT", "8080"), help="0 takes a free one")
    serve.add_argument(
        "--model",
        action="append",
        dest="models",
        help="offer this model; may be repeated (INFERENCE_MODELS, by commas)",
    )
    serve.add_argument("--time-scale", type=_scale, default=env.get("INFERENCE_TIME_SCALE", "0.02"))
    serve.add_argument(
        "--workers", type=_count, default=env.get("INFERENCE_WORKERS", "2"), help="pictures made at once"
    )
    serve.add_argument("--queue", type=_count, default=env.get("INFERENCE_QUEUE", "32"), help="requests that may wait")
    paint = commands.add_parser("paint", help="write one picture")
    paint.add_argument("prompt")
    paint.add_argument("out", type=Path, help="PNG file")
    paint.add_argument("--model", default="sketch-fine")
    paint.add_argument("--seed", type=int, default=42)
    paint.add_argument("--size", type=_size, default="1024x1024")
    paint.add_argument("--text", action="append", default=[], help="words to draw; may be repeated")
    return parser


def _count(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text}")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    """Width and height in pixels from `1024x1024`."""
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise argparse.ArgumentTypeError(f"must look like 1024x1024, not {text}")
    return int(width), int(height)


def _scale(text: str) -> float:
    """A time scale: 0 or more."""
    scale = float(text)
    if not 0 <= scale < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return scale


def _paint(options: argparse.Namespace) -> int:
    width, height = options.size
    request = InvocationRequest(
        version="1",
        request_id="paint",
        model=options.model,
        prompt=options.prompt,
        seed=options.seed,
        width=width,
        height=height,
        text=Lettering(content=tuple(options.text)) if options.text else None,
    )
    picture = choose(offer([options.model]), options.model).generate(request)
    options.out.write_bytes(picture.png)
    print(json.dumps({"file": str(options.out), **picture.detail}, ensure_ascii=False))
    return 0


def _serve(options: argparse.Namespace) -> int:
    names = (
        options.models or [name for name in os.environ.get("INFERENCE_MODELS", "").split(",") if name] or list(KNOWN)
    )
    service = Service(offer(names), time_scale=options.time_scale, workers=options.workers, queue=options.queue)
    listener = socket.create_server((options.host, options.port), backlog=256)
    host, port = listener.getsockname()[:2]
    # uvicorn raises the signal again after its graceful end; a drained server has ended well, so nothing is left to do.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    config = uvicorn.Config(
        create_app(service), log_level="warning", timeout_graceful_shutdown=DRAIN_S, timeout_keep_alive=75
    )
    print(json.dumps({"event": "listening", "host": host, "port": port, "models": sorted(names)}), flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
