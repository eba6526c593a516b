"""The posters mini learns from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from infra.inference.container.mini.vocabulary import DETAILS, TOLD
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

    assert all(np.array_equal(getattr(one, part), getattr(again, part)) for part in ("pictures", "conditions", "codes"))
    assert np.array_equal(kept, one.pictures * (1 - mask))
    assert one.codes.shape == (12, len(TOLD))
    assert (one.codes <= [len(words) for words in TOLD.values()]).all()


def test_the_details_are_told_only_with_their_ground_and_seldom_where_a_part_of_the_picture_shows_them() -> None:
    lesson = examples.batch("details", 0, 400)
    slots, masked = list(TOLD), lesson.conditions[:, 0].min((1, 2)) == 0
    told = lesson.codes[:, [slots.index(slot) for slot in DETAILS]].any(axis=1)

    assert not told[lesson.codes[:, slots.index("ground")] == 0].any()
    assert told[masked].mean() < 0.4 < told[~masked].mean()


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
