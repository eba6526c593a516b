"""What hostile files do to the verifier: pushed through all that verify does, one after another, in one process.

    python -m tests.bench.hostile [--files 1000] [--seed 0] [--json]

Each file is read for its text, checked for artifacts against a picture before a repair, and compared with a draft.
The exit status is 1 when a file got what it should not (a crash, an error without a type, a verdict on half a picture,
no verdict on a whole one), took more than 20 s of processor time, or the process grew above 1 GB. Files are made by
this process and judged by another, so that the peak is the verifier's own; what hangs or kills it is named.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests import hostile

_PATIENCE_S: Final = 20.0
_HANGS_S: Final = 120.0
MOST_MB: Final = 1000


@dataclass(frozen=True, slots=True)
class Look:
    """What became of one file."""

    outcome: str
    """`judged`, `refused`, or what went wrong."""
    seconds: float
    """Of processor time: a busy machine is not the file's fault."""
    peak_mb: float
    """Of the process so far."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    figures = measure(asked.files, seed=asked.seed)
    print(json.dumps(figures, indent=2)) if asked.json else _print(figures)
    sys.exit(1 if figures["wrong"] or figures["peak_mb"] > MOST_MB else 0)


def measure(files: int, *, seed: int = 0, every_heavy: int = 16) -> dict[str, Any]:
    """What became of so many files, in a process of their own; `wrong` names those not treated as they should be."""
    return _figures(_looks(files, seed, every_heavy))


def look(image: bytes) -> Look:
    began = time.process_time()
    try:
        outcome: str = hostile.inspect(image)
    except Exception as error:  # whatever it is, it is what this bench looks for
        outcome = repr(error)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return Look(outcome, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def _looks(count: int, seed: int, every_heavy: int) -> list[tuple[hostile.Kind, Look]]:
    """Up to the first file that hangs or kills the process."""
    found: list[tuple[hostile.Kind, Look]] = []
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for kind, image in hostile.files(count, seed=seed, every_heavy=every_heavy):
            try:
                seen = pool.submit(look, image).result(timeout=_HANGS_S)
            except (TimeoutError, BrokenProcessPool) as error:
                for process in multiprocessing.active_children():
                    process.kill()
                return [*found, (kind, Look(f"fatal: {error!r}", _HANGS_S, 0.0))]
            found.append((kind, seen))
    return found


def _figures(looks: list[tuple[hostile.Kind, Look]]) -> dict[str, Any]:
    slowest = max(looks, key=lambda each: each[1].seconds)
    ordered = sorted(seen.seconds for _, seen in looks)
    grown = [(kind.name, seen.peak_mb) for kind, seen in looks]
    steps = [(name, peak) for (_, before), (name, peak) in itertools.pairwise(grown) if peak > before + 1]
    wrong = [
        f"{kind.name} ({kind.fate}, file {index}): {seen.outcome} in {seen.seconds:.1f} s"
        for index, (kind, seen) in enumerate(looks)
        if seen.outcome not in kind.outcomes or seen.seconds > _PATIENCE_S
    ]
    return {
        "files": len(looks),
        "kinds": len({kind.name for kind, _ in looks}),
        "outcomes": dict(Counter(seen.outcome for _, seen in looks)),
        "wrong": wrong,
        "peak_mb": round(max(peak for _, peak in grown)),
        "last_to_raise_the_peak": [f"{name}: {peak:.0f} MB" for name, peak in steps[-5:]],
        "slowest": {"kind": slowest[0].name, "s": round(slowest[1].seconds, 2)},
        "s": {"median": round(ordered[len(ordered) // 2], 2), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2)},
    }


def _print(figures: dict[str, Any]) -> None:
    table = Table(title=f"{figures['files']} hostile files of {figures['kinds']} kinds, one process", show_header=False)
    table.add_row("outcomes", ", ".join(f"{name}: {count}" for name, count in figures["outcomes"].items()))
    table.add_row("not as promised", "\n".join(figures["wrong"]) or "none")
    table.add_row("peak memory, MB", str(figures["peak_mb"]))
    table.add_row("last to raise it", "\n".join(figures["last_to_raise_the_peak"]))
    table.add_row("slowest, CPU s", f"{figures['slowest']['s']} ({figures['slowest']['kind']})")
    table.add_row("median, 95th percentile, CPU s", f"{figures['s']['median']}, {figures['s']['p95']}")
    Console().print(table)


if __name__ == "__main__":
    main()
