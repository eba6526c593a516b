"""The posters mini learns from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from infra.inference.container.mini.arrangement import frames
from infra.inference.container.mini.vocabulary import DETAILS, SUBJECTS, TOLD
from infra.inference.mini import examples
from infra.inference.mini.corpus.posters import invent, wordless


def test_a_seed_gives_one_poster_to_the_byte() -> None:
    first, again, other = (invent(seed).draw(64, 64) for seed in ("a", "a", "b"))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("number", range(8))
def test_a_poster_is_the_same_at_every_size(number: int) -> None:
    poster = invent(f"size/{number}", (3, 2))
    small = poster.draw(96, 64).astype(int)
    large = Image.fromarray(poster.draw(192, 128)).resize((96, 64), Image.Resampling.BOX)

    assert np.abs(small - np.asarray(large)).mean() < 4


def test_the_glyph_channel_is_where_the_letters_are_and_a_glance_blurs_it() -> None:
    poster = next(poster for poster in map(invent, "abcdefgh") if poster.headline is not None)
    full, glance = poster.glyph(128, 128), poster.glyph(128, 128, across=24)
    left, top, right, bottom = (round(edge * 128) for edge in poster.headline.ink)

    assert full.max() > 0.9
    assert full.sum() == pytest.approx(full[top : bottom + 1, left : right + 1].sum(), rel=0.01)
    assert glance.max() < full.max()
    assert not wordless(poster).glyph(128, 128).any()


def test_an_example_follows_from_its_number_and_keeps_what_is_not_masked() -> None:
    one, again = examples.batch("seed", 3, 12), examples.batch("seed", 3, 12)
    mask, kept = one.conditions[:, :1], one.conditions[:, 1:4]

    assert all(np.array_equal(part, same) for part, same in zip(vars(one).values(), vars(again).values(), strict=True))
    assert np.array_equal(kept, one.pictures * (1 - mask))
    assert one.codes.shape == (12, len(TOLD))
    assert (one.codes <= [len(words) for words in TOLD.values()]).all()


def test_the_details_are_told_only_with_their_ground_and_seldom_where_a_part_of_the_picture_shows_them() -> None:
    lesson = examples.batch("details", 0, 400)
    slots, masked = list(TOLD), lesson.conditions[:, 0].min((1, 2)) == 0
    told = lesson.codes[:, [slots.index(slot) for slot in DETAILS]].any(axis=1)

    assert not told[lesson.codes[:, slots.index("ground")] == 0].any()
    assert told[masked].mean() < 0.4 < told[~masked].mean()


def test_a_frame_is_told_with_the_choices_it_follows_from() -> None:
    lesson = examples.batch("frames", 0, 200)
    ground, subject = (lesson.frames[:, number].any(axis=1) for number in range(2))
    slots = list(TOLD)
    layout, what, pose = (lesson.codes[:, slots.index(slot)] for slot in ("layout", "subject", "pose"))
    nothing = SUBJECTS.index("nothing") + 1

    assert not ground[layout == 0].any()
    assert 0.2 < ground[layout > 0].mean() < 0.6
    assert not subject[(what == 0) | (what == nothing) | (pose == 0)].any()
    assert subject[(what > 0) & (what != nothing) & (pose > 0)].mean() > 0.9


def test_a_whole_example_leaves_nothing_to_guess() -> None:
    lesson = examples.batch("whole", 0, 40, whole=True)

    assert lesson.codes.all()
    assert (lesson.conditions[:, 0] == 1).all()
    assert not lesson.conditions[:, 1:4].any()


@pytest.mark.parametrize("number", range(6))
def test_a_subject_fills_its_frame(number: int) -> None:
    usual = invent(f"frame/{number}")
    told = {"ground": "plain", "layout": "plain 0", "first": "white", "subject": "circle", "subject_colour": "black"}
    poster = replace(usual, choices={**usual.choices, **told}, headline=None, support="none")
    frame = frames(poster.choices, (1, 1), poster.ink)[1]

    dark = poster.draw(100, 100).astype(int).sum(axis=2) < 200
    rows, columns = np.nonzero(dark)

    assert columns.mean() / 100 == pytest.approx(frame.x, abs=0.02)
    assert rows.mean() / 100 == pytest.approx(frame.y, abs=0.02)
    assert dark.sum() / 1e4 == pytest.approx(np.pi * (0.9 / frame.along) ** 2, rel=0.05)


def test_posters_of_one_arrangement_have_their_edges_in_the_same_places() -> None:
    usual = invent("layout")
    told = {"ground": "checks", "layout": "checks 3", "first": "navy", "second": "cream", "subject": "nothing"}
    posters = [
        replace(usual, seed=seed, choices={**usual.choices, **told}, headline=None, support="none")
        for seed in ("a", "b")
    ]

    one, other = (poster.draw(64, 64).astype(int) for poster in posters)

    assert not np.array_equal(one, other)
    assert np.array_equal(*(np.abs(np.diff(pixels, axis=1)).sum(axis=2) > 60 for pixels in (one, other)))
