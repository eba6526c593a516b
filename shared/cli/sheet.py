"""Two pictures and what differs between them, side by side in one file.

Hides how the sheet is drawn. Says nothing about which of the two is right.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageOps

from shared.cli.errors import CliError

_SIDE_PX: Final = 512
_GAP_PX: Final = 12
_CAPTION_PX: Final = 28
_AMPLIFY: Final = 4
_GROUND: Final = (24, 24, 24)
_INK: Final = (235, 235, 235)


def write_sheet(path: Path, *, before: bytes | None, after: bytes, title: str) -> Path:
    """`before`, `after` and their difference, four times as strong as it is, at one size; the file as PNG."""
    new = _opened(after)
    old = None if before is None else _opened(before).resize(new.size, Image.Resampling.BICUBIC)
    panels = [("as stored", old), ("now", new)] if old else [("now, nothing is stored", new)]
    if old:
        apart = ImageChops.difference(old, new).point(lambda level: min(255, level * _AMPLIFY))
        panels.append((f"difference x {_AMPLIFY}", apart))
    sheet = Image.new(
        "RGB",
        (_GAP_PX + len(panels) * (new.width + _GAP_PX), new.height + 2 * _CAPTION_PX + _GAP_PX),
        _GROUND,
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=16)
    draw.text((_GAP_PX, 6), title, fill=_INK, font=font)
    for number, (caption, picture) in enumerate(panels):
        left = _GAP_PX + number * (new.width + _GAP_PX)
        draw.text((left, _CAPTION_PX + 4), caption, fill=_INK, font=font)
        sheet.paste(picture, (left, 2 * _CAPTION_PX))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, "PNG")
    except OSError as error:
        raise CliError(
            f"cannot write {path}: {error.strerror}", hint="choose another folder with --out", code="cannot_write"
        ) from error
    return path


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as file:
        picture = file.convert("RGB")
    return ImageOps.contain(picture, (_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)
