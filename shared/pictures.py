"""From image bytes to a picture that can be looked at: RGB, upright, no larger than was asked for.

Hides file formats, colour modes, EXIF rotation and the defence against hostile files. Never judges what it
opens, and never decodes more than MAX_PIXELS whatever a header promises.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import ExifTags, Image, ImageOps, ImageStat

from shared import memory
from shared.errors import ImageUnreadable

MAX_BYTES: Final = 64 * 2**20
MAX_PIXELS: Final = 25_000_000
"""Above any final we order (4096 x 4096 is 17 million) and a camera's 24; the dearest format, WebP, takes 0.5 GB."""
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_MAX_SCANS: Final = 100
"""Of a progressive JPEG; encoders write about ten. Each of 40 bytes costs 17 ms at 25 megapixels, so that a small file
could keep us busy for hours."""
_START_OF_SCAN: Final = b"\xff\xda"
_STRIP_PX: Final = 1_000_000
_LARGE_PX: Final = 5_000_000
_BRIGHT: Final = 160
_OPAQUE: Final = 255


@dataclass(frozen=True, slots=True)
class Picture:
    """An opened image file: `rgb` is to look at, the rest says what the file holds."""

    rgb: Image.Image
    """Upright, transparency flattened, scaled down where the file has more pixels than asked for."""
    width: int
    """Pixels of the upright picture as stored; likewise `height`."""
    height: int
    mode: str
    """The file's colour mode in Pillow's words: `RGB`, `L`, `CMYK`, `I;16` ..."""
    transparent: float
    """Share of the pixels that are not fully opaque."""


def open_picture(image: bytes, *, max_side_px: int) -> Picture:
    """The picture in `image`, at most `max_side_px` wide and high.

    Raises ImageUnreadable for bytes that are no complete, still PNG, JPEG, WebP or GIF within the limits, and
    MemoryError when memory runs out.
    """
    with opened(image, formats=_FORMATS) as file:
        # A phone's MPO is a JPEG with a thumbnail behind it, not an animation.
        if getattr(file, "is_animated", False) and file.format != "MPO":
            raise ImageUnreadable("the picture is animated; its frames may show different things, so none is judged")
        return _looked_at(file, max_side_px)


@contextmanager
def opened(image: bytes, *, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """The file in `image`, its header read and harmless, its pixels not decoded yet.

    Whatever Pillow raises on opening it or in the body of the `with` becomes ImageUnreadable, but for MemoryError.
    """
    if not image:
        raise ImageUnreadable("the image is empty")
    if len(image) > MAX_BYTES:
        raise ImageUnreadable(f"the image file has {len(image)} bytes; at most {MAX_BYTES} are read")
    try:
        with warnings.catch_warnings():
            # Pillow warns at 89 million pixels; our own limit is lower and is an error.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(image), formats=formats) as file:
                _refuse_bombs(file, image)
                yield file
    except (ImageUnreadable, MemoryError):
        raise  # too little memory is our trouble: a good picture must not be repainted for it
    except Exception as error:
        # Format parsers raise anything on hostile bytes (SyntaxError, struct.error, IndexError ...): whatever it
        # is, the answer is the same, and the original is chained.
        raise ImageUnreadable(f"the bytes are no readable picture: {error or type(error).__name__}") from error


def _refuse_bombs(file: Image.Image, image: bytes) -> None:
    if file.width * file.height > MAX_PIXELS:
        raise ImageUnreadable(
            f"the picture has {file.width} x {file.height} px; at most {MAX_PIXELS} pixels are decoded"
        )
    if file.format in ("JPEG", "MPO") and image.count(_START_OF_SCAN) > _MAX_SCANS:
        raise ImageUnreadable(f"the picture is stored in more than {_MAX_SCANS} scans, which no encoder does")


def _looked_at(file: Image.Image, max_side_px: int) -> Picture:
    if file.width * file.height < _LARGE_PX:
        return _decoded(file, max_side_px)
    memory.return_freed()  # decoding 24 megapixels may take 0.4 GB
    picture = _decoded(file, max_side_px)
    memory.return_freed()
    return picture


def _decoded(file: Image.Image, max_side_px: int) -> Picture:
    (width, height), mode = file.size, file.mode
    file.draft("RGB", (max_side_px, max_side_px))  # JPEG only: decodes 12 megapixels at a fraction
    file.load()
    if file.getexif().get(ExifTags.Base.Orientation, 1) in range(5, 9):  # turned by a quarter
        width, height = height, width
    ImageOps.exif_transpose(file, in_place=True)
    picture = _eight_bit(file)
    if max(picture.size) > max_side_px:
        picture.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    if picture is file:  # which would keep the bytes, and for a WebP its decoder's two canvases
        picture = picture.copy()
    if picture.mode != "RGBA":
        return Picture(picture, width, height, mode, 0.0)
    opacity = picture.getchannel("A").histogram()
    transparent = 1 - opacity[_OPAQUE] / (picture.width * picture.height)
    return Picture(_flattened(picture), width, height, mode, transparent)


def _eight_bit(picture: Image.Image) -> Image.Image:
    """RGB, or RGBA where something may shine through; the picture itself where it is that already."""
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a sample: convert() would clip, not scale
        picture = _scaled_down_to_eight_bit(picture)
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _scaled_down_to_eight_bit(picture: Image.Image) -> Image.Image:
    """Grey, in strips: as floats the whole would take four times its memory."""
    import numpy as np  # in the verify function's bundle only

    grey = Image.new("L", picture.size)
    rows = max(1, _STRIP_PX // picture.width)
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(picture.height, top + rows)))
        samples = np.asarray(strip, dtype=np.float32) / 257.0
        grey.paste(Image.fromarray(np.clip(samples, 0, 255).astype(np.uint8)), (0, top))
    return grey


def _flattened(picture: Image.Image) -> Image.Image:
    """On white, as a browser shows it; on dark where what is visible is itself bright, e.g. a white logo."""
    opacity = picture.getchannel("A")
    visible = ImageStat.Stat(picture.convert("L"), mask=opacity)
    bright = visible.count[0] > 0 and visible.mean[0] > _BRIGHT
    ground = Image.new("RGBA", picture.size, (24, 24, 24, 255) if bright else (255, 255, 255, 255))
    ground.alpha_composite(picture)
    return ground.convert("RGB")
