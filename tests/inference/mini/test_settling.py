"""What the seed decides where the prompt says nothing."""

from __future__ import annotations

import pytest

from infra.inference.container.mini.brief import read
from infra.inference.container.mini.settling import settled
from infra.inference.container.mini.vocabulary import TOLD, codes

PROMPTS = ("", "an ontological lighthouse", "A cosy coffee shop flyer", "red stripes", "brown city, a brown cup")


@pytest.mark.parametrize("prompt", PROMPTS)
def test_everything_but_the_ink_is_settled_and_nothing_the_prompt_said_is_changed(prompt: str) -> None:
    said = read(prompt).choices
    for seed in range(50):
        choices = settled(said, seed)
        assert choices.items() >= said.items()
        assert choices.keys() | {"ink"} == TOLD.keys()
        assert choices["layout"].startswith(choices["ground"])
        assert all(choices[slot] in TOLD[slot] for slot in choices)


def test_a_prompt_nobody_understands_gives_other_pictures_by_other_seeds() -> None:
    made = [settled({}, seed) for seed in range(200)]

    assert settled({}, 7) == made[7]
    assert {choices["ground"] for choices in made} > {"plain", "sunburst", "dots"}
    assert len({codes(choices) for choices in made}) > 150


@pytest.mark.parametrize("said", [{}, {"first": "red"}, {"second": "navy"}, {"first": "pink", "second": "teal"}])
def test_colours_that_are_added_are_others_than_those_asked_for(said: dict[str, str]) -> None:
    for seed in range(50):
        choices = settled(said, seed)
        assert len({choices[slot] for slot in ("first", "second", "subject_colour")}) == 3
