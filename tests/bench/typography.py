"""How well lettering is judged: recall, false accepts, time and memory on labelled pictures, for four rules at once.

    python -m tests.bench.typography LABELS.jsonl [--limit N] [--sensitivity] [--json]

Labels: one JSON object a line, `file` (relative to the labels), `present` (texts that are right), `mismatch` (texts
the picture was meant to show and does not) and `near_miss` (`{"expected", "kind"}`, one small edit from a right one).
Each rule runs in a process of its own, pinned to one core, so that memory and cold start are its own; imports, models
and a first verdict count as cold start, the interpreter does not. The first text of a picture pays for reading it;
how long a wrong one takes, which no coarse look settles, is timed apart, on pictures not read before. All times are
processor time, as if the core did nothing else.
F1 is of "the text is right" over all labelled texts; balanced F1 weighs wrong ones to be as many as right ones.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from PIL import Image, ImageFilter
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from shared.bench.stats import share

Rule = Callable[[bytes, str], bool]
"""Whether a picture's bytes show a text."""
Item = TypeVar("Item")

_NEEDS_TESSERACT: Final = {"article", "tesseract"}
_TITLES: Final = {
    "ours": "ours:\nverify",
    "one_engine": "our engine alone,\nwhole words",
    "tesseract": "tesseract alone,\nwhole words",
    "article": "the article: expected\nin run_ocr(image)",
}
_SENSITIVITY_LIMIT: Final = 40
_TIMED_WRONG: Final = 60
_POSTER_PX: Final = 1024 * 1024
_LIKE_A_POSTER: Final = 0.1
_CHANGES: Final = (
    ("as it is", "", 0.0),
    *(("JPEG quality", "jpeg", value) for value in (80.0, 50.0, 25.0, 10.0)),
    *(("scale", "scale", value) for value in (0.75, 0.5, 0.35, 0.25)),
    *(("blur, px", "blur", value) for value in (1.0, 2.0, 3.0, 5.0)),
)


class NearMiss(BaseModel):
    expected: str
    kind: str = "near_miss"


class Sample(BaseModel):
    """One labelled picture; keys that are not measured are passed over."""

    file: Path
    present: tuple[str, ...] = ()
    mismatch: tuple[str, ...] = ()
    near_miss: tuple[NearMiss, ...] = ()


