"""From noise to a picture: flow matching over the SD3.5 transformer, for several canvases at once.

Hides the schedule, guidance, noise, what an initial picture and a mask do, and the fixed shape of every forward.
Each canvas has its own seed, prompt, negative prompt and guidance, which the stock pipelines cannot take, and
equals the stock pipeline run alone with its seed: within 1e-4 of the latents in float32 (tests/inference/sd35).

**An image's bytes do not depend on its neighbours.** The transformer always sees a full bucket: `bucket` images,
or twice as many rows where there is guidance, filled up with copies. On one shape a row's result depends on that
row alone, whatever its slot (seen on a CPU to the bit; on a GPU tests/bench/sd35.py looks). Prompts, initial
pictures and decoding go one by one.

In bfloat16 the latents stay float32 between the steps, and noise is drawn in float32, so this and the stock
pipeline, which rounds both, differ there.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from . import device as devices
from .canvas import Canvas, start_step
from .prompts import Embedding, PromptEncoder
from .weights import Weights

Velocity = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of latents (rows, 16, h, w), timesteps (rows), sequences and pooled embeddings: the flow, shaped like the latents."""
BUCKET_LATENTS: Final = 128 * 128
"""Latents in one forward: one image of 1024 px fills a GPU; smaller ones share a forward until they fill it too."""
MAX_BUCKET: Final = 4


@dataclass(frozen=True, eq=False)
class Painted:
    """A picture (RGB, uint8, (height, width, 3)) and how it came about. `steps`: those that ran, of those asked."""

    pixels: NDArray[np.uint8]
    latents: torch.Tensor
    steps: int
    guided_steps: int
    bucket: int
    truncated: bool
    phases_ms: dict[str, int]


@dataclass
class _Clock:
    """Milliseconds by phase, of the whole batch."""

    device: torch.device
    ms: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        devices.finish(self.device)
        self.ms[name] = round((time.perf_counter() - started) * 1000)


@dataclass(frozen=True, eq=False)
class _Row:
    """One canvas on the device. `mask` None repaints everything; `guided_steps` counts from its first."""

    canvas: Canvas
    prompt: Embedding
    negative: Embedding | None
    noise: torch.Tensor
    init: torch.Tensor | None
    mask: torch.Tensor | None
    guided_steps: int


def batch_key(canvas: Canvas) -> tuple[object, ...]:
    """What canvases must share to run together: the shape of the latents, the steps that run, and the mode."""
    mode = "text" if canvas.init is None else "picture" if canvas.mask is None else "mask"
    return canvas.width, canvas.height, canvas.steps, start_step(canvas), mode


