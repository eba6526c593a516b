"""The way from nothing to weights: painter, refiner, student and judge, each trained once the one before it is done.

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
    "refiner": Plan(800),
    "student": Plan(300, muon_rate=2e-4, adam_rate=1e-4),
    "judge": Plan(600),
}
"""Steps and rates of each. The student starts as the painter: its rates are small."""
ORDER: Final = tuple(PLANS)


def train_stage(stage: str, folder: Path, plan: Plan, *, fast: bool = True) -> bool:
    """Train one stage until its plan's end; False when it was paused before."""
    torch.manual_seed(0)
    run = Run(folder / stage)
    match stage:
        case "painter":
            painter = Painter().to(memory_format=torch.channels_last)
            return train(painter, painting.lessons(painter, fast=fast), run, plan)
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
    """The painter or the student as far as it has been trained."""
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
    """The networks as they are now. A student not begun yet is the painter."""
    begun = Run(folder / "student").checkpoint.exists()
    refiner = Refiner()
    if Run(folder / "refiner").checkpoint.exists():
        averaged(Run(folder / "refiner"), refiner)
    student = trained_painter(folder, "student" if begun else "painter")
    export(trained_painter(folder, "painter"), student, refiner, weights)
