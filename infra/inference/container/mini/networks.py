"""The trained networks, by onnxruntime.

Hides files and sessions. The same numbers in give the same numbers out whatever the thread count; another kind of
processor may round otherwise, and so may another batch: a request is always computed alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray

from ..masks import Floats
from .sampling import Denoiser

WEIGHTS: Final = Path(__file__).resolve().parent / "weights"
PAINTER: Final = "painter.onnx"
STUDENT: Final = "student.onnx"
REFINER: Final = "refiner.onnx"


@dataclass(frozen=True)
class Networks:
    """What one model needs: `denoise` predicts the clean picture; `double` takes a picture and its glyphs to twice the
    size, (3, height, width) and (2 * height, 2 * width) -> (3, 2 * height, 2 * width)."""

    denoise: Denoiser
    double: Callable[[Floats, Floats], Floats]


def load(denoiser: str, folder: Path = WEIGHTS, *, threads: int = 0) -> Networks:
    """The networks in a folder; `threads` 0 leaves their number to onnxruntime."""
    painting, refining = (_session(folder / name, threads) for name in (denoiser, REFINER))

    def denoise(noisy: Floats, condition: Floats, level: Floats, codes: NDArray[np.int64], frames: Floats) -> Floats:
        inputs = {"noisy": noisy, "condition": condition, "level": level, "codes": codes, "frames": frames}
        return np.asarray(painting.run(None, inputs)[0])

    def double(picture: Floats, glyph: Floats) -> Floats:
        return np.asarray(refining.run(None, {"picture": picture[None], "glyph": glyph[None, None]})[0][0])

    return Networks(denoise, double)


def missing(denoiser: str, folder: Path = WEIGHTS) -> list[str]:
    """The files a model lacks in a folder; empty where it can be loaded."""
    return [name for name in (denoiser, REFINER) if not (folder / name).is_file()]


def digest(denoiser: str, folder: Path = WEIGHTS) -> str:
    """sha256 over the files a model is made of, and what computes them."""
    total = hashlib.sha256(f"onnxruntime {onnxruntime.__version__} numpy {np.__version__}".encode())
    for name in (denoiser, REFINER):
        total.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return total.hexdigest()


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # A waiting thread sleeps: it shares its cores with the rest of the stack.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
