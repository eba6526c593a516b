"""Scene painters, one module a landscape; `SCENES` maps a composition's scene to its painter.

Hides how each looks. A painter fills the whole canvas from a Composition and draws no letters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..canvas import Canvas
from ..composition import Composition
from .city import paint_city
from .coast import paint_coast
from .geometry import paint_geometry
from .land import paint_desert, paint_hills, paint_mountains
from .product import paint_product
from .space import paint_space

SCENES: Final[Mapping[str, Callable[[Canvas, Composition], None]]] = {
    "coast": paint_coast,
    "mountains": paint_mountains,
    "hills": paint_hills,
    "desert": paint_desert,
    "city": paint_city,
    "space": paint_space,
    "product": paint_product,
    "geometry": paint_geometry,
}
