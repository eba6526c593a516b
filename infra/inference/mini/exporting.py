"""The trained networks as ONNX files, weights in half precision: what the container runs.

Hides the exporter. The file's numbers are what is evaluated and shipped: half precision is unfolded to single when it
is loaded, and computed in single.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from infra.inference.container.mini import arrangement
from infra.inference.container.mini.networks import PAINTER, REFINER, STUDENT
from infra.inference.container.mini.vocabulary import TOLD

from .network import CONDITION, Painter
from .refining import Refiner

_OPSET = 20
_LARGE = 256
"""Numbers from which a weight is stored in half precision."""


def export(painter: Painter, student: Painter, refiner: Refiner, folder: Path) -> None:
    """Write the three files. Sides and batch stay open."""
    folder.mkdir(parents=True, exist_ok=True)
    for network, name in ((painter, PAINTER), (student, STUDENT)):
        _denoiser(network, folder / name)
    sides = {2: "height", 3: "width"}
    doubled = {2: "doubled_height", 3: "doubled_width"}
    inputs = {"picture": torch.zeros(2, 3, 32, 48), "glyph": torch.zeros(2, 1, 64, 96)}
    _written(refiner, inputs, {"picture": {0: "batch", **sides}, "glyph": {0: "batch", **doubled}}, folder / REFINER)


def _denoiser(network: nn.Module, path: Path) -> None:
    inputs = {
        "noisy": torch.zeros(2, 3, 96, 128),
        "condition": torch.zeros(2, CONDITION, 96, 128),
        "level": torch.full((2,), 0.5),
        "codes": torch.zeros(2, len(TOLD), dtype=torch.int64),
        "frames": torch.zeros(2, arrangement.COUNT, len(arrangement.NOWHERE)),
    }
    sides = {0: "batch", 2: "height", 3: "width"}
    open_sides = {name: sides if value.ndim == 4 else {0: "batch"} for name, value in inputs.items()}
    _written(network, inputs, open_sides, path)


def _written(network: nn.Module, inputs: dict[str, torch.Tensor], axes: dict[str, dict[int, str]], path: Path) -> None:
    torch.onnx.export(
        network.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=["clean"],
        dynamic_axes={**axes, "clean": {0: "batch", 2: "out_height", 3: "out_width"}},
        opset_version=_OPSET,
        dynamo=False,
    )
    onnx.save(_halved(onnx.load(path)), path)


def _halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Large weights stored as float16, cast to float32 by the graph."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT and np.prod(weight.dims) >= _LARGE:
            name = f"{weight.name}.half"
            casts.append(helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), name))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
