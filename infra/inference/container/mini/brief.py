"""What a prompt asks the model for: words turned into the few choices the networks are conditioned on.

Hides which colour goes with which part of the picture. An open prompt becomes the nearest known words, and the brief
says which of the prompt's words those were. Knows no pixels, and never guesses a word it did not read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .vocabulary import BEHIND, INK, MOODS, SCENES, known

_CLOSE: Final = 0.84
"""Likeness (difflib) from which a word counts as a misspelling or another form of a known one."""
_SHORT: Final = 4
"""Letters up to which a word must match exactly."""
_KNOWN: Final = known()


@dataclass(frozen=True)
class Brief:
    """The choices read from a prompt, by slot (vocabulary.SLOTS), and the prompt's words behind them, folded."""

    choices: Mapping[str, str] = field(default_factory=dict)
    understood: tuple[str, ...] = ()


def read(prompt: str) -> Brief:
    """The brief of a prompt. What stands in quotes is lettering, not a wish, and is not read.

    A colour belongs to the word it stands before: "orange sky", "red star", "white letters".
    """
    reading = _Reading()
    understood = [written for written, kind, word in _words(prompt) if reading.take(kind, word)]
    reading.close()
    return Brief(reading.choices, tuple(dict.fromkeys(understood)))


class _Reading:
    """The choices so far, and the colours still waiting for the word they belong to."""

    def __init__(self) -> None:
        self.choices: dict[str, str] = {}
        self._suggested: dict[str, str] = {}
        self._colours: list[str] = []

    def take(self, kind: str, word: str) -> bool:
        """False for a word that changes nothing."""
        match kind:
            case "colour":
                self._colours.append(word)
            case "ink":
                return self._coloured("ink")
            case "behind":
                return self._coloured("first")
            case "mood":
                for slot, choice in MOODS[word].items():
                    self._suggested.setdefault(slot, choice)
            case "ground":
                return self._ground(word)
            case "subject":
                return self._subject(word)
            case _:
                self.choices.setdefault(kind, word)
        return True

    def close(self) -> None:
        """Colours left over are the ground's; what only a mood suggested fills the gaps."""
        self._coloured("first", "second")
        for slot, choice in self._suggested.items():
            self.choices.setdefault(slot, choice)
        if self.choices.get("second") == self.choices.get("first"):
            self.choices.pop("second", None)

    def _ground(self, word: str) -> bool:
        """Land is of the colour before it, a pattern of the two before it. A place outdoes a pattern."""
        if word in SCENES:
            if self.choices.get("ground") in SCENES:
                return False
            self._coloured("second")
        elif "ground" in self.choices:
            return False
        else:
            self._coloured("first", "second")
        self.choices["ground"] = word
        return True

    def _subject(self, word: str) -> bool:
        if "subject" in self.choices:
            return False
        self.choices["subject"] = word
        self._coloured("subject_colour")
        return True

    def _coloured(self, *slots: str) -> bool:
        """Hand the waiting colours out: the last ones to these slots, any before them to the ground."""
        mine, others = self._colours[-len(slots) :], self._colours[: -len(slots)]
        for slot, colour in zip(slots, mine, strict=False):
            self.choices.setdefault(slot, colour)
        for colour in others:
            self.choices.setdefault("second" if "first" in self.choices else "first", colour)
        self._colours.clear()
        return bool(mine)


def _words(prompt: str) -> Iterator[tuple[str, str, str]]:
    """The words that are understood, in order: as written (folded), kind, known word."""
    bare = re.sub(r"\"[^\"]*\"|“[^”]*”", " ", prompt)
    for written in re.findall(r"[a-z]+(?:-[a-z]+)*", bare.casefold()):
        for word in [written] if written in _KNOWN else written.split("-"):
            if word in INK or word in BEHIND:
                yield word, "ink" if word in INK else "behind", word
            elif word in MOODS:
                yield word, "mood", word
            elif found := _nearest(word):
                yield word, *_KNOWN[found]


def _nearest(word: str) -> str | None:
    if word in _KNOWN:
        return word
    if len(word) <= _SHORT:
        return None
    # People rarely miss the first letter, and "across" is no cross.
    alike = [other for other in _KNOWN if other[0] == word[0]]
    close = difflib.get_close_matches(word, alike, n=1, cutoff=_CLOSE)
    return close[0] if close else None
