"""Image files that mean no good or were handled badly, each with what must become of it. All from a seed.

`judged` files are odd but whole: a verdict is owed. `refused` files are no still picture: the typed error is owed.
`either` files are damaged somewhere, and which of the two they get is chance; nothing else may happen.
"""

from __future__ import annotations

import io
import itertools
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFont

Fate = Literal["judged", "refused", "either"]
Maker = Callable[[random.Random], bytes]
Damage = Callable[[bytes, random.Random], bytes]

EXPECTED: Final = "SUMMER SALE"
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_SIGNATURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x00\x10\x00\x00WEBPVP8 ", b"GIF89a")
_EXIF_ORIENTATION: Final = 0x0112


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be a nuisance."""

    name: str
    fate: Fate
    make: Maker
    heavy: bool = False
    """Large enough to take seconds."""

    @property
    def outcomes(self) -> set[str]:
        return {"judged", "refused"} if self.fate == "either" else {self.fate}


def files(count: int, *, seed: int = 0, every_heavy: int = 16) -> Iterator[tuple[Kind, bytes]]:
    """`count` files, all kinds in turn; one in `every_heavy` is a heavy one, none where that is 0."""
    dice = random.Random(seed)
    light, heavy = (itertools.cycle([kind for kind in KINDS if kind.heavy is weight]) for weight in (False, True))
    for index in range(1, count + 1):
        kind = next(heavy if every_heavy and index % every_heavy == 0 else light)
        yield kind, kind.make(dice)


def poster(dice: random.Random, *, side: int | None = None, text: str = EXPECTED) -> Image.Image:
    """A picture that says `text`, never twice the same."""
    width, height = (side, side) if side else (dice.randrange(240, 720), dice.randrange(160, 720))
    ground, ink = dice.sample([(250, 240, 220), (20, 24, 60), (200, 40, 40), (245, 250, 255), (10, 60, 40)], 2)
    picture = Image.new("RGB", (width, height), ground)
    centre = width / 2, height / 2
    ImageDraw.Draw(picture).text(centre, text, font=ImageFont.load_default(width // 9), fill=ink, anchor="mm")
    return picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The file Pillow writes; large PNGs fast rather than small."""
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"compress_level": 1} if kind == "PNG" else {}) | options)
    return buffer.getvalue()


