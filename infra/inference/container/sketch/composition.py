"""What a prompt becomes: a scene, a palette and a place for the words.

Hides the keyword table. Knows no pixels: the same prompt, seed and shape compose the same picture
for the draft and for the final, at any size.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from .dice import Dice
from .palettes import PALETTES, Palette

Box = tuple[float, float, float, float]
"""`(x, y, w, h)` in fractions of the image, origin top left."""

# scene | its palettes, likeliest first | words that ask for it
_SCENE_WORDS: Final = (
    (
        "coast",
        "summer ocean sunset",
        "ocean sea beach coast wave surf island sail boat harbor harbour lagoon summer "
        "holiday vacation travel tropical palm sun sunset sunrise lighthouse cruise swim fish",
    ),
    (
        "mountains",
        "dawn winter forest",
        "mountain alpine alps peak summit winter snow ski forest pine tree lake hike "
        "hiking camp camping outdoor wilderness fjord christmas ice glacier wolf bear fog mist adventure",
    ),
    (
        "hills",
        "spring autumn summer",
        "hill meadow field farm garden flower spring autumn fall harvest countryside "
        "vineyard valley grass park picnic village organic nature tea bee honey",
    ),
    ("desert", "desert sunset retro", "desert dune sand canyon cactus mesa camel sahara western savanna safari"),
    (
        "city",
        "night neon dawn",
        "city skyline street urban night downtown tower building architecture neon cyberpunk "
        "metropolis traffic car club party office startup business finance concert festival",
    ),
    (
        "space",
        "space",
        "space planet galaxy star cosmos cosmic rocket orbit astronaut universe nebula moon saturn mars "
        "alien future futuristic comet",
    ),
    (
        "product",
        "coffee minimal candy",
        "product coffee espresso latte cup mug cafe bottle perfume cosmetic skincare cream "
        "wine juice drink beer soda bag box gift package packaging jar lotion serum shampoo phone shoe watch headphone",
    ),
    (
        "geometry",
        "retro minimal candy",
        "minimal minimalist minimalistic abstract geometric geometry bauhaus poster retro "
        "pattern shape swiss modern tech conference jazz music art exhibition museum gallery design",
    ),
)
# palette | words that ask for it; they outweigh what a scene would choose
_PALETTE_WORDS: Final = (
    ("sunset", "sunset dusk evening golden romantic warm"),
    ("summer", "summer sunny bright holiday vacation pool"),
    ("ocean", "deep blue calm underwater marine navy"),
    ("dawn", "dawn sunrise pastel soft morning dreamy gentle"),
    ("forest", "forest green organic wilderness eco"),
    ("autumn", "autumn fall harvest thanksgiving orange pumpkin"),
    ("winter", "winter snow ice cold christmas ski frozen"),
    ("night", "night midnight moonlight moon starry dark"),
    ("neon", "neon cyberpunk synthwave vaporwave club party electric"),
    ("retro", "retro vintage 70s seventies jazz western"),
    ("coffee", "coffee espresso latte cafe chocolate brown cozy cosy"),
    ("minimal", "minimal minimalist clean white simple scandinavian"),
    ("space", "space galaxy cosmic cosmos universe nebula"),
    ("desert", "desert dune sand canyon savanna"),
    ("spring", "spring fresh garden flower easter meadow"),
    ("luxe", "luxury luxe elegant premium gold perfume black"),
    ("berry", "berry wine valentine love magenta purple dramatic"),
    ("candy", "candy playful fun kids birthday pop pink ice-cream"),
)
_MOTIFS: Final = frozenset(
    [
        "neon",
        "night",
        "moon",
        "snow",
        "winter",
        "ski",
        "lake",
        "palm",
        "tropical",
        "beach",
        "sail",
        "boat",
        "bird",
        "rain",
        "reflection",
        "river",
        "cactus",
        "retro",
        "synthwave",
        "forest",
        "pine",
        "fog",
        "mist",
        "coffee",
        "espresso",
        "latte",
        "cup",
        "mug",
        "tea",
        "cafe",
        "bottle",
        "perfume",
        "wine",
        "juice",
        "drink",
        "beer",
        "lotion",
        "serum",
        "shampoo",
        "box",
        "gift",
        "package",
        "packaging",
        "bag",
        "jar",
        "cream",
        "cosmetic",
        "skincare",
        "ring",
        "saturn",
        "rocket",
        "christmas",
        "sun",
        "sunset",
        "calm",
        "storm",
    ]
)


@dataclass(frozen=True)
class Composition:
    """What a scene painter needs. `focal` is where the eye lands, `zone` is kept quiet for words; in fractions."""

    scene: str
    palette: Palette
    motifs: frozenset[str]
    dice: Dice
    wide: bool
    zone: Box
    focal: tuple[float, float]


def compose(prompt: str, *, negative_prompt: str, seed: int, aspect: float) -> Composition:
    """The composition of a prompt; `aspect` is width / height."""
    words = _words(prompt) - _words(negative_prompt)
    dice = Dice("sketch", " ".join(sorted(words)) + "|" + " ".join(prompt.casefold().split()), seed)
    scene = _elect(_SCENE_WORDS, words, Dice("scene", *sorted(words)))
    moods = _moods(scene, words)
    palette = (
        _elect(_PALETTE_WORDS, words, dice.under("mood"))
        if words & _PALETTE_VOCABULARY
        else dice.pick("palette", moods)
    )
    wide = aspect > 1.2  # noqa: PLR2004 - from here on words stand beside the subject, not above it
    zone = (0.06, 0.1, 0.46, 0.42) if wide else (0.08, 0.07, 0.84, 0.25)
    focal = (dice.between("focal", 0.7, 0.78), 0.5) if wide else (dice.between("focal", 0.34, 0.66), 0.5)
    tint = dice.between("tint", -0.08, 0.12)
    return Composition(scene, PALETTES[palette].tinted(tint), words & _MOTIFS, dice.under(scene), wide, zone, focal)


def _words(text: str) -> frozenset[str]:
    """Lower-case words, each also without a plural's s."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    found = re.findall(r"[\w-]+", plain)
    return frozenset(found) | frozenset(word[:-1] for word in found if word.endswith("s") and len(word) > 3)  # noqa: PLR2004


_PALETTE_VOCABULARY: Final = frozenset(word for _, words in _PALETTE_WORDS for word in words.split())


def _elect(table: tuple[tuple[str, ...], ...], words: frozenset[str], dice: Dice) -> str:
    """The row with most words in the prompt; ties, and prompts without any, are decided by the dice."""
    votes = {row[0]: len(words & frozenset(row[-1].split())) for row in table}
    most = max(votes.values())
    candidates = [name for name in votes if votes[name] == most] if most else [n for n in votes if n != "product"]
    return dice.pick("election", candidates)


def _moods(scene: str, words: frozenset[str]) -> tuple[str, ...]:
    """Palettes a scene may wear: its own when the prompt named it, any otherwise."""
    row = next(row for row in _SCENE_WORDS if row[0] == scene)
    own = tuple(row[1].split())
    return own if words & frozenset(row[2].split()) else (*own, *own, "dawn", "sunset", "berry", "retro")
