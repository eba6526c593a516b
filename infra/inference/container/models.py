"""The models this container can serve, by name.

Hides which class stands behind a name. Never loads a model: the server warms those it was asked to offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .port import Model
from .protocol import InvalidRequest
from .sketch.model import sketch_fast, sketch_fine

KNOWN: Final[Mapping[str, Callable[[], Model]]] = {
    "sketch-fast": sketch_fast,
    "sketch-fine": sketch_fine,
}


def offer(names: Iterable[str]) -> Mapping[str, Model]:
    """The named models, built but not yet warm. Raises InvalidRequest for a name this container does not know."""
    models = {}
    for name in names:
        if name not in KNOWN:
            raise InvalidRequest(f'model "{name}" is unknown; this container knows {_listed(KNOWN)}', param="model")
        models[name] = KNOWN[name]()
    return models


def choose(models: Mapping[str, Model], name: str) -> Model:
    """The model a request names. Raises InvalidRequest naming those offered."""
    if name not in models:
        raise InvalidRequest(f'model "{name}" is not offered here; offered: {_listed(models)}', param="model")
    return models[name]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
