"""What counts as the same text: case, accents, punctuation, look-alike letters, word boundaries.

Hides Unicode. Never looks at a picture. `fold` forgives case, accents and punctuation; digits, the signs between
digits, currency and % are never forgiven. `exact` forgives only spacing and the shape of quotes and dashes.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from rapidfuzz.distance import Levenshtein

from shared.models import TextDifference

Case = Literal["fold", "exact"]

# Escapes, because half of these look like one another in any editor.
_APOSTROPHES: Final = frozenset("'\u2019\u2018\u02bc\u0060\u00b4\u2032")
_IN_NUMBERS: Final = {".": ".", ",": ".", "\u066b": ".", ":": ":", "/": "/", "\u2044": "/"}
SEPARATORS: Final = frozenset(_IN_NUMBERS.values())
_KEPT_SIGNS: Final = frozenset("%‰&")
_STROKED: Final = str.maketrans("øłđðħŧıȷ", "olddhtij")  # letters whose stroke is no combining mark
# Letters drawn alike in Latin, Greek and Cyrillic (Unicode TR 39, confusables): a picture cannot tell them apart.
_GREEK: Final = "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf"
_CYRILLIC: Final = (
    "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425"
    "\u0430\u0435\u0455\u0456\u0458\u043e\u0440\u0441\u0443\u0445"
)
_LOOKALIKES: Final = str.maketrans(_GREEK + _CYRILLIC, "ABEZHIKMNOPTYXo" + "ABESIJKMHOPCTYX" + "aesijopcyx")
_LONG_FORMS: Final = {"ß": "ss", "æ": "ae", "œ": "oe"}
_QUOTES: Final = "\u201c\u201d\u201e\u00ab\u00bb"
_DASHES: Final = "\u2013\u2014\u2010\u2011\u2212"
_SHAPES: Final = str.maketrans(
    dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_QUOTES, '"') | dict.fromkeys(_DASHES, "-")
)
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_OPERATIONS: Final[dict[str, Literal["substitute", "missing", "extra"]]] = {
    "replace": "substitute",
    "delete": "missing",
    "insert": "extra",
}


@dataclass(frozen=True, slots=True)
class Folded:
    """A text ready to compare: its characters, where each came from, and where words may begin or end."""

    text: str
    origin: tuple[int, ...]
    """Index in the original text of each folded character."""
    cuts: tuple[int, ...]
    """Positions in `text` at which a word may begin or end, 0 and len(text) included."""

    @property
    def words(self) -> list[str]:
        return [self.text[start:end] for start, end in zip(self.cuts, self.cuts[1:], strict=False) if end > start]

    def source(self, original: str, start: int, end: int) -> str:
        """The part of `original` that became `text[start:end]`, with the punctuation that closes it."""
        if start >= end:
            return ""
        last = self.origin[end - 1] + 1
        while last < len(original) and not original[last].isspace() and not original[last].isalnum():
            last += 1
        return original[self.origin[start] : last]


@functools.lru_cache(maxsize=4096)
def fold(text: str, case: Case) -> Folded:
    """`text` as it is compared under the rule of `case`."""
    characters: list[str] = []
    origin: list[int] = []
    cuts = {0}
    for index, char in enumerate(text):
        numeric = _in_number(text, index)
        kept = numeric if numeric and case == "fold" else key_of(char, case)
        boundary = _is_boundary(char) and not numeric
        if boundary or _starts_word(text, index):
            cuts.add(len(characters))
        characters += kept
        origin += [index] * len(kept)
        if boundary:
            cuts.add(len(characters))
    cuts.add(len(characters))
    return Folded("".join(characters), tuple(origin), tuple(sorted(cuts)))


@functools.lru_cache(maxsize=65_536)
def key_of(char: str, case: Case) -> str:
    """What one character counts as; empty for what is passed over. A separator counts only inside a number."""
    if case == "exact":
        return "".join(unicodedata.normalize("NFKC", char.translate(_SHAPES)).split())
    if char in _LONG_FORMS or char == "ẞ" or char.lower() in _LONG_FORMS:
        return "ß" if char == "ẞ" else char.lower()
    if _is_passed_over(char):
        return ""
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    return "".join(plain.translate(_LOOKALIKES).casefold().translate(_STROKED).split())


def separator_of(char: str) -> str:
    """The separator `char` is when it stands between two digits, else empty."""
    return _IN_NUMBERS.get(char, "")


def spellings(expected: str, case: Case) -> list[Folded]:
    """The foldings that all count as `expected`: it may be set in capitals, and ß is also written ss."""
    expected = unicodedata.normalize("NFC", expected)
    if case == "exact" or not fold(expected, "fold").text:  # only punctuation: then punctuation is what was asked
        return [fold(expected, "exact")]
    found: dict[str, Folded] = {}
    for text in (expected, expected.upper(), expected.lower()):
        for variant in (text, _long(text), re.sub("ss", "ß", text, flags=re.IGNORECASE), *_ampersands(text)):
            folded = fold(variant, "fold")
            if folded.text:
                found.setdefault(folded.text, folded)
    return list(found.values())


def character_error_rate(expected: str, recognized: str, *, case: Case = "fold") -> float:
    """Edit distance divided by the length of `expected`, both folded; 0.0 is equal, above 1.0 is possible.

    Raises ValueError when `expected` is empty: there is nothing to verify.
    Distance: Levenshtein, Soviet Physics Doklady 10(8), 1966.
    """
    if not expected.strip():
        raise ValueError("expected text is empty: there is nothing to verify")
    read = fold(recognized, case).text
    if not read:
        return 1.0
    return min(Levenshtein.distance(one.text, read) / len(one.text) for one in spellings(expected, case))


def differences(expected: str, recognized: str, *, case: Case = "fold") -> tuple[TextDifference, ...]:
    """The edits from `expected` to `recognized`, positions counted in `expected`."""
    wanted, read = fold(expected, case), fold(recognized, case)
    found = []
    for step in Levenshtein.opcodes(wanted.text, read.text):
        if step.tag == "equal":
            continue
        found.append(
            TextDifference(
                op=_OPERATIONS[step.tag],
                position=wanted.origin[step.src_start] if step.src_start < len(wanted.origin) else len(expected),
                expected=_span(expected, wanted, step.src_start, step.src_end),
                recognized=_span(recognized, read, step.dest_start, step.dest_end),
            )
        )
    return tuple(found)


def _span(original: str, folded: Folded, start: int, end: int) -> str:
    return original[folded.origin[start] : folded.origin[end - 1] + 1] if end > start else ""


def _in_number(text: str, index: int) -> str:
    """The separator at `index` when digits stand on both sides of it (9.99, 10:30, 24/7)."""
    sign = separator_of(text[index])
    inside = 0 < index < len(text) - 1 and text[index - 1].isdigit() and text[index + 1].isdigit()
    return sign if sign and inside else ""


def _is_boundary(char: str) -> bool:
    return char not in _APOSTROPHES and (_is_passed_over(char) or _UNSPACED.match(char) is not None)


def _is_passed_over(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Sc" or not _KEPT_SIGNS.isdisjoint(unicodedata.normalize("NFKC", char)):
        return False
    return category[0] in "PZSC"


def _starts_word(text: str, index: int) -> bool:
    """Readers lose spaces between words set close together: "HappyBirthday" still reads as two."""
    return index > 0 and text[index].isupper() and text[index - 1].islower()


def _ampersands(text: str) -> list[str]:
    """Lettered by hand an & is a kind of E, in print a kind of 8; standing small between lines it is not seen."""
    return [text.replace("&", sign) for sign in (" ", "E", "8")] if "&" in text else []


def _long(text: str) -> str:
    for letter, spelled in _LONG_FORMS.items():
        text = text.replace(letter, spelled).replace(letter.upper(), spelled)
    return text.replace("ẞ", "ss")
