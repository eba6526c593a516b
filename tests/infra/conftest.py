"""The app, synthesized once for all tests of this folder: they run in one worker for that reason."""

from __future__ import annotations

import json

import pytest

from infra import app
from infra.config import LOCAL, PROD, StageConfig
from tests.infra.templates import Template


def _templates(config: StageConfig, outdir: pytest.TempPathFactory) -> dict[str, Template]:
    folder = outdir.mktemp(config.name)
    app.build(config, outdir=folder).synth()
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Templates of prod by stack; packaged without wheels, which no template shows."""
    return _templates(PROD.model_copy(update={"package": "source"}), tmp_path_factory)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """Templates of the local stack."""
    return _templates(LOCAL, tmp_path_factory)


@pytest.fixture(scope="session")
def core(prod: dict[str, Template]) -> Template:
    return prod["Core"]
