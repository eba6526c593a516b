"""mini-fast and mini behind the model port.

Hides how a request becomes sittings of the painter, and the way up to the size asked for. A masked request paints in
the surroundings it is shown and leaves every pixel outside the mask as it was, exactly.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
import PIL
from PIL import Image
from pydantic import JsonValue

from ..lettering.faces import TextDoesNotFit
from ..lettering.typeset import Layout, lay_out, typeset
from ..masks import Floats, PixelBox, Pixels, paste, pixel_box, solid, within
from ..pictures import Given, given
from ..port import Picture
from ..protocol import InvalidRequest, InvocationRequest
from . import arrangement, networks, sizes
from .brief import Brief, read
from .glyphs import covered, glance, shown
from .networks import Networks
from .sampling import Sitting, paint
from .settling import settled
from .vocabulary import codes

HEADLINE_BOX: Final = (0.08, 0.06, 0.84, 0.26)
"""Where words go that nobody placed, in fractions of the picture."""
STRENGTH: Final = 0.6
MASKED_STRENGTH: Final = 0.3
"""A masked pass begins with noise whatever its strength, which says what share of the steps it takes: surroundings it
is shown leave it little choice."""
_QUOTED: Final = re.compile(r"[\"“]([^\"”]+)[\"”]")
_COMPRESSION: Final = 4

Loader = Callable[[str, Path], Networks]


@dataclass(frozen=True)
class Tier:
    """Paints `times` as wide and high as sizes.painted_size's smallest, and doubles at most `doublings` times;
    `guidance` 1 needs one thought a step instead of two."""

    name: str
    network: str
    steps: int
    guidance: float
    times: int
    doublings: int


FAST: Final = Tier("mini-fast", networks.STUDENT, steps=4, guidance=1.0, times=1, doublings=2)
FINE: Final = Tier("mini", networks.PAINTER, steps=8, guidance=2.0, times=2, doublings=3)


class MiniModel:
    """One tier of mini. Built cheaply; `warm` loads it."""

    determinism: Literal["exact", "best_effort"] = "exact"
    simulated = False

    def __init__(self, tier: Tier, folder: Path = networks.WEIGHTS, load: Loader = networks.load) -> None:
        self._tier, self._folder, self._load = tier, folder, load
        self._networks: Networks | None = None

    @property
    def name(self) -> str:
        return self._tier.name

    @cached_property
    def revision(self) -> str:
        return f"mini-{networks.digest(self._tier.network, self._folder)[:16]}-pillow-{PIL.__version__}"

    def warm(self) -> None:
        if self._networks is None:
            self._networks = self._load(self._tier.network, self._folder)

    def generate(self, request: InvocationRequest) -> Picture:
        if self._networks is None:
            raise RuntimeError(f'model "{self.name}" is not warm yet')
        brief, pictures = read(request.prompt), given(request)
        try:
            layout = _layout(request, pictures.mask)
        except TextDoesNotFit as error:
            raise InvalidRequest(f"text.content: {error}", param="text.content") from error
        painting = _Painting(request, pictures, brief, layout, tier=self._tier, nets=self._networks)
        pixels = painting.masked() if pictures.mask is not None else painting.whole()
        started = time.perf_counter()
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG", compress_level=_COMPRESSION)
        return Picture(buffer.getvalue(), round((time.perf_counter() - started) * 1000), detail=painting.told())


class _Painting:
    """One request on its way to pixels."""

    def __init__(
        self,
        request: InvocationRequest,
        pictures: Given,
        brief: Brief,
        layout: Layout | None,
        *,
        tier: Tier,
        nets: Networks,
    ) -> None:
        self._request, self._pictures, self._brief, self._layout = request, pictures, brief, layout
        self._tier, self._networks = tier, nets
        self._size = (request.width, request.height)
        self._painted = sizes.painted_size(*self._size, times=tier.times)
        masked, steps = pictures.mask is not None, request.steps or tier.steps
        usual = MASKED_STRENGTH if masked else STRENGTH
        self._strength = usual if request.strength is None else request.strength
        self._steps = max(1, round(steps * self._strength)) if masked else steps
        guidance = tier.guidance if request.guidance_scale is None else max(1.0, request.guidance_scale)
        # Its surroundings guide a masked pass; pushed further it leaves their colours.
        self._guidance = 1.0 if masked else guidance
        # A picture that is shown tells what else would be the seed's to settle.
        free = pictures.init is None
        self._choices = settled(brief.choices, request.seed) if free else dict(brief.choices)
        self._letters = covered(layout.lines, *self._size) if layout else Image.new("L", self._size)
        self._ink = _shares(self._letters.getbbox(), *self._size)

    def whole(self) -> Pixels:
        """Painted from noise, or from the picture it starts with."""
        init, start = self._pictures.init, None
        if init is not None:
            start = sizes.numbers(init, self._painted)
        across = None if self._request.sampler == "typography" else glance(self._request.seed)
        sitting = self._sitting(across, start=start)
        return self._enlarged(paint(sitting, self._networks.denoise), across)

    def masked(self) -> Pixels:
        """The mask painted anew in its surroundings; typeset words are laid on a ground painted without them."""
        init, mask = self._pictures.init, self._pictures.mask
        if init is None or mask is None:
            raise ValueError("a masked pass needs a picture and a mask")
        typesetting = self._request.sampler == "typeset"
        if typesetting:
            self._letters = Image.new("L", self._size)
        across = glance(self._request.seed) if self._request.sampler == "default" else None
        kept, cover = sizes.numbers(init, self._painted), sizes.covering(mask, self._painted)
        sitting = self._sitting(across, kept=kept, mask=cover)
        small = paint(sitting, self._networks.denoise)
        painted = paste(init, self._enlarged(small, across, part=sizes.around(cover)), mask)
        if typesetting and self._layout:
            return typeset(painted, self._layout, within=mask).pixels
        return painted

    def told(self) -> dict[str, JsonValue]:
        """How the picture came about."""
        told: dict[str, JsonValue] = {
            "understood": list(self._brief.understood),
            "choices": {**self._choices},
            "painted": list(self._painted),
            "steps": self._steps,
            "guidance_scale": self._guidance,
        }
        if self._layout:
            told["lettering"] = {"face": self._layout.face, "lines": [line.text for line in self._layout.lines]}
        return told

    def _sitting(
        self, across: int | None, *, kept: Floats | None = None, mask: Floats | None = None, start: Floats | None = None
    ) -> Sitting:
        return Sitting(
            codes=codes(self._choices),
            frames=arrangement.frames(self._choices, self._painted, self._ink),
            seed=self._request.seed,
            glyph=shown(self._letters, self._painted, across=across),
            steps=self._steps,
            guidance=self._guidance,
            against=codes(read(self._request.negative_prompt).choices),
            kept=kept,
            mask=mask,
            start=start,
            strength=max(0.05, self._strength) if start is not None else 1.0,
        )

    def _enlarged(self, picture: Floats, across: int | None, *, part: PixelBox | None = None) -> Pixels:
        """At the size asked for; all but `part` (painted pixels) is left black, where only that is wanted."""
        times = sizes.doublings(self._painted, *self._size, most=self._tier.doublings)
        left, top, right, bottom = part or (0, 0, *self._painted)
        picture = picture[:, top:bottom, left:right]
        for doubling in range(1, times + 1):
            size = (self._painted[0] << doubling, self._painted[1] << doubling)
            rows, columns = (slice(a << doubling, b << doubling) for a, b in ((top, bottom), (left, right)))
            picture = self._networks.double(picture, shown(self._letters, size, across=across)[rows, columns])
        whole = np.full((3, self._painted[1] << times, self._painted[0] << times), -1, np.float32)
        whole[:, top << times : bottom << times, left << times : right << times] = picture
        return sizes.pixels_of(whole, self._size, seed=self._request.seed)


def _shares(box: PixelBox | None, width: int, height: int) -> arrangement.Box | None:
    if box is None:
        return None
    left, top, right, bottom = box
    return left / width, top / height, right / width, bottom / height


def _layout(request: InvocationRequest, mask: Floats | None) -> Layout | None:
    """The words and their places: those asked for, else what the prompt has in quotes."""
    content: Sequence[str] = request.text.content if request.text else _QUOTED.findall(request.prompt)
    if not content:
        return None
    box = request.text.box if request.text else None
    room: PixelBox = pixel_box(box or HEADLINE_BOX, request.width, request.height)
    if mask is not None:
        room = within(room, solid(mask)) if box else solid(mask)
    return lay_out(content, room, style=request.prompt)
