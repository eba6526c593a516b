"""The loop all of mini's networks are trained by: steps, learning rates, the running average, checkpoints, pauses.

Hides the optimizers (Muon for matrices, AdamW for the rest) and how training goes on after it was stopped. Never knows
what a step learns: it is given a function from the step's number to a loss.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

AVERAGE: Final = 0.999
CLIP: Final = 1.0


@dataclass(frozen=True)
class Plan:
    """`steps` in all, however often it is stopped; the rate falls to nothing over the last `cooling` of them (0..1)."""

    steps: int
    muon_rate: float = 2e-3
    adam_rate: float = 1e-3
    warm_up: int = 100
    cooling: float = 0.35
    save_every_s: float = 180.0
    report_every: int = 20


@dataclass(frozen=True)
class Run:
    """A folder: `checkpoint.pt` and `log.jsonl`. A file named PAUSE in it or beside it makes training save and end."""

    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def paused(self) -> bool:
        return (self.folder / "PAUSE").exists() or (self.folder.parent / "PAUSE").exists()

    def save(self, state: dict[str, Any]) -> None:
        """Whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = self.checkpoint.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def report(self, **fields: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(fields) + "\n")


def train(network: nn.Module, learn: Callable[[int], Tensor], run: Run, plan: Plan) -> bool:
    """Train until the plan's last step, going on from the run's checkpoint; False when it was paused before.

    `learn` gives the loss of a step; the same step must always mean the same examples.
    """
    average = copy.deepcopy(network).requires_grad_(False)
    optimizers = _optimizers(network, plan)
    begun = _resumed(run, network, average, optimizers)
    saved, losses, since = time.monotonic(), [], time.monotonic()
    for step in range(begun, plan.steps):
        if run.paused:
            run.save(_state(step, network, average, optimizers))
            return False
        _set_rates(optimizers, plan, step)
        value = learn(step)
        network.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
        _follow(average, network, min(AVERAGE, (step + 1) / (step + 20)))
        losses.append(value.item())
        if (step + 1) % plan.report_every == 0:
            took, since = time.monotonic() - since, time.monotonic()
            run.report(step=step + 1, loss=sum(losses) / len(losses), seconds=round(took, 1), at=round(time.time()))
            losses = []
        if time.monotonic() - saved > plan.save_every_s:
            run.save(_state(step + 1, network, average, optimizers))
            saved = time.monotonic()
    run.save(_state(plan.steps, network, average, optimizers))
    return True


def averaged(run: Run, network: nn.Module) -> int:
    """Load the running average of a run into the network; answers the step it is from."""
    state = torch.load(run.checkpoint, map_location="cpu")
    network.load_state_dict(state["average"])
    return int(state["step"])


def _optimizers(network: nn.Module, plan: Plan) -> list[torch.optim.Optimizer]:
    tables = {id(table.weight) for table in network.modules() if isinstance(table, nn.Embedding)}
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        inner = parameter.ndim == 2 and id(parameter) not in tables and not name.startswith(("stem", "exit"))
        (matrices if inner else rest).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=plan.muon_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=plan.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _set_rates(optimizers: list[torch.optim.Optimizer], plan: Plan, step: int) -> None:
    left = (plan.steps - step) / max(1.0, plan.steps * plan.cooling)
    share = min(1.0, (step + 1) / plan.warm_up, max(left, 0.01))
    for optimizer, rate in zip(optimizers, (plan.muon_rate, plan.adam_rate), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * share


def _follow(average: nn.Module, network: nn.Module, share: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - share)
        # Batch norm's statistics are averages already.
        for kept, new in zip(average.buffers(), network.buffers(), strict=True):
            kept.copy_(new)


def _state(
    step: int, network: nn.Module, average: nn.Module, optimizers: list[torch.optim.Optimizer]
) -> dict[str, Any]:
    return {
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizers": [optimizer.state_dict() for optimizer in optimizers],
    }


def _resumed(run: Run, network: nn.Module, average: nn.Module, optimizers: list[torch.optim.Optimizer]) -> int:
    if not run.checkpoint.exists():
        return 0
    state = torch.load(run.checkpoint, map_location="cpu")
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    return int(state["step"])
