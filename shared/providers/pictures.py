"""Pictures on their way to a host: formats, and shapes by name.

Hides Pillow. Hosts get the stored bytes; only our own endpoints, which read nothing but PNG, get the pixels of others.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, UnidentifiedImageError

from shared.errors import ProviderRefused
from shared.models import Size


def as_png(picture: bytes) -> bytes:
    """The picture as a PNG, the same pixels; a PNG as it is. Raises ProviderRefused when it cannot be read."""
    if mime_of(picture) == "image/png":
        return picture
    try:
        with Image.open(io.BytesIO(picture)) as image:
            buffer = io.BytesIO()
            image.convert("RGBA" if image.has_transparency_data else "RGB").save(buffer, "PNG")
    except (UnidentifiedImageError, OSError) as error:
        raise ProviderRefused(f"the picture to start from cannot be read: {error}", reason="invalid") from error
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