@dataclass(frozen=True, eq=False)
class Sampler:
    """Paints canvases of one batch key. Not for several threads.

    `bucket` None takes what fills a GPU at that size. `guided_share`: of the steps, from the first, with guidance.
    """

    weights: Weights
    prompts: PromptEncoder
    velocity: Velocity
    bucket: int | None = None
    guided_share: float = 1.0
    skip_unguided: bool = True

    def bucket_of(self, canvas: Canvas) -> int:
        """Images in one forward at this canvas's size."""
        if self.bucket is not None:
            return self.bucket
        scale = self.weights.pixels_per_latent
        return max(1, min(MAX_BUCKET, BUCKET_LATENTS // ((canvas.width // scale) * (canvas.height // scale))))

    @torch.inference_mode()
    def paint(self, canvases: Sequence[Canvas]) -> list[Painted]:
        """A picture for each canvas. Raises MemoryError, or DeviceLost where only a new process can go on."""
        with devices.translated(self.weights.device):
            return self._paint(canvases)

    def _paint(self, canvases: Sequence[Canvas]) -> list[Painted]:
        clock = _Clock(self.weights.device)
        with clock.phase("prompt"):
            words = [(self.prompts.encode(canvas.prompt), self._negative(canvas)) for canvas in canvases]
        with clock.phase("encode"):
            rows = [self._row(canvas, *pair) for canvas, pair in zip(canvases, words, strict=True)]
        with clock.phase("denoise"):
            latents = self._denoise(rows)
        with clock.phase("decode"):
            pictures = [self._decode(latent[None]) for latent in latents]
        return [
            Painted(
                pixels=pixels,
                latents=latent,
                steps=row.canvas.steps - start_step(row.canvas),
                guided_steps=row.guided_steps,
                bucket=self.bucket_of(row.canvas),
                truncated=row.prompt.truncated,
                phases_ms=clock.ms,
            )
            for row, pixels, latent in zip(rows, pictures, latents, strict=True)
        ]

    def _negative(self, canvas: Canvas) -> Embedding | None:
        if canvas.guidance_scale <= 1 and self.skip_unguided:
            return None
        return self.prompts.encode(canvas.negative_prompt)

    def _row(self, canvas: Canvas, prompt: Embedding, negative: Embedding | None) -> _Row:
        """Everything random of a canvas is drawn here, on the CPU in float32: the same on every device.

        In the stock pipelines' order: the sample of the initial picture's encoding first, then the noise.
        """
        parts, scale = self.weights, self.weights.pixels_per_latent
        shape = (parts.transformer.config.in_channels, canvas.height // scale, canvas.width // scale)
        generator = torch.Generator("cpu").manual_seed(canvas.seed)
        init = None
        if canvas.init is not None:
            init = self._encode(canvas.init, torch.randn((1, *shape), generator=generator))
        ran = canvas.steps - start_step(canvas)
        return _Row(
            canvas=canvas,
            prompt=prompt,
            negative=negative,
            noise=torch.randn((1, *shape), generator=generator)[0].to(parts.device),
            init=init,
            mask=None if canvas.mask is None else self._latent_mask(canvas.mask, scale),
            guided_steps=0 if negative is None else math.ceil(ran * self.guided_share),
        )

    def _encode(self, picture: NDArray[np.uint8], draw: torch.Tensor) -> torch.Tensor:
        parts, config = self.weights, self.weights.vae.config
        pixels = torch.from_numpy(picture.astype(np.float32) / np.float32(255)).permute(2, 0, 1)[None] * 2 - 1
        found = parts.vae.encode(pixels.to(parts.device, parts.dtype)).latent_dist
        latents = found.mean.float() + found.std.float() * draw.to(parts.device)
        return ((latents - config.shift_factor) * config.scaling_factor)[0]

    def _latent_mask(self, mask: NDArray[np.float32], scale: int) -> torch.Tensor:
        """1 where the latent is repainted: binary and by the nearest pixel, as in the stock inpainting pipeline."""
        hard = torch.from_numpy((mask >= 0.5).astype(np.float32))[None, None]  # noqa: PLR2004 - diffusers' threshold
        size = (mask.shape[0] // scale, mask.shape[1] // scale)
        return torch.nn.functional.interpolate(hard, size=size)[0].to(self.weights.device)

    def _denoise(self, rows: Sequence[_Row]) -> torch.Tensor:
        """Euler steps along the flow; after each, what the mask protects is the noised original again."""
        first = rows[0].canvas
        schedule = _schedule(self.weights.scheduler, first.steps, self.weights.device)
        start = start_step(first)
        sigmas = schedule.sigmas[start:]
        noise = torch.stack([row.noise for row in rows])
        latents, init, mask = noise, None, None
        if first.init is not None:
            init = torch.stack([row.init for row in rows if row.init is not None])
            latents = sigmas[0] * noise + (1 - sigmas[0]) * init
        if first.mask is not None:
            mask = torch.stack([row.mask for row in rows if row.mask is not None])
        for step, timestep in enumerate(schedule.timesteps[start:]):
            flow = self._flow(rows, latents, timestep, step)
            latents = latents + (sigmas[step + 1] - sigmas[step]) * flow
            if mask is not None and init is not None:
                known = sigmas[step + 1] * noise + (1 - sigmas[step + 1]) * init
                latents = (1 - mask) * known + mask * latents
        return latents

    def _flow(self, rows: Sequence[_Row], latents: torch.Tensor, timestep: torch.Tensor, step: int) -> torch.Tensor:
        """The flow of every row, float32: guided rows in full buckets of pairs, the others in full buckets of one."""
        flow = torch.empty_like(latents)
        size = self.bucket_of(rows[0].canvas)
        guided = [index for index, row in enumerate(rows) if step < row.guided_steps]
        plain = [index for index in range(len(rows)) if index not in guided]
        for indices in _buckets(guided, size):
            negatives = [row.negative or row.prompt for row in (rows[index] for index in indices)]
            prompts = [rows[index].prompt for index in indices]
            both = self._forward(latents[indices + indices], [*negatives, *prompts], timestep)
            without, wanted = both.chunk(2)
            for slot, index in enumerate(indices):
                scale = max(1.0, rows[index].canvas.guidance_scale)
                flow[index] = without[slot] + scale * (wanted[slot] - without[slot])
        for indices in _buckets(plain, size):
            found = self._forward(latents[indices], [rows[index].prompt for index in indices], timestep)
            for slot, index in enumerate(indices):
                flow[index] = found[slot]
        return flow

    def _forward(self, latents: torch.Tensor, words: Sequence[Embedding], timestep: torch.Tensor) -> torch.Tensor:
        found = self.velocity(
            latents.to(self.weights.dtype),
            timestep.expand(len(words)),
            torch.stack([word.sequence for word in words]),
            torch.stack([word.pooled for word in words]),
        )
        return found.float()

    def _decode(self, latents: torch.Tensor) -> NDArray[np.uint8]:
        parts, config = self.weights, self.weights.vae.config
        scaled = (latents / config.scaling_factor + config.shift_factor).to(parts.dtype)
        picture = parts.vae.decode(scaled, return_dict=False)[0][0].float()
        levels = ((picture / 2 + 0.5).clamp(0, 1).permute(1, 2, 0) * 255).round()
        return np.asarray(levels.to("cpu", torch.uint8).numpy())


def _schedule(scheduler: Any, steps: int, device: torch.device) -> Any:
    """A scheduler of its own for the batch: set_timesteps changes the one it is called on."""
    schedule = type(scheduler).from_config(scheduler.config)
    schedule.set_timesteps(steps, device=device)
    return schedule


def _buckets(indices: list[int], size: int) -> Iterator[list[int]]:
    """The indices in lists of exactly `size`, the last one filled up with copies of its last."""
    for at in range(0, len(indices), size):
        part = indices[at : at + size]
        yield part + [part[-1]] * (size - len(part))
