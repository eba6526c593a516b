"""Jobs of the local stack become a corpus and a verdict: real presigned links, real indexes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.cli.main import app
from shared.cli.world import World
from tests.local.running import Stack

pytestmark = pytest.mark.xdist_group("local-stack")


def test_finals_are_exported_and_asked_whether_to_fine_tune(stack: Stack, tmp_path: Path) -> None:
    job = {"prompt": "a corpus of one lighthouse", "use_case": "feed", "size": "256x256", "seed": 4_000_001}
    done = stack.finished(stack.api.post("/v1/jobs", json=job).json()["id"])
    stack.api.post(f"/v1/jobs/{done['id']}/rating", json={"stars": 5, "flaws": ["blur"]}).raise_for_status()
    world = World(environ={"PRESSCHECK_API_URL": stack.api_url, "PRESSCHECK_API_KEY": stack.api_key})
    out = tmp_path / "corpus"

    exported = CliRunner().invoke(
        app, ["corpus", "export", "--n", "10000", "--min-rating", "5", "--out", str(out)], obj=world
    )
    checked = CliRunner().invoke(app, ["finetune", "check", "--use-case", "feed", "--json"], obj=world)

    assert exported.exit_code == 0, exported.output
    rows = [json.loads(line) for path in out.rglob("metadata.jsonl") for line in path.read_text().splitlines()]
    (row,) = [each for each in rows if each["job_id"] == done["id"]]
    (picture,) = out.rglob(row["file_name"])
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == done["final"]["image"]["sha256"]
    assert (row["text"], row["stars"], row["flaws"]) == ("a corpus of one lighthouse", 5.0, "blur")
    (free,) = [each for each in json.loads(checked.stdout)["checks"] if each["template"] == "-"]
    assert done["id"] in next(each["examples"] for each in free["artifacts"] if each["kind"] == "blur")
