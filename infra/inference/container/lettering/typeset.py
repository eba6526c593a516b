"""Words set into a picture so that they can be read: face, size, colour, and a halo or plate only where needed.

Hides the choice of face and how the letters are lifted off a busy ground. Deterministic to the byte. Never decides
what the words are, and cleans nothing: it draws on the ground it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ..masks import Floats, PixelBox, Pixels
from .contrast import Choice, Colour, choose
from .drawing import draw_lines, weights
from .faces import FACES, TextDoesNotFit, check_letters, rise
from .setting import Line, ink_box, set_lines

Support = Literal["none", "halo", "plate"]
MARGIN: Final = 0.06
"""Clear space between the words and their box, in parts of the box's shorter side; a halo needs it too."""
BUSY: Final = 14
"""Mean step of luma (0..255) between cells a tenth of the letters wide, from which a ground drowns letters whatever
their contrast. Measured on sketches (2 to 12 under a headline) and on noise, blobs, stripes and checks (11, 18, 70)."""
PLATE: Final = 0.8
"""Least opacity of a plate: what it hides is the bustle, not only the lightness."""
MUCH_LARGER: Final = 1.4
"""How much taller the narrow face's letters must come out before it replaces the one that suits the prompt."""
NARROW: Final = "poster"
_STYLES: Final = {
    "elegant": "elegant luxury luxe premium serif wedding perfume vintage classic cafe coffee restaurant editorial "
    "fashion jewelry wine book novel",
    "poster": "poster concert festival sport sports fitness gym condensed movie film grunge western tabloid",
    "geometric": "minimal minimalist modern geometric startup tech abstract bauhaus swiss neon futuristic conference",
}
"""Face | words of a prompt that ask for it; "modern" is what the others get."""


@dataclass(frozen=True)
class Layout:
    """Words with their places; nothing is drawn yet."""

    lines: tuple[Line, ...]
    ink: PixelBox

    @property
    def face(self) -> str:
        return self.lines[0].face


@dataclass(frozen=True, eq=False)
class Typeset:
    """A picture with words on it, and how they were made readable."""

    pixels: Pixels
    support: Support
    choice: Choice


def lay_out(content: Sequence[str], box: PixelBox, *, style: str = "") -> Layout:
    """The words as large as the box allows, in the face that suits `style` (a prompt).

    Raises TextDoesNotFit where letters would be too small, or no bundled face has them all.
    """
    margin = int(min(box[2] - box[0], box[3] - box[1]) * MARGIN)
    room = (box[0] + margin, box[1] + margin, box[2] - margin, box[3] - margin)
    settings = list(_settings(content, room, dict.fromkeys((_suited(style), NARROW, *FACES))))
    if not settings:
        check_letters(content)
        raise TextDoesNotFit(f"the text does not fit {room[2] - room[0]} x {room[3] - room[1]} pixels")
    lines = settings[0]
    narrow = next((other for other in settings if other[0].face == NARROW), lines)
    if _letter_height(narrow) > MUCH_LARGER * _letter_height(lines):
        lines = narrow
    return Layout(lines, ink_box(lines))


def typeset(ground: Pixels, layout: Layout, *, within: Floats | None = None) -> Typeset:
    """The words on the ground. `within` (height, width), 0..1, fades all that is drawn; at 0 no pixel changes."""
    beneath = _beneath(ground, layout.ink)
    busy = max(_bustle(_beneath(ground, ink_box([line])), line.size) for line in layout.lines) > BUSY
    choice = choose(beneath, least=PLATE if busy else 0.0)
    support: Support = "plate" if busy else "halo" if choice.opacity else "none"
    size = (ground.shape[1], ground.shape[0])
    letters = ImageChops.lighter(*draw_lines(layout.lines, size))
    pixels = ground
    if support != "none":
        shape = _plate(size, layout) if busy else _halo(letters, layout.lines)
        pixels = _laid(pixels, weights(shape) * np.float32(choice.opacity), choice.support, within)
    return Typeset(_laid(pixels, weights(letters), choice.ink, within), support, choice)


def _suited(style: str) -> str:
    words = {word.strip(".,;:!?\"'()").casefold() for word in style.split()}
    votes = {face: len(words & set(asking.split())) for face, asking in _STYLES.items()}
    most = max(votes, key=lambda face: votes[face])
    return most if votes[most] else "modern"


def _settings(content: Sequence[str], room: PixelBox, faces: Iterable[str]) -> Iterator[tuple[Line, ...]]:
    """The words in every face that has their letters and fits the room, in that order."""
    for face in faces:
        with suppress(TextDoesNotFit):
            check_letters(content, (face,))
            yield set_lines(content, room, face=face, centred=True)


def _letter_height(lines: Sequence[Line]) -> int:
    return rise("H", lines[0].face, lines[0].size)[0]


def _beneath(ground: Pixels, ink: PixelBox) -> Pixels:
    """What the words stand on, and a little around them."""
    reach = max(2, (ink[3] - ink[1]) // 16)
    left, top = max(0, ink[0] - reach), max(0, ink[1] - reach)
    return ground[top : ink[3] + reach, left : ink[2] + reach]


def _bustle(ground: Pixels, size: int) -> float:
    """How much the ground changes over the width of a stroke."""
    grey, cell = Image.fromarray(ground).convert("L"), max(1, size // 10)
    cells = (max(2, grey.width // cell), max(2, grey.height // cell))
    small = np.asarray(grey.resize(cells, Image.Resampling.BOX), np.int64)
    down, across = np.abs(np.diff(small, axis=0)), np.abs(np.diff(small, axis=1))
    return (int(down.sum()) / down.size + int(across.sum()) / across.size) / 2


def _halo(letters: Image.Image, lines: Sequence[Line]) -> Image.Image:
    """Solid close to the letters, gone a sixth of their size away."""
    reach = max(2, lines[0].size // 12)
    glow = letters.filter(ImageFilter.BoxBlur(reach)).filter(ImageFilter.BoxBlur(reach))
    return glow.point([min(255, value * 4) for value in range(256)])


def _plate(size: tuple[int, int], layout: Layout) -> Image.Image:
    """A panel with round corners and soft edges behind all of the words."""
    pad, soft = max(3, layout.lines[-1].size // 4), max(1, layout.lines[0].size // 24)
    left, top, right, bottom = layout.ink
    plate = Image.new("L", size)
    around = (left - pad, top - pad, right + pad - 1, bottom + pad - 1)
    ImageDraw.Draw(plate).rounded_rectangle(around, radius=pad, fill=255)
    return plate.filter(ImageFilter.BoxBlur(soft))


def _laid(ground: Pixels, cover: Floats, colour: Colour, within: Floats | None) -> Pixels:
    share = (cover if within is None else cover * within)[..., None]
    old = ground.astype(np.float32)
    mixed = old + (np.array(colour, np.float32) - old) * share
    return np.asarray(np.clip(mixed + np.float32(0.5), 0, 255), np.uint8)
