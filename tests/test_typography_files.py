"""Whatever bytes arrive as an image: a picture to read, or one typed error; never a crash, a hang or a gigabyte."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.errors import ImageUnreadable
from shared.pictures import MAX_BYTES, open_picture
from shared.typography.page import MAX_SIDE_PX


def decode(image: bytes) -> Image.Image:
    """The picture as typography looks at it."""
    return open_picture(image, max_side_px=MAX_SIDE_PX).rgb


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(mode: str = "RGB", *, dark: object = 0, bright: object = (255, 255, 255)) -> Image.Image:
    """40 x 20 px: dark on the left, bright on the right."""
    picture = Image.new(mode, (40, 20), dark)  # type: ignore[arg-type]  # a colour of whatever the mode takes
    picture.paste(bright, (20, 0, 40, 20))  # type: ignore[arg-type]  # likewise
    return picture


@cache
def sample(kind: str) -> bytes:
    return encoded(Image.effect_mandelbrot((48, 32), (-2, -1, 1, 1), 20).convert("RGB"), kind)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises `width` x `height` pixels and holds a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"<html>503</html>", "no readable picture", id="a web page"),
        pytest.param(sample("PNG")[:200], "no readable picture", id="a truncated PNG"),
        pytest.param(sample("JPEG")[:300], "no readable picture", id="a truncated JPEG"),
        pytest.param(png_header(60_000, 60_000), "decompression bomb", id="a decompression bomb"),
        pytest.param(png_header(12_000, 12_000), "12000 x 12000 px", id="more pixels than any final"),
        pytest.param(png_header(300, 300), "no readable picture", id="a header with no pixels behind it"),
        pytest.param(
            encoded(halves(), "GIF", save_all=True, append_images=[halves(dark=(9, 9, 9))]), "animated", id="animation"
        ),
        pytest.param(encoded(halves(), "TIFF"), "no readable picture", id="a format we never order"),
    ],
)
def test_what_is_no_still_picture_is_one_typed_error(image: bytes, message: str) -> None:
    with pytest.raises(ImageUnreadable, match=message):
        decode(image)


def test_a_file_beyond_the_limit_is_refused_unopened() -> None:
    with pytest.raises(ImageUnreadable, match="bytes; at most"):
        decode(sample("PNG") + bytes(MAX_BYTES))


def test_a_jpeg_that_goes_over_its_pixels_without_end_is_refused() -> None:
    """libjpeg would: 40 bytes a scan, 17 ms at 25 megapixels."""
    image = encoded(halves(), "JPEG", progressive=True)
    scan = image[image.rfind(b"\xff\xda") : -2]

    assert decode(image[:-2] + scan * 20 + image[-2:]).size == (40, 20)
    with pytest.raises(ImageUnreadable, match="more than 100 scans"):
        decode(image[:-2] + scan * 200 + image[-2:])


def test_sixteen_bits_are_scaled_alike_in_every_strip() -> None:
    grey = np.linspace(0, 65535, 1400, dtype=np.uint16)[:, None].repeat(1000, axis=1)

    picture = decode(encoded(Image.fromarray(grey)))

    assert picture.size == (1000, 1400)
    assert np.array_equal(np.asarray(picture)[:, 500, 0], (grey[:, 0] / 257).astype(np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(encoded(halves()), id="RGB"),
        pytest.param(encoded(halves("L", dark=0, bright=255)), id="grey"),
        pytest.param(encoded(halves("1", dark=0, bright=1)), id="black and white"),
        pytest.param(encoded(halves().convert("P")), id="palette"),
        pytest.param(
            encoded(halves("CMYK", dark=(0, 0, 0, 255), bright=(0, 0, 0, 0)), "JPEG", quality=95), id="CMYK JPEG"
        ),
        pytest.param(
            encoded(Image.fromarray(np.repeat(np.array([[0, 65535]], np.uint16), 20, axis=1).repeat(20, axis=0))),
            id="16 bits a sample",
        ),
        pytest.param(encoded(halves("RGBA", dark=(0, 0, 0, 255), bright=(0, 0, 0, 0))), id="black on nothing"),
        pytest.param(encoded(halves(), "WEBP", lossless=True), id="WebP"),
    ],
)
def test_every_colour_mode_becomes_the_same_rgb_picture(image: bytes) -> None:
    picture = decode(image)

    assert (picture.mode, picture.size) == ("RGB", (40, 20))
    assert max(picture.getpixel((5, 10))) < 12  # type: ignore[arg-type]  # an RGB pixel is a tuple
    assert min(picture.getpixel((35, 10))) > 243  # type: ignore[arg-type]  # likewise


def test_a_white_logo_without_background_stays_visible() -> None:
    logo = halves("RGBA", dark=(255, 255, 255, 255), bright=(255, 255, 255, 0))

    picture = decode(encoded(logo))

    assert picture.getpixel((5, 10)) != picture.getpixel((35, 10))


def test_a_photo_taken_sideways_is_stood_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the camera was turned a quarter clockwise

    picture = decode(encoded(halves(), "JPEG", exif=exif, quality=95))

    assert picture.size == (20, 40)
    assert max(picture.getpixel((10, 5))) < 12  # type: ignore[arg-type]  # an RGB pixel is a tuple


def test_twelve_megapixels_are_scaled_down_to_what_the_engine_uses() -> None:
    picture = decode(encoded(Image.new("RGB", (4000, 3000), "white"), "JPEG"))

    assert max(picture.size) == MAX_SIDE_PX
    assert picture.size == (2048, 1536)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]),
    cut=st.integers(0, 400),
    edits=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12),
)
def test_damaged_files_give_a_picture_or_the_typed_error(kind: str, cut: int, edits: list[tuple[int, int]]) -> None:
    image = bytearray(sample(kind))
    for position, value in edits:
        image[position % len(image)] = value

    try:
        picture = decode(bytes(image[: len(image) - cut]))
    except ImageUnreadable:
        return

    assert picture.mode == "RGB"
    assert max(picture.size) <= MAX_SIDE_PX


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_noise_behind_a_good_signature_is_the_typed_error(noise: bytes) -> None:
    for signature in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x00\x10\x00\x00WEBPVP8 ", b"GIF89a"):
        with pytest.raises(ImageUnreadable):
            decode(signature + noise)
