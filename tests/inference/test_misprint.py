"""The simulated spelling errors: the article's rates, reproducible, and always truly wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.inference.container.sketch.misprint import Mode, error_probability, misprint

SEEDS = range(4000)


def rate(mode: Mode, guidance: float) -> float:
    wrong = [
        misprint(("SALE",), seed=seed, prompt="p", model="m", mode=mode, guidance=guidance).wrong for seed in SEEDS
    ]
    return sum(wrong) / len(SEEDS)


@pytest.mark.parametrize(
    ("mode", "guidance", "expected"),
    [("plain", 7.5, 0.18), ("masked", 7.5, 0.04), ("plain", 12.5, 0.33), ("masked", 4.0, 0.04), ("strict", 7.5, 0.02)],
)
def test_error_rates_are_the_documented_ones(mode: Mode, guidance: float, expected: float) -> None:
    assert error_probability(mode, guidance) == pytest.approx(expected)
    assert rate(mode, guidance) == pytest.approx(expected, abs=0.02)


def test_lower_guidance_never_spoils_a_render_that_was_right() -> None:
    for seed in range(300):
        outcomes = [
            misprint(("SALE",), seed=seed, prompt="p", model="m", mode="plain", guidance=guidance).wrong
            for guidance in (30.0, 15.0, 9.0, 7.5, 4.0, 0.0)
        ]
        assert outcomes == sorted(outcomes, reverse=True)


def test_the_masked_pass_draws_its_own_lot() -> None:
    """A seed that fails plainly is not doomed to fail the repair."""
    failed = [s for s in SEEDS if misprint(("SALE",), seed=s, prompt="p", model="m", mode="plain", guidance=7.5).wrong]
    again = [s for s in failed if misprint(("SALE",), seed=s, prompt="p", model="m", mode="masked", guidance=7.5).wrong]

    assert len(again) < 0.1 * len(failed)


@given(st.integers(0, 2**32 - 1), st.floats(0, 30))
def test_typeset_words_are_never_misprinted(seed: int, guidance: float) -> None:
    assert not misprint(("SALE",), seed=seed, prompt="p", model="m", mode="typeset", guidance=guidance).wrong


@given(st.text("ASLE5%€oüx l", min_size=1, max_size=12).filter(str.strip), st.integers(0, 2**32 - 1))
def test_a_misprint_never_contains_the_right_words(text: str, seed: int) -> None:
    spelled = misprint((text,), seed=seed, prompt="p", model="m", mode="plain", guidance=30.0)

    squeezed = ["".join(value.split()).casefold() for value in (text, spelled.content[0])]
    assert (squeezed[0] in squeezed[1]) is not spelled.wrong