class Tally(BaseModel):
    """Texts accepted out of all texts."""

    accepted: int = 0
    of: int = 0

    def add(self, accepted: bool) -> None:
        self.accepted += accepted
        self.of += 1

    @property
    def share(self) -> float:
        return self.accepted / self.of if self.of else 0.0

    def figures(self) -> dict[str, Any]:
        low, high = wilson(self.accepted, self.of)
        return {"accepted": self.accepted, "of": self.of, "share": round(self.share, 4), "ci95": [low, high]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--limit", type=int, help="that many pictures, spread evenly over the file")
    parser.add_argument("--rules", nargs="+", choices=list(_TITLES), default=list(_TITLES))
    parser.add_argument("--sensitivity", action="store_true", help="F1 against JPEG quality, scale and blur instead")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    limit = asked.limit or (_SENSITIVITY_LIMIT if asked.sensitivity else None)
    samples = _spread(_samples(asked.labels), limit)
    if not samples:
        sys.exit(f"{asked.labels}: no labelled pictures")
    absent = sorted(_NEEDS_TESSERACT.intersection(asked.rules)) if shutil.which("tesseract") is None else []
    work = _sensitivity if asked.sensitivity else _measure
    figures = {}
    for rule in asked.rules:
        if rule not in absent:
            print(f"{rule}: {len(samples)} pictures ...", file=sys.stderr)
            figures[rule] = _alone(work, rule, samples)
    if asked.json:
        print(json.dumps({"pictures": len(samples), "not_measured": absent, "rules": figures}, indent=2))
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    if figures:
        console.print(_sensitivity_table(figures, samples) if asked.sensitivity else _table(figures, samples))
    if absent:
        titles = ", ".join(" ".join(_TITLES[rule].split()) for rule in absent)
        console.print(f"Not measured, for there is no tesseract binary on the PATH: {titles}")


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share, to four places."""
    found = share(hits, of).share
    return round(found.low, 4), round(found.high, 4)


def f1(true_accepts: float, *, right: float, false_accepts: float) -> float:
    """Harmonic mean of precision and recall: 2 TP / (P + TP + FP)."""
    total = right + true_accepts + false_accepts
    return 2 * true_accepts / total if total else 0.0


# ── the rules ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _rule(name: str) -> Rule:
    """Imported where it is used: what a rule loads is part of its cold start."""
    if name == "ours":
        from shared.models import Verdict
        from shared.typography import verify

        return lambda image, expected: verify(image, expected).verdict is Verdict.PASS
    if name == "one_engine":
        from shared.typography import run_ocr

        read = functools.lru_cache(maxsize=1)(run_ocr)
        return lambda image, expected: _in_whole_words(expected, read(image))
    plain = functools.lru_cache(maxsize=1)(_plain_tesseract)
    if name == "tesseract":
        return lambda image, expected: _in_whole_words(expected, plain(image))
    return lambda image, expected: expected in plain(image)


def _plain_tesseract(image: bytes) -> str:
    """The article's run_ocr: pytesseract as it comes."""
    import pytesseract  # type: ignore[import-untyped]  # ships no stubs

    return str(pytesseract.image_to_string(Image.open(io.BytesIO(image)).convert("RGB")))


def _in_whole_words(expected: str, text: str) -> bool:
    """Whether the words of `expected` follow one another in `text`, both folded as the verifier folds them."""
    from shared.typography.folding import fold, spellings

    words = fold(text, "fold").words
    return any(
        words[start : start + len(wanted.words)] == wanted.words
        for wanted in spellings(expected, "fold")
        for start in range(len(words))
    )


# ── measuring ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _alone(work: Callable[[str, Sequence[Sample]], dict[str, Any]], rule: str, samples: Sequence[Sample]) -> Any:
    """The result of `work` in a fresh interpreter that does nothing else."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, rule, samples).result()


def _measure(name: str, samples: Sequence[Sample]) -> dict[str, Any]:
    _one_core()
    began = _processor_s()
    rule = _rule(name)
    first = samples[0]
    rule(first.file.read_bytes(), next(text for text, _ in _texts(first)))
    cold_start_s = _processor_s() - began

    tallies: dict[str, Tally] = {}
    first_ms: list[float] = []
    poster_ms: list[float] = []
    all_ms: list[float] = []
    for sample in samples:
        # A trailing byte makes it another picture to any cache: the cold start must not pay for the first one.
        image = sample.file.read_bytes() + b"\0"
        spent: list[float] = []
        for text, kind in _texts(sample):
            began = _processor_s()
            accepted = rule(image, text)
            spent.append((_processor_s() - began) * 1000)
            tallies.setdefault(kind, Tally()).add(accepted)
        first_ms.append(spent[0])
        all_ms.append(sum(spent))
        if abs(_pixels(image) / _POSTER_PX - 1) < _LIKE_A_POSTER:
            poster_ms.append(spent[0])
    return _scores(tallies) | {
        "ms_first_text": _times(first_ms),
        "ms_first_text_1024": _times(poster_ms),
        "ms_wrong_text": _times(list(_wrong_texts_ms(rule, samples))),
        "ms_all_texts": _times(all_ms),
        "cold_start_s": round(cold_start_s, 2),
        "peak_mb": round(_peak_mb()),
    }


def _wrong_texts_ms(rule: Rule, samples: Sequence[Sample]) -> Iterator[float]:
    """Time for one wrong text on a picture not read before."""
    wrong = [
        (sample, text)
        for sample in samples
        for text in [text for text, kind in _texts(sample) if kind != "present"][:1]
    ]
    for sample, text in _spread(wrong, _TIMED_WRONG):
        image = sample.file.read_bytes() + b"\0\0"
        began = _processor_s()
        rule(image, text)
        yield (_processor_s() - began) * 1000


def _scores(tallies: dict[str, Tally]) -> dict[str, Any]:
    right, genuine = tallies.get("present", Tally()), tallies.get("mismatch", Tally())
    kinds = {kind: tally for kind, tally in sorted(tallies.items()) if kind not in ("present", "mismatch")}
    near = Tally(accepted=sum(each.accepted for each in kinds.values()), of=sum(each.of for each in kinds.values()))
    wrong = genuine.of + near.of
    false_accepts = genuine.accepted + near.accepted
    balanced = false_accepts * right.of / wrong if wrong else 0.0
    return {
        "recall": right.figures(),
        "false_accepts_near_miss": near.figures(),
        "false_accepts_mismatch": genuine.figures(),
        "f1": round(f1(right.accepted, right=right.of, false_accepts=false_accepts), 4),
        "balanced_f1": round(f1(right.accepted, right=right.of, false_accepts=balanced), 4),
        "false_accepts_by_kind": {kind: tally.accepted for kind, tally in kinds.items() if tally.accepted},
    }


def _sensitivity(name: str, samples: Sequence[Sample]) -> dict[str, Any]:
    _one_core()
    rule = _rule(name)
    found: dict[str, Any] = {}
    for label, change, amount in _CHANGES:
        tallies: dict[str, Tally] = {}
        for sample in samples:
            image = _changed(sample.file.read_bytes(), change, amount)
            for text, kind in _texts(sample):
                tallies.setdefault(kind, Tally()).add(rule(image, text))
        found[f"{label} {amount:g}" if change else label] = _scores(tallies)
    return found


def _changed(image: bytes, change: str, amount: float) -> bytes:
    """The picture after a loss: `jpeg` quality, `scale` of both sides, Gaussian `blur` in pixels; "" leaves it."""
    if not change:
        return image
    picture = Image.open(io.BytesIO(image)).convert("RGB")
    if change == "scale":
        width, height = (max(1, round(side * amount)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    elif change == "blur":
        picture = picture.filter(ImageFilter.GaussianBlur(amount))
    out = io.BytesIO()
    if change == "jpeg":
        picture.save(out, "JPEG", quality=int(amount))
    else:
        picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _texts(sample: Sample) -> Iterator[tuple[str, str]]:
    """Every labelled text and what it is, the right ones first."""
    yield from ((text, "present") for text in sample.present)
    yield from ((text, "mismatch") for text in sample.mismatch)
    yield from ((miss.expected, miss.kind) for miss in sample.near_miss)


def _samples(labels: Path) -> list[Sample]:
    """The labelled pictures, those without any text left out. Raises ValidationError for a line of another shape."""
    rows = [Sample.model_validate_json(line) for line in labels.read_text("utf-8").splitlines() if line.strip()]
    found = [row.model_copy(update={"file": (labels.parent / row.file).resolve()}) for row in rows]
    return [sample for sample in found if any(True for _ in _texts(sample))]


def _spread(samples: list[Item], limit: int | None) -> list[Item]:
    """`limit` of them, evenly over the file: labels are usually sorted by where the pictures came from."""
    if limit is None or limit >= len(samples):
        return samples
    return [samples[index * len(samples) // limit] for index in range(limit)]


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):  # Linux; elsewhere the engines use what they like
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _processor_s() -> float:
    """Spent by this process and what it started: what one idle core would have needed, however busy this one is."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    """Of this process, or of the largest program it started."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peaks = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(peaks) / unit


def _pixels(image: bytes) -> int:
    width, height = Image.open(io.BytesIO(image)).size
    return width * height


def _times(values: Sequence[float]) -> dict[str, int] | None:
    if not values:
        return None
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered)),
        "mean": round(statistics.fmean(ordered)),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))]),
    }


