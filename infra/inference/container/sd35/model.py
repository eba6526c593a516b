"""sd35-large, sd35-large-turbo and sd35-medium behind the model port.

Hides how a request becomes a canvas, what is refused, and how a folder of weights becomes a warm model. How a picture
is painted: sampling.py; what shares a run: batching.py.
"""

from __future__ import annotations

import hashlib
import io
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
import torch
from PIL import Image
from pydantic import JsonValue

from ..masks import Pixels
from ..pictures import Given, given
from ..port import Picture
from ..protocol import CONTAINER_VERSION, InvalidRequest, InvocationRequest
from . import accelerate, device, revision, speed, weights
from .accelerate import Accelerated
from .batching import Batcher
from .canvas import Canvas
from .masked import paint_masked
from .painter import RequestPainter
from .profiles import STRENGTH, Profile, Serving
from .prompts import PromptEncoder
from .sampling import Painted, Sampler, batch_key
from .typography import Lettered
from .weights import Weights

DETERMINISM: Final = "same bytes on the same GPU type, torch, diffusers, weights, precision, speed flags and bucket"
_COMPRESSION: Final = 4
_WARM_STEPS: Final = 4


class Loader(Protocol):
    """Reads a checked folder: see weights.load."""

    def __call__(self, folder: Path, /, *, device: torch.device, dtype: torch.dtype) -> Weights: ...


@dataclass(frozen=True, eq=False)
class _Warm:
    """A loaded model and the thread that owns its device."""

    weights: Weights
    digest: str
    sampler: Sampler
    batcher: Batcher[Canvas, Painted]


