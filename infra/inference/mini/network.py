"""The network: a picture with noise in it, what it should show -> the picture without noise.

Hides the architecture. A few convolutions at a quarter of the picture's size keep edges crisp, a small transformer at
an eighth composes. The choices are tokens beside the picture's: from scales and shifts alone it learned colours, and no
shapes. The glyph channel enters with the picture and once more at the exit, where it switches between two colours the
network chose for every pixel. Frames enter as what every pixel's place in them is. Knows no schedule and no loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from infra.inference.container.mini import arrangement
from infra.inference.container.mini.vocabulary import TOLD

PATCH: Final = 4
GRAIN: Final = 8
"""Width and height must be multiples of this."""
CONDITION: Final = 5
"""Channels beside the picture: mask (1 is painted), the picture to keep (3), glyphs (1)."""
_PLACES: Final = 64
"""Of the transformer, in a picture of the size it learned to compose on."""
_WAVES: Final = (1, 2, 4, 8)
_FRAME_WAVES: Final = (0.125, 0.25, 0.5, 1.0)
_SLANTING_WAVES: Final = (0.5, 1.0)
_TURNS: Final = 5
FIELDS: Final = arrangement.COUNT * 2 * (2 * len(_FRAME_WAVES) + 3 * len(_SLANTING_WAVES) + _TURNS)


@dataclass(frozen=True)
class Shape:
    """Widths of the two levels; convolution blocks on the way down and up, transformer blocks between them."""

    fine: int = 96
    coarse: int = 320
    down: int = 1
    depth: int = 4
    up: int = 2


class Conv(nn.Module):
    """A convolution whose weight is a matrix, as the optimizer wants it."""

    def __init__(self, into: int, out: int, side: int = 3, *, stride: int = 1, zero: bool = False) -> None:
        super().__init__()
        self.shape, self.stride = (out, into, side, side), stride
        self.weight = nn.Parameter(torch.randn(out, into * side * side) * (0 if zero else (into * side * side) ** -0.5))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        padding = self.shape[2] // 2 if self.stride == 1 else 0
        return functional.conv2d(x, self.weight.view(self.shape), self.bias, stride=self.stride, padding=padding)


def normed(x: Tensor, dim: int) -> Tensor:
    return x * torch.rsqrt(x.float().square().mean(dim, keepdim=True) + 1e-6).to(x.dtype)


class Residual(nn.Module):
    """Two convolutions, the first told what to paint."""

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.one, self.two = Conv(width, width), Conv(width, width, zero=True)
        self.tell = nn.Linear(told, 2 * width)
        nn.init.normal_(self.tell.weight, std=0.02)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.tell(told)[..., None, None].chunk(2, 1)
        hidden = self.one(functional.silu(normed(x, 1) * (1 + scale) + shift))
        return x + self.two(functional.silu(normed(hidden, 1)))


class Attention(nn.Module):
    """Every place looks at every other, then thinks for itself."""

    def __init__(self, width: int, told: int, head: int = 64) -> None:
        super().__init__()
        self.head = head
        self.into, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.grow, self.shrink = nn.Linear(width, 4 * width), nn.Linear(2 * width, width)
        self.tell = nn.Linear(told, 4 * width)
        nn.init.normal_(self.tell.weight, std=0.02)
        for last in (self.out, self.shrink):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, told: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
        batch, count, width = x.shape
        scale, shift, scale2, shift2 = self.tell(told)[:, None].chunk(4, -1)
        parts = self.into(normed(x, 2) * (1 + scale) + shift).view(batch, count, 3, -1, self.head)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        query, key = _turned(normed(query, 3), turns), _turned(normed(key, 3), turns)
        seen = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, count, width))
        gate, hidden = self.grow(normed(x, 2) * (1 + scale2) + shift2).chunk(2, -1)
        return x + self.shrink(functional.silu(gate) * hidden)


class Painter(nn.Module):
    """`forward` answers the clean picture, (batch, 3, height, width) in about -1..1."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        shape = shape or Shape()
        fine, coarse = shape.fine, shape.coarse
        told = coarse
        self.said = nn.ModuleList(nn.Embedding(len(words) + 1, coarse) for words in TOLD.values())
        for table in self.said:
            nn.init.normal_(table.weight, std=0.5)
        self.gather = nn.Sequential(nn.Linear(coarse, told), nn.SiLU(), nn.Linear(told, told))
        self.clock = nn.Sequential(nn.Linear(64, told), nn.SiLU(), nn.Linear(told, told))
        self.stem = Conv((3 + CONDITION + FIELDS) * PATCH * PATCH + 4 * len(_WAVES), fine, 1)
        self.down = nn.ModuleList(Residual(fine, told) for _ in range(shape.down))
        self.halving = Conv(fine, coarse, 2, stride=2)
        self.where = Conv(4 * len(_WAVES), coarse, 1)
        self.core = nn.ModuleList(Attention(coarse, told) for _ in range(shape.depth))
        self.doubling = Conv(coarse, fine * 4, 1)
        self.join = Conv(2 * fine, fine, 1)
        self.up = nn.ModuleList(Residual(fine, told) for _ in range(shape.up))
        self.exit = Conv(fine, 2 * 3 * PATCH * PATCH, 3, zero=True)

    def forward(self, noisy: Tensor, condition: Tensor, level: Tensor, codes: Tensor, frames: Tensor) -> Tensor:
        """`level` is the noise, 0..1 of each picture; `codes` its choices by slot, 0 where open; `frames` those of
        arrangement.frames, (batch, 2, 4)."""
        said = torch.stack([table(codes[:, slot]) for slot, table in enumerate(self.said)], 1)
        told = functional.silu(self.gather(said.sum(1)) + self.clock(_waves(level)))
        packed = functional.pixel_unshuffle(torch.cat([noisy, condition, _fields(frames, noisy)], 1), PATCH)
        fine = self.stem(torch.cat([packed, _places(packed)], 1).contiguous(memory_format=torch.channels_last))
        for block in self.down:
            fine = block(fine, told)
        coarse = self.halving(fine)
        coarse = coarse + self.where(_places(coarse))
        batch, width, height, breadth = coarse.shape
        said = said.to(coarse.dtype)
        tokens, turns = torch.cat([said, coarse.flatten(2).transpose(1, 2)], 1), _turns(height, breadth, said)
        for block in self.core:
            tokens = block(tokens, told, turns)
        coarse = tokens[:, len(TOLD) :].transpose(1, 2).reshape(batch, width, height, breadth)
        fine = self.join(torch.cat([functional.pixel_shuffle(self.doubling(coarse), 2), fine], 1))
        for block in self.up:
            fine = block(fine, told)
        ground, letters = functional.pixel_shuffle(self.exit(normed(fine, 1)), PATCH).chunk(2, 1)
        return ground + condition[:, 4:5] * letters


