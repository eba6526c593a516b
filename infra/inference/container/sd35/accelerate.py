"""Puts the speed flags to work on loaded weights.

Hides compilation, its cache file and the order in which the measures go on: FP8 before compiling, graphs around both.
Which flags are on: speed.py. SD3Transformer2DModel names no repeated blocks (diffusers 0.42), so each is compiled here.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import torch

from . import fp8
from .graphs import Graphed
from .sampling import Velocity
from .speed import Speed
from .weights import Weights

CACHE_FILE: Final = "compile-cache.bin"
"""Beside the weights: compiled kernels of an earlier start on the same GPU type and torch."""
_SHAPES: Final = 64
"""Graphs torch may hold of one block: for each warm size, guided and plain, three kinds of block."""
log = logging.getLogger("inference")


class Accelerated:
    """The transformer as a velocity, with the flags on."""

    def __init__(self, weights: Weights, speed: Speed) -> None:
        transformer = weights.transformer
        if speed.fp8:
            replaced = fp8.quantise(transformer.transformer_blocks)
            log.info("fp8_linears %d", replaced)
        if speed.vae:
            weights.vae.to(memory_format=torch.channels_last)
            weights.vae.encoder.compile(fullgraph=True, dynamic=False)
            weights.vae.decoder.compile(fullgraph=True, dynamic=False)
        if speed.compile:
            for block in transformer.transformer_blocks:
                block.compile(fullgraph=True, dynamic=False)
        self._compiled = speed.compile or speed.vae
        if self._compiled:
            _prepare_compiler()
        self._graphs = Graphed(_plain(weights)) if speed.graphs else None
        self.velocity: Velocity = self._graphs or _plain(weights)

    def settle(self) -> None:
        """After warming: sizes not seen yet run uncompiled, at once, instead of stalling a request for a minute.

        So whether a size is compiled depends on the warm sizes alone, never on what was asked for before.
        """
        if self._compiled:
            torch.compiler.set_stance("eager_on_recompile")
        if self._graphs:
            self._graphs.settle()


def load_cache(folder: Path) -> bool:
    """Take over the kernels compiled earlier, where there are any: the first picture minutes sooner."""
    path = folder / CACHE_FILE
    if not path.is_file():
        return False
    return torch.compiler.load_cache_artifacts(path.read_bytes()) is not None


def save_cache(folder: Path) -> Path | None:
    """Keep this process's compiled kernels for later starts; None when nothing was compiled."""
    saved = torch.compiler.save_cache_artifacts()
    if saved is None:
        return None
    path = folder / CACHE_FILE
    path.write_bytes(saved[0])
    return path


def _plain(weights: Weights) -> Velocity:
    def velocity(
        latents: torch.Tensor, timestep: torch.Tensor, sequence: torch.Tensor, pooled: torch.Tensor
    ) -> torch.Tensor:
        found: torch.Tensor = weights.transformer(
            hidden_states=latents,
            timestep=timestep,
            encoder_hidden_states=sequence,
            pooled_projections=pooled,
            return_dict=False,
        )[0]
        return found

    return velocity


def _prepare_compiler() -> None:
    """No choice of kernels by timing: the fastest today may be another one tomorrow, with other bits.

    torch keeps its stance by process: a model warmed after another one has to be compiled all the same.
    """
    import torch._dynamo.config as dynamo
    import torch._inductor.config as inductor

    torch.compiler.set_stance("default")
    inductor.deterministic = True
    dynamo.recompile_limit = _SHAPES
    dynamo.accumulated_recompile_limit = _SHAPES * 64
