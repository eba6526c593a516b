"""Pictures on their way to a host: masks drawn from a box, formats, and shapes by name.

Hides Pillow. Never alters the picture to be edited: hosts get the stored bytes.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Literal

from PIL import Image, UnidentifiedImageError

from shared.errors import ProviderRefused
from shared.models import Box, Size


def mask_for(picture: bytes, box: Box, *, edit: Literal["transparent", "white"]) -> bytes:
    """A PNG of the picture's size whose edit area is `box`, widened to whole pixels.

    `transparent`: RGBA, opaque black around a hole (OpenAI). `white`: grey scale, white on black (Stability).
    Raises ProviderRefused when the picture cannot be read.
    """
    size = _dimensions(picture)
    if edit == "transparent":
        mask, colour = Image.new("RGBA", size, (0, 0, 0, 255)), (0, 0, 0, 0)
        mask.paste(colour, _pixels(box, size))
    else:
        mask = Image.new("L", size, 0)
        mask.paste(255, _pixels(box, size))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def mime_of(picture: bytes) -> str:
    """image/png, image/jpeg or image/webp, by the first bytes."""
    if picture.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" else "image/png"


def nearest_ratio(size: Size, ratios: Sequence[str]) -> str:
    """The shape a host calls by name that comes closest, e.g. 1344x768 -> 16:9."""

    def distance(ratio: str) -> float:
        width, height = map(int, ratio.split(":"))
        return abs(math.log(width / height) - math.log(size.width / size.height))

    return min(ratios, key=distance)


def _dimensions(picture: bytes) -> tuple[int, int]:
    try:
        with Image.open(io.BytesIO(picture)) as image:
            return image.size
    except (UnidentifiedImageError, OSError) as error:
        raise ProviderRefused(f"the picture to edit cannot be read: {error}", reason="invalid") from error


def _pixels(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x, y, w, h = box
    left, top = min(math.floor(x * size[0]), size[0] - 1), min(math.floor(y * size[1]), size[1] - 1)
    # Rounded before ceil: 0.3 + 0.6 is 0.8999…, and 0.1 + 0.2 would take one pixel more than 0.3.
    right, bottom = math.ceil(round((x + w) * size[0], 6)), math.ceil(round((y + h) * size[1], 6))
    return left, top, min(max(right, left + 1), size[0]), min(max(bottom, top + 1), size[1])