def _waves(level: Tensor) -> Tensor:
    speeds = torch.exp(torch.arange(32, device=level.device, dtype=torch.float32) / 32 * math.log(500.0)) * 0.5
    turn = level.float()[:, None] * speeds
    return torch.cat([turn.sin(), turn.cos()], -1)


def _places(like: Tensor) -> Tensor:
    """Where every patch is, as waves across the picture, 0 in its middle."""
    batch, _, height, width = like.shape
    shorter = min(height, width)
    ys = (torch.arange(height, device=like.device) + 0.5 - height / 2) / shorter
    xs = (torch.arange(width, device=like.device) + 0.5 - width / 2) / shorter
    rows, columns = ys[:, None].expand(height, width), xs[None, :].expand(height, width)
    waves = [wave(place * math.pi * n) for place in (rows, columns) for n in _WAVES for wave in (torch.sin, torch.cos)]
    return torch.stack(waves)[None].expand(batch, -1, -1, -1).to(like.dtype)


def _fields(frames: Tensor, like: Tensor) -> Tensor:
    """The place of every pixel in every frame as waves, straight, slanting, around the origin and away from it:
    (batch, FIELDS, height, width)."""
    height, width = like.shape[2:]
    ys = ((torch.arange(height, device=like.device) + 0.5) / min(height, width))[:, None]
    xs = ((torch.arange(width, device=like.device) + 0.5) / min(height, width))[None, :]
    x, y, along, across = frames.float()[..., None, None].unbind(2)
    u, v = along * (xs - x) + across * (ys - y), along * (ys - y) - across * (xs - x)
    away = torch.sqrt(u.square() + v.square() + 1e-6)
    straight, others = torch.cat([u, v], 1), torch.cat([u + v, u - v, away], 1)
    waves = [wave(straight * (2 * math.pi * n)) for n in _FRAME_WAVES for wave in (torch.sin, torch.cos)]
    waves += [wave(others * (2 * math.pi * n)) for n in _SLANTING_WAVES for wave in (torch.sin, torch.cos)]
    once = (u / away, v / away)
    twice, thrice = _around(once, once), _around(_around(once, once), once)
    six = _around(thrice, thrice)
    waves += [part for turn in (once, twice, thrice, six, _around(six, six)) for part in turn]
    return torch.cat(waves, 1).to(like.dtype)


def _around(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the sum of two angles."""
    return one[0] * other[0] - one[1] * other[1], one[0] * other[1] + one[1] * other[0]


def _turns(height: int, width: int, said: Tensor) -> tuple[Tensor, Tensor]:
    """Rotary position embedding in two dimensions (RoFormer, arXiv 2104.09864): cosines and sines. What is `said`
    comes first and is nowhere. A larger picture's places lie closer together (position interpolation, arXiv
    2306.15595): it is composed as a small one is."""
    # Counted by a tensor, for the export to see that it follows from the sides.
    places = torch.ones(height, width, device=said.device).sum()
    speeds = torch.sqrt(_PLACES / places) / (50.0 ** (torch.arange(16, device=said.device) / 16))
    ys = torch.arange(height, device=said.device)[:, None, None] * speeds
    xs = torch.arange(width, device=said.device)[None, :, None] * speeds
    turn = torch.cat([ys.expand(height, width, 16), xs.expand(height, width, 16)], -1).reshape(height * width, 32)
    turn = torch.cat([turn.new_zeros(said.shape[1], 32), turn])
    return turn.cos().to(said.dtype), turn.sin().to(said.dtype)


def _turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    one, other = x.chunk(2, -1)
    cos, sin = turns
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)
