"""The pictures a request carries, decoded: what to start from, and what to repaint.

Hides base64, PNG and what is checked before a pixel is unpacked, so that a small file never becomes a large one.
Every fault of a picture is an InvalidRequest that names its field.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from .masks import Floats, PixelBox, Pixels, boxed_weights, extent, pixel_box
from .protocol import MAX_PIXELS, InvalidRequest, InvocationRequest

BOX_SLACK_PX: Final = 2
"""How far a mask image may reach over the box around it: the box travels in rounded fractions."""


@dataclass(frozen=True)
class Given:
    """`init` is RGB of any size without a mask, of the picture's size with one. `mask` is (height, width), 0..1."""

    init: Pixels | None = None
    mask: Floats | None = None


def given(request: InvocationRequest) -> Given:
    """The pictures of a request. Raises InvalidRequest for one that cannot be used."""
    init = _rgb(request.init_image) if request.init_image is not None else None
    if init is None or request.mask is None:
        return Given(init)
    if init.shape[:2] != (request.height, request.width):
        raise _unlike(request, "init_image", init.shape[1], init.shape[0])
    box = pixel_box(request.mask, request.width, request.height)
    if request.mask_image is not None:
        return Given(init, _weights(request.mask_image, box, request))
    weights = boxed_weights(box, request.width, request.height)
    if not weights.any():
        raise InvalidRequest(
            f"mask: is {box[2] - box[0]} x {box[3] - box[1]} pixels, too small to repaint", param="mask"
        )
    return Given(init, weights)


def _rgb(data: str) -> Pixels:
    """RGB pixels of a base64 PNG; a transparent one stands on white."""
    with _opened(data, "init_image") as image:
        if image.width * image.height > MAX_PIXELS:
            message = f"init_image: is {image.width} x {image.height}; at most {MAX_PIXELS} pixels"
            raise InvalidRequest(message, param="init_image")
        if image.has_transparency_data:
            ground = Image.new("RGBA", image.size, "white")
            return np.asarray(Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB"))
        return np.asarray(image.convert("RGB"))


def _weights(data: str, box: PixelBox, request: InvocationRequest) -> Floats:
    """A mask image as weights. It must be grey, of the picture's size, not empty and within its box."""
    with _opened(data, "mask_image") as image:
        if image.size != (request.width, request.height):
            raise _unlike(request, "mask_image", *image.size)
        if image.mode != "L":
            message = f'mask_image: must be 8-bit grey (Pillow\'s mode "L"), not "{image.mode}"'
            raise InvalidRequest(message, param="mask_image")
        weights = np.asarray(image, np.float32) / np.float32(255)
    covered = extent(weights)
    if covered is None:
        raise InvalidRequest("mask_image: is 0 everywhere, so there is nothing to repaint", param="mask_image")
    over = max(box[0] - covered[0], box[1] - covered[1], covered[2] - box[2], covered[3] - box[3])
    if over > BOX_SLACK_PX:
        message = f"mask_image: repaints {over} pixels beyond mask {list(request.mask or ())}, the box around it"
        raise InvalidRequest(message, param="mask_image")
    return weights


@contextmanager
def _opened(data: str, field: str) -> Iterator[Image.Image]:
    """The PNG, opened but not unpacked."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(data)), formats=("PNG",)) as image:
            yield image
    # What Pillow raises for bytes that are no PNG, a truncated one, a broken chunk or one too large.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidRequest(f"{field}: is not a readable PNG", param=field) from error


def _unlike(request: InvocationRequest, field: str, width: int, height: int) -> InvalidRequest:
    wanted = f"{request.width} x {request.height} like the picture"
    return InvalidRequest(f"{field}: is {width} x {height}; with a mask it must be {wanted}", param=field)
