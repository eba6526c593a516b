"""CUDA graphs: a whole forward launched at once instead of some thousand kernels one by one.

Hides capture, static buffers and replay. A graph belongs to one shape; only shapes seen before `settle` have one,
so that no request pays for a capture or its memory.
"""

from __future__ import annotations

from typing import Final

import torch

from .sampling import Velocity

_REHEARSALS: Final = 3
"""Forwards on a side stream before capture, so that libraries have their workspaces; PyTorch's notes on CUDA graphs."""


class Graphed:
    """A velocity that replays. Not for several threads."""

    def __init__(self, velocity: Velocity) -> None:
        self._velocity = velocity
        self._graphs: dict[torch.Size, tuple[torch.cuda.CUDAGraph, tuple[torch.Tensor, ...], torch.Tensor]] = {}
        self._settled = False

    def settle(self) -> None:
        """Capture no more shapes: others run as they are."""
        self._settled = True

    def __call__(
        self, latents: torch.Tensor, timestep: torch.Tensor, sequence: torch.Tensor, pooled: torch.Tensor
    ) -> torch.Tensor:
        inputs = (latents, timestep, sequence, pooled)
        if latents.shape not in self._graphs:
            if self._settled:
                return self._velocity(*inputs)
            self._graphs[latents.shape] = self._captured(inputs)
        graph, held, output = self._graphs[latents.shape]
        for place, value in zip(held, inputs, strict=True):
            place.copy_(value)
        graph.replay()
        return output.clone()

    def _captured(
        self, inputs: tuple[torch.Tensor, ...]
    ) -> tuple[torch.cuda.CUDAGraph, tuple[torch.Tensor, ...], torch.Tensor]:
        # contiguous copies: an expanded timestep shares one number between its rows and cannot be copied into.
        held = tuple(value.clone(memory_format=torch.contiguous_format) for value in inputs)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_REHEARSALS):
                self._velocity(*held)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = self._velocity(*held)
        return graph, held, output
