"""The words mini knows: what each slot of a brief can hold, other words for the same, moods that suggest several, and
colours that go together.

Hides nothing and decides nothing; see brief.read. The order within a slot is the networks' own: a word that moves
needs new weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

COLOURS: Final = (
    *("red", "orange", "yellow", "green", "teal", "blue", "navy"),
    *("purple", "pink", "white", "black", "grey", "cream", "brown"),
)
PATTERNS: Final = (
    *("plain", "gradient", "glow", "stripes", "checks", "dots"),
    *("sunburst", "rings", "waves", "halves", "confetti", "zigzag"),
)
SCENES: Final = ("mountains", "hills", "sea", "city", "forest", "desert", "night", "table")
SUBJECTS: Final = (
    *("nothing", "circle", "square", "triangle", "star", "heart", "diamond", "ring", "cross"),
    *("sun", "moon", "cloud", "leaf", "flower", "tree", "cup", "house", "bolt", "drop", "bottle"),
    *("fish", "balloon", "note", "crown", "rocket", "gift", "apple", "shoe"),
)
PLACES: Final = ("left", "centre", "right")
SLOTS: Final[Mapping[str, Sequence[str]]] = {
    "ground": (*PATTERNS, *SCENES),
    "first": COLOURS,
    "second": COLOURS,
    "subject": SUBJECTS,
    "subject_colour": COLOURS,
    "place": PLACES,
    "ink": COLOURS,
}
"""What a prompt can say."""
VARIANTS: Final = 4
DETAILS: Final[Mapping[str, Sequence[str]]] = {
    "layout": tuple(f"{ground} {number}" for ground in (*PATTERNS, *SCENES) for number in range(VARIANTS)),
    "pose": tuple(str(number) for number in range(VARIANTS)),
}
"""What no prompt says and the seed decides: how the ground is arranged, how large the subject is and where exactly."""
TOLD: Final = {**SLOTS, **DETAILS}
"""The choices in the order the networks take them; the number of a word is its place here plus one, 0 is open."""
HARMONIES: Final = tuple(
    tuple(line.split())
    for line in """
navy orange cream
navy pink yellow
navy teal cream
navy yellow white
teal cream orange
teal navy yellow
cream red navy
cream teal orange
cream orange brown
cream green brown
cream navy red
red cream navy
red yellow white
orange cream navy
orange purple yellow
orange yellow red
yellow orange navy
yellow pink teal
yellow black white
green cream yellow
green teal cream
green yellow white
blue white yellow
blue teal white
blue pink yellow
purple pink yellow
purple navy orange
purple teal cream
pink cream red
pink purple white
pink yellow teal
white teal orange
white blue red
white grey black
white green pink
black yellow red
black grey white
black purple pink
black teal cream
grey white red
grey navy yellow
brown cream orange
brown orange yellow
""".strip().splitlines()
)
"""Ground, second colour, subject."""
INK: Final = frozenset(["text", "letter", "letters", "lettering", "headline", "words", "title", "type", "caption"])
"""A colour before one of these is the ink's."""
BEHIND: Final = frozenset(["background", "backdrop", "sky", "wall"])
"""A colour before one of these is the ground's."""
MOODS: Final[Mapping[str, Mapping[str, str]]] = {
    word: dict(choice.split("=") for choice in choices.split())
    for words, choices in (
        ("sunset sunrise dawn dusk", "first=orange second=purple subject=sun"),
        ("summer vacation tropical", "ground=sea first=teal subject=circle subject_colour=yellow"),
        ("autumn fall harvest thanksgiving", "first=cream subject=leaf subject_colour=orange"),
        ("winter snow christmas", "ground=mountains first=blue second=white"),
        ("spring easter", "ground=hills first=cream second=green subject=flower subject_colour=pink"),
        ("party birthday carnival celebration festive", "ground=confetti subject=balloon"),
        ("jazz concert music festival band", "subject=note"),
        ("space galaxy universe astronaut", "ground=night first=navy subject=rocket"),
        ("retro vintage seventies", "ground=sunburst first=cream second=orange"),
        ("swiss bauhaus geometric modernist", "ground=halves"),
        ("cozy cosy warm", "first=cream second=brown"),
        ("eco organic nature natural", "subject=leaf subject_colour=green"),
        ("valentine romantic wedding love", "first=pink subject=heart subject_colour=red"),
        ("luxury premium elegant", "first=black subject_colour=yellow"),
    )
    for word in words.split()
}
"""What a word suggests where the prompt says nothing else."""
_OTHERS: Final = """
red crimson scarlet ruby cherry vermilion | orange tangerine amber apricot pumpkin copper | brown chocolate chestnut
yellow gold golden lemon mustard | green emerald lime olive mint sage | teal turquoise aqua cyan
blue azure cobalt cerulean | navy indigo | purple violet lilac lavender plum magenta
pink rose coral blush salmon fuchsia | white ivory | black dark charcoal ebony | grey gray silver slate
cream beige sand tan | brown wooden wood walnut oak
plain solid flat minimal minimalist simple clean seamless | gradient fade ombre blend
glow glowing radial spotlight neon | stripes striped stripe lines | checks check checked checker checkered chequered
dots dot dotted polka spots halftone | sunburst burst rays | rings concentric ripples vinyl hypnotic psychedelic
waves wave wavy swirl groovy | halves split two-tone duotone
confetti sprinkles | zigzag zig-zag chevron memphis
mountains mountain alps alpine peak peaks summit hike hiking ski | hills hill meadow field countryside farm valley
sea ocean beach coast lake surf sail boat island harbour harbor | desert dune dunes canyon sahara
city skyline urban downtown street town metropolis building buildings office | forest woods woodland pines jungle
night starry stars midnight | table shelf counter desk studio
circle disc disk ball round planet | square box block | triangle pyramid | star starburst | heart hearts
diamond gem jewel rhombus jewelry | ring hoop donut doughnut wheel | cross plus medical
sun sunshine sunny | moon moonlight crescent lunar | cloud clouds cloudy | leaf leaves maple foliage tea
flower flowers floral blossom daisy tulip bloom | tree trees pine fir
cup coffee mug espresso latte cappuccino cafe | house home cottage barn | bolt lightning flash energy electric thunder
drop rain droplet oil | bottle wine perfume beer lotion serum juice | fish seafood sushi aquarium
balloon balloons | note notes song melody radio | crown king queen royal | rocket launch startup spaceship
gift present presents giveaway | apple fruit food | shoe shoes sneaker sneakers running boot trainers
centre center central middle centred centered
"""
"""Known word and others for it; a word that stands in two places means the first."""


def known() -> dict[str, tuple[str, str]]:
    """Any word that is understood -> its kind (colour, ground, subject or place) and the known word."""
    kinds = {"colour": COLOURS, "ground": SLOTS["ground"], "subject": SUBJECTS, "place": PLACES}
    of = {word: kind for kind, words in kinds.items() for word in words}
    found = {word: (kind, word) for word, kind in of.items()}
    for entry in re.split(r"[|\n]", _OTHERS.strip()):
        head, *others = entry.split()
        for other in others:
            found.setdefault(other, (of[head], head))
    return found


def codes(choices: Mapping[str, str]) -> tuple[int, ...]:
    """Choices by slot as the networks take them: one number for each of TOLD, 0 where it is open."""
    return tuple(words.index(choices[slot]) + 1 if slot in choices else 0 for slot, words in TOLD.items())
