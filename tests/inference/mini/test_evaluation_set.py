"""The set mini is measured on."""

from __future__ import annotations

import hashlib
from pathlib import Path

from infra.inference.container.lettering.faces import FACES as SERVED
from infra.inference.container.lettering.faces import FONTS
from infra.inference.mini.corpus import headlines
from tests.bench.mini import COUNT, WORDS, cases


def test_the_set_is_frozen() -> None:
    told = "\n".join(f"{case.prompt}|{case.words}|{case.box}|{case.seed}" for case in cases())

    assert len(told.splitlines()) == COUNT == 500
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == "c397fcae41dda234"


def test_its_words_and_its_fonts_are_not_those_trained_on() -> None:
    words = (Path(headlines.__file__).parent / "words.txt").read_text().split()
    served = {(FONTS / file).read_bytes() for file in SERVED.values()}

    assert not set(WORDS) & set(words)
    assert not served & {path.read_bytes() for path in headlines.FONTS.glob("*.ttf")}
