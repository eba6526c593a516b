"""Rectified flow: how much noise a training picture gets, and how wrong a prediction is.

Hides the noise schedule. A picture at level t is (1 - t) * clean + t * noise; the network predicts the clean one, and
the loss is that of the velocity (noise - clean), which divides by t squared ("Back to Basics", arXiv 2511.13720).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

MEAN: Final = 1.4
SPREAD: Final = 1.6
"""Levels below full noise are the logistic of a normal variable, most of them high: shapes are decided there."""
LEAST: Final = 0.4
"""The level below which the loss divides no further: little noise must not outweigh the composition."""


def levels(count: int, dice: torch.Generator, *, full: float) -> Tensor:
    """Of `count` pictures; a share `full` is nothing but noise, as at the first step of a painting."""
    some = torch.sigmoid(torch.randn(count, generator=dice) * SPREAD + MEAN)
    return torch.where(torch.rand(count, generator=dice) < full, 1.0, some)


def noised(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    at = level.view(-1, 1, 1, 1)
    return (1 - at) * clean + at * noise


def loss(predicted: Tensor, clean: Tensor, level: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean square of the velocity's error."""
    wrong = ((predicted.float() - clean).square() * weights).mean((1, 2, 3))
    return (wrong / level.clamp(min=LEAST).square()).mean()
