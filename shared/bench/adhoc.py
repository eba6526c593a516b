"""The ad-hoc way of working, spelled out: what the evidence calls "before".

One flagship model for everything, at the guidance everybody starts with, called directly. No draft, no cache, no check:
whoever looks at the picture is the check. When it is wrong they complain, and somebody raises the guidance and rolls
the dice again, by hand, at most twice; then it is shipped as it is. Hides these habits; never talks to a stack.

Fair to it: the seed is fresh on every try (the article's was pinned, and the same dice fall the same way), the flagship
gets the words as data where it takes them so, nobody's time to look and to complain is counted, and there is no
workflow in between that costs time.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.bench.workload import Item
from shared.catalogue import Model
from shared.models import Recipe, TextGuide, Value
from shared.policy.desk import spell_out, within
from shared.policy.repair import repair_seed


class Habits(Value):
    """What a person does. Guidance and seed are the article's own story; so are the numbers but for `complaints`."""

    guidance: float = Field(7.5, ge=0, description="The article's send_job.py.")
    raised_by: float = Field(2.0, description="By how much a complaint raises it: 'simply increasing guidance'.")
    complaints: int = Field(2, ge=0, le=5, description="After so many the picture is shipped as it is.")
    steps: int = Field(28, ge=1, description="The flagship's usual ones, for every picture.")


USUAL: Final = Habits()


def recipe(item: Item, flagship: Model, *, complaints: int, habits: Habits = USUAL) -> Recipe:
    """What is sent after so many complaints."""
    wanted = habits.guidance + complaints * habits.raised_by
    return Recipe(
        model=flagship.name,
        prompt=item.prompt if flagship.text_guide else spell_out(item.prompt, item.expected_text),
        seed=repair_seed(item.seed, complaints) if complaints else item.seed,
        size=item.size,
        steps=within(habits.steps, flagship.steps),
        guidance_scale=within(wanted, flagship.guidance_range),
        text=TextGuide(content=item.expected_text) if flagship.text_guide and item.expected_text else None,
    )


def in_words(habits: Habits) -> str:
    """What a reader must know of "before"."""
    return (
        f"before: every job by the flagship at guidance {habits.guidance:g} and {habits.steps} steps, or as near as it "
        "takes them, straight from the model server; no draft, no cache, no check. The picture is delivered, and where "
        f"it is wrong the viewer complains: then it is painted anew with a fresh seed and {habits.raised_by:g} more "
        f"guidance, at most {habits.complaints} times. The time people take for that is not counted"
    )
