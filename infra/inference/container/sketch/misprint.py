"""Misspelled letters: the simulated failure that verification and repair exist for.

This is a simulation, and its rates are the article's: 18 % of renders came out with wrong text, 4 % with a
mask and the typography sampler; more guidance made it worse. Here that becomes

    plain                                   18 % at guidance 7.5
    masked: typography sampler, first image  4 % at guidance 7.5
    strict: masked, strength below 0.3       2 % at guidance 7.5
    typeset: words set, never repainted      0 % at any guidance
    a point of guidance above 7.5           +3 points plain, +1 masked, +0.5 strict, at most 60, 20 and 10 %
    a point of guidance below 7.5           -1 point plain, down to 12 %; the masked rates stay

(the slopes and the strict rate are ours: the article gives none). Whether a render fails is decided by
comparing that rate with a number drawn from sha256 of seed, prompt, text, model and mode alone, so it is
reproducible, and a lower guidance never spoils a render that was right.

Hides the draw and the kinds of error. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from .dice import Dice
from .flaws import Flaw

Mode = Literal["plain", "masked", "strict", "typeset"]
USUAL_GUIDANCE: Final = 7.5
STRICT_BELOW: Final = 0.3
"""Strength below which a masked pass hardly touches the letters set for it."""
_LOOK_ALIKE: Final = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%€£&",
        (
            "H",
            "R",
            "G",
            "O",
            "F",
            "P",
            "C",
            "N",
            "T",
            "U",
            "X",
            "E",
            "N",
            "M",
            "Q",
            "F",
            "G",
            "K",
            "Z",
            "I",
            "V",
            "Y",
            "M",
            "K",
            "V",
            "S",
            "8",
            "7",
            "Z",
            "8",
            "A",
            "6",
            "5",
            "1",
            "3",
            "4",
            "X",
            "E",
            "E",
            "8",
        ),
        strict=True,
    )
)
_CASELESS: Final = {char.lower(): other.lower() for char, other in _LOOK_ALIKE.items() if char.isalpha()}


@dataclass(frozen=True)
class Spelling:
    """The words as they will be drawn. `flaws` is empty when nothing went wrong."""

    content: tuple[str, ...]
    flaws: tuple[Flaw, ...]
    probability: float

    @property
    def wrong(self) -> bool:
        return bool(self.flaws)


def error_probability(mode: Mode, guidance: float) -> float:
    """Share of renders whose words come out wrong, 0..1; see the module for the source."""
    excess = guidance - USUAL_GUIDANCE
    if mode == "typeset":
        return 0.0
    if mode == "strict":
        return min(0.10, 0.02 + 0.005 * max(0.0, excess))
    if mode == "masked":
        return min(0.20, 0.04 + 0.01 * max(0.0, excess))
    return min(0.60, 0.18 + 0.03 * excess) if excess > 0 else max(0.12, 0.18 + 0.01 * excess)


def misprint(content: tuple[str, ...], *, seed: int, prompt: str, model: str, mode: Mode, guidance: float) -> Spelling:
    """The words as this render will show them: usually unchanged."""
    dice = Dice("misprint", seed, prompt, "\x1e".join(content), model, mode)
    probability = error_probability(mode, guidance)
    if dice.unit("fate") >= probability:
        return Spelling(content, (), probability)
    block = dice.whole("block", 0, len(content) - 1)
    wrong, index = _spoil(content[block], dice)
    spelled = (*content[:block], wrong, *content[block + 1 :])
    return Spelling(spelled, (Flaw(block, index, dice.pick("shape", ("melted", "torn", "mirrored"))),), probability)


def _spoil(text: str, dice: Dice) -> tuple[str, int]:
    """The text with one error, and where; never a text in which the right one can still be read."""
    places = [index for index, char in enumerate(text) if not char.isspace()]
    first = dice.whole("place", 0, len(places) - 1)
    kinds = ("swap", "drop", "double", "replace")
    turn = dice.whole("kind", 0, len(kinds) - 1)
    for kind in (*kinds[turn:], *kinds[:turn]):
        for index in (*places[first:], *places[:first]):
            for wrong in _variants(text, index, kind):
                if _reads_differently(wrong, text):
                    return wrong, min(index, len(wrong) - 1)
    # A single sign without a look-alike: a sign that is none of it.
    index = places[first]
    return text[:index] + ("X" if text[index] not in "Xx" else "K") + text[index + 1 :], index


def _variants(text: str, index: int, kind: str) -> Iterator[str]:
    if kind == "swap" and index + 1 < len(text):
        yield text[:index] + text[index + 1] + text[index] + text[index + 2 :]
    elif kind == "drop":
        yield text[:index] + text[index + 1 :]
    elif kind == "double":
        yield text[: index + 1] + text[index:]
    elif kind == "replace":
        char = text[index]
        other = _LOOK_ALIKE.get(char) or _CASELESS.get(char)
        if other:
            yield text[:index] + other + text[index + 1 :]


def _reads_differently(wrong: str, right: str) -> bool:
    squeezed_wrong, squeezed_right = ("".join(text.split()).casefold() for text in (wrong, right))
    return bool(squeezed_wrong) and squeezed_right not in squeezed_wrong