# ── the report ────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(figures: dict[str, Any], samples: Sequence[Sample]) -> Table:
    kinds = [kind for sample in samples for _, kind in _texts(sample)]
    right, genuine = kinds.count("present"), kinds.count("mismatch")
    table = Table(
        title=f"{len(samples)} pictures, one core: {right} right texts, "
        f"{len(kinds) - right - genuine:,} near misses, mismatches: {genuine}",
        caption="processor time in ms, median (95th percentile) of the pictures; shares with their 95 % interval",
    )
    rows: dict[str, Callable[[dict[str, Any]], str]] = {
        "recall": lambda found: _share(found["recall"]),
        "false accepts, near misses": lambda found: _share(found["false_accepts_near_miss"]),
        "false accepts, mismatches": lambda found: _share(found["false_accepts_mismatch"]),
        "F1": lambda found: f"{found['f1']:.3f}",
        "balanced F1": lambda found: f"{found['balanced_f1']:.3f}",
        "ms, first text": lambda found: _ms(found["ms_first_text"]),
        "ms, first text, 1024 x 1024 px": lambda found: _ms(found["ms_first_text_1024"]),
        "ms, one wrong text": lambda found: _ms(found["ms_wrong_text"]),
        "ms, all texts": lambda found: _ms(found["ms_all_texts"]),
        "peak memory, MB": lambda found: str(found["peak_mb"]),
        "cold start, s": lambda found: str(found["cold_start_s"]),
    }
    table.add_column("")
    for rule in figures:
        table.add_column(_TITLES[rule], justify="right")
    for name, cell in rows.items():
        table.add_row(name, *map(cell, figures.values()))
    return table


def _sensitivity_table(figures: dict[str, Any], samples: Sequence[Sample]) -> Table:
    table = Table(title=f"F1 (recall / false accepts of near misses) on {len(samples)} pictures")
    table.add_column("the picture")
    for rule in figures:
        table.add_column(_TITLES[rule], justify="right")
    for row in next(iter(figures.values()), {}):
        scores = [found[row] for found in figures.values()]
        table.add_row(
            row,
            *(
                f"{each['f1']:.3f} ({each['recall']['share']:.0%} / {each['false_accepts_near_miss']['share']:.1%})"
                for each in scores
            ),
        )
    return table


def _ms(figures: dict[str, int] | None) -> str:
    return f"{figures['median']} ({figures['p95']})" if figures else "none"


def _share(figures: dict[str, Any]) -> str:
    low, high = figures["ci95"]
    return f"{figures['share']:.1%} ({low:.0%} to {high:.0%})" if figures["of"] else "none labelled"


if __name__ == "__main__":
    main()
