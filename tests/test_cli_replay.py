"""`presscheck replay`: the verdict, its figures and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.models import Stage
from tests.cli_stack import JOB_ID, FakeStack, Terminal

OF = {"job_id": JOB_ID, "tier": "final", "candidate": 0, "attempt": 2}
NEAR = {
    "ssim": 0.9812, "ssim_at_least": 0.95, "phash_distance": 3, "phash_distance_at_most": 8,
    "mean": 0.01, "changed": 0.2,
}  # fmt: skip


def _terminal(folder: Path, outcome: dict[str, Any] | None, *notes: str, stage: Stage = Stage.DONE) -> Terminal:
    replay = {"of": OF, "notes": notes, "outcome": outcome}
    return Terminal(folder, FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, stage), extra={"replay": replay}))


def _outcome(verdict: str, **fields: Any) -> dict[str, Any]:
    usual = {"why": "", "said": "said so", "original_sha256": "a" * 64, "replay_sha256": "b" * 64, "likeness": NEAR}
    return {"verdict": verdict, **usual, **fields}


@pytest.mark.parametrize(("verdict", "code"), [("bit_exact", 0), ("perceptually_equal", 0), ("not_reproducible", 1)])
def test_the_verdict_decides_the_exit_code_and_json_is_flat(verdict: str, code: int, tmp_path: Path) -> None:
    terminal = _terminal(tmp_path, _outcome(verdict))

    result = terminal("replay", JOB_ID, "--render", "f-2", "--json")

    said = json.loads(result.stdout)
    assert result.exit_code == code
    assert json.loads(terminal.stack.requests[0].content) == {"render": "f-2"}
    assert {name: said[name] for name in ("verdict", "job_id", "render", "why")} == {
        "verdict": verdict, "job_id": JOB_ID, "render": "f-2", "why": "",
    }  # fmt: skip
    assert said["likeness"]["ssim"] == 0.9812


def test_a_person_reads_figures_limits_cause_and_what_changed_since(tmp_path: Path) -> None:
    outcome = _outcome("not_reproducible", why="model_revision_changed", said="another picture: rev-1 is rev-2")
    terminal = _terminal(tmp_path, outcome, "template poster@2 is gone")

    result = terminal("replay", "last")

    assert "✗ not reproducible  another picture: rev-1 is rev-2" in result.stdout
    for words in ("0.9812, equal from 0.95", "3 of 64 bits differ", "model revision changed", "poster@2 is gone"):
        assert words in result.stdout


def test_a_replay_that_was_canceled_has_no_verdict(tmp_path: Path) -> None:
    terminal = _terminal(tmp_path, None, stage=Stage.CANCELED)

    result = terminal("replay", JOB_ID)

    assert result.exit_code == 1
    assert "before there was anything to compare" in result.stderr
