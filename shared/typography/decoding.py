"""From image bytes to a picture the engines can look at: RGB, upright, at most 2048 px a side.

Hides file formats, colour modes, EXIF rotation and the defence against hostile files. Never reads text,
and never decodes more than MAX_PIXELS whatever a header promises.
"""

from __future__ import annotations

import io
import warnings
from typing import Final

import numpy as np
from PIL import Image, ImageOps, ImageStat

from shared.errors import ImageUnreadable

MAX_BYTES: Final = 64 * 2**20
MAX_PIXELS: Final = 50_000_000
"""Above any final we order (4096 x 4096 is 17 million); as RGBA this is 200 MB."""
MAX_SIDE_PX: Final = 2048
"""The finest detector view is no larger, so more pixels would only cost memory."""
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_BRIGHT: Final = 160


def decode(image: bytes) -> Image.Image:
    """The picture in `image`, scaled down to fit MAX_SIDE_PX, transparency flattened.

    Raises ImageUnreadable for bytes that are no complete, still PNG, JPEG, WebP or GIF within the limits.
    """
    if not image:
        raise ImageUnreadable("the image is empty")
    if len(image) > MAX_BYTES:
        raise ImageUnreadable(f"the image file has {len(image)} bytes; at most {MAX_BYTES} are read")
    try:
        with warnings.catch_warnings():
            # Pillow warns at 89 million pixels; our own limit is lower and is an error.
            warnings.simplefilter("ignore")
            return _decode(image)
    except ImageUnreadable:
        raise
    except Exception as error:
        # Format parsers raise anything on hostile bytes (SyntaxError, struct.error, IndexError ...): whatever it
        # is, the answer is the same, and the original is chained.
        raise ImageUnreadable(f"the bytes are no readable picture: {error or type(error).__name__}") from error


def _decode(image: bytes) -> Image.Image:
    with Image.open(io.BytesIO(image), formats=_FORMATS) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise ImageUnreadable(f"the picture has {width} x {height} px; at most {MAX_PIXELS} pixels are decoded")
        # A phone's MPO is a JPEG with a thumbnail behind it, not an animation.
        if getattr(opened, "n_frames", 1) > 1 and opened.format != "MPO":
            raise ImageUnreadable("the picture is animated; its frames may say different things, so none is verified")
        opened.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))  # JPEG only: decodes 12 megapixels at a fraction
        opened.load()
        upright = ImageOps.exif_transpose(opened)
        picture = _as_rgb(upright)
    if max(picture.size) > MAX_SIDE_PX:
        picture.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return picture


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a sample: convert() would clip, not scale
        samples = np.asarray(picture, dtype=np.float32) / 257.0
        picture = Image.fromarray(np.clip(samples, 0, 255).astype(np.uint8))
    if picture.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in picture.info:
        return _flattened(picture.convert("RGBA"))
    return picture.convert("RGB")


def _flattened(picture: Image.Image) -> Image.Image:
    """On white, as a browser shows it; on dark where what is visible is itself bright, e.g. a white logo."""
    opacity = picture.getchannel("A")
    visible = ImageStat.Stat(picture.convert("L"), mask=opacity)
    bright = visible.count[0] > 0 and visible.mean[0] > _BRIGHT
    ground = Image.new("RGBA", picture.size, (24, 24, 24, 255) if bright else (255, 255, 255, 255))
    ground.alpha_composite(picture)
    return ground.convert("RGB")
