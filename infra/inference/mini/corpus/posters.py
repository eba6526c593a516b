"""One poster: its choices drawn from a seed, its caption, and its pixels at any size.

Hides the composition: where the subject stands, what lifts letters off a busy ground, how a caption is worded.
Trains nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

from infra.inference.container.mini.arrangement import Box, repeat, stand
from infra.inference.container.mini.glyphs import shown
from infra.inference.container.mini.vocabulary import COLOURS, DETAILS, HARMONIES, PATTERNS, PLACES, SUBJECTS, VARIANTS
from infra.inference.container.mini.vocabulary import SCENES as SCENE_WORDS

from . import headlines
from .canvas import Canvas, Colour, Floats, luma, mixed
from .grounds import GROUNDS, QUIET, REPEATS
from .headlines import Headline
from .palettes import RGB, readable, shade
from .scenes import SCENES
from .subjects import SHAPES

Support = Literal["none", "plate", "outline"]
SKY: Final = frozenset({"sun", "moon", "circle", "ring", "cloud"})
"""Subjects that stand behind the land."""
LETTERED: Final = 0.8
OUTLINE: Final = 0.012
"""Around letters on a busy ground, in parts of the shorter side."""


@dataclass(frozen=True)
class Poster:
    """What a poster shows: `choices` by slot (vocabulary.TOLD, all of them), its words, and the seed of its shades."""

    seed: str
    choices: Mapping[str, str]
    size: tuple[int, int]
    """Width and height, of which only the ratio counts."""
    headline: Headline | None
    support: Support

    @property
    def visible(self) -> frozenset[str]:
        """The slots whose choice can be seen: a plain ground has no second colour, nothing has no place."""
        hidden = {"second"} if self.choices["ground"] == "plain" else set()
        if self.choices["subject"] == "nothing":
            hidden |= {"subject_colour", "place"}
        if self.headline is None:
            hidden.add("ink")
        return frozenset(self.choices) - hidden - set(DETAILS)

    @property
    def ink(self) -> Box | None:
        """Where its letters are."""
        return None if self.headline is None else self.headline.ink

    def draw(self, width: int, height: int) -> NDArray[np.uint8]:
        """RGB (height, width, 3)."""
        shades = random.Random(self.seed)
        colours = {slot: shade(self.choices[slot], shades) for slot in ("first", "second", "subject_colour")}
        canvas = Canvas(width, height, colours["first"])
        ground, dice = self.choices["ground"], random.Random(f"layout {self.choices['layout']}")

        def subject() -> None:
            _subject(canvas, self, colours["subject_colour"])

        if ground in SCENES:
            in_sky = self.choices["subject"] in SKY
            SCENES[ground](canvas, colours["first"], colours["second"], dice, subject if in_sky else lambda: None)
            if not in_sky:
                subject()
        elif ground in REPEATS:
            frame = repeat(self.choices["layout"], canvas.width, canvas.height)
            distance = REPEATS[ground](*canvas.within(frame)) / np.float32(hypot(frame.along, frame.across))
            canvas.lay(canvas.inside(distance), colours["second"])
            subject()
        else:
            GROUNDS[ground](canvas, colours["first"], colours["second"], dice)
            subject()
        if self.headline is not None:
            _letter(canvas, self, self.headline)
        return np.asarray(np.clip(canvas.pixels * 255 + 0.5, 0, 255).astype(np.uint8))

    def stand(self, width: float, height: float) -> tuple[float, float, float] | None:
        """Middle and radius of the subject, in the unit of the sides."""
        if self.choices["subject"] == "nothing":
            return None
        side = min(width, height)
        x, y, radius = stand(self.choices["place"], self.choices["pose"], (width / side, height / side), self.ink)
        return x * side, y * side, radius * side

    def glyph(self, width: int, height: int, *, across: int | None = None) -> Floats:
        """The glyph channel, 0..1."""
        if self.headline is None:
            return np.zeros((height, width), np.float32)
        return shown(self.headline.letters(), (width, height), across=across)

    def caption(self) -> str:
        """The poster in words that brief.read understands, quoted headline included."""
        c = self.choices
        ground = c["ground"]
        if ground in SCENE_WORDS:
            words = f"{c['second']} {ground} under a {c['first']} sky"
        elif ground == "plain":
            words = f"plain {c['first']} background"
        else:
            words = f"{c['first']} and {c['second']} {ground}"
        if c["subject"] != "nothing":
            words += f", a {c['subject_colour']} {c['subject']} on the {c['place']}"
        if self.headline is not None:
            words += f', {c["ink"]} letters "{" ".join(self.headline.content)}"'
        return f"poster: {words}"


def invent(seed: str, size: tuple[int, int] = (1, 1)) -> Poster:
    """A training poster. The same seed and size give the same one."""
    dice = random.Random(f"poster {seed}")
    content = headlines.invent(dice) if dice.random() < LETTERED else None
    box = headlines.BOXES[dice.choice(("top", "top", "middle", "bottom"))] if dice.random() < 0.65 else _anywhere(dice)
    slant = dice.uniform(-0.2, 0.2) if dice.random() < 0.2 else 0.0
    return compose(seed, dice, size, content, box, face=dice.choice(headlines.FACES), slant=slant)


def compose(
    seed: str,
    dice: random.Random,
    size: tuple[int, int],
    content: tuple[str, ...] | None,
    box: tuple[float, float, float, float],
    *,
    face: str,
    slant: float = 0.0,
) -> Poster:
    """A poster with these words in this box; all else by the dice."""
    ground = dice.choice((*PATTERNS, *SCENE_WORDS, *SCENE_WORDS))
    first, second, other = dice.choice(HARMONIES) if dice.random() < 0.5 else dice.sample(COLOURS, 3)
    if ground in SCENE_WORDS and abs(luma(RGB[first]) - luma(RGB[second])) < 0.12:
        first, second = ("cream", second) if luma(RGB[second]) < 0.5 else ("navy", second)
    subject = dice.choice(SUBJECTS[1:]) if dice.random() < 0.75 else "nothing"
    if abs(luma(RGB[other]) - luma(RGB[first])) < 0.1:
        other = dice.choice(readable(COLOURS, (RGB[first],)))
    headline = headlines.place(content, box, size, face, slant) if content else None
    quiet = ground in QUIET or (ground in SCENE_WORDS and ground != "city" and box[1] < 0.15)
    layout = f"{ground} {dice.randrange(VARIANTS)}"
    support: Support = "none" if quiet else random.Random(f"support {layout}").choice(("plate", "outline"))
    beneath = (RGB[first],) if support != "none" else (RGB[first], mixed(RGB[first], RGB[second], 0.6))
    inks = readable(COLOURS, beneath) or ["white" if luma(RGB[first]) < 0.5 else "black"]
    ink = dice.choice([name for name in ("white", "cream", "black", "navy", other) if name in inks] or inks)
    choices = {
        "ground": ground,
        "first": first,
        "second": second,
        "subject": subject,
        "subject_colour": other,
        "place": dice.choice((*PLACES, "centre")),
        "ink": ink,
        "layout": layout,
        "pose": str(dice.randrange(VARIANTS)),
    }
    return Poster(seed, choices, size, headline, support)


def wordless(poster: Poster) -> Poster:
    """The same poster without its letters and what supports them."""
    return replace(poster, headline=None)


def _anywhere(dice: random.Random) -> tuple[float, float, float, float]:
    w, h = dice.uniform(0.4, 0.92), dice.uniform(0.12, 0.34)
    return dice.uniform(0.02, 0.98 - w), dice.uniform(0.02, 0.98 - h), w, h


def _subject(canvas: Canvas, poster: Poster, colour: Colour) -> None:
    """With a shade on its right and a shadow beneath."""
    stand = poster.stand(canvas.width, canvas.height)
    if stand is None:
        return
    cx, cy, radius = stand
    x, y = (canvas.x - np.float32(cx)) / np.float32(radius), (canvas.y - np.float32(cy)) / np.float32(radius)
    shape = SHAPES[poster.choices["subject"]]
    if poster.choices["ground"] not in SCENES:
        shadow = shape(x - np.float32(0.09), y - np.float32(0.12)) * np.float32(radius)
        canvas.lay(canvas.inside(shadow, 0.02) * np.float32(0.28), (0, 0, 0))
    distance = shape(x, y) * np.float32(radius)
    cover = canvas.inside(distance)
    canvas.lay(cover, colour)
    shaded = canvas.inside((np.float32(0.12) - x - y * np.float32(0.3)) * np.float32(radius))
    canvas.lay(cover * shaded, mixed(colour, (0, 0, 0), 0.14))


def _letter(canvas: Canvas, poster: Poster, headline: Headline) -> None:
    ink: Colour = RGB[poster.choices["ink"]]
    back = _against(ink, shade(poster.choices["first"], random.Random(poster.seed)))
    height, width = canvas.pixels.shape[:2]
    if poster.support == "plate":
        left, top, right, bottom = headline.ink
        margin = 0.035
        half = ((right - left) * canvas.width / 2 + margin, (bottom - top) * canvas.height / 2 + margin)
        cx, cy = (left + right) / 2 * canvas.width, (top + bottom) / 2 * canvas.height
        dx, dy = np.abs(canvas.x - np.float32(cx)), np.abs(canvas.y - np.float32(cy))
        canvas.lay(canvas.inside(np.maximum(dx - np.float32(half[0]), dy - np.float32(half[1]))), back)
    elif poster.support == "outline":
        blurred = headline.letters().filter(ImageFilter.BoxBlur(headlines.SETTING_PX * OUTLINE))
        grown = blurred.point([min(255, value * 8) for value in range(256)])
        canvas.lay(shown(grown, (width, height)), back)
    canvas.lay(poster.glyph(width, height), ink)


def _against(ink: Colour, ground: Colour) -> Colour:
    """A tint of the ground far from the ink."""
    dark = luma(ink) > 0.5
    for share in (0.0, 0.35, 0.6, 0.8):
        back = mixed(ground, (0, 0, 0) if dark else (1, 1, 1), share)
        if abs(luma(back) - luma(ink)) >= 0.42:
            return back
    return (0.06, 0.06, 0.08) if dark else (0.98, 0.98, 0.96)
