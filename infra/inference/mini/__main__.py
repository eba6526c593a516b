"""`python -m infra.inference.mini`: make mini from nothing, or look at where it stands.

train FOLDER     every stage in turn; a file named PAUSE in FOLDER makes it save and end, the same command goes on
export FOLDER    the networks as they are now, as ONNX, where the container finds them or in --weights
sheet FILE.png   what it paints for a few prompts
The evaluation is `python -m tests.bench.mini`: it reads with the project's own verifier, which nothing here may know.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from infra.inference.container.mini.networks import WEIGHTS

PAUSED = 75


def main() -> int:
    options = _parser().parse_args()
    return int(options.do(options))


def _train(options: argparse.Namespace) -> int:
    import torch

    from .stages import PLANS, train_stage

    torch.set_num_threads(options.threads)
    for stage in options.stage or PLANS:
        plan = PLANS[stage] if options.steps is None else replace(PLANS[stage], steps=options.steps)
        if not train_stage(stage, options.folder, plan):
            return PAUSED
    return 0


def _export(options: argparse.Namespace) -> int:
    from .stages import export_all

    export_all(options.folder, options.weights)
    return 0


def _sheet(options: argparse.Namespace) -> int:
    from .sheet import sheet

    sheet(options.weights, fast=options.fast).save(options.file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.inference.mini", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    training = commands.add_parser("train", help=f"train, or go on training; status {PAUSED} when paused")
    training.set_defaults(do=_train)
    training.add_argument("folder", type=Path)
    training.add_argument("--stage", action="append", choices=("painter", "large", "refiner", "student", "judge"))
    training.add_argument("--steps", type=int, help="instead of the plan's")
    training.add_argument("--threads", type=int, default=2)
    exporting = commands.add_parser("export", help="write ONNX files")
    exporting.set_defaults(do=_export)
    exporting.add_argument("folder", type=Path)
    exporting.add_argument("--weights", type=Path, default=WEIGHTS)
    showing = commands.add_parser("sheet", help="a contact sheet")
    showing.set_defaults(do=_sheet)
    showing.add_argument("file", type=Path)
    showing.add_argument("--weights", type=Path, default=WEIGHTS)
    showing.add_argument("--fast", action="store_true", help="the draft's model")
    return parser


if __name__ == "__main__":
    sys.exit(main())
