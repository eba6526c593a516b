"""The Painter behind a request: every pass of it goes through the model's batcher, and what it cost is noted.

Hides the batcher from whoever composes passes (repainting, typography). One for each request; for one thread.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from .batching import Batched, Batcher
from .canvas import Canvas
from .sampling import Painted


class RequestPainter:
    """Paints canvases one after the other and remembers how each went."""

    def __init__(self, batcher: Batcher[Canvas, Painted]) -> None:
        self._batcher = batcher
        self._passes: list[Batched[Painted]] = []

    def paint(self, canvas: Canvas) -> NDArray[np.uint8]:
        """RGB, uint8, (height, width, 3). Raises what the sampler raises."""
        done = self._batcher.submit(canvas).result()
        self._passes.append(done)
        return done.result.pixels

    @property
    def waited_ms(self) -> int:
        """Waiting for the device and for company, over all passes."""
        return round(sum(done.waited_s for done in self._passes) * 1000)

    def account(self) -> dict[str, JsonValue]:
        """What the passes took, for the reply. Phases are those of the whole batch a pass was in."""
        phases: Counter[str] = Counter()
        for done in self._passes:
            phases.update(done.result.phases_ms)
        return {
            "passes": len(self._passes),
            "bucket": max((done.result.bucket for done in self._passes), default=0),
            "batch": max((done.companions for done in self._passes), default=0),
            "steps_run": sum(done.result.steps for done in self._passes),
            "guided_steps": sum(done.result.guided_steps for done in self._passes),
            "prompt_truncated": any(done.result.truncated for done in self._passes),
            "phases_ms": {"wait": self.waited_ms, **phases},
        }
