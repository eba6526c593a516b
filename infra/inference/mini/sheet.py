"""A contact sheet: what mini paints for prompts that say much and prompts that say little.

Hides nothing; for eyes only.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from PIL import Image

from infra.inference.container.mini import networks
from infra.inference.container.mini.model import FAST, FINE, MiniModel
from infra.inference.container.protocol import InvocationRequest, Lettering

PROMPTS: Final = (
    ("purple mountains under an orange sky, a yellow sun on the right", "SUMMIT"),
    ("teal sea under a cream sky, a red balloon on the left", "HARBOR"),
    ("red and cream sunburst, a navy star", "CIRCUS"),
    ("black and yellow stripes", "RODEO"),
    ("pink and white dots, a red heart", "CANDY"),
    ("navy city under a pink sky, a white moon on the left", "NIGHTLIFE"),
    ("green forest under a cream sky", "RETREAT"),
    ("plain cream background, a brown cup", "BRUNCH"),
    ("blue and white waves, an orange fish", "OASIS"),
    ("orange desert under a navy sky, a white moon on the right", "ECHO"),
    ("purple and pink gradient, a white rocket", "NOVA"),
    ("Autumn sale, maple leaves", "50% OFF"),
    ("Hero banner for a summer sale", "SALE"),
    ("A cosy coffee shop flyer with warm light", "OPEN"),
    ("Retro jazz festival", "JAZZ NIGHT"),
    ("Retail poster, swiss modernist, a pair of running shoes on a plain signal red background", "VALUE"),
)
SIDE: Final = 512


def sheet(weights: Path = networks.WEIGHTS, *, fast: bool = False, side: int = SIDE) -> Image.Image:
    """Four by four pictures."""
    model = MiniModel(FAST if fast else FINE, weights)
    model.warm()
    page = Image.new("RGB", (4 * side, 4 * side))
    for place, (prompt, words) in enumerate(PROMPTS):
        request = InvocationRequest(
            version="1",
            request_id="sheet",
            model=model.name,
            prompt=prompt,
            seed=place,
            width=side,
            height=side,
            text=Lettering(content=(words,)),
        )
        with Image.open(io.BytesIO(model.generate(request).png)) as picture:
            page.paste(picture, (place % 4 * side, place // 4 * side))
    return page
