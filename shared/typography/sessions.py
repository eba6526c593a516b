"""The two networks, found inside the installed rapidocr wheel and loaded once per process.

PP-OCRv6 small (Apache-2.0): a detector of text and a recogniser of lines. Hides where the files lie and how
onnxruntime is set up. Never imports rapidocr itself, which would pull in OpenCV, and never downloads.
"""

from __future__ import annotations

import functools
import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]  # ships no stubs

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"
_MAX_THREADS: Final = 2
_AS_REQUESTED: Final = 1  # onnxruntime's kSameAsRequested: its default doubles what it takes, and keeps it


class Network:
    """One loaded network; safe to run again and again on pictures of any size."""

    def __init__(self, session: InferenceSession) -> None:
        import onnxruntime

        self._session = session
        self._input = session.get_inputs()[0].name
        # Every picture has other shapes: unshrunk, the arena would keep the largest of each for ever.
        self._options = onnxruntime.RunOptions()
        self._options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The first output for `batch` (pictures, channels, height, width)."""
        output: NDArray[np.float32] = self._session.run(None, {self._input: batch}, self._options)[0]
        return output

    @property
    def metadata(self) -> dict[str, str]:
        """What its makers wrote into the file."""
        return dict(self._session.get_modelmeta().custom_metadata_map)


@functools.cache
def network(model: str) -> Network:
    """The network in file `model`. Raises ConfigurationError when the wheel or the file is missing."""
    import onnxruntime

    path = _model_file(model)
    _share_one_arena()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")
    if model == DETECTOR:
        # The blocked layout of the last level is no faster on large pictures and takes a third more memory.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return Network(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))


@functools.cache
def _share_one_arena() -> None:
    """An arena that both networks use, one after the other, and that gives everything back after each run.

    Measured on 2.5 million pixels, November 2026: 0.6 GB at the peak; without an arena 0.7 and 8 % slower.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(0, _AS_REQUESTED, -1, -1))


def _model_file(model: str) -> Path:
    wheel = importlib.util.find_spec("rapidocr")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        path = Path(folder, "models", model)
        if path.is_file():
            return path
    raise ConfigurationError(f'the model file "{model}" is missing: install rapidocr 3.10, whose wheel carries it')
