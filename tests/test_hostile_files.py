"""Whatever file arrives as a final: a verdict or one typed error, in bounded time and memory, from all of verify.

`python -m tests.bench.hostile` does the same with 1,000 files, large ones among them.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ImageUnreadable
from shared.images import describe
from tests import hostile
from tests.bench.hostile import MOST_MB, measure

pytestmark = pytest.mark.xdist_group("typography")  # the networks are loaded once, in one worker

LIGHT = [kind for kind in hostile.KINDS if not kind.heavy]


def test_every_kind_of_hostile_file_gets_what_it_is_owed_in_one_small_process() -> None:
    figures = measure(len(LIGHT), seed=11, every_heavy=0)

    assert figures["wrong"] == []
    assert figures["kinds"] == len(LIGHT)
    assert set(figures["outcomes"]) == {"judged", "refused"}
    assert figures["peak_mb"] < MOST_MB


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([kind for kind in LIGHT if kind.fate == "refused"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_is_no_still_picture_is_refused_whatever_its_bytes(kind: hostile.Kind, seed: int) -> None:
    image = kind.make(random.Random(seed))

    assert hostile.inspect(image) == "refused"


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([kind for kind in LIGHT if kind.fate != "refused"]),
    damage=st.sampled_from([hostile.cut, hostile.with_flipped_bytes, hostile.shuffled]),
    seed=st.integers(0, 2**32 - 1),
)
def test_damage_of_any_kind_ends_in_a_verdict_or_the_typed_error(
    kind: hostile.Kind, damage: hostile.Damage, seed: int
) -> None:
    dice = random.Random(seed)
    image = damage(kind.make(dice), dice)

    assert hostile.inspect(image) in {"judged", "refused"}


FRONT_DOOR = [kind for kind in LIGHT if kind.name not in {"moving", "endless frames"}]  # which it keeps, unjudged


@pytest.mark.parametrize("kind", FRONT_DOOR, ids=lambda kind: kind.name)
def test_an_upload_is_identified_or_refused_before_it_is_decoded(kind: hostile.Kind) -> None:
    image = kind.make(random.Random(5))

    try:
        describe("acme", image)
        outcome = "judged"
    except ImageUnreadable:
        outcome = "refused"

    assert outcome in kind.outcomes or image.startswith(b"GIF")  # we store no GIF


def test_a_phone_s_picture_with_its_preview_is_a_jpeg() -> None:
    picture = hostile.poster(random.Random(3))
    image = hostile.encoded(picture, "MPO", save_all=True, append_images=[picture])

    assert describe("acme", image).mime == "image/jpeg"
    assert hostile.inspect(image) == "judged"
