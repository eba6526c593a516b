"""The evidence's workload: 500 jobs of a team's week, in blocks that each hold the whole mix.

Hides the file, which tests/bench/workload.py drew once. Every block of 20 is 8 thumbnails, 5 feed images, 3 heroes and
4 banners, and 3 of the 20 repeat an earlier one of their block: so any choice of blocks is the same mix.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import Field

from shared.models import Name, Size, Value
from shared.policy.repair import derived_seed

FILE: Final = Path(__file__).with_name("workload.jsonl")
BLOCK: Final = 20


class Item(Value):
    """One job of the workload."""

    number: int = Field(ge=1)
    use_case: Name
    prompt: str
    size: Size
    seed: int
    expected_text: tuple[str, ...] = ()
    repeats: int | None = None
    """The number of the item it is equal to."""


def load(path: Path = FILE) -> tuple[Item, ...]:
    """All items in order."""
    return tuple(Item.model_validate_json(line) for line in path.read_text("utf-8").splitlines())


def blocks(items: Sequence[Item], *, jobs: int, seed: int) -> list[list[Item]]:
    """Blocks that together hold `jobs` items, chosen by `seed`, in the workload's order; the last one is cut short.

    Every run of another seed has other pictures: the items' seeds are drawn anew, alike where items are equal, for a
    stack that has seen them already would answer from its cache.
    """
    whole = [list(items[start : start + BLOCK]) for start in range(0, len(items), BLOCK)]
    wanted = min(-(-jobs // BLOCK), len(whole))
    chosen = sorted(random.Random(seed).sample(range(len(whole)), wanted))  # noqa: S311 - a draw of jobs, no secret
    taken = [whole[each] for each in chosen]
    spare = sum(map(len, taken)) - jobs
    if spare > 0:
        taken[-1] = taken[-1][:-spare]
    return [[_salted(item, seed) for item in block] for block in taken]


def _salted(item: Item, seed: int) -> Item:
    return item.model_copy(update={"seed": derived_seed(seed, str(item.seed))})
