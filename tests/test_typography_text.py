"""The rules of the typography check that need no picture: what counts as equal, and how likelihood is computed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.typography import character_error_rate
from shared.typography.folding import Case, differences, fold, spellings
from shared.typography.geometry import Region, connected_pixels, smallest_rectangle
from shared.typography.layout import MAX_LAYOUT_COST, paths
from shared.typography.recognition import Line
from shared.typography.tesseract import PlainReading
from shared.typography.words import Word


def same(expected: str, shown: str, case: Case = "fold") -> bool:
    return fold(shown, case).text in {spelling.text for spelling in spellings(expected, case)}


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("Summer Sale", "SUMMER SALE"),
        ("WORLD'S BEST!", "World\u2019s best"),
        ("Café Zoë", "CAFE ZOE"),
        ("Straße", "STRASSE"),
        ("MASSE", "Maße"),
        ("Œuvre", "oeuvre"),
        ("e\ufb03cient", "efficient"),  # the ligature ffi
        ("S\u0410L\u0415", "SALE"),  # Cyrillic A and E
        ("весна", "весна".upper()),
        ("\uff15\uff10\uff05", "50%"),  # full width
        ("Lee & Chris", "LEE CHRIS"),
        ("Łódź", "LODZ"),
    ],
)
def test_fold_forgives_case_accents_punctuation_and_lookalikes(expected: str, shown: str) -> None:
    assert same(expected, shown)


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("50%", "50"),
        ("$9.99", "$999"),
        ("$9.99", "9.99"),
        ("$9.99", "€9.99"),
        ("10:30", "1030"),
        ("24/7", "247"),
        ("100", "1OO"),
        ("SALE", "SALF"),
    ],
)
def test_letters_digits_and_currency_are_never_forgiven(expected: str, shown: str) -> None:
    assert not same(expected, shown)


@pytest.mark.parametrize(
    ("expected", "shown", "equal"),
    [
        ("Sale!", "Sale!", True),
        ("Sale!", "sale!", False),
        ("Sale!", "Sale", False),
        ("Café", "Cafe", False),
        ("It\u2019s \u201cnew\u201d \u2013 now", 'It\'s "new" - now', True),
        ("1,000", "1.000", False),
    ],
)
def test_exact_forgives_only_the_shape_of_quotes_and_dashes(expected: str, shown: str, equal: bool) -> None:
    assert same(expected, shown, "exact") is equal


def test_only_punctuation_is_compared_as_punctuation() -> None:
    assert same("!!!", "!!!", "exact")
    assert spellings("!!!", "fold")[0].text == "!!!"


def test_error_rate_is_edits_per_expected_character() -> None:
    assert character_error_rate("SALE", "sale") == 0.0
    assert character_error_rate("SALE", "SALF") == 0.25
    assert character_error_rate("Straße", "STRASSE") == 0.0
    assert character_error_rate("SALE", "") == 1.0
    with pytest.raises(ValueError, match="nothing to verify"):
        character_error_rate("  ", "SALE")


def test_differences_name_what_is_wrong_and_where() -> None:
    found = [
        (d.op, d.position, d.expected, d.recognized)
        for shown in ("BIG SLE", "big salf", "BIG SALES")
        for d in differences("Big SALE", shown)
    ]

    assert found == [("missing", 5, "A", ""), ("substitute", 7, "E", "f"), ("extra", 8, "", "S")]


@given(st.text(max_size=40), st.sampled_from(["fold", "exact"]))
def test_folding_never_loses_its_place(text: str, case: Case) -> None:
    folded = fold(text, case)

    assert len(folded.origin) == len(folded.text)
    assert "".join(folded.words) == folded.text
    assert all(0 <= index < max(1, len(text)) for index in folded.origin)
    assert list(folded.cuts) == sorted({*folded.cuts, 0, len(folded.text)})


# ── whole words, in one unbroken run ─────────────────────────────────────────────────────────────


def words(*placed: tuple[str, float, float]) -> list[Word]:
    """Level words at (x, y) of their centre, 40 px high and 25 px a letter."""
    return [
        Word(Region(np.array([x, y]), np.array([1.0, 0.0]), 25.0 * len(text), 40.0), PlainReading(text, 0.99))
        for text, x, y in placed
    ]


def found(expected: str, seen: list[Word]) -> bool:
    return any(
        path.edits == 0 and path.layout_cost <= MAX_LAYOUT_COST
        for spelling in spellings(expected, "fold")
        for path in paths(spelling, seen, bystanders=seen, case="fold")
    )


def test_a_word_is_found_whole_or_not_at_all() -> None:
    assert found("SALE", words(("BIG SALE NOW", 300, 100)))
    assert not found("SALE", words(("WHOLESALE", 300, 100)))
    assert not found("SALE", words(("SALES", 300, 100)))
    assert not found("50%", words(("150%", 300, 100)))
    assert not found("9.99", words(("$9.99", 300, 100)))
    assert not found("000", words(("1,000", 300, 100)))


def test_a_text_runs_over_words_and_lines() -> None:
    seen = words(("SUMMER", 300, 100), ("SALE", 300, 160), ("STARTS", 250, 220), ("TODAY", 420, 220))

    assert found("Summer sale starts today", seen)
    assert found("sale starts", seen)


def test_a_text_with_a_word_too_few_is_not_found() -> None:
    seen = words(("THERE", 300, 100), ("IS", 300, 160), ("NO", 300, 220), ("PLANET", 300, 280), ("B", 300, 340))

    assert found("There is no planet B", seen)
    assert not found("There is no B", seen)
    assert not found("There planet B", seen)


def test_words_of_two_corners_are_not_strung_together() -> None:
    assert not found("SALE TODAY", words(("TODAY", 100, 50), ("BRANDS", 500, 450), ("SALE", 900, 950)))


# ── how likely is a text ─────────────────────────────────────────────────────────────────────────


def brute_force(probabilities: np.ndarray, alphabet: list[str], text: str) -> float:
    """P(text): the sum over every sequence of symbols that collapses to it."""
    total = 0.0
    for symbols in itertools.product(range(len(alphabet)), repeat=len(probabilities)):
        collapsed = "".join(alphabet[s] for s, _ in itertools.groupby(symbols))
        if collapsed == text:
            total += math.prod(probabilities[step, symbol] for step, symbol in enumerate(symbols))
    return total


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.text("ab5", min_size=1, max_size=3),
    st.text("ab5", max_size=3),
)
def test_likelihood_is_the_sum_over_all_alignments(seed: int, text: str, other: str) -> None:
    alphabet = ["", "a", "b", "5"]
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(4), size=5)
    line = Line(probabilities.astype(np.float32), alphabet)

    ratio = line.ratio(text, other, "fold")

    best = max(brute_force(probabilities, alphabet, other), brute_force(probabilities, alphabet, line.text))
    actual = brute_force(probabilities, alphabet, text)
    if actual > 1e-6 and best > 1e-6:
        assert ratio == pytest.approx(math.log(actual / best), abs=1e-3)


def spoken(*steps: dict[str, float]) -> Line:
    """A line whose time steps hold these probabilities, the rest being blank."""
    alphabet = ["", *"ACEFLSacefls.,9$5Sß"]
    rows = np.zeros((len(steps), len(alphabet)), np.float32)
    for row, step in zip(rows, steps, strict=True):
        for char, probability in step.items():
            row[alphabet.index(char)] = probability
        row[0] += 1 - row.sum()
    return Line(rows, alphabet)


def test_a_reading_in_doubt_does_not_turn_away_the_right_text() -> None:
    line = spoken({"S": 0.9}, {"A": 0.9}, {"L": 0.9}, {"F": 0.55, "E": 0.4})

    assert line.text == "SALF"
    assert line.ratio("sale", "salf", "fold") > -1.0


def test_a_clear_reading_turns_away_every_other_text() -> None:
    line = spoken({"S": 0.99}, {"A": 0.99}, {"L": 0.99}, {"F": 0.98, "E": 0.001})

    assert line.ratio("sale", "salf", "fold") < -5.0


def test_a_dot_counts_between_digits_and_nowhere_else() -> None:
    price = spoken({"$": 0.99}, {"9": 0.99}, {".": 0.99}, {"9": 0.99}, {"": 0.9}, {"9": 0.99})
    word = spoken({"S": 0.99}, {"A": 0.99}, {".": 0.99})

    assert price.ratio("$999", "$9.99", "fold") < -3.0
    assert word.ratio("sa", "sa", "fold") == 0.0
    assert word.text == "SA."


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────


@given(
    angle=st.floats(-40, 40),
    length=st.floats(40, 200),
    thickness=st.floats(5, 30),
)
def test_the_smallest_rectangle_is_found_at_any_angle(angle: float, length: float, thickness: float) -> None:
    turn = math.radians(angle)
    region = Region(np.array([300.0, 200.0]), np.array([math.cos(turn), math.sin(turn)]), length, thickness)
    corners = np.array(
        [
            region.centre + x * length / 2 * region.along + y * thickness / 2 * region.down
            for x, y in itertools.product((-1, 1), repeat=2)
        ]
    )

    rectangle = smallest_rectangle(corners)

    assert (rectangle.length, rectangle.thickness) == pytest.approx((length, thickness), rel=1e-6)
    assert rectangle.along == pytest.approx(region.along, abs=1e-6)
    assert rectangle.centre == pytest.approx(region.centre, abs=1e-6)


def test_pixels_that_touch_by_a_corner_are_one_shape() -> None:
    mask = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [1, 0, 0, 1, 1]], dtype=bool)

    shapes = sorted(sorted(map(tuple, np.unique(points, axis=0).tolist())) for points in connected_pixels(mask))

    assert shapes == [[(0, 0), (1, 0), (2, 1)], [(0, 3)], [(3, 3), (4, 3)]]
