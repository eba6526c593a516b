"""The way from nothing to weights: painter, painter of large pictures, refiner, student and judge, each trained once
the one before it is done.

Hides the order and the lengths. Every stage has a folder of its own and goes on where it was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch

from . import distilling, judging, painting, refining
from .exporting import export
from .judging import Judge
from .network import Painter
from .refining import Refiner
from .training import Plan, Run, averaged, train

PLANS: Final = {
    "painter": Plan(3_400, cooling=0.3),
    "large": Plan(2_000, muon_rate=1e-3, adam_rate=5e-4, cooling=0.6),
    "refiner": Plan(800),
    "student": Plan(300, muon_rate=2e-4, adam_rate=1e-4),
    "judge": Plan(1_200),
}
"""Steps and rates of each. The student and the painter of large pictures start as the painter: rates are smaller."""
ORDER: Final = tuple(PLANS)


def train_stage(stage: str, folder: Path, plan: Plan, *, fast: bool = True) -> bool:
    """Train one stage until its plan's end; False when it was paused before."""
    torch.manual_seed(0)
    run = Run(folder / stage)
    match stage:
        case "painter":
            painter = Painter().to(memory_format=torch.channels_last)
            return train(painter, painting.lessons(painter, painting.SMALL, fast=fast), run, plan)
        case "large":
            large = trained_painter(folder, "painter")
            return train(large, painting.lessons(large, painting.LARGE, fast=fast), run, plan)
        case "refiner":
            refiner = Refiner().to(memory_format=torch.channels_last)
            return train(refiner, refining.lessons(refiner), run, plan)
        case "student":
            painter, student = trained_painter(folder, "painter"), trained_painter(folder, "painter")
            return train(student, distilling.lessons(student, painter), run, plan)
        case "judge":
            judge = Judge()
            return train(judge, judging.lessons(judge), run, plan)
    raise ValueError(f"stage {stage!r} is unknown; known: {', '.join(ORDER)}")


def trained_painter(folder: Path, stage: str) -> Painter:
    """One of the painters as far as it has been trained."""
    painter = Painter()
    averaged(Run(folder / stage), painter)
    painter.to(memory_format=torch.channels_last)
    return painter


def trained_judge(folder: Path) -> Judge:
    judge = Judge()
    averaged(Run(folder / "judge"), judge)
    judge.eval()
    return judge


def export_all(folder: Path, weights: Path) -> None:
    """The networks as they are now. A stage not begun yet is the painter it would start as."""
    refiner = Refiner()
    if Run(folder / "refiner").checkpoint.exists():
        averaged(Run(folder / "refiner"), refiner)
    begun = {stage: Run(folder / stage).checkpoint.exists() for stage in ("large", "student")}
    large, student = (trained_painter(folder, stage if begun[stage] else "painter") for stage in begun)
    export(large, student, refiner, weights)
