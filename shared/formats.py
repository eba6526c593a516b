"""The same picture in another file format.

Hides Pillow's encoders. What is stored stays as it came; this is for a reply alone.
"""

from __future__ import annotations

import io
from typing import Final, Literal

from PIL import Image

Format = Literal["png", "jpeg", "webp"]
MIME: Final[dict[str, Format]] = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}
_GROUND: Final = (255, 255, 255, 255)


def converted(image: bytes, to: Format, *, quality: int) -> bytes:
    """A stored picture as PNG, JPEG or WebP; `quality` 0 to 100 for the latter two, transparency on white in JPEG."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(image), formats=("PNG", "JPEG", "WEBP")) as picture:
        profile = picture.info.get("icc_profile")
        kept = _flattened(picture) if to == "jpeg" else picture
        options = {} if to == "png" else {"quality": quality}
        kept.save(buffer, to.upper(), icc_profile=profile, **options)
    return buffer.getvalue()


def _flattened(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, _GROUND)
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")
