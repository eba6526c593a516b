"""The serving container as a child of the command: pictures without a stack, from the very code an endpoint runs.

Hides its process, its port and its wire. It ends with the block that started it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

import httpx

from shared.cli.errors import CliError, unreachable
from shared.cli.words import plain
from shared.cli.world import World
from shared.errors import RenderFailed
from shared.models import AttemptId, Recipe, Tier
from shared.providers import Order, Painted
from shared.providers.sagemaker import read_reply, wire_request

_POLL_S: Final = 0.05
_LOADING_S: Final = 900.0
_PAINTING_S: Final = 1_800.0
"""A real model without a GPU takes minutes for one picture."""
_STOP_S: Final = 30.0


@dataclass(frozen=True)
class Painter:
    """A running container. Safe to ask from several threads."""

    http: httpx.Client

    def paint(self, recipe: Recipe) -> Painted:
        """One picture. Raises CliError with the container's reason where it makes none."""
        order = Order(
            id=AttemptId(job_id="golden", tier=Tier.FINAL, candidate=0, attempt=1),
            provider_model=recipe.model,
            recipe=recipe,
        )
        try:
            reply = self.http.post("/invocations", json=wire_request(order), timeout=_PAINTING_S)
        except httpx.TransportError as error:
            raise unreachable("the serving container", error) from error
        if reply.is_error:
            raise CliError(f"{recipe.model} painted nothing: {plain(_reason(reply))}", code="not_painted")
        try:
            return read_reply(reply.content, request_id=str(order.id))
        except RenderFailed as error:
            raise CliError(error.message, code="not_painted") from error


@contextlib.contextmanager
def painter(world: World, models: Sequence[str]) -> Iterator[Painter]:
    """A container that offers these models (`NAME` or `NAME=DIR`), loaded. Raises CliError where it does not start."""
    offered = [word for model in models for word in ("--model", model)]
    command = [*world.container_command, "serve", "--port", "0", "--time-scale", "0", *offered]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, stdin=subprocess.DEVNULL, text=True) as process,
    ):
        try:
            with world.open_http(_address(process, said)) as http:
                _await_ready(world, http, process, said)
                yield Painter(http)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str], said: IO[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    line = process.stdout.readline()
    try:
        told = json.loads(line)
        return f"http://{told['host']}:{told['port']}"
    except (ValueError, KeyError, TypeError) as error:
        process.wait(_STOP_S)
        raise _stillborn(said) from error


def _await_ready(world: World, http: httpx.Client, process: subprocess.Popen[str], said: IO[str]) -> None:
    deadline = world.clock() + _LOADING_S
    while process.poll() is None and world.clock() < deadline:
        with contextlib.suppress(httpx.TransportError):  # it listens before it answers
            reply = http.get("/ping")
            if reply.is_success:
                return
            status = str(reply.json().get("status", ""))
            if status.startswith("failed"):
                raise CliError(f"the serving container's models {plain(status)}", code="not_painted")
        world.sleep(_POLL_S)
    raise _stillborn(said)


def _stillborn(said: IO[str]) -> CliError:
    said.seek(0)
    last = next((line for line in reversed(said.read().splitlines()) if line.strip()), "it said nothing")
    return CliError(
        f"the serving container did not start: {plain(last.removeprefix('error: '))}",
        hint="it comes with a checkout: pip install -r infra/locks/dev.txt -e .",
        code="not_painted",
    )


def _reason(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {reply.status_code}"
