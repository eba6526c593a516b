"""Rectified flow: how much noise a training picture gets, and how wrong a prediction is.

Hides the noise schedule. A picture at level t is (1 - t) * clean + t * noise; the network predicts the clean one, and
the loss is that of the velocity (noise - clean), which divides by t squared ("Back to Basics", arXiv 2511.13720).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

MEAN: Final = 2.2
SPREAD: Final = 1.6
"""Levels are the logistic of a normal variable: half of them above 0.9, where shapes are decided, as less noise hides
no large one. Edges are decided below and soon learned."""
LEAST: Final = 0.1
"""The level below which the loss divides no further."""


def levels(count: int, dice: torch.Generator) -> Tensor:
    return torch.sigmoid(torch.randn(count, generator=dice) * SPREAD + MEAN)


def noised(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    at = level.view(-1, 1, 1, 1)
    return (1 - at) * clean + at * noise


def loss(predicted: Tensor, clean: Tensor, level: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean square of the velocity's error."""
    wrong = ((predicted.float() - clean).square() * weights).mean((1, 2, 3))
    return (wrong / level.clamp(min=LEAST).square()).mean()
