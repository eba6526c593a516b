"""Masks as pictures: which pixels of a picture may change, and how much.

Hides Pillow and the conventions: ours is one grey byte a pixel, 255 repainted, 0 kept, between them the feather that
blends both; hosts and clients bring others. Never looks at what is painted.

A mask is a promise: what lies outside it stays the original's, to the pixel. Models that keep it by themselves (our own
endpoints, Stability) have their pictures stored as they came. A model whose row says `repaints_whole` (OpenAI: its
edits redraw every pixel a little) has its picture laid into the original with `laid_into`, and that is what is shown,
verified and repaired further; what the host sent is stored beside it, unaltered and possibly signed. Either way the
check `outside_changed` judges the result, and a finding is a failure like any other: the repair ladder goes back to
the picture before the mask and takes its next step from there.
"""

from __future__ import annotations

import io
from typing import Final

from PIL import Image, ImageChops, UnidentifiedImageError

from shared.errors import ImageUnreadable
from shared.models import Box

_COMPRESSION: Final = 6
_OPAQUE: Final = 255
_SLIT_PX: Final = 3
"""So narrow a mask has no edges: nothing would be left between them."""


def drawn(box: Box, *, width: int, height: int, feather: float) -> bytes:
    """The mask of a box, a grey PNG of width x height pixels: 255 inside, 0 on the box's edge and beyond.

    `feather`: how wide the rise between the two is, as a fraction of the shorter side of the picture; never more than
    a third of the box, so that its middle is wholly repainted. A side on the picture's own edge has nothing to blend
    with and does not rise. The same arguments give the same bytes under the same Pillow.
    """
    left, top, right, bottom = _pixels(box, width, height)
    wide = feather * min(width, height)
    columns = _profile(left, right, length=width, feather=min(wide, (right - left) // 3))
    rows = _profile(top, bottom, length=height, feather=min(wide, (bottom - top) // 3))
    # Two lines of pixels, stretched and multiplied: numpy would double the bundle of the render function.
    across = Image.frombytes("L", (width, 1), columns).resize((width, height), Image.Resampling.NEAREST)
    down = Image.frombytes("L", (1, height), rows).resize((width, height), Image.Resampling.NEAREST)
    return _png(ImageChops.multiply(across, down))


def from_client(mask: bytes) -> bytes:
    """A client's mask in our convention; ours comes back the same.

    A picture with anything transparent says it by that, as OpenAI's clients do: transparent is repainted. Any other by
    its tones: white is repainted. Raises ImageUnreadable.
    """
    try:
        with Image.open(io.BytesIO(mask)) as image:
            if image.mode == "L" and image.format == "PNG" and not image.has_transparency_data:
                return mask
            if image.has_transparency_data:
                alpha = image.convert("RGBA").getchannel("A")
                if alpha.histogram()[_OPAQUE] < image.width * image.height:
                    return _png(alpha.point(lambda value: _OPAQUE - value))
            return _png(image.convert("L"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ImageUnreadable(f"the mask is no readable picture: {error}") from error


def bounds(mask: bytes) -> Box | None:
    """The box around all that may change, in fractions of the picture; None where nothing may."""
    grey = _grey(mask)
    if (box := grey.getbbox()) is None:
        return None
    left, top, right, bottom = box
    x, y = round(left / grey.width, 6), round(top / grey.height, 6)
    return x, y, round(right / grey.width - x, 6), round(bottom / grey.height - y, 6)


def within(mask: bytes, other: bytes) -> bytes | None:
    """What both masks let change; None where they have nothing in common. Both are of the same size."""
    both = ImageChops.multiply(_grey(mask), _grey(other))
    return _png(both) if both.getbbox() else None


def with_hole(mask: bytes) -> bytes:
    """The mask as OpenAI takes it: opaque black, fully transparent wherever a pixel may change at all."""
    grey = _grey(mask)
    picture = Image.new("RGBA", grey.size, (0, 0, 0, _OPAQUE))
    picture.putalpha(grey.point(lambda value: 0 if value else _OPAQUE))
    return _png(picture)


def laid_into(original: bytes, repainted: bytes, mask: bytes) -> bytes | None:
    """`repainted` under the mask, `original` outside it, blended in the feather: a PNG with the original's colours.

    None where the two or the mask differ in size: no pixel of one is then a pixel of the other.
    """
    grey = _grey(mask)
    with Image.open(io.BytesIO(original)) as before, Image.open(io.BytesIO(repainted)) as after:
        if not before.size == after.size == grey.size:
            return None
        mode = "RGBA" if before.has_transparency_data else "RGB"
        profile = before.info.get("icc_profile")
        return _png(Image.composite(after.convert(mode), before.convert(mode), grey), profile=profile)


def _pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The box in whole pixels, at least one wide and high, inside the picture; as the serving container rounds it."""
    left, top = min(width - 1, int(box[0] * width + 0.5)), min(height - 1, int(box[1] * height + 0.5))
    right, bottom = int((box[0] + box[2]) * width + 0.5), int((box[1] + box[3]) * height + 0.5)
    return left, top, min(width, max(left + 1, right)), min(height, max(top + 1, bottom))


def _profile(start: int, end: int, *, length: int, feather: float) -> bytes:
    """0 outside [start, end), rising smoothly to 255 over `feather` pixels from each edge that has something beyond."""
    wide = max(feather, 1.0)
    slit = end - start < _SLIT_PX

    def weight(at: int) -> int:
        if slit or not start <= at < end:
            return _OPAQUE if start <= at < end else 0
        from_start = (at - start) / wide if start > 0 else 1.0
        from_end = (end - 1 - at) / wide if end < length else 1.0
        return round(_smooth(from_start) * _smooth(from_end) * _OPAQUE)

    return bytes(weight(at) for at in range(length))


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _grey(mask: bytes) -> Image.Image:
    with Image.open(io.BytesIO(mask)) as image:
        return image.convert("L")


def _png(image: Image.Image, *, profile: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=_COMPRESSION, **({"icc_profile": profile} if profile else {}))
    return buffer.getvalue()
