"""The models this container can serve, by name.

Hides which class stands behind a name, and where its weights are. Never loads a model: the server warms those it was
asked to offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from .port import Model
from .protocol import InvalidRequest
from .sd35.profiles import PROFILES, Serving
from .sd35.speed import SpeedError
from .sd35.weights import WeightsError
from .sketch.model import sketch_fast, sketch_fine

KNOWN: Final[Mapping[str, Callable[[], Model]]] = {
    "sketch-fast": sketch_fast,
    "sketch-fine": sketch_fine,
}
"""Those without weights."""
MINI: Final = ("mini-fast", "mini")
"""Their weights are shipped in this folder; those of PROFILES are not."""
SAGEMAKER_WEIGHTS: Final = Path("/opt/ml/model")
"""Where SageMaker puts a model's uncompressed files."""


def offer(names: Iterable[str], serving: Serving | None = None) -> Mapping[str, Model]:
    """The named models, built but not yet warm. `NAME=DIR` takes the weights from DIR, `NAME` from SageMaker's place.

    Raises InvalidRequest for a name this container does not know, or weights that cannot be served.
    """
    models: dict[str, Model] = {}
    for asked in names:
        name, _, folder = asked.partition("=")
        if name in PROFILES:
            models[name] = _with_weights(name, Path(folder).expanduser() if folder else None, serving or Serving())
        elif name in MINI:
            models[name] = _mini(name, Path(folder).expanduser() if folder else None)
        elif name not in KNOWN:
            known = _listed([*KNOWN, *MINI, *PROFILES])
            raise InvalidRequest(f'model "{name}" is unknown; this container knows {known}', param="model")
        elif folder:
            raise InvalidRequest(f'model "{name}" has no weights: leave "={folder}" out', param="model")
        else:
            models[name] = KNOWN[name]()
    return models


def choose(models: Mapping[str, Model], name: str) -> Model:
    """The model a request names. Raises InvalidRequest naming those offered."""
    if name not in models:
        raise InvalidRequest(f'model "{name}" is not offered here; offered: {_listed(models)}', param="model")
    return models[name]


def _with_weights(name: str, folder: Path | None, serving: Serving) -> Model:
    if folder is None and not SAGEMAKER_WEIGHTS.is_dir():
        message = f'model "{name}" needs weights: --model {name}=DIR, or a folder at {SAGEMAKER_WEIGHTS}'
        raise InvalidRequest(message, param="model")
    # torch is imported with it, and the rest of the container runs without.
    try:
        from .sd35.weights import check

        check(folder or SAGEMAKER_WEIGHTS)
        from .sd35.model import SD35Model

        return SD35Model(PROFILES[name], folder or SAGEMAKER_WEIGHTS, serving)
    except (WeightsError, SpeedError) as error:
        raise InvalidRequest(f'model "{name}": {error}', param="model") from error


def _mini(name: str, folder: Path | None) -> Model:
    # onnxruntime is imported with it, and a GPU image serves without.
    from .mini.model import FAST, FINE, MiniModel
    from .mini.networks import WEIGHTS, missing

    folder, tier = folder or WEIGHTS, FAST if name == FAST.name else FINE
    if lacking := missing(tier.network, folder):
        message = f'model "{name}": {folder} lacks {_listed(lacking)}; python -m infra.inference.mini makes them'
        raise InvalidRequest(message, param="model")
    return MiniModel(tier, folder)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
