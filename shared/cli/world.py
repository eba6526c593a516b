"""Everything the commands touch outside themselves, in one value: environment, HTTP, processes, terminal, clock.

The seam for tests: they pass another World to the same commands. Decides nothing and reads nothing by itself.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import typer
from rich.console import Console

_CONNECT_S = 5.0
_ANSWER_S = 30.0
"""API Gateway itself gives up after 29 s."""


def open_http(base_url: str) -> httpx.Client:
    """A client for one stack. A proxy from the environment is not asked for what runs on this machine."""
    host = httpx.URL(base_url).host
    local = host in {"127.0.0.1", "localhost", "::1"} or host.endswith(".localhost")
    return httpx.Client(base_url=base_url, timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S), trust_env=not local)


@dataclass(frozen=True)
class World:
    """`open_http` gets the base URL; `stack_command` runs the local stack, `container_command` the serving
    container; `sleep` and `clock` count seconds."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    open_http: Callable[[str], httpx.Client] = open_http
    stack_command: tuple[str, ...] = (sys.executable, "-m", "infra.local")
    container_command: tuple[str, ...] = (sys.executable, "-m", "infra.inference.container")
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    out: Console = field(default_factory=lambda: Console(highlight=False))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False))


def world_of(context: typer.Context) -> World:
    """The World given to the command, or the real one."""
    found = context.find_object(World)
    if found is None:
        found = context.find_root().obj = World()
    return found