def png(width: int, height: int, *chunks: tuple[bytes, bytes], depth: int = 8, colour: int = 2) -> bytes:
    """A PNG with this header and these chunks, whether they belong together or not."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IEND", b""))
    return _SIGNATURES[0] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


def inspect(image: bytes) -> Fate:
    """All that the verify function does with a picture's bytes, and whether it came to a verdict.

    Raises whatever the code under test raises beyond the typed refusal.
    """
    from shared.artifacts import check, similarity
    from shared.errors import ImageUnreadable
    from shared.models import Size
    from shared.typography import verify

    try:
        verify(image, EXPECTED)
        size, mask = Size(width=512, height=512), (0.2, 0.2, 0.5, 0.5)
        check(image, expected_size=size, original=image, mask=mask, reference=_draft())
        similarity(_draft(), image)
    except ImageUnreadable:
        return "refused"
    return "judged"


@cache
def _draft() -> bytes:
    return encoded(poster(random.Random(0), side=512))


# ── damage ────────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(image: bytes, dice: random.Random) -> bytes:
    """Somewhere in the first nine tenths: every format has lost pixels by then."""
    return image[: dice.randrange(1, len(image) * 9 // 10)]


def with_flipped_bytes(image: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(image)
    for _ in range(dice.choice([1, 3, 40])):
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    return bytes(damaged)


def shuffled(image: bytes, dice: random.Random) -> bytes:
    """A piece removed, doubled, blanked or moved to the end."""
    start, end = sorted(dice.randrange(len(image)) for _ in range(2))
    piece = image[start:end]
    middle, tail = dice.choice([(b"", b""), (piece * 2, b""), (bytes(len(piece)), b""), (b"", piece)])
    return image[:start] + middle + image[end:] + tail


def _damaged(how: Damage, file_format: str) -> Maker:
    return lambda dice: how(encoded(poster(dice), file_format), dice)


# ── whole but odd ─────────────────────────────────────────────────────────────────────────────────────────────────


def _in_mode(mode: str, file_format: str = "PNG", **options: Any) -> Maker:
    return lambda dice: encoded(poster(dice).convert(mode), file_format, **options)


def _turned(dice: random.Random) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = dice.randrange(12)  # 1 to 8 mean something
    return encoded(poster(dice), dice.choice(["PNG", "JPEG", "WEBP"]), exif=exif)


def _torn_exif(dice: random.Random) -> bytes:
    exif = b"Exif\0\0MM\0*" + dice.randbytes(60)
    return encoded(poster(dice), dice.choice(["PNG", "JPEG", "WEBP"]), exif=exif)


def _odd_profile(dice: random.Random) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(dice.choice(["sRGB", "LAB", "XYZ"]))).tobytes()
    profile = dice.choice([profile, with_flipped_bytes(profile, dice), dice.randbytes(3000)])
    return encoded(poster(dice), dice.choice(["PNG", "JPEG", "WEBP"]), icc_profile=profile)


def _sixteen_bit_grey(dice: random.Random) -> bytes:
    return encoded(Image.fromarray(np.asarray(poster(dice).convert("L"), np.uint16) * 257))


def _sixteen_bit_colour(dice: random.Random) -> bytes:
    pixels = np.asarray(poster(dice), ">u2") * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(pixels.shape[1], pixels.shape[0], (b"IDAT", zlib.compress(rows, 1)), depth=16)


def _see_through(dice: random.Random) -> bytes:
    picture = poster(dice).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size) if dice.random() < 0.5 else 0)
    return encoded(picture, dice.choice(["PNG", "WEBP"]))


def _sliver(dice: random.Random) -> bytes:
    size = dice.choice([(1, 1), (1, 9000), (9000, 1), (3, 3), (8000, 12), (31, 2000)])
    return encoded(Image.new(dice.choice(["RGB", "L", "RGBA"]), size, dice.randrange(256)))


def _texture(dice: random.Random) -> bytes:
    """Where a detector sees letters everywhere and a reader none."""
    side = dice.randrange(200, 800)
    grain = np.random.default_rng(dice.randrange(2**32)).integers(0, 256, (side, side, 3), np.uint8)
    checks = np.kron(np.indices((side // 8, side // 8)).sum(0) % 2, np.ones((8, 8)))[..., None] * np.full(3, 255)
    return encoded(Image.fromarray(dice.choice([grain, checks.astype(np.uint8)])))


# ── made to hurt ──────────────────────────────────────────────────────────────────────────────────────────────────


def _nonsense(dice: random.Random) -> bytes:
    return dice.choice(
        [
            b"",
            b"\0" * dice.randrange(1, 4096),
            b"<!doctype html><title>503</title>",
            b'{"error": "content policy"}',
            "SUMMER SALE\n".encode(dice.choice(["utf-8", "utf-16"])),
            b'<svg xmlns="http://www.w3.org/2000/svg"/>',
            b"%PDF-1.7\n" + dice.randbytes(300),
            dice.choice(_SIGNATURES) + dice.randbytes(dice.randrange(400)),
            encoded(poster(dice), dice.choice(["TIFF", "BMP", "ICO", "PPM", "TGA"])),
        ]
    )


def _great_promises(dice: random.Random) -> bytes:
    """A header of many pixels, or of none, and little behind it."""
    size = dice.choice([(60_000, 60_000), (2**31 - 1, 2**31 - 1), (5001, 5000), (0, 0), (0, 40), (10**6, 10**3)])
    return png(*size, (b"IDAT", zlib.compress(bytes(dice.randrange(2000)))), depth=dice.choice([8, 16]))


def _swollen_text(dice: random.Random) -> bytes:
    """Notes of 80 MB, packed into 80 kB, before the first pixel."""
    kind, head = dice.choice([(b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0\0\0")])
    bomb = head + zlib.compress(bytes(80 * 2**20))
    return png(40, 20, (kind, bomb), (b"IDAT", zlib.compress(bytes(61 * 20))))


def _swollen_profile(dice: random.Random) -> bytes:
    bomb = b"icc\0\0" + zlib.compress(bytes(80 * 2**20))
    return png(40, 20, (b"iCCP", bomb), (b"IDAT", zlib.compress(bytes(dice.randrange(61 * 20) + 1))))


def _endless_scans(dice: random.Random) -> bytes:
    """A progressive JPEG that goes over its 16 million pixels ten thousand times, in 0.5 MB."""
    image = _white_progressive()
    scan = image[image.rfind(b"\xff\xda") : -2]
    return image[:-2] + scan * dice.randrange(200, 10_000) + b"\xff\xd9"


@cache
def _white_progressive() -> bytes:
    return encoded(Image.new("RGB", (4000, 4000), "white"), "JPEG", progressive=True)


def _moving(dice: random.Random) -> bytes:
    frames = [poster(dice, side=120, text=text) for text in ("SUMMER", "SALE")]
    kind = dice.choice(["GIF", "WEBP", "PNG"])
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)


def _endless_frames(dice: random.Random) -> bytes:
    image = encoded(Image.new("P", (40, 20)), "GIF")
    frame = image[image.index(b",") : -1]
    return image[:-1] + frame * dice.randrange(2, 20_000) + b";"


def _vast_canvas(dice: random.Random) -> bytes:
    """A WebP of one 8 x 8 px frame on a canvas of 268 million."""
    frame = encoded(Image.new("RGB", (8, 8)), "WEBP")[12:]
    side = dice.randrange(6000, 16_383).to_bytes(3, "little")
    chunks = [
        (b"VP8X", bytes([2, 0, 0, 0]) + side * 2),
        (b"ANIM", bytes(6)),
        (b"ANMF", bytes(6) + bytes([7, 0, 0]) * 2 + bytes(4) + frame),
    ]
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


# ── large ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _large(size: tuple[int, int], mode: str, file_format: str, **options: Any) -> Maker:
    def make(dice: random.Random) -> bytes:
        small = poster(dice, side=512).convert(mode if mode != "I;16" else "L")
        picture = small.resize(size, Image.Resampling.BILINEAR)
        if mode == "I;16":
            picture = Image.fromarray(np.asarray(picture, np.uint16) * 257)
        exif = Image.Exif()
        exif[_EXIF_ORIENTATION] = dice.choice([1, 3, 6])
        return encoded(picture, file_format, **{"exif": exif} if file_format != "GIF" else {}, **options)

    return make


def _page_of_print(dice: random.Random) -> bytes:
    picture = Image.new("RGB", (2048, 2048), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(22)
    for top in range(8, 2040, 34):
        line = " ".join("".join(dice.choices("abcdefghilmnoprstu", k=dice.randrange(2, 9))) for _ in range(28))
        pen.text((10, top), line, font=font, fill="black")
    return encoded(picture)


def _wall_of_noise(dice: random.Random) -> bytes:
    dots = np.random.default_rng(dice.randrange(2**32)).integers(0, 256, (2048, 2048, 3), np.uint8)
    return encoded(Image.fromarray(dots), "JPEG", quality=90)


_MP12: Final = (4000, 3000)
_MP24: Final = (6000, 4000)

KINDS: Final = (
    *(Kind(f"{name} cut short", "refused", _damaged(cut, name)) for name in _FORMATS),
    *(Kind(f"{name} with flipped bytes", "either", _damaged(with_flipped_bytes, name)) for name in _FORMATS),
    *(Kind(f"{name} shuffled", "either", _damaged(shuffled, name)) for name in _FORMATS),
    Kind("no picture at all", "refused", _nonsense),
    Kind("great promises", "refused", _great_promises),
    Kind("swollen text", "refused", _swollen_text),
    Kind("swollen colour profile", "either", _swollen_profile),
    Kind("endless scans", "refused", _endless_scans),
    Kind("moving", "refused", _moving),
    Kind("endless frames", "refused", _endless_frames),
    Kind("vast canvas", "refused", _vast_canvas),
    Kind("torn EXIF", "either", _torn_exif),
    Kind("EXIF rotation", "judged", _turned),
    Kind("odd colour profile", "judged", _odd_profile),
    Kind("16 bits, grey", "judged", _sixteen_bit_grey),
    Kind("16 bits, colour", "judged", _sixteen_bit_colour),
    Kind("CMYK", "judged", _in_mode("CMYK", "JPEG")),
    Kind("CMYK, progressive", "judged", _in_mode("CMYK", "JPEG", progressive=True)),
    Kind("grey", "judged", _in_mode("L", "JPEG", quality=30)),
    Kind("one bit", "judged", _in_mode("1")),
    Kind("palette", "judged", _in_mode("P", transparency=3)),
    Kind("grey, see-through", "judged", _in_mode("LA")),
    Kind("see-through", "judged", _see_through),
    Kind("worst JPEG", "judged", _in_mode("RGB", "JPEG", quality=1)),
    Kind("sliver", "judged", _sliver),
    Kind("texture", "judged", _texture),
    Kind("12 megapixels, JPEG", "judged", _large(_MP12, "RGB", "JPEG"), heavy=True),
    Kind("12 megapixels, PNG", "judged", _large(_MP12, "RGBA", "PNG"), heavy=True),
    Kind("24 megapixels, WebP", "judged", _large(_MP24, "RGBA", "WEBP", method=0), heavy=True),
    Kind("24 megapixels, PNG", "judged", _large(_MP24, "LA", "PNG"), heavy=True),
    Kind("24 megapixels, 16 bits", "judged", _large(_MP24, "I;16", "PNG"), heavy=True),
    Kind("24 megapixels, CMYK", "judged", _large(_MP24, "CMYK", "JPEG", progressive=True), heavy=True),
    Kind("24 megapixels, GIF", "judged", _large(_MP24, "P", "GIF"), heavy=True),
    Kind("page of print", "judged", _page_of_print, heavy=True),
    Kind("wall of noise", "judged", _wall_of_noise, heavy=True),
)
