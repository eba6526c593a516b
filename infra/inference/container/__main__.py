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
from typing import Final

import uvicorn

from .models import KNOWN, MINI, choose, offer
from .protocol import InvalidRequest, InvocationRequest, Lettering
from .sd35.profiles import PROFILES, Serving
from .server import Service, create_app

DRAIN_S: Final = 25
"""SageMaker kills a container 30 s after SIGTERM."""
SKETCH_WORKERS: Final = 2
BATCHING_WORKERS: Final = 8
"""Twice the largest bucket: the next batch fills while one runs. MaxConcurrentInvocationsPerInstance no lower."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "paint":
            return _paint(options)
        if options.command == "warm":
            return _warm(options)
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
        metavar="NAME[=DIR]",
        help="offer this model, its weights in DIR; may be repeated (INFERENCE_MODELS, by commas)",
    )
    serve.add_argument("--time-scale", type=_scale, default=env.get("INFERENCE_TIME_SCALE", "0.02"))
    serve.add_argument(
        "--workers",
        type=_count,
        default=env.get("INFERENCE_WORKERS"),
        help=f"requests worked on at once; default 2, or {BATCHING_WORKERS} with a model that batches them",
    )
    serve.add_argument("--queue", type=_count, default=env.get("INFERENCE_QUEUE", "32"), help="requests that may wait")
    _add_serving(serve)
    warm = commands.add_parser("warm", help="compile, then write compile-cache.bin beside the weights and end")
    warm.add_argument("--model", action="append", dest="models", required=True, metavar="NAME=DIR")
    _add_serving(warm)
    paint = commands.add_parser("paint", help="write one picture")
    paint.add_argument("prompt")
    paint.add_argument("out", type=Path, help="PNG file")
    paint.add_argument("--model", default="sketch-fine", metavar="NAME[=DIR]")
    paint.add_argument("--seed", type=int, default=42)
    paint.add_argument("--size", type=_size, default="1024x1024")
    paint.add_argument("--text", action="append", default=[], help="words to draw; may be repeated")
    _add_serving(paint)
    return parser


def _add_serving(parser: argparse.ArgumentParser) -> None:
    """The options of models with weights."""
    env = os.environ
    parser.add_argument("--device", default=env.get("INFERENCE_DEVICE", "auto"), help="auto, cpu, cuda, cuda:1")
    parser.add_argument(
        "--speed",
        default=env.get("INFERENCE_SPEED", ""),
        metavar="FLAGS",
        help="changes to the tier's flags: fp8=off,guidance_interval=0.8",
    )
    parser.add_argument(
        "--bucket", type=_count, default=env.get("INFERENCE_BUCKET"), help="images in one forward; default: by size"
    )
    parser.add_argument(
        "--warm-sizes",
        type=_sizes,
        default=env.get("INFERENCE_WARM_SIZES", ""),
        metavar="WxH,…",
        help="sizes to compile for; default: the model's own square",
    )


def _serving(options: argparse.Namespace) -> Serving:
    # 0 images would paint nothing: the same as leaving it open.
    return Serving(options.device, options.speed, options.bucket or None, options.warm_sizes)


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


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Sizes by commas."""
    return tuple(_size(part) for part in text.split(",") if part)


def _scale(text: str) -> float:
    """A time scale: 0 or more."""
    scale = float(text)
    if not 0 <= scale < float("inf"):
        raise argparse.ArgumentTypeError(f"must be 0 or more, not {text}")
    return scale


def _paint(options: argparse.Namespace) -> int:
    width, height = options.size
    name = options.model.partition("=")[0]
    request = InvocationRequest(
        version="1",
        request_id="paint",
        model=name,
        prompt=options.prompt,
        seed=options.seed,
        width=width,
        height=height,
        text=Lettering(content=tuple(options.text)) if options.text else None,
    )
    model = choose(offer([options.model], _serving(options)), name)
    model.warm()
    picture = model.generate(request)
    options.out.write_bytes(picture.png)
    print(json.dumps({"file": str(options.out), **picture.detail}, ensure_ascii=False))
    return 0


def _warm(options: argparse.Namespace) -> int:
    for name, model in offer(options.models, _serving(options)).items():
        if name not in PROFILES:
            raise InvalidRequest(f'model "{name}" has nothing to compile', param="model")
        from .sd35.model import SD35Model

        assert isinstance(model, SD35Model)  # noqa: S101 - what stands behind every profile
        model.warm()
        kept = model.keep_compiled()
        print(json.dumps({"event": "warm", "model": name, "compile_cache": str(kept) if kept else None}), flush=True)
    return 0


def _serve(options: argparse.Namespace) -> int:
    told = [name for name in os.environ.get("INFERENCE_MODELS", "").split(",") if name]
    names = options.models or told or [*KNOWN, *MINI]
    models = offer(names, _serving(options))
    batching = any(name in PROFILES for name in models)
    workers = options.workers or (BATCHING_WORKERS if batching else SKETCH_WORKERS)
    service = Service(models, time_scale=options.time_scale, workers=workers, queue=options.queue)
    listener = socket.create_server((options.host, options.port), backlog=256)
    host, port = listener.getsockname()[:2]
    # uvicorn raises the signal again after its graceful end; a drained server has ended well, so nothing is left to do.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: None)
    config = uvicorn.Config(
        create_app(service), log_level="warning", timeout_graceful_shutdown=DRAIN_S, timeout_keep_alive=75
    )
    print(json.dumps({"event": "listening", "host": host, "port": port, "models": sorted(models)}), flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
