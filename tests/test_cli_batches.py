"""`presscheck batch`: what a person sees, over a stack that answers from a script."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from shared.batchviews import batch_view
from shared.cli.main import app
from shared.cli.world import World
from shared.models import Batch, BatchCounts, BatchFile, BatchProblem, BatchStatus
from tests.conftest import Clock

URL = "https://stack.test/prod"
FILES = {"results.jsonl": b'{"row":1}\n', "errors.jsonl": b'{"row":2}\n'}


class FakeStack:
    """One batch that takes a step along `states` each time it is read, and a store of files."""

    def __init__(self, *states: Batch) -> None:
        self.states, self.reads = states, 0
        self.uploaded: list[tuple[dict[str, str], bytes]] = []
        self.cancelled = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/prod")
        if request.url.host == "files.test":
            assert "authorization" not in request.headers
            if request.method == "PUT":
                self.uploaded.append((dict(request.headers), request.read()))
                return httpx.Response(200)
            return httpx.Response(200, content=FILES[path.rpartition("/")[2]])
        if request.method == "POST":
            self.cancelled = self.cancelled or path.endswith("/cancel")
            upload = {"url": "https://files.test/up", "headers": {"content-type": "text/csv"}, "expires_in_s": 60}
            return httpx.Response(201, json=self._shown(self.states[0]) | {"upload": upload})
        if path == "/v1/batches":
            listed = {"object": "list", "data": [self._shown(self.states[0])], "has_more": False, "cursor": None}
            return httpx.Response(200, json=listed)
        self.reads += 1
        return httpx.Response(200, json=self._shown(self.states[min(self.reads, len(self.states)) - 1]))

    def _shown(self, batch: Batch) -> dict[str, Any]:
        view = batch_view(batch, link=lambda key: f"https://files.test/{key}", base_url=URL, now=Clock()())
        return dict(json.loads(view.model_dump_json()))


def batch(status: BatchStatus, **more: Any) -> Batch:
    began = {"in_progress_at": Clock()()} if status is BatchStatus.IN_PROGRESS else {}
    file = BatchFile(key="batches/incoming/acme/spring.csv", etag="e", size_bytes=9)
    fixed = {"id": "batch_1", "tenant": "acme", "actor": "dana", "format": "csv", "created_at": Clock()()}
    return Batch.model_validate({**fixed, "status": status, "file": file, **began, **more})


DONE = batch(
    BatchStatus.COMPLETED,
    rows=2,
    output_key="results.jsonl",
    error_key="errors.jsonl",
    counts=BatchCounts(accepted=1, refused=1, released=1, left=1, done=1, cost_usd_micros=42_000),
)

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def invoke(stack: FakeStack, *arguments: object) -> Result:
        def open_http(base_url: str) -> httpx.Client:
            return httpx.Client(base_url=base_url, transport=httpx.MockTransport(stack))

        out = io.StringIO()
        console = Console(file=out, width=100, highlight=False)
        world = World(
            environ={"PRESSCHECK_API_URL": URL, "PRESSCHECK_API_KEY": "pc_live_x"},
            open_http=open_http, sleep=lambda _: None, out=console, err=console,
        )  # fmt: skip
        result = CliRunner().invoke(app, ["batch", *map(str, arguments)], obj=world, catch_exceptions=False)
        result.stdout_bytes = result.stdout_bytes + out.getvalue().encode()
        return result

    return invoke


def test_a_file_is_sent_as_it_is_to_where_the_stack_says_and_followed_to_its_end(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_bytes(b"prompt\na\n")
    working = batch(BatchStatus.IN_PROGRESS, rows=2, counts=BatchCounts(accepted=1, refused=1, released=1))
    stack = FakeStack(batch(BatchStatus.VALIDATING), working, DONE)

    result = run(stack, "submit", file, "--wait")

    assert result.exit_code == 0
    assert stack.uploaded[0][1] == b"prompt\na\n"
    assert stack.uploaded[0][0]["content-type"] == "text/csv"
    assert stack.uploaded[0][0]["content-length"] == "9"
    assert "in progress, 2 rows: 1 refused, 1 in flight" in result.stdout
    assert "completed, 2 rows: 1 refused, 1 done" in result.stdout
    assert "$0.042" in result.stdout


def test_a_file_of_another_kind_is_refused_before_anything_is_sent(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "spring.xlsx"
    file.write_bytes(b"PK")
    stack = FakeStack(DONE)

    result = run(stack, "submit", file)

    assert result.exit_code == 1
    assert "neither .csv nor .jsonl" in result.stdout
    assert stack.uploaded == []


def test_a_batch_that_failed_says_why_and_fails_the_command(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    file.write_bytes(b"promt\na\n")
    problem = BatchProblem(code="wrong_header", message='column 1: "promt" is no field of a job')

    result = run(FakeStack(batch(BatchStatus.FAILED, problems=(problem,))), "submit", file, "--wait")

    assert result.exit_code == 1
    assert '"promt" is no field of a job' in result.stdout


def test_the_newest_is_called_last_and_its_results_are_saved(run: Run, tmp_path: Path) -> None:
    result = run(FakeStack(DONE), "results", "last", "--out", tmp_path / "out")

    assert result.exit_code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == FILES


def test_results_of_a_batch_that_is_not_over_are_not_there_yet(run: Run, tmp_path: Path) -> None:
    result = run(FakeStack(batch(BatchStatus.IN_PROGRESS)), "results", "batch_1", "--out", tmp_path / "out")

    assert result.exit_code == 1
    assert "still in_progress" in result.stdout
    assert not (tmp_path / "out").exists()


def test_cancel_and_list(run: Run) -> None:
    stack = FakeStack(DONE)

    assert run(stack, "cancel", "batch_1").exit_code == 0
    assert stack.cancelled
    listed = run(stack, "list")
    assert listed.exit_code == 0 and "batch_1" in listed.stdout and "completed" in listed.stdout


def test_json_is_the_batch_object_and_nothing_else(run: Run) -> None:
    result = run(FakeStack(DONE), "show", "batch_1", "--json")

    assert json.loads(result.stdout)["object"] == "batch"
