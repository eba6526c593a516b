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
    from onnxruntime import InferenceSession  # type: ignore[import-untyped]  # ships no stubs

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"
_MAX_THREADS: Final = 2


@functools.cache
def session(model: str) -> InferenceSession:
    """The network in file `model`. Raises ConfigurationError when the wheel or the file is missing."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = min(_MAX_THREADS, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    # Every picture has other shapes: the arena would keep the largest of each for ever.
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(_model_file(model), options, providers=["CPUExecutionProvider"])


def _model_file(model: str) -> Path:
    wheel = importlib.util.find_spec("rapidocr")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        path = Path(folder, "models", model)
        if path.is_file():
            return path
    raise ConfigurationError(f'the model file "{model}" is missing: install rapidocr 3.10, whose wheel carries it')
