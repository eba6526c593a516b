"""A prompt without its lettering: what to paint where words are to be taken away.

Hides how quoted words and mentions of a headline are recognised. English phrases only; what it does not know it
leaves in, and the negative prompt has to do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_QUOTES: Final = (
    r'"[^"]*"',
    r"“[^”]*”",
    r"„[^“”]*[“”]",
    r"«[^»]*»",
    r"(?<!\w)'[^']+'(?!\w)",  # not the apostrophes of "don't look at the dog's bone"
    "(?<!\\w)\u2018[^\u2019]+\u2019(?!\\w)",
)
_QUOTED: Final = re.compile("|".join(_QUOTES))
_GONE: Final = "\0"
_SAYS: Final = re.compile(rf"(?:\b(?:that|which)\s+)?\b(?:says?|saying|reads?|reading)\s*(?={_GONE})", re.IGNORECASE)
_LETTERING: Final = re.compile(
    r"(?:\b(?:with|and|bearing|showing|featuring)\s+)?(?:\b(?:a|an|the)\s+)?"
    r"(?:\b(?:bold|big|large|clear|elegant|neon|white|black|red|golden)\s+)*"
    r"\b(?:headline|title|text|lettering|typography|caption|slogan|words?|letters?|wording|inscription)\b"
    r"(?:\s+(?:that|which))?(?:\s+(?:says?|saying|reads?|reading))?",
    re.IGNORECASE,
)
_CLAUSE_END: Final = re.compile(r"[,;\n]|[.!?](?=\s|$)")


def without_words(prompt: str, content: Sequence[str]) -> str:
    """The prompt with nothing in it that asks for lettering; "plain background" when nothing else is left.

    Of unquoted words only `content` as it is to be shown goes: with "SALE" asked for, "a summer sale" stays.
    """
    bare = _QUOTED.sub(_GONE, prompt)
    for text in sorted(content, key=len, reverse=True):
        bare = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", _GONE, bare)
    bare = _LETTERING.sub("", _SAYS.sub("", bare)).replace(_GONE, "")
    clauses = (" ".join(clause.split()).strip(" :-") for clause in _CLAUSE_END.split(bare))
    return ", ".join(clause for clause in clauses if re.search(r"\w", clause)) or "plain background"
