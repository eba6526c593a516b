"""A picture and everything read on it so far.

Hides which engine reads and that looking closer costs more: a look is taken when first asked for, and kept.
Never judges: see verifier.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Final, Literal

from PIL import Image

from shared import memory
from shared.models import Box
from shared.pictures import open_picture
from shared.typography import tesseract
from shared.typography.detection import VIEWS, View, detect, pixel_size
from shared.typography.folding import Case, spellings
from shared.typography.geometry import Region
from shared.typography.recognition import Line, crop, recogniser
from shared.typography.words import Reading, Word, reading_order

Engine = Literal["ppocr", "tesseract"]

# In line heights and degrees; about what two runs of the detector differ by.
_RECUTS: Final[tuple[dict[str, float], ...]] = ({"wider": 0.08}, {"longer": 0.15}, {"tilted_deg": 2.0})
_TALL: Final = 1.5
_DOUBTFUL: Final = 0.9
_CLEARER: Final = 0.05  # by how much the other way up must be, to be believed
_MAX_LINE_HEIGHTS: Final = 600  # about 1,200 letters a view, 2 s of one core
_FINER: Final = 1.1
_KEPT_PAGES: Final = 2
MAX_SIDE_PX: Final = 2048
"""The finest detector view is no larger, so more pixels would only cost memory."""


class Page:
    """One decoded picture under one engine."""

    def __init__(self, picture: Image.Image, engine: Engine) -> None:
        self.picture = picture
        self.engine = engine
        self._looks: dict[int, list[Word]] = {}
        self._second_looks: dict[Word, list[Line]] = {}

    @property
    def name(self) -> str:
        """What stands in the record as the engine."""
        return "pp-ocrv6-small" if self.engine == "ppocr" else "tesseract"

    @property
    def looks(self) -> range:
        """The ways to look at it, in order: coarse, finer, finest; last, from afar."""
        return range(len(VIEWS) if self.engine == "ppocr" else 1)

    @property
    def taken(self) -> list[int]:
        """The looks taken so far."""
        return list(self._looks)

    def words(self, look: int) -> list[Word]:
        """All words seen at that look; it is read once, when first asked for."""
        if look not in self._looks:
            self._looks[look] = self._read(look)
        return self._looks[look]

    def only_magnifies(self, look: int) -> bool:
        """That look is the closest so far, and yet shows hardly a pixel that an earlier one did not."""
        *before, now = (pixel_size(self.picture.size, view)[0] / self.picture.width for view in VIEWS[: look + 1])
        return now > max(before, default=now) and min(1.0, now) < _FINER * max(before)

    def seen(self) -> list[Word]:
        """Every word of the looks taken so far, the same lettering perhaps more than once."""
        return [word for words in self._looks.values() for word in words]

    def second_looks(self, word: Word) -> Sequence[Reading]:
        """The region of `word` read again, cut a little differently each time: chance errors do not repeat."""
        if self.engine != "ppocr":
            return ()
        if word not in self._second_looks:
            recuts = [word.region.recut(**change) for change in _RECUTS]
            self._second_looks[word] = recogniser().read([crop(self.picture, region) for region in recuts])
        return self._second_looks[word]

    def clearest(self) -> list[Word]:
        """The words of the look, among those taken so far, that made out the most lettering."""
        return max(self._looks.values() or [self.words(0)], key=_legible)

    def text(self) -> str:
        """All that was read, a line a line of the picture."""
        lines = reading_order([word for word in self.clearest() if word.reading.text.strip()])
        return "\n".join(" ".join(word.reading.text.strip() for word in line) for line in lines)

    def can_read(self, text: str, case: Case) -> bool:
        """False for letters that the engine was never taught: a script it does not know, an emoji."""
        return self.engine != "ppocr" or recogniser().knows(spellings(text, case)[0].text, case)

    def box(self, region: Region) -> Box:
        """The upright rectangle around `region` in fractions of the picture."""
        left, top, right, bottom = region.bounds
        x0, x1 = (min(1.0, max(0.0, value / self.picture.width)) for value in (left, right))
        y0, y1 = (min(1.0, max(0.0, value / self.picture.height)) for value in (top, bottom))
        return round(x0, 4), round(y0, 4), round(x1 - x0, 4), round(y1 - y0, 4)

    def _read(self, look: int) -> list[Word]:
        if self.engine == "tesseract":
            return tesseract.read(self.picture)
        if look > 0:  # closer looks are the dear ones; the first decides most pictures and shall not pay
            memory.return_freed()
        return _read_view(self.picture, VIEWS[look])


def page(image: bytes, engine: Engine) -> Page:
    """The page of these bytes; asking again about the same picture does not read it again."""
    return _page(image, engine)


@functools.lru_cache(maxsize=_KEPT_PAGES)
def _page(image: bytes, engine: Engine) -> Page:
    return Page(open_picture(image, max_side_px=MAX_SIDE_PX).rgb, engine)


def _read_view(picture: Image.Image, view: View) -> list[Word]:
    regions = _affordable([_level(region) for region in detect(picture, view)])
    lines = recogniser().read([crop(picture, region) for region in regions])
    return _read_other_way_up(picture, [Word(*read) for read in zip(regions, lines, strict=True)])


def _affordable(regions: Sequence[Region]) -> list[Region]:
    """The largest that fit the budget, `regions` being sorted: a page of print is no poster and must not hang us."""
    heights = itertools.accumulate(region.length / max(region.thickness, 1.0) for region in regions)
    return [region for region, so_far in zip(regions, heights, strict=True) if so_far <= _MAX_LINE_HEIGHTS]


def _level(region: Region) -> Region:
    """Tall regions are lines turned a quarter: first guess, they read downwards."""
    return region.turned(1) if region.thickness >= _TALL * region.length else region


def _read_other_way_up(picture: Image.Image, words: Sequence[Word]) -> list[Word]:
    """Turn upside down what cannot be read, and keep the clearer reading: upward lines, posters on their head."""
    doubtful = [index for index, word in enumerate(words) if word.reading.confidence < _DOUBTFUL]
    turned = [words[index].region.turned(2) for index in doubtful]
    lines: list[Line] = recogniser().read([crop(picture, region) for region in turned])
    better = dict(zip(doubtful, map(Word, turned, lines), strict=True))
    return [
        better[index]
        if index in better and better[index].reading.confidence > word.reading.confidence + _CLEARER
        else word
        for index, word in enumerate(words)
    ]


def _legible(words: Sequence[Word]) -> float:
    return sum(len(word.reading.text) * word.reading.confidence for word in words)
