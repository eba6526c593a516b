"""What mini reaches on 500 prompts it has not seen, in words and fonts it was not trained on.

    python -m tests.bench.mini FOLDER [--weights DIR] [--count N] [--sheet FILE.png]

FOLDER is where `python -m infra.inference.mini train` keeps the judge. Every prompt is painted as a final and read by
the project's own verifier; what fails climbs the ladder: the typography pass twice, then typesetting. The judge says
which colours, patterns, subjects and places it sees; what it grants drawn posters stands beside, as its ceiling.
"""

from __future__ import annotations

import argparse
import base64
import io
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from infra.inference.container.mini import networks
from infra.inference.container.mini.model import FAST, FINE, MiniModel
from infra.inference.container.protocol import InvocationRequest, Lettering
from infra.inference.mini.corpus.headlines import BOXES
from infra.inference.mini.corpus.posters import Poster, compose
from shared.typography import verify

if TYPE_CHECKING:
    from infra.inference.mini.judging import Judge  # torch: the set itself is read without

COUNT: Final = 500
SIDE: Final = 512
SEED: Final = "mini-evaluation-1"
LETTERED: Final = 0.8
MARGIN: Final = 0.03
"""Of the picture, around the words' box: what a masked pass paints."""
WORDS: Final = tuple(
    """BRUNCH CIRCUS VINYL CARNIVAL PICNIC SKYLINE HARBOR COMET ORCHID VELVET LANTERN PEPPER SALON STUDIO RETREAT
    MARATHON GOSPEL QUARTZ ZEBRA JUNGLE KAYAK OASIS WAFFLE YACHT BISTRO ATELIER TANGO OPERA RODEO MIXTAPE ENCORE
    BAZAAR CANDY COSMOS DENIM ECHO FABLE GALA HONEY IVORY JOKER KARMA LEMON MANGO NOVA PIXEL QUEST RUBY SOLAR
    TIGER ULTRA VIVID WONDER ZENITH ACADEMY BARBER CHESS DEBUT 15% 40% 65% 80% 1987 2031 365 9AM 5PM 3D
    HALLOWEEN SYMPHONY ADVENTURE BREAKFAST DISCOVERY EXCLUSIVE FURNITURE""".split()  # noqa: SIM905 - eighty quoted words would be harder to read
)
_JUDGED: Final = {
    "colour": ("first", "subject_colour"),
    "pattern": ("ground",),
    "place": ("place",),
    "subject": ("subject",),
}


@dataclass(frozen=True)
class Case:
    """One prompt of the set; `words` empty where the picture has none."""

    prompt: str
    words: tuple[str, ...]
    box: tuple[float, float, float, float]
    seed: int
    poster: Poster


@dataclass
class Tally:
    """Seconds of processor time, and what was right."""

    right_at: list[int] = field(default_factory=list)
    """The rung at which the words read right: 0 the first final; 4 never."""
    first_s: list[float] = field(default_factory=list)
    repair_s: list[float] = field(default_factory=list)
    draft_s: list[float] = field(default_factory=list)
    granted: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in _JUDGED})
    ceiling: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in _JUDGED})


def cases(count: int = COUNT) -> Iterator[Case]:
    """The frozen set: the first `count` of it."""
    for number in range(count):
        dice = random.Random(f"{SEED}/{number}")
        box = BOXES[dice.choice(("top", "top", "middle", "bottom"))]
        lettered = dice.random() < LETTERED
        words = " ".join(dice.sample(WORDS, 1 if dice.random() < 0.7 else 2)) if lettered else ""
        poster = compose(f"{SEED}/{number}", dice, (1, 1), None, box, face="")
        prompt = poster.caption() + (f", {poster.choices['ink']} letters" if lettered else "")
        yield Case(prompt, (words,) if lettered else (), box, dice.getrandbits(32), poster)


