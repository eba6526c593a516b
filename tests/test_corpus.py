"""The draw of a corpus: fair, reproducible, and with a split that never moves."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.corpus import TEST_SHARE, Candidate, draw, personal, rating_band, split_of
from shared.models import sha256_hex


def render(number: int, **fields: object) -> Candidate:
    digest = sha256_hex(f"render {number}")
    values = {
        "job_id": f"{number:026d}",
        "fingerprint": digest,
        "sha256": sha256_hex(digest),
        "use_case": ("hero", "feed", "banner")[number % 3],
        "model": "sketch-fine",
        "verdict": "pass" if number % 5 else "fail",
        "stars": (None, 5.0, 2.0, 3.0)[number % 4],
    }
    return Candidate.model_validate(values | fields)


RENDERS = [render(number) for number in range(1, 2001)]


def test_the_same_renders_give_the_same_corpus_in_whatever_order_they_come() -> None:
    shuffled = RENDERS.copy()
    random.Random(1).shuffle(shuffled)

    assert draw(RENDERS, n=200, seed=7) == draw(shuffled, n=200, seed=7)


def test_another_seed_trains_on_others_and_judges_by_the_same() -> None:
    one, other = draw(RENDERS, n=200, seed=1), draw(RENDERS, n=200, seed=2)

    assert one.test == other.test
    assert len({*one.train} & {*other.train}) < 60


def test_nothing_to_judge_by_is_ever_trained_on() -> None:
    for seed in range(20):
        drawn = draw(RENDERS, n=500, seed=seed)
        assert {each.split for each in drawn.train} == {"train"}
        assert {each.split for each in drawn.test} == {"test"}


def test_about_a_tenth_is_for_judging() -> None:
    share = sum(each.split == "test" for each in RENDERS) / len(RENDERS)

    assert share == pytest.approx(TEST_SHARE, abs=0.02)
    assert len(draw(RENDERS, n=200, seed=0).test) == 20


def test_the_split_of_a_recipe_is_what_it_was() -> None:
    """Written down once: a change here would mix what was trained on with what is judged by."""
    test = [number for number in range(60) if split_of(sha256_hex(f"render {number}")) == "test"]

    assert test == [16, 18, 24, 51]


def test_new_jobs_move_few_of_those_drawn() -> None:
    before = draw(RENDERS, n=200, seed=0)

    after = draw([*RENDERS, *(render(number) for number in range(3001, 3201))], n=200, seed=0)

    kept = len({*before.train, *before.test} & {*after.train, *after.test})
    assert kept > 170


def test_every_stratum_has_its_share_and_none_is_left_out() -> None:
    rare = render(9_999_991, use_case="print", model="sd35-large", verdict="pass", stars=5.0)

    drawn = draw([*RENDERS, rare], n=300, seed=0)

    for there, taken in drawn.strata.values():
        assert taken == 1 if there < 7 else taken == pytest.approx(300 * there / len(RENDERS), abs=4)
    assert drawn.strata[rare.stratum] == (1, 1)


@given(st.lists(st.integers(1, 400), unique=True, min_size=1), st.integers(1, 500))
def test_a_draw_takes_as_many_as_asked_for_or_there_are(numbers: list[int], n: int) -> None:
    renders = [render(number) for number in numbers]
    there = {split: sum(each.split == split for each in renders) for split in ("train", "test")}

    drawn = draw(renders, n=n, seed=0)

    for_judging = round(n * TEST_SHARE)
    assert len(drawn.test) == min(for_judging, there["test"])
    assert len(drawn.train) == min(n - for_judging, there["train"])
    assert len({each.sha256 for each in (*drawn.train, *drawn.test)}) == len(drawn.train) + len(drawn.test)


def test_a_picture_is_drawn_once_from_its_best_rated_job() -> None:
    number = next(n for n in range(1, 99) if render(n).split == "train")
    jobs = [
        render(number, job_id="01A", stars=None),
        render(number, job_id="01B", stars=4.0),
        render(number, job_id="01C", stars=4.0),
    ]

    drawn = draw(jobs, n=10, seed=0)

    assert [each.job_id for each in drawn.train] == ["01B"]


def test_stars_fall_into_bands() -> None:
    assert [rating_band(stars) for stars in (None, 1.0, 2.4, 2.5, 3.4, 3.5, 5.0)] == [
        *("unrated", "1-2", "1-2", "3", "3", "4-5", "4-5"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Poster for ada@example.com", "an e-mail address"),
        ("Call +49 (30) 1234 5678 now", "a telephone number"),
        ("0171/1234567", "a telephone number"),
        ("SALE 50% OFF, 19.99 instead of 29.99", None),
        ("1024x1024, year 2026, 3 for 2", None),
        ("summer @ the beach", None),
    ],
)
def test_what_looks_like_personal_data_is_seen(text: str, found: str | None) -> None:
    assert personal(text) == found
