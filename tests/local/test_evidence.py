"""`presscheck evidence` on the local stack: both ways meet the same model server, and the page is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shared.bench.evidence import EvidenceReport
from tests.local.running import Stack

pytestmark = pytest.mark.xdist_group("local-stack")


def test_a_few_jobs_are_done_both_ways_on_the_same_model_server(stack: Stack, tmp_path: Path) -> None:
    page = tmp_path / "evidence.html"
    command = [sys.executable, "-m", "shared.cli.main", "evidence", "--jobs", "3", "--html", str(page), "--json"]

    done = subprocess.run(command, env=stack.environ, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stderr
    report = EvidenceReport.model_validate_json(done.stdout)
    assert (report.done, report.simulated, report.interrupted) == (3, True, False)
    assert {(server.way, server.model) for server in report.servers} == {
        ("before", "sketch-fine"),
        ("after", "sketch-fine"),
        ("after", "sketch-fast"),
    }
    assert len({server.revision for server in report.servers}) == 1
    assert all(pair.before.delivered and not pair.before.error and not pair.after.error for pair in report.pairs)
    assert all(pair.before.at_first and pair.before.server_ms for pair in report.pairs)
    assert "no evidence about real models" in report.notes[0]
    assert page.read_text().count("<svg") == 4
