"""Draws shared/bench/workload.jsonl, the workload of `presscheck evidence`: the same file every time.

    python -m tests.bench.workload

Every block of 20 holds the mix of a team's week: 8 thumbnails, 5 feed images (one with words), 3 heroes (two with
words) and 4 banners with words; 3 of the 20 repeat an earlier one of the block, one of them with words. Nobody's real
prompts: they are put together from lists.
"""

from __future__ import annotations

import json
import random
from typing import Any, Final

from shared.bench.workload import BLOCK, FILE

JOBS: Final = 500
SEED: Final = 20261123

_THINGS: Final = (
    "a ceramic mug on a linen cloth", "a leather bag on a stone bench", "a glass bottle of lotion", "running shoes",
    "a wrist watch in a gift box", "a bowl of oranges", "a jar of honey", "headphones on a desk", "a fountain pen",
)  # fmt: skip
_PLACES: Final = (
    "a sunlit beach at golden hour", "a mountain lake at dawn", "a city street in the rain at night",
    "rolling hills in autumn", "desert dunes under a clear sky", "a harbour with sailing boats", "a snowy forest",
    "a planet above a dark sea of clouds", "a quiet vineyard in spring", "a skyline in neon light",
)  # fmt: skip
_LIGHT: Final = ("soft window light", "hard noon light", "warm evening light", "flat studio light", "morning mist")
_SHORT: Final = ("SALE", "50% OFF", "NEW IN", "FREE GIFT", "LAST DAY", "OPEN NOW", "2 FOR 1")
_HEADLINES: Final = ("SUMMER SALE", "Grand opening", "Fresh coffee", "BLACK FRIDAY", "Spring market", "WINTER DEALS")
_CALLS: Final = ("Shop now", "Book today", "Join us", "Learn more")
_SIZES: Final = {
    "thumbnail": ("512x512", "768x512", "512x768"),
    "feed": ("1024x1024", "832x1216", "896x1088"),
    "hero": ("1024x1024", "1344x768", "1536x640"),
    "banner": ("1536x640", "1344x768", "1024x1024"),
}
_MIX: Final = (
    *([("thumbnail", False)] * 8),
    *([("feed", False)] * 4),
    ("feed", True),
    ("hero", False),
    *([("hero", True)] * 2),
    *([("banner", True)] * 4),
)
_REPEATED: Final = (("thumbnail", False), ("feed", False), ("banner", True))


def workload() -> str:
    """The file's text."""
    dice = random.Random(SEED)
    rows = [row for block in range(JOBS // BLOCK) for row in _block(dice, first=block * BLOCK + 1)]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _block(dice: random.Random, *, first: int) -> list[dict[str, Any]]:
    kinds = list(_MIX)
    dice.shuffle(kinds)
    rows = [_row(dice, number, *kind) for number, kind in enumerate(kinds, start=first)]
    for kind in _REPEATED:
        places = [place for place, each in enumerate(kinds) if each == kind]
        again, earlier = places[-1], dice.choice(places[:-1])
        rows[again] = rows[earlier] | {"number": rows[again]["number"], "repeats": rows[earlier]["number"]}
    return rows


def _row(dice: random.Random, number: int, use_case: str, lettered: bool) -> dict[str, Any]:
    subject = dice.choice(_THINGS if use_case in {"thumbnail", "feed"} else _PLACES)
    prompt = f"{subject[0].upper()}{subject[1:]}, {dice.choice(_LIGHT)}"
    row = {
        "number": number,
        "use_case": use_case,
        "prompt": f"{prompt}, room for lettering" if lettered else prompt,
        "size": dice.choice(_SIZES[use_case]),
        "seed": dice.randrange(2**32),
    }
    if not lettered:
        return row
    if use_case == "banner" and dice.random() < 0.5:
        return row | {"expected_text": [dice.choice(_HEADLINES), dice.choice(_CALLS)]}
    return row | {"expected_text": [dice.choice(_SHORT if use_case != "banner" else _HEADLINES)]}


if __name__ == "__main__":
    FILE.write_text(workload(), "utf-8")
