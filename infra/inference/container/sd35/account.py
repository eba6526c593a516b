"""What a masked request cost and how it was done, as the reply tells it.

Hides the shape of the detail and the sum of the work. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from ..lettering.typeset import Layout, Typeset
from .canvas import Canvas, start_step
from .repaint import Crop


@dataclass(frozen=True)
class Painting:
    """One pass of the model over a crop."""

    name: str
    canvas: Canvas
    crop: Crop

    @property
    def steps(self) -> int:
        """Steps really run: a strength below 1 starts late."""
        return self.canvas.steps - start_step(self.canvas)

    @property
    def work(self) -> int:
        """Steps times pixels."""
        return self.steps * self.crop.width * self.crop.height

    def told(self) -> dict[str, JsonValue]:
        return {
            "pass": self.name,
            "steps": self.steps,
            "strength": self.canvas.strength,
            "seed": self.canvas.seed,
            "crop": list(self.crop.box),
            "size": [self.crop.width, self.crop.height],
        }


@dataclass(frozen=True)
class Setting:
    """Words set in type; costs no inference."""

    layout: Layout
    words: Typeset
    work: int = 0

    def told(self) -> dict[str, JsonValue]:
        return {
            "pass": "typeset",
            "face": self.layout.face,
            "letters_px": self.layout.lines[0].size,
            "lines": [line.text for line in self.layout.lines],
            "box": list(self.layout.ink),
            "colour": "#" + bytes(self.words.choice.ink).hex(),
            "contrast": self.words.choice.contrast,
            "support": self.words.support,
        }


def account(canvas: Canvas, passes: Sequence[Painting | Setting]) -> dict[str, JsonValue]:
    """The passes in order. `inference_share`: their steps and pixels against one whole render of the canvas."""
    whole = canvas.steps * canvas.width * canvas.height
    share = sum(done.work for done in passes) / whole
    return {"masked": [done.told() for done in passes], "inference_share": round(share, 4)}
