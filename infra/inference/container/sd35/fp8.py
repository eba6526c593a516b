"""Linear layers in 8-bit floats: half the memory and up to twice the matrix rate of bfloat16.

Hides quantisation: float8_e4m3fn, a scale for each row of the weights once and for each row of the input every time,
so a row's result never depends on another row. Needs torch._scaled_mm: compute capability 8.9 or newer.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

_LARGEST: Final = 448.0
"""float8_e4m3fn ends here."""
_MULTIPLE: Final = 16
"""torch._scaled_mm takes matrices whose sides are multiples of it."""
_TINY: Final = 1e-12


class Fp8Linear(nn.Module):
    """The quantised copy of a linear layer; its output is bfloat16."""

    def __init__(self, source: nn.Linear) -> None:
        super().__init__()
        weight, scale = _quantised(source.weight.detach())
        self.weight: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale.t().contiguous())
        self.bias = source.bias
        self.in_features, self.out_features = source.in_features, source.out_features

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        rows, scale = _quantised(inputs.reshape(-1, self.in_features))
        out: torch.Tensor = torch._scaled_mm(
            rows, self.weight.t(), scale_a=scale, scale_b=self.scale, out_dtype=torch.bfloat16, use_fast_accum=True
        )
        if self.bias is not None:
            out = out + self.bias
        return out.view(*inputs.shape[:-1], self.out_features)


def quantise(blocks: nn.Module) -> int:
    """Replace the large linear layers under `blocks` in place; returns how many.

    Layers of the modulation (`norm…`) stay: they see one row per image, and everything after hangs on them.
    """
    replaced = 0
    for path, layer in list(blocks.named_modules()):
        if not isinstance(layer, nn.Linear) or any(part.startswith("norm") for part in path.split(".")):
            continue
        if layer.in_features % _MULTIPLE or layer.out_features % _MULTIPLE:
            continue
        parent, _, name = path.rpartition(".")
        setattr(blocks.get_submodule(parent), name, Fp8Linear(layer))
        replaced += 1
    return replaced


def _quantised(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The matrix in 8 bits and each row's scale (rows, 1)."""
    scale = matrix.abs().amax(dim=1, keepdim=True).float().clamp(min=_TINY) / _LARGEST
    return (matrix.float() / scale).to(torch.float8_e4m3fn), scale
