"""What mini reads in a prompt."""

from __future__ import annotations

import pytest

from infra.inference.container.mini.brief import read
from infra.inference.container.mini.vocabulary import MOODS, SLOTS, known
from infra.inference.mini.corpus.posters import invent


@pytest.mark.parametrize("number", range(40))
def test_a_posters_caption_is_read_back_as_what_it_shows(number: int) -> None:
    poster = invent(f"caption/{number}")
    shown = {slot: poster.choices[slot] for slot in poster.visible}
    if shown["subject"] == "nothing":
        del shown["subject"]

    assert read(poster.caption()).choices == shown


def test_a_colour_belongs_to_the_word_it_stands_before() -> None:
    brief = read("purple mountains under an orange sky, a yellow sun on the right, white letters")

    assert brief.choices == {
        "ground": "mountains",
        "first": "orange",
        "second": "purple",
        "subject": "sun",
        "subject_colour": "yellow",
        "place": "right",
        "ink": "white",
    }


def test_other_words_and_near_spellings_mean_the_nearest_known_word() -> None:
    brief = read("a crimson and yelow checkered wall with a sneaker")

    assert brief.choices == {"ground": "checks", "first": "red", "second": "yellow", "subject": "shoe"}
    assert brief.understood == ("crimson", "yelow", "checkered", "sneaker")


def test_words_nobody_taught_are_left_out_and_leave_the_choice_open() -> None:
    brief = read("an ontological lighthouse across the quay")

    assert brief.understood == ()
    assert brief.choices == {}


def test_quoted_words_are_lettering_and_change_nothing() -> None:
    assert read('plain red background "BLUE STARS"') == read("plain red background")


def test_a_mood_fills_only_what_the_prompt_leaves_open() -> None:
    assert read("autumn").choices["subject"] == "leaf"
    assert read("autumn, a red apple").choices["subject"] == "apple"


def test_every_word_of_the_vocabulary_means_a_word_the_networks_have() -> None:
    words = {word for options in SLOTS.values() for word in options}

    assert {word for _, word in known().values()} <= words
    assert all(choice in SLOTS[slot] for suggested in MOODS.values() for slot, choice in suggested.items())