class SD35Model:
    """One SD3.5 model. Built cheaply; `warm` loads it. Raises SpeedError for flags this device cannot have."""

    determinism: Literal["exact", "best_effort"] = "exact"
    simulated = False

    def __init__(self, profile: Profile, folder: Path, serving: Serving, load: Loader = weights.load) -> None:
        self._profile, self._folder, self._serving, self._load = profile, folder, serving, load
        self._device = device.pick(serving.device)
        self._machine = device.describe(self._device)
        self._speed = speed.choose(profile.tier, self._machine, serving.speed)
        self._dtype = device.precision(self._device)
        self._warm: _Warm | None = None

    @property
    def name(self) -> str:
        return self._profile.name

    @property
    def revision(self) -> str:
        """Of the weights, and of all that could give other bytes with the same weights."""
        ready = self._ready()
        settings = f"{self._words()} {self._speed.arithmetic()} {self._serving.bucket} {self._serving.warm_sizes}"
        return f"sd35-{ready.digest[:16]}-{hashlib.sha256(settings.encode()).hexdigest()[:8]}"

    def warm(self) -> None:
        if self._warm is not None:
            return
        device.make_repeatable()
        with ThreadPoolExecutor(1) as beside:
            digest = beside.submit(revision.digest, self._folder)
            parts = self._load(self._folder, device=self._device, dtype=self._dtype)
        accelerate.load_cache(self._folder)
        fast = Accelerated(parts, self._speed)
        sampler = Sampler(
            weights=parts,
            prompts=PromptEncoder(parts, keep=self._speed.prompt_cache),
            velocity=fast.velocity,
            bucket=self._serving.bucket,
            guided_share=self._speed.guidance_interval,
            skip_unguided=self._speed.skip_unguided,
        )
        batcher = Batcher(sampler.paint, key=batch_key, room=sampler.bucket_of, name=self.name)
        for canvas in self._rehearsal(parts):
            batcher.submit(canvas).result()
        fast.settle()
        self._warm = _Warm(parts, digest.result(), sampler, batcher)

    def keep_compiled(self) -> Path | None:
        """Write the compiled kernels beside the weights for later starts; None when nothing was compiled."""
        self._ready()
        return accelerate.save_cache(self._folder)

    def generate(self, request: InvocationRequest) -> Picture:
        ready = self._ready()
        self._check(request, ready.weights)
        pictures = given(request)
        canvas = self._canvas(request, pictures)
        painter = RequestPainter(ready.batcher)
        done = self._painted(request, canvas, painter)
        started = time.perf_counter()
        png = _png(done.pixels)
        encode_ms = round((time.perf_counter() - started) * 1000)
        detail = {**self._detail(canvas, painter), **done.detail}
        return Picture(png, encode_ms, waited_ms=painter.waited_ms, detail=detail)

    def _painted(self, request: InvocationRequest, canvas: Canvas, painter: RequestPainter) -> Lettered:
        if canvas.mask is None:
            return Lettered(painter.paint(canvas), {})
        return paint_masked(request, canvas, painter, side_px=self._ready().weights.native_side_px)

    def _check(self, request: InvocationRequest, parts: Weights) -> None:
        for field, side in (("width", request.width), ("height", request.height)):
            if side % parts.side_step_px:
                message = f'{field}: model "{self.name}" takes multiples of {parts.side_step_px} px, not {side}'
                raise InvalidRequest(message, param=field)
            if side > parts.max_side_px:
                message = f'{field}: model "{self.name}" takes at most {parts.max_side_px} px, not {side}'
                raise InvalidRequest(message, param=field)
        if request.init_image is not None and request.strength == 0:
            raise InvalidRequest("strength: 0 would leave the init_image as it is; ask for more", param="strength")

    def _canvas(self, request: InvocationRequest, pictures: Given) -> Canvas:
        """The request with every default filled in."""
        profile, init = self._profile, pictures.init
        if init is not None and init.shape[:2] != (request.height, request.width):
            resized = Image.fromarray(init).resize((request.width, request.height), Image.Resampling.LANCZOS)
            init = np.asarray(resized)
        return Canvas(
            prompt=request.prompt,
            negative_prompt=request.negative_prompt,
            seed=request.seed,
            width=request.width,
            height=request.height,
            steps=profile.steps if request.steps is None else request.steps,
            guidance_scale=profile.guidance_scale if request.guidance_scale is None else request.guidance_scale,
            init=init,
            mask=pictures.mask,
            strength=STRENGTH if request.strength is None else request.strength,
        )

    def _rehearsal(self, parts: Weights) -> list[Canvas]:
        """Canvases that touch every path at each warm size: guided and plain forwards, encoding and decoding."""
        side = parts.native_side_px
        return [
            Canvas(
                prompt="warm up",
                negative_prompt="",
                seed=0,
                width=width,
                height=height,
                steps=_WARM_STEPS,
                guidance_scale=guidance,
                init=np.full((height, width, 3), 128, np.uint8),
                mask=None,
                strength=0.5,
            )
            for width, height in self._serving.warm_sizes or ((side, side),)
            for guidance in sorted({1.0, self._profile.guidance_scale})
        ]

    def _detail(self, canvas: Canvas, painter: RequestPainter) -> dict[str, JsonValue]:
        """How the picture came about: what to set the same for the same bytes, and where the time went."""
        detail: dict[str, JsonValue] = {
            "weights_digest": self._ready().digest,
            "gpu": self._machine.name,
            "precision": self._precision(),
            "torch": torch.__version__,
            "diffusers": version("diffusers"),
            "speed": {**self._speed.words()},
            "determinism_class": DETERMINISM,
            "steps": canvas.steps,
            "guidance_scale": canvas.guidance_scale,
            **painter.account(),
        }
        if canvas.init is not None and canvas.mask is None:
            detail["strength"] = canvas.strength
        return detail

    def _words(self) -> str:
        """What decides the bytes besides weights and flags."""
        libraries = " ".join(f"{name} {version(name)}" for name in ("torch", "diffusers", "transformers", "pillow"))
        return f"{CONTAINER_VERSION} {self._machine.name} {self._precision()} {libraries}"

    def _precision(self) -> str:
        name = {torch.bfloat16: "bf16", torch.float32: "fp32"}[self._dtype]
        return f"{name}, linears fp8" if self._speed.fp8 else name

    def _ready(self) -> _Warm:
        if self._warm is None:
            raise RuntimeError(f'model "{self.name}" is not warm yet')
        return self._warm


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()
