"""The way from noise to a picture, with networks anyone can check by eye."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from infra.inference.container.masks import Floats
from infra.inference.container.mini.arrangement import NOWHERE, Frame
from infra.inference.container.mini.sampling import GUIDED_ABOVE, Sitting, levels, noise, paint
from infra.inference.container.mini.sizes import painted_size

GREY = np.full((3, 16, 24), 0.25, np.float32)
NO_WORDS = np.zeros((16, 24), np.float32)
FRAMES = (Frame(0.5, 0.5, 4.0, 0.0), NOWHERE)


class Sure:
    """Sees the grey picture in any noise; told nothing, a darker one."""

    def __init__(self) -> None:
        self.asked: list[tuple[float, int]] = []
        self.framed: list[bool] = []

    def __call__(
        self, noisy: Floats, condition: Floats, level: Floats, codes: NDArray[np.int64], frames: Floats
    ) -> Floats:
        self.asked.append((float(level[0]), len(noisy)))
        self.framed = [bool(each.any()) for each in frames]
        told = np.any(codes, axis=1)[:, None, None, None]
        return np.asarray(np.where(told, GREY[None], GREY[None] - 0.1), np.float32)


def _sitting(**changes: object) -> Sitting:
    usual = {"codes": (1, 2), "frames": FRAMES, "seed": 7, "glyph": NO_WORDS, "steps": 5, "guidance": 1.0}
    usual |= {"against": (0, 0)}
    return Sitting(**(usual | changes))  # type: ignore[arg-type]  # one fixture for many fields


def test_the_last_step_leaves_no_noise() -> None:
    sure = Sure()

    assert paint(_sitting(), sure) == pytest.approx(GREY, abs=1e-6)
    assert len(sure.asked) == 5
    assert sure.asked[0] == (1.0, 1)


def test_guidance_asks_twice_in_one_forward_and_goes_beyond_what_was_told() -> None:
    sure = Sure()

    assert paint(_sitting(guidance=3.0, steps=1), sure) == pytest.approx(GREY + 0.2, abs=1e-6)
    assert sure.asked == [(1.0, 2)]
    assert sure.framed == [True, False]


def test_guidance_leads_away_from_a_negative_prompt() -> None:
    assert paint(_sitting(guidance=3.0, steps=1, against=(1, 0)), Sure()) == pytest.approx(GREY, abs=1e-6)


def test_guidance_ends_where_the_composition_is_decided() -> None:
    sure = Sure()

    paint(_sitting(guidance=3.0), sure)

    assert [count for level, count in sure.asked] == [2 if level > GUIDED_ABOVE else 1 for level, _ in sure.asked]
    assert {count for _, count in sure.asked} == {1, 2}


def test_a_start_picture_is_noised_by_the_strength_and_takes_its_share_of_the_steps() -> None:
    sure = Sure()

    paint(_sitting(start=GREY, strength=0.4, steps=10), sure)

    assert len(sure.asked) == 4
    assert sure.asked[0][0] == pytest.approx(0.4)


def test_what_the_mask_leaves_stays_as_it_was_given() -> None:
    kept = np.asarray(np.linspace(-1, 1, GREY.size).reshape(GREY.shape), np.float32)
    mask = np.zeros((16, 24), np.float32)
    mask[4:8, 4:8] = 1

    painted = paint(_sitting(kept=kept, mask=mask), Sure())

    assert np.array_equal(painted[:, mask == 0], kept[:, mask == 0])
    assert painted[:, mask == 1] == pytest.approx(0.25)


@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
def test_noise_only_falls_from_the_strength_to_nothing(strength: float) -> None:
    ladder = levels(16, strength)

    assert ladder[0] == pytest.approx(strength)
    assert ladder[-1] == 0
    assert ladder == sorted(ladder, reverse=True)


def test_noise_comes_from_the_seed_alone() -> None:
    assert np.array_equal(noise(3, (16, 16)), noise(3, (16, 16)))
    assert not np.array_equal(noise(3, (16, 16)), noise(4, (16, 16)))


@pytest.mark.parametrize(
    ("asked", "painted"), [((1024, 1024), (64, 64)), ((1216, 832), (80, 56)), ((1536, 640), (96, 40))]
)
def test_every_shape_is_painted_near_its_ratio_and_the_area_trained_on(
    asked: tuple[int, int], painted: tuple[int, int]
) -> None:
    assert painted_size(*asked, times=1) == painted
    assert painted_size(*asked, times=2) == (2 * painted[0], 2 * painted[1])
