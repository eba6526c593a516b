"""`presscheck up --model sd35-large=DIR`: the whole pipeline over the real engine, with tiny random weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed")

from tests.local.command import Command
from tests.local.running import Stack

pytestmark = pytest.mark.xdist_group("sd35-stack")


@pytest.fixture(scope="module")
def painting(folder: Path, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Stack]:
    assert pytestconfig.cache is not None
    root = tmp_path_factory.mktemp("painting")
    command = Command(root / "home", cache=Path(pytestconfig.cache.mkdir("presscheck")))
    quick = ("--time-scale", 0.01, "--painter", "sketch")
    ready = command("up", "--state", root / "state", *quick, "--model", f"sd35-large={folder}")
    assert ready["event"] == "ready", ready
    yield Stack(command)
    command("down")


def test_a_job_is_painted_by_the_weights_on_disk_and_says_so(painting: Stack) -> None:
    """The draft's model has no weights here, so its stand-in is recorded; the final's answers for itself."""
    asked = {
        "prompt": "a lighthouse at dusk",
        "use_case": "thumbnail",  # defects are only noted: random weights paint noise
        "model": "sd35-large",
        "size": "256x256",
        "steps": 2,
        "seed": 7,
    }

    job = painting.finished(painting.api.post("/v1/jobs", json=asked).json()["id"], within_s=180)

    draft, final = job["drafts"][0], job["final"]
    assert job["stage"] == "done", job["error"]
    assert (draft["model"], draft["simulated"], draft["alias"]["asked"]) == ("sketch-fast", True, "sd35-large-turbo")
    assert (final["model"], final["simulated"], final["alias"]) == ("sd35-large", False, None)
    assert final["seed"] == {"requested": 7, "sent": 7, "reported": 7, "determinism": "exact"}
    assert len(final["model_revision"]) >= 16
    assert painting.api.get(f"/v1/jobs/{job['id']}/audit").json()["intact"]
