"""The typography bench: on any labels file of the documented shape, figures that can be checked by hand."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hostile
from tests.bench.typography import f1, wilson

pytestmark = pytest.mark.xdist_group("typography")


def test_a_labels_file_becomes_recall_false_accepts_times_and_memory(tmp_path: Path) -> None:
    picture = hostile.encoded(hostile.poster(random.Random(2), side=512, text="SUMMER SALE"), "JPEG")
    (tmp_path / "poster.jpg").write_bytes(picture)
    row = {
        "file": "poster.jpg",
        "present": ["Summer Sale"],
        "mismatch": ["WINTER SALE"],
        "near_miss": [{"expected": "SUMMER SAEL", "kind": "swap", "base": "SUMMER SALE"}],
        "style": "poster",
    }
    labels = tmp_path / "labels.jsonl"
    labels.write_text(json.dumps(row) + "\n", "utf-8")

    command = [sys.executable, "-m", "tests.bench.typography", str(labels), "--rules", "ours", "--json"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    ours = json.loads(output)["rules"]["ours"]
    assert (ours["recall"]["accepted"], ours["recall"]["of"]) == (1, 1)
    assert (ours["false_accepts_mismatch"]["accepted"], ours["false_accepts_mismatch"]["of"]) == (0, 1)
    assert (ours["false_accepts_near_miss"]["accepted"], ours["false_accepts_near_miss"]["of"]) == (0, 1)
    assert ours["f1"] == 1.0
    assert ours["ms_first_text_1024"] is None  # there is no picture of that size
    assert min(ours["ms_first_text"]["median"], ours["ms_wrong_text"]["median"], ours["cold_start_s"]) > 0
    assert 100 < ours["peak_mb"] < 1000


def test_shares_and_f1_are_the_textbook_ones() -> None:
    assert f1(8, right=10, false_accepts=0) == pytest.approx(2 * 0.8 / 1.8)
    assert f1(8, right=10, false_accepts=2) == pytest.approx(0.8)
    assert wilson(5, 10) == (0.2366, 0.7634)
    assert wilson(0, 0) == (0.0, 1.0)
