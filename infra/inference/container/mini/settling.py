"""What a prompt leaves open, decided by the seed: colours that go together, an arrangement of the ground, a place.

Hides which colours those are. A seed settles the same for prompts that leave the same open.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from .vocabulary import DETAILS, HARMONIES, PLACES, VARIANTS

_GROUNDS: Final = ("plain", "gradient", "glow", "sunburst", "rings", "dots", "halves", "waves")
"""What may stand behind a subject nobody placed."""
_SUBJECTS: Final = ("nothing", "circle", "ring", "star", "sun")
_COLOURED: Final = ("first", "second", "subject_colour")


def settled(choices: Mapping[str, str], seed: int) -> dict[str, str]:
    """A choice for every slot of vocabulary.TOLD, those given among them. Only the ink may stay open: the painter picks
    one that can be read on what it painted."""
    dice = random.Random(f"mini {seed}")  # noqa: S311 - the seed must settle the same everywhere
    ground, subject, place = dice.choice(_GROUNDS), dice.choice(_SUBJECTS), dice.choice((*PLACES, "centre"))
    made = {"ground": ground, "subject": "nothing" if "ground" in choices else subject, "place": place, **choices}
    made |= {slot: colour for slot, colour in _harmony(choices, dice).items() if slot not in choices}
    details = {slot: str(dice.randrange(VARIANTS)) for slot in DETAILS}
    return made | details | {"layout": f"{made['ground']} {details['layout']}"}


def _harmony(choices: Mapping[str, str], dice: random.Random) -> dict[str, str]:
    """Three colours, none of them twice where that can be, and as many as can be those given."""
    shuffled = [dict(zip(_COLOURED, harmony, strict=True)) for harmony in dice.sample(HARMONIES, len(HARMONIES))]
    given = {slot: choices[slot] for slot in _COLOURED if slot in choices}

    def likeness(harmony: dict[str, str]) -> tuple[int, int]:
        return len({*(harmony | given).values()}), len(given.items() & harmony.items())

    return max(shuffled, key=likeness)
