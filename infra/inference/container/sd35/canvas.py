"""One picture to paint, and what paints it.

Hides nothing and needs no torch: repainting and typography are written against these two names and tested
without a model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Canvas:
    """All that determines a picture, with every default already filled in.

    `init`: RGB, uint8, (height, width, 3); None paints from noise alone. `mask`: float32, (height, width),
    0..1, 1 where the picture is repainted; needs `init`. `strength`: share of the steps an `init` is
    repainted with, 0..1; without an `init` it says nothing.
    """

    prompt: str
    negative_prompt: str
    seed: int
    width: int
    height: int
    steps: int
    guidance_scale: float
    init: NDArray[np.uint8] | None
    mask: NDArray[np.float32] | None
    strength: float


def start_step(canvas: Canvas) -> int:
    """The first of the steps that runs: an initial picture skips the noisiest. Formula: diffusers' get_timesteps."""
    if canvas.init is None:
        return 0
    return int(max(canvas.steps - min(canvas.steps * canvas.strength, canvas.steps), 0))


class Painter(Protocol):
    """Paints one canvas; blocks until the picture is there."""

    def paint(self, canvas: Canvas) -> NDArray[np.uint8]:
        """RGB, uint8, (height, width, 3). Raises MemoryError where the device cannot hold it."""
