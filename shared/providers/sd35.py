"""What Stability AI and Amazon Bedrock share of Stable Diffusion 3.5: the shapes it paints and the seeds it takes.

Source: Stability AI REST v2beta, generate/sd3; Amazon Bedrock user guide, "Stable Diffusion 3.5 Large" (2026-11).
"""

from __future__ import annotations

from typing import Final

from shared.models import Recipe
from shared.providers.pictures import nearest_ratio

_RATIOS: Final = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
_SEEDS: Final = 2**32 - 2


def seed_for(recipe: Recipe) -> int:
    """The recipe's seed within 1 … 2^32-2. Both hosts read 0 as "draw one", which would not be the recipe any more."""
    return 1 + (recipe.seed - 1) % _SEEDS


def fields_for(recipe: Recipe, *, from_picture: bool) -> dict[str, str | int | float]:
    """The request's common fields. A picture brings its own shape, and how far to leave it must be said."""
    fields: dict[str, str | int | float] = {
        "prompt": recipe.prompt,
        "mode": "image-to-image" if from_picture else "text-to-image",
        "seed": seed_for(recipe),
        "output_format": "png",
    }
    if from_picture:
        fields["strength"] = recipe.strength if recipe.strength is not None else 0.7
    else:
        fields["aspect_ratio"] = nearest_ratio(recipe.size, _RATIOS)
    if recipe.negative_prompt:
        fields["negative_prompt"] = recipe.negative_prompt
    if recipe.guidance_scale is not None:
        fields["cfg_scale"] = recipe.guidance_scale
    return fields
