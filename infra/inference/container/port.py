"""The port every model of this container implements.

A model is anything that turns a request into PNG bytes in the thread it is called from: the sketch painter,
or a diffusers pipeline the same way. Hides nothing; knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import JsonValue

from .protocol import InvocationRequest


@dataclass(frozen=True)
class Picture:
    """What a model made. `nominal_ms` None means a real model: it takes the time it takes.

    `waited_ms`: of that time, what it waited for others on its device; queueing, not inference.
    """

    png: bytes
    encode_ms: int
    nominal_ms: int | None = None
    waited_ms: int = 0
    detail: Mapping[str, JsonValue] = field(default_factory=dict)


class DeviceLost(RuntimeError):
    """The device fails whatever is asked of it from now on: only a new process can serve."""


class Model(Protocol):
    """One model behind the server. Both methods block and may be called from several threads at once."""

    @property
    def name(self) -> str: ...

    @property
    def revision(self) -> str:
        """Changes whenever the same request could give another picture."""

    @property
    def determinism(self) -> Literal["exact", "best_effort"]: ...

    @property
    def simulated(self) -> bool: ...

    def warm(self) -> None:
        """Load and run once, so that the first request is as fast as the second."""

    def generate(self, request: InvocationRequest) -> Picture:
        """The picture.

        Raises InvalidRequest, MemoryError where the picture is too large for the device, or DeviceLost.
        """
