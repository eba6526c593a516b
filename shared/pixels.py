"""How far two stored pictures are apart, pixel by pixel.

Hides the scale and the formulas. Needs Pillow only, so that the api function can look without the eyes of verify.
Never says which picture is the better.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageChops, ImageMath

from shared.models import Value, sha256_hex

_SIDE_PX: Final = 1024
_SEEN: Final = 8
"""Of 255: a smaller change of a channel is not seen on a screen, and JPEG makes it by itself."""
_WINDOW: Final = 8
_SSIM_PX: Final = 256
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2


class PixelDifference(Value):
    """Fractions run from 0.0, nothing, to 1.0, everything."""

    identical: bool
    """Every pixel is the same; the files need not be."""
    mean: float
    """Mean absolute difference of the channels, as a fraction of the full range."""
    changed: float
    """Share of the pixels of which a channel differs by more than 8 of 255."""
    ssim: float
    """Structural similarity of their luma at 256 px: 1.0 is the same picture."""


def difference(a: bytes, b: bytes) -> PixelDifference:
    """How far apart two pictures are, both at the smaller one's size and at most 1024 px wide and high.

    SSIM: Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13(4), 2004, over 8 x 8 windows half
    of which overlap.
    """
    one, other = _alike(_opened(a), _opened(b))
    apart = ImageChops.difference(one, other)
    strongest = _strongest(apart)
    bands = [_mean(band) for band in apart.split()]
    return PixelDifference(
        identical=strongest.getbbox() is None,
        mean=round(sum(bands) / len(bands) / 255, 6),
        changed=round(_mean(strongest.point([255 * (level > _SEEN) for level in range(256)])) / 255, 6),
        ssim=round(_ssim(_luma(one), _luma(other)), 4),
    )


def pixel_digest(image: bytes) -> str:
    """sha256 of a picture's size and its decoded RGB pixels: what a file says, however it is encoded."""
    with Image.open(io.BytesIO(image)) as picture:
        pixels = picture.convert("RGB")
    return sha256_hex(f"{pixels.width}x{pixels.height}\n".encode() + pixels.tobytes())


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (_SIDE_PX, _SIDE_PX))
        picture = image.convert("RGB")
    picture.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    return picture


def _alike(one: Image.Image, other: Image.Image) -> tuple[Image.Image, Image.Image]:
    size = min(one.size, other.size)
    return tuple(each if each.size == size else each.resize(size, Image.Resampling.BOX) for each in (one, other))  # type: ignore[return-value]  # two in, two out


def _strongest(apart: Image.Image) -> Image.Image:
    red, green, blue = apart.split()
    return ImageChops.lighter(ImageChops.lighter(red, green), blue)


def _luma(image: Image.Image) -> Image.Image:
    return image.convert("L").resize((_SSIM_PX, _SSIM_PX), Image.Resampling.BOX).convert("F")


def _ssim(a: Image.Image, b: Image.Image) -> float:
    shifts = [(x, y) for x in (0, _WINDOW // 2) for y in (0, _WINDOW // 2)]
    return sum(_windows(a, b, shift) for shift in shifts) / len(shifts)


def _windows(a: Image.Image, b: Image.Image, shift: tuple[int, int]) -> float:
    """Mean over one grid of windows."""
    left, top = shift
    room = (left, top, left + _SSIM_PX - _WINDOW, top + _SSIM_PX - _WINDOW)
    a, b = a.crop(room), b.crop(room)
    mean_a, mean_b = a.reduce(_WINDOW), b.reduce(_WINDOW)
    square_a, square_b, product = (_times(x, y).reduce(_WINDOW) for x, y in ((a, a), (b, b), (a, b)))
    likeness = ImageMath.lambda_eval(
        lambda on: (
            ((2 * on["ma"] * on["mb"] + _C1) * (2 * (on["ab"] - on["ma"] * on["mb"]) + _C2))
            / (
                (on["ma"] * on["ma"] + on["mb"] * on["mb"] + _C1)
                * (on["aa"] - on["ma"] * on["ma"] + on["bb"] - on["mb"] * on["mb"] + _C2)
            )
        ),
        ma=mean_a,
        mb=mean_b,
        aa=square_a,
        bb=square_b,
        ab=product,
    )
    return _mean(likeness)


def _times(a: Image.Image, b: Image.Image) -> Image.Image:
    product: Image.Image = ImageMath.lambda_eval(lambda on: on["a"] * on["b"], a=a, b=b)
    return product


def _mean(image: Image.Image) -> float:
    """Of one band; in floats, where resizing does not round."""
    return float(image.convert("F").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))  # type: ignore[arg-type]  # one band