def climb(model: MiniModel, case: Case, tally: Tally) -> bytes:
    """The final, repaired until it reads right or the ladder ends."""
    first = _request(model, case)
    png = _timed(model, first, tally.first_s)
    if not case.words:
        tally.repair_s.append(0.0)
        return png
    left, top, width, height = case.box
    mask = (left - MARGIN, top - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)
    rungs = [("typography", case.seed), ("typography", case.seed ^ 1), ("typeset", case.seed)]
    spent: list[float] = []
    for rung, (sampler, seed) in enumerate([*rungs, ("", 0)]):
        if verify(png, case.words, text_box=case.box).verdict == "pass":
            tally.right_at.append(rung)
            break
        if sampler:
            init = base64.b64encode(png).decode()
            repair = first.model_copy(update={"sampler": sampler, "seed": seed, "init_image": init, "mask": mask})
            png = _timed(model, repair, spent)
    else:
        tally.right_at.append(len(rungs) + 1)
    tally.repair_s.append(sum(spent))
    return png


def _request(model: MiniModel, case: Case) -> InvocationRequest:
    return InvocationRequest(
        version="1",
        request_id="bench",
        model=model.name,
        prompt=case.prompt,
        seed=case.seed,
        width=SIDE,
        height=SIDE,
        text=Lettering(content=case.words, box=case.box) if case.words else None,
    )


def _timed(model: MiniModel, request: InvocationRequest, spent: list[float]) -> bytes:
    started = time.process_time()
    png = model.generate(request).png
    spent.append(time.process_time() - started)
    return png


def _judge(judge: Judge, tally: Tally, case: Case, pixels: NDArray[np.uint8]) -> None:
    for picture, into in ((pixels, tally.granted), (case.poster.draw(SIDE, SIDE), tally.ceiling)):
        seen = judge.verdict(picture)
        for name, slots in _JUDGED.items():
            asked = [slot for slot in slots if slot in case.poster.visible]
            if asked:
                into[name].append(all(seen[slot] == case.poster.choices[slot] for slot in asked))


def report(tally: Tally) -> str:
    """The table."""

    def share(values: Sequence[bool]) -> str:
        return f"{np.mean(values):.1%}" if values else "-"

    at = tally.right_at
    lines = [
        f"pictures {len(tally.first_s)}, with words {len(at)}",
        f"reads right: first final {share([rung == 0 for rung in at])}, after the typography pass"
        f" {share([rung <= 2 for rung in at])}, full ladder {share([rung <= 3 for rung in at])}",
        f"repair: {sum(tally.repair_s) / sum(tally.first_s):.1%} more processor time over the set",
        f"processor seconds: draft {np.mean(tally.draft_s):.2f}, final {np.mean(tally.first_s):.2f}",
    ]
    for name in _JUDGED:
        lines.append(f"{name} met {share(tally.granted[name])} (on drawn posters {share(tally.ceiling[name])})")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="What mini reaches on prompts it has not seen.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", type=Path, default=networks.WEIGHTS)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--sheet", type=Path, help="where to put a contact sheet of the first 64 finals")
    options = parser.parse_args()
    from infra.inference.mini.stages import trained_judge

    final, draft = (MiniModel(tier, options.weights) for tier in (FINE, FAST))
    final.warm()
    draft.warm()
    judge = trained_judge(options.folder)
    tally, page = Tally(), Image.new("RGB", (8 * SIDE // 2, 8 * SIDE // 2))
    for number, case in enumerate(cases(options.count)):
        _timed(draft, _request(draft, case).model_copy(update={"width": 256, "height": 256}), tally.draft_s)
        with Image.open(io.BytesIO(climb(final, case, tally))) as picture:
            _judge(judge, tally, case, np.asarray(picture))
            if number < 64:
                small = picture.resize((SIDE // 2, SIDE // 2), Image.Resampling.BOX)
                page.paste(small, (number % 8 * SIDE // 2, number // 8 * SIDE // 2))
    if options.sheet:
        page.save(options.sheet)
    print(report(tally))


if __name__ == "__main__":
    main()
