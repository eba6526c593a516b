"""Where things stand, for letters anywhere."""

from __future__ import annotations

import pytest

from infra.inference.container.mini.arrangement import NOWHERE, frames, stand
from infra.inference.container.mini.settling import settled
from infra.inference.container.mini.vocabulary import PLACES, SLOTS

INKS = [None, (0.1, 0.05, 0.9, 0.3), (0.1, 0.4, 0.9, 0.6), (0.1, 0.7, 0.9, 0.95), (0.0, 0.0, 1.0, 1.0)]


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("size", [(1.0, 1.0), (1.8, 1.0), (1.0, 2.4)])
def test_a_subject_is_in_the_picture_and_can_be_seen(
    size: tuple[float, float], ink: tuple[float, float, float, float] | None
) -> None:
    for place in PLACES:
        for pose in "0123":
            x, y, radius = stand(place, pose, size, ink)

            assert 0.05 < radius < 0.35
            assert 0 < x < size[0]
            assert radius * 0.9 < y < size[1] - radius * 0.9


def test_letters_over_everything_stand_before_the_subject() -> None:
    everywhere = (0.0, 0.0, 1.0, 1.0)

    assert stand("left", "0", (1.0, 1.0), everywhere) == stand("left", "0", (1.0, 1.0), None)


@pytest.mark.parametrize("ground", SLOTS["ground"])
def test_a_ground_has_a_frame_where_it_repeats_and_the_subject_where_there_is_one(ground: str) -> None:
    told = settled({"ground": ground, "subject": "cup"}, seed=1)
    repeating = ground in {"stripes", "checks", "dots", "sunburst", "rings", "waves", "zigzag"}

    behind, before = frames(told, (64, 64), None)

    assert (behind != NOWHERE) == repeating
    assert before != NOWHERE
    assert frames({**told, "subject": "nothing"}, (64, 64), None)[1] == NOWHERE
    assert frames({"ground": ground, "subject": "cup"}, (64, 64), None) == (NOWHERE, NOWHERE)
