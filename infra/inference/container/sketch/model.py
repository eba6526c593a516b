"""sketch-fast and sketch-fine: the painter behind the model port.

Hides how a request becomes a Sketch, the speeds that are simulated and how a picture becomes PNG bytes.
Never waits: the server does the waiting that the nominal time asks for.
"""

from __future__ import annotations

import hashlib
import io
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import PIL
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import JsonValue

from ..lettering.faces import FONTS, TextDoesNotFit
from ..masks import Pixels
from ..pictures import given
from ..port import Picture
from ..protocol import InvalidRequest, InvocationRequest
from .misprint import USUAL_GUIDANCE
from .paint import Painted, Sketch, paint

NOMINAL_PIXELS: Final = 1024 * 1024
MASKED_SHARE: Final = 0.12
"""The article: a masked typography pass costs about 12 % of a render more."""
TYPESET_SHARE: Final = 0.04
"""A third of that: the box is cleaned, and nothing is refined. An estimate."""
INIT_STRENGTH: Final = 0.6
REFINE_STRENGTH: Final = 0.3
NOTE_KEY: Final = "presscheck-simulation"
_COMPRESSION: Final = 4
"""A third of the time of level 6 for 5 % more bytes, measured on finished sketches."""


@dataclass(frozen=True)
class SketchModel:
    """One speed of the painter. `nominal_s` is what it pretends to take at 1024 x 1024 and its usual steps."""

    name: str
    rough: bool
    nominal_s: float
    usual_steps: int
    determinism: Literal["exact", "best_effort"] = "exact"
    simulated: bool = True

    @property
    def revision(self) -> str:
        return f"sketch-{painter_digest()[:16]}"

    def warm(self) -> None:
        paint(Sketch(self.name, "warm up", 0, 96, 96, text=("Ab",), rough=self.rough))

    def generate(self, request: InvocationRequest) -> Picture:
        sketch = self._sketch(request)
        try:
            painted = paint(sketch)
        except TextDoesNotFit as error:
            raise InvalidRequest(f"text.content: {error}", param="text.content") from error
        started = time.perf_counter()
        png = encode_png(painted.pixels, model=self.name)
        encode_ms = round((time.perf_counter() - started) * 1000)
        return Picture(png, encode_ms, nominal_ms=self.nominal_ms(sketch), detail=_detail(sketch, painted))

    def nominal_ms(self, sketch: Sketch) -> int:
        """Milliseconds the simulated model would take: by pixels and steps; a masked pass or a weak strength less."""
        share = sketch.width * sketch.height / NOMINAL_PIXELS * sketch.steps / self.usual_steps
        if sketch.mask is not None:
            share *= TYPESET_SHARE if sketch.sampler == "typeset" else MASKED_SHARE
        elif sketch.init is not None:
            share *= max(0.1, sketch.strength)
        return round(self.nominal_s * 1000 * share)

    def _sketch(self, request: InvocationRequest) -> Sketch:
        pictures = given(request)
        return Sketch(
            model=self.name,
            prompt=request.prompt,
            seed=request.seed,
            width=request.width,
            height=request.height,
            negative_prompt=request.negative_prompt,
            rough=self.rough,
            guidance=USUAL_GUIDANCE if request.guidance_scale is None else request.guidance_scale,
            steps=self.usual_steps if request.steps is None else request.steps,
            sampler=request.sampler,
            text=request.text.content if request.text else (),
            text_box=request.text.box if request.text else None,
            mask=request.mask,
            weights=pictures.mask if request.mask_image is not None else None,
            init=pictures.init,
            strength=_strength(request),
        )


def sketch_fast() -> SketchModel:
    """The draft: flat, soft, 1.8 s nominal at 4 steps."""
    return SketchModel("sketch-fast", rough=True, nominal_s=1.8, usual_steps=4)


def sketch_fine() -> SketchModel:
    """The final: full detail, 14 s nominal at 28 steps."""
    return SketchModel("sketch-fine", rough=False, nominal_s=14.0, usual_steps=28)


@cache
def painter_digest() -> str:
    """sha256 over all that decides the bytes: the painter's source, its fonts, the libraries that draw and encode."""
    digest = hashlib.sha256(f"pillow {PIL.__version__} numpy {np.__version__}".encode())
    here = Path(__file__).resolve().parent
    shared = (here.parent / "masks.py", here.parent / "pictures.py", *(here.parent / "lettering").glob("*.py"))
    for path in sorted([*here.rglob("*.py"), *shared, *FONTS.glob("*.ttf")]):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def encode_png(pixels: Pixels, *, model: str) -> bytes:
    """PNG with fixed settings and a text chunk that says the picture is simulated."""
    note = PngInfo()
    note.add_text(NOTE_KEY, f"Painted by {model}, a simulation; not the output of a generative model.")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=_COMPRESSION, pnginfo=note)
    return buffer.getvalue()


def _strength(request: InvocationRequest) -> float:
    """The request's, or what suits it: set letters stay right up to 0.3."""
    if request.strength is not None:
        return request.strength
    return REFINE_STRENGTH if request.mask is not None and request.sampler == "typography" else INIT_STRENGTH


def _detail(sketch: Sketch, painted: Painted) -> dict[str, JsonValue]:
    """How the picture came about; the truth about its letters, for whoever measures a verifier."""
    detail: dict[str, JsonValue] = {
        "scene": painted.composition.scene,
        "palette": painted.composition.palette.name,
        "steps": sketch.steps,
        "guidance_scale": sketch.guidance,
    }
    if painted.spelling and painted.text_box:
        left, top, right, bottom = painted.text_box
        edges = (
            (left, sketch.width),
            (top, sketch.height),
            (right - left, sketch.width),
            (bottom - top, sketch.height),
        )
        detail["lettering"] = {
            "mode": sketch.mode,
            "drawn": list(painted.spelling.content),
            "misprinted": painted.spelling.wrong,
            "error_probability": round(painted.spelling.probability, 4),
            "box": [round(value / whole, 4) for value, whole in edges],
        }
    return detail
