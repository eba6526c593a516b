"""`presscheck corpus export` against the real API: what ends up in the folder, and what never does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import boto3
import httpx
import pytest
from typer.testing import CliRunner, Result

from shared import wiring
from shared.cli.main import app
from shared.cli.world import World
from shared.ledger import Amendment
from shared.models import Job, Principal, RatingRequest, Recipe, Stage, Tier, Verdict, Verification
from tests.conftest import Clock
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.test_ledger import attempt_of
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources, hero, picture

URL = "https://api.example"


@dataclass
class Stack(httpx.BaseTransport):
    """The API, and behind its links the bucket; `spoil` may change what the bucket answers."""

    downloads: list[str] = field(default_factory=list)
    one_at_a_time: Lock = field(default_factory=Lock)
    """A Lambda instance answers one request at a time; the handler counts on it."""
    spoil: Callable[[str, bytes], httpx.Response] | None = None
    _api: httpx.WSGITransport = field(default_factory=lambda: httpx.WSGITransport(Gateway(Context(remaining_ms=2_000))))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.example":
            with self.one_at_a_time:
                return self._api.handle_request(request)
        key = request.url.path.lstrip("/").removeprefix("images/images/")
        key = key if key.startswith("images/") else f"images/{key}"
        data = boto3.client("s3").get_object(Bucket="images", Key=key)["Body"].read()
        self.downloads.append(key)
        return self.spoil(key, data) if self.spoil else httpx.Response(200, content=data)


@pytest.fixture
def studio(deployed: Resources) -> Studio:
    """At the hour of this machine: `--since 7d` looks back from there."""
    clock = Clock()
    clock.now = wiring.now()
    return Studio(deployed, clock)


@pytest.fixture
def stack() -> Stack:
    return Stack()


@pytest.fixture
def export(stack: Stack, tmp_path: Path) -> Callable[..., Result]:
    def run(*options: str, out: str = "corpus", n: int = 50) -> Result:
        world = World(
            environ={"PRESSCHECK_API_URL": URL, "PRESSCHECK_API_KEY": KEY},
            open_http=lambda url: httpx.Client(base_url=url, transport=stack),
        )
        arguments = ["corpus", "export", "--n", str(n), "--out", str(tmp_path / out), *options]
        return CliRunner().invoke(app, arguments, obj=world)

    return run


def _over(
    studio: Studio,
    seed: int,
    *,
    stage: Stage = Stage.DONE,
    verdict: Verdict = Verdict.PASS,
    who: Principal = DESIGNER,
    **fields: Any,
) -> Job:
    """A job that is over, its final painted from this seed."""
    job = studio.submissions.submit(who, hero(seed=seed, **fields))
    image = studio.images.store(job.tenant, picture(seed))
    recipe = Recipe(model="sketch-fine", prompt=job.prompt, seed=seed, size=job.size)
    made = {"tier": Tier.FINAL, "recipe": recipe, "model": "sketch-fine", "fingerprint": recipe.fingerprint()}
    seen = {"image": image, "verification": Verification(verdict=verdict), "simulated": True}
    final = attempt_of(job, candidate=0, clock=studio.clock).model_copy(update=made | seen)
    changes = {"stage": stage, "final_attempt": 1}
    return studio.ledger.amend(job.id, lambda _: Amendment(event="t", actor="t", attempts=(final,), changes=changes))


def _done(studio: Studio, count: int, *, first: int = 101) -> list[Job]:
    """Finals with pictures of their own; of the seeds from 101 on, the 6th and the 8th are for judging."""
    return [_over(studio, first + number) for number in range(count)]


def _rows(folder: Path, split: str) -> list[dict[str, Any]]:
    path = folder / split / "metadata.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corpus_holds_verified_pictures_with_captions_and_a_datasheet(
    studio: Studio, export: Callable[..., Result], tmp_path: Path
) -> None:
    jobs = _done(studio, 12)
    studio.decisions.rate(DESIGNER, jobs[0].id, RatingRequest(stars=4, flaws=("hands",), note="Ask Ada"))

    told = json.loads(export("--json").stdout)

    folder = tmp_path / "corpus"
    rows = {split: _rows(folder, split) for split in ("train", "test")}
    assert (len(rows["train"]), len(rows["test"])) == (told["train"], told["test"])
    assert told["train"] + told["test"] == 12
    assert told["test"] > 0
    for split, each in ((split, row) for split, found in rows.items() for row in found):
        data = (folder / split / each["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == each["sha256"]
        assert each["text"] == "Hero banner for a summer sale"
    rated = next(row for found in rows.values() for row in found if row["job_id"] == jobs[0].id)
    assert (rated["stars"], rated["flaws"], rated["verdict"], rated["simulated"]) == (4.0, "hands", "pass", True)
    sheet = (folder / "README.md").read_text()
    assert "**12 of them are simulated**" in sheet
    assert "presscheck corpus export --n 50 --seed 0 --out DIR" in sheet
    assert "Ada" not in sheet
    assert "Ada" not in json.dumps(rows)


def test_the_same_jobs_give_the_same_files_and_more_jobs_move_no_split(
    studio: Studio, export: Callable[..., Result], tmp_path: Path
) -> None:
    _done(studio, 12)
    export(out="one")
    export(out="two")
    _done(studio, 6, first=301)
    export(out="later")

    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    before, after = (
        {row["sha256"]: split for split in ("train", "test") for row in _rows(tmp_path / name, split)}
        for name in ("one", "later")
    )
    assert {sha: after[sha] for sha in before} == before


def test_an_interrupted_export_goes_on_with_its_plan_and_fetches_nothing_twice(
    studio: Studio, stack: Stack, export: Callable[..., Result], tmp_path: Path
) -> None:
    _done(studio, 12)

    def cut_off(_: str, data: bytes) -> httpx.Response:
        return httpx.Response(200, content=data) if len(stack.downloads) < 6 else httpx.Response(503)

    stack.spoil = cut_off
    interrupted = export("--since", "7d")
    unfinished = list((tmp_path / "corpus").rglob("metadata.jsonl"))
    there = {path.stem for path in (tmp_path / "corpus").rglob("*.png")}
    _done(studio, 3, first=301)
    stack.spoil, stack.downloads = None, []

    resumed = json.loads(export("--since", "7d", "--json").stdout)

    assert (interrupted.exit_code, unfinished) == (1, [])
    assert resumed["train"] + resumed["test"] == 12
    assert resumed["already_there"] == len(there) > 0
    assert len(stack.downloads) == 12 - len(there)


def test_a_picture_that_is_not_the_ledgers_is_not_kept(
    studio: Studio, stack: Stack, export: Callable[..., Result], tmp_path: Path
) -> None:
    _done(studio, 1)
    stack.spoil = lambda _, data: httpx.Response(200, content=data + b"x")

    result = export()

    assert result.exit_code == 1
    assert "its digest differs" in result.stderr
    assert list((tmp_path / "corpus").rglob("*.png")) == []


def test_what_may_not_be_in_it_is_counted_with_its_reason(studio: Studio, export: Callable[..., Result]) -> None:
    _done(studio, 2)
    _over(studio, 9, prompt="Invitation for ada@example.com")
    _over(studio, 8, stage=Stage.FAILED, verdict=Verdict.FAIL)
    _over(studio, 7, who=STRANGER)
    studio.submit(seed=6)

    told = json.loads(export("--json").stdout)
    rated = export("--min-rating", "4", out="rated")

    assert told["train"] + told["test"] == 2
    assert told["excluded"] == {"holds what looks like an e-mail address": 1}
    assert (rated.exit_code, "no final to export: 3 not rated" in rated.stderr) == (1, True)


def test_best_attempts_of_failed_jobs_come_only_when_asked_for(studio: Studio, export: Callable[..., Result]) -> None:
    _done(studio, 2)
    _over(studio, 8, stage=Stage.FAILED, verdict=Verdict.FAIL)

    told = json.loads(export("--include-failed", "--json").stdout)

    verdicts = {(each["verdict"], each["drawn"]) for each in told["strata"]}
    assert verdicts == {("pass", 2), ("fail", 1)}


def test_a_folder_that_holds_something_else_is_left_alone(
    studio: Studio, export: Callable[..., Result], tmp_path: Path
) -> None:
    _done(studio, 1)
    (tmp_path / "taxes").mkdir()
    (tmp_path / "taxes" / "2025.txt").write_text("mine")
    export()

    foreign, other = export(out="taxes"), export("--seed", "3")

    assert "holds something else" in foreign.stderr
    assert "is an export asked for otherwise: n 50, seed 0" in other.stderr
    assert (foreign.exit_code, other.exit_code) == (1, 1)
    assert _files(tmp_path / "taxes") == {"2025.txt": b"mine"}
