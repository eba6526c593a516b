"""Tiny weights on disk, loaded as in production: once for each worker."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from . import tiny

    return tiny.save(tmp_path_factory.mktemp("sd35") / "weights")


@pytest.fixture(scope="session")
def weights(folder: Path) -> Any:
    import torch

    from infra.inference.container.sd35.weights import load

    return load(folder, device=torch.device("cpu"), dtype=torch.float32)


@pytest.fixture(scope="session", autouse=find_spec("torch") is not None)
def one_thread() -> None:
    """Small matrices are slower on two, and the workers share the machine."""
    import torch

    torch.set_num_threads(1)
