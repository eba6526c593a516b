"""How often words set by the container are read right by our verifier, on plain, busy and painted grounds.

    python -m tests.bench.lettering [--rounds N] [--sheet FILE.png]

A round sets one text on each of fourteen grounds at two sizes, in boxes of four shapes. Nothing is repainted by a
model: this is the typesetter alone, the last step of a repair before a person is asked.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from infra.inference.container.lettering.typeset import lay_out, typeset
from infra.inference.container.masks import Box, Pixels, pixel_box
from infra.inference.container.sketch.paint import Sketch, paint
from shared.typography import verify

TEXTS: Final = (
    ("SALE",), ("Summer Sale",), ("50% OFF",), ("Grand Opening Today",), ("Café Noël",), ("$9.99",),
    ("20% off all shoes",), ("NEW",), ("Black Friday",), ("Live\nMusic",), ("BIG SALE", "this weekend only"),
    ("Spring Menu 2026",), ("Fly to Rome",), ("FREE SHIPPING",), ("Hello, World!",), ("Grüße aus Köln",),
    ("Save £25 now",), ("Buy 1 get 1",), ("Jazz Night", "8 pm"), ("Fresh bread daily",),
)  # fmt: skip
BOXES: Final[tuple[Box, ...]] = (
    (0.1, 0.1, 0.8, 0.25), (0.25, 0.35, 0.5, 0.2), (0.05, 0.6, 0.6, 0.3), (0.3, 0.1, 0.4, 0.4),
)  # fmt: skip
SCENES: Final = ("city at night, neon", "snowy mountains", "retro geometric poster", "a cup of coffee", "coast")
SIZES: Final = ((512, 512), (768, 432))
SHEET_PX: Final = 256


def grounds(width: int, height: int) -> Iterator[tuple[str, Pixels]]:
    y, x = np.mgrid[:height, :width]
    dice = np.random.default_rng(5)
    for name, colour in (("black", 0), ("white", 255), ("grey", 119)):
        yield name, np.full((height, width, 3), colour, np.uint8)
    yield "red", np.full((height, width, 3), (200, 30, 40), np.uint8)
    slope = x * 255 // width
    yield "gradient", np.stack([slope, y * 255 // height, 255 - slope], axis=2).astype(np.uint8)
    yield "noise", dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coarse = Image.fromarray(dice.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8))
    yield "blobs", np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    yield "stripes", _two((x + y) // 14 % 2, (250, 240, 60), (20, 30, 120))
    yield "checks", _two((x // 20 + y // 20) % 2, (255, 255, 255), (0, 0, 0))
    for seed, scene in enumerate(SCENES):
        yield scene, paint(Sketch("sketch-fine", scene, seed, width, height)).pixels


def _two(where: np.ndarray, one: tuple[int, ...], other: tuple[int, ...]) -> Pixels:
    return np.where(where[..., None] > 0, np.array(one), np.array(other)).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="How often set words are read right.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sheet", type=Path, help="where to put a contact sheet of what was set")
    options = parser.parse_args()
    texts, boxes = itertools.cycle(TEXTS), itertools.cycle(itertools.chain.from_iterable((box,) * 3 for box in BOXES))
    supports: Counter[str] = Counter()
    shown: list[Image.Image] = []
    wrong, spent = [], 0.0
    for size, _ in itertools.product(SIZES, range(options.rounds)):
        for name, ground in grounds(*size):
            text, box = next(texts), next(boxes)
            started = time.perf_counter()
            words = typeset(ground, lay_out(text, pixel_box(box, *size), style=name))
            spent += time.perf_counter() - started
            supports[words.support] += 1
            shown.append(Image.fromarray(words.pixels))
            buffer = io.BytesIO()
            shown[-1].save(buffer, "PNG")
            reading = verify(buffer.getvalue(), [" ".join(part.split()) for part in text])
            if reading.verdict != "pass":
                wrong.append({"ground": name, "text": text, "read": [check.recognized for check in reading.texts]})
    if options.sheet:
        _sheet(shown).save(options.sheet)
    figures = {"set": len(shown), "read_right": len(shown) - len(wrong), "ms_each": round(spent / len(shown) * 1000, 1)}
    print(json.dumps(figures | {"support": supports, "wrong": wrong}, ensure_ascii=False, indent=1))


def _sheet(pictures: list[Image.Image]) -> Image.Image:
    across = 8
    sheet = Image.new("RGB", (across * SHEET_PX, -(-len(pictures) // across) * SHEET_PX), "white")
    for place, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((SHEET_PX, SHEET_PX))
        sheet.paste(small, (place % across * SHEET_PX, place // across * SHEET_PX))
    return sheet


if __name__ == "__main__":
    main()
