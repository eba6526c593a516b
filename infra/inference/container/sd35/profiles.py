"""The three SD3.5 models: what each does when a request leaves it open, and how one is served.

Hides nothing; needs no torch. Steps and guidance: Stability AI's model cards, October 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .speed import Tier

STRENGTH: Final = 0.6
"""Of the steps, what an initial picture is repainted with unless the request says; diffusers' own default."""


@dataclass(frozen=True)
class Profile:
    """`guidance_scale` of 1 or less: distilled, no unconditional rows."""

    name: str
    tier: Tier
    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class Serving:
    """How models with weights are served. `device`: auto, cpu, cuda, cuda:1.

    `speed`: overrides of the tier's flags, `fp8=off,guidance_interval=0.8`. `bucket`: images in one forward, None for
    what fills a GPU. `warm_sizes` in pixels, empty for the model's native square: only these are compiled.
    """

    device: str = "auto"
    speed: str = ""
    bucket: int | None = None
    warm_sizes: tuple[tuple[int, int], ...] = ()


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("sd35-large", tier="final", steps=28, guidance_scale=4.5),
        Profile("sd35-large-turbo", tier="draft", steps=4, guidance_scale=1.0),
        Profile("sd35-medium", tier="final", steps=28, guidance_scale=4.5),
    )
}
