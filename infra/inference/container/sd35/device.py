"""The device a model runs on: which it is, how it is made repeatable, and what its failures mean.

Hides CUDA from everything else in this folder. Never allocates.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from ..port import DeviceLost
from .speed import Device

_HOST_OUT_OF_MEMORY: Final = ("can't allocate memory", "not enough memory")
"""What torch's CPU allocator says; it has no class of its own."""


def pick(name: str) -> torch.device:
    """`auto` takes the first GPU there is, else the CPU."""
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def describe(device: torch.device) -> Device:
    if device.type == "cuda":
        return Device(torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device))
    return Device(device.type)


def precision(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU, what SD3.5 was released in; float32 on a CPU, where bfloat16 is emulated and slow."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def make_repeatable() -> None:
    """The same bits for the same input, run after run. Before the first CUDA call: cuBLAS reads its variable once.

    warn_only: an operator without a deterministic form warns instead of failing a picture.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def finish(device: torch.device) -> None:
    """Wait until the device has done what it was told, so that a clock says something."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def translated(device: torch.device) -> Iterator[None]:
    """Out of memory becomes MemoryError and leaves the device empty again; a lost device becomes DeviceLost."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in _HOST_OUT_OF_MEMORY):
            release(device)
            raise MemoryError(str(error).split("\n", 1)[0]) from error
        if isinstance(error, torch.AcceleratorError):
            raise DeviceLost(str(error).split("\n", 1)[0]) from error
        raise


def release(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
