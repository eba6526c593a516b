"""Pictures in a terminal: kitty's graphics protocol, iTerm2's inline images, or coloured half blocks.

Hides which terminal can do what and how the bytes travel. Draws nothing where it would be noise: into a
pipe, on a terminal without 24-bit colour, or when asked not to.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image

_HEIGHT_PX = 512
_GAP = 1 / 24
"""Between two pictures, as a part of their height."""
_MAX_COLUMNS = 100
_KITTY_CHUNK = 4_096  # https://sw.kovidgoyal.net/kitty/graphics-protocol/#remote-client
_OPAQUE = 128


class Images(StrEnum):
    """How to show pictures; `auto` asks the environment."""

    AUTO = "auto"
    KITTY = "kitty"
    ITERM2 = "iterm2"
    BLOCKS = "blocks"
    NONE = "none"


def choose(wish: Images, *, console: Console, environ: Mapping[str, str]) -> Images:
    """What this terminal gets. Graphics do not pass through tmux and screen, so these get half blocks."""
    if wish is not Images.AUTO:
        return wish
    if not console.is_terminal or environ.get("TERM") == "dumb" or "NO_COLOR" in environ:
        return Images.NONE
    if not ("TMUX" in environ or environ.get("TERM", "").startswith(("screen", "tmux"))):
        program, terminal = environ.get("TERM_PROGRAM", ""), environ.get("TERM", "")
        if "KITTY_WINDOW_ID" in environ or program == "ghostty" or terminal in {"xterm-kitty", "xterm-ghostty"}:
            return Images.KITTY
        if program in {"iTerm.app", "WezTerm", "mintty"} or environ.get("LC_TERMINAL") == "iTerm2":
            return Images.ITERM2
    return Images.BLOCKS if console.color_system == "truecolor" else Images.NONE


def show(pictures: Sequence[bytes], *, how: Images, console: Console) -> bool:
    """The pictures side by side; False, and nothing drawn, when the terminal or the bytes do not allow it."""
    if how in {Images.NONE, Images.AUTO} or not pictures:
        return False
    sheet = _sheet(pictures)
    if sheet is None:
        return False
    columns = max(1, min(console.width - 2, _MAX_COLUMNS, 44 * len(pictures)))
    if how is Images.BLOCKS:
        console.print(half_blocks(sheet, columns=columns))
        return True
    png = _png(sheet)
    console.file.write("".join(kitty(png, columns=columns)) if how is Images.KITTY else iterm2(png, columns=columns))
    console.file.write("\n")
    console.file.flush()
    return True


def kitty(png: bytes, *, columns: int) -> Iterator[str]:
    """Escape sequences that place a PNG at the cursor, `columns` wide; q=2 keeps the terminal from answering."""
    data = base64.standard_b64encode(png).decode()
    chunks = [data[start : start + _KITTY_CHUNK] for start in range(0, len(data), _KITTY_CHUNK)]
    for number, chunk in enumerate(chunks, start=1):
        control = f"a=T,f=100,q=2,c={columns}," if number == 1 else ""
        yield f"\x1b_G{control}m={int(number < len(chunks))};{chunk}\x1b\\"


def iterm2(png: bytes, *, columns: int) -> str:
    """Source: https://iterm2.com/documentation-images.html"""
    data = base64.standard_b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={columns};preserveAspectRatio=1:{data}\x07"


def half_blocks(picture: Image, *, columns: int) -> Text:
    """Two pixels a cell: the upper as the colour of U+2580, the lower as its background."""
    rows = max(1, round(columns * picture.height / picture.width / 2))
    small = picture.convert("RGBA").resize((columns, rows * 2))
    text = Text(no_wrap=True, end="")
    for row in range(rows):
        for column in range(columns):
            upper, lower = small.getpixel((column, row * 2)), small.getpixel((column, row * 2 + 1))
            text.append(*_cell(upper, lower))
        text.append("\n")
    return text


def _cell(upper: object, lower: object) -> tuple[str, Style | None]:
    match upper, lower:
        case (int(r), int(g), int(b), int(alpha)), (int(r2), int(g2), int(b2), int()) if alpha >= _OPAQUE:
            return "▀", Style(color=Color.from_rgb(r, g, b), bgcolor=Color.from_rgb(r2, g2, b2))
    return " ", None


def _sheet(pictures: Sequence[bytes]) -> Image | None:
    """All pictures at one height beside each other, or None when one of them cannot be read."""
    from PIL import Image

    opened = []
    try:
        for picture in pictures:
            with Image.open(io.BytesIO(picture)) as file:
                width = max(1, round(file.width * _HEIGHT_PX / file.height))
                opened.append(file.convert("RGB").resize((width, _HEIGHT_PX)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # the files are saved all the same: a preview is a courtesy
    gap = round(_HEIGHT_PX * _GAP)
    width = sum(image.width for image in opened) + gap * (len(opened) - 1)
    sheet = Image.new("RGBA", (width, _HEIGHT_PX), (0, 0, 0, 0))
    left = 0
    for image in opened:
        sheet.paste(image, (left, 0))
        left += image.width + gap
    return sheet


def _png(picture: Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()
