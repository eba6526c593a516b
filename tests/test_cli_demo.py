"""`presscheck demo` and the waiting that `render` shares with it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from shared.cli.demo import HERO
from shared.models import JobRequest, Stage, sha256_hex
from tests.cli_stack import DRAFT, FINAL, JOB_ID, KEY, PICTURES, FakeStack, Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_demo_json_is_one_document_with_draft_final_and_verification(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal("demo", "--json", "--out", str(tmp_path / "out"))

    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (document["status"], document["stage"], document["cached"], document["simulated"]) == (
        "succeeded",
        "done",
        False,
        True,
    )
    assert (document["draft"]["sha256"], document["draft"]["model"]) == (DRAFT, "sketch-fast")
    final = document["final"]
    assert (final["sha256"], final["model"], final["seed"], final["latency_ms"]) == (FINAL, "sketch-fine", 42, 431)
    assert final["cost_usd_micros"] == 42_000
    assert final["verification"]["verdict"] == "pass"
    assert sha256_hex(Path(final["path"]).read_bytes()) == FINAL
    assert document["job"]["id"] == JOB_ID


def test_demo_submits_the_articles_hero_job(terminal: Terminal, tmp_path: Path) -> None:
    terminal("demo", "--json", "--out", str(tmp_path))

    request = JobRequest.model_validate_json(terminal.stack.requests[0].content)
    assert (request.model, request.seed, request.guidance, str(request.size)) == ("dalle3-hd", 42, 7.5, "1024x1024")
    assert request.expected_text == ("SALE",)


def test_a_second_demo_says_that_it_was_cached(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(cached=True)

    result = terminal("demo", "--json", "--out", str(tmp_path))

    assert json.loads(result.stdout)["cached"] is True


def test_demo_for_people_shows_alias_seed_reading_and_what_was_simulated(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(repaired=True)

    result = terminal("demo", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    for words in (
        "dalle3-hd served by sketch-fine (simulated)",
        "42 (exact: same recipe, same bytes)",
        'reads "SALE"',
        'expected "SALE", read "SAIE" (error rate 25%)',
        "lower guidance, lettering masked",
        "$0.042 ($42.00 per 1,000)",
        "No generative model painted these pictures",
        FINAL,
    ):
        assert words in result.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["draft.png", "final.png"]


def test_progress_off_a_terminal_is_one_plain_line_a_stage_on_stderr(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal("demo", "--json", "--out", str(tmp_path))

    stages = [line.split("  ")[-1] for line in result.stderr.splitlines()]
    assert [stage for stage in stages if stage in {"Queued", "Drafting", "Finalizing", "Verifying", "Done"}] == [
        "Queued",
        "Drafting",
        "Finalizing",
        "Verifying",
        "Done",
    ]
    assert "\x1b" not in result.stderr


def test_demo_starts_the_local_stack_and_leaves_it_up(terminal: Terminal, tmp_path: Path) -> None:
    terminal.named = False

    first = terminal("demo", "--json", "--out", str(tmp_path / "out"))
    terminal.stack = FakeStack()
    second = terminal("demo", "--json", "--out", str(tmp_path / "out"))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert terminal.local_calls == ["status --json", "up --json", "status --json"]
    assert "deployed 105 resources" in first.stderr
    assert "presscheck down" in first.stderr


def test_demo_down_stops_the_local_stack_even_when_the_job_fails(terminal: Terminal, tmp_path: Path) -> None:
    terminal.named = False
    terminal.stack.answers = [lambda _: httpx.Response(500, text="boom")]

    result = terminal("demo", "--down", "--out", str(tmp_path / "out"))

    assert result.exit_code == 1
    assert terminal.local_calls[-1] == "down"


def test_no_output_ever_holds_the_key(terminal: Terminal, tmp_path: Path) -> None:
    terminal.named = False

    shown = terminal("demo", "--out", str(tmp_path / "out")).output + terminal("jobs", "list", "--json").output

    assert KEY not in shown


def test_a_failed_job_exits_1_keeps_the_best_attempt_and_still_prints_its_document(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.FINALIZING, Stage.REPAIRING, Stage.FAILED))

    result = terminal("demo", "--json", "--out", str(tmp_path / "out"))

    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["status"] == "failed"
    assert document["error"] == "rendered_text_mismatch: expected 'SALE' not found"
    assert (tmp_path / "out" / "best-attempt.png").exists()


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_find_it(terminal: Terminal, tmp_path: Path) -> None:
    def interrupt(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    accepted = terminal.stack._answer
    terminal.stack.answers = [accepted, accepted, interrupt]

    result = terminal("demo", "--json", "--out", str(tmp_path))

    assert result.exit_code == 130
    assert f"presscheck jobs watch {JOB_ID}" in result.stderr
    assert result.stdout == ""
    assert not any(request.url.path.endswith("/cancel") for request in terminal.stack.requests)


def test_a_stack_that_hiccups_in_the_middle_is_waited_for(terminal: Terminal, tmp_path: Path) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    accepted = terminal.stack._answer
    terminal.stack.answers = [accepted, lost, lambda _: httpx.Response(503), accepted]

    result = terminal("demo", "--json", "--out", str(tmp_path))

    assert json.loads(result.stdout)["status"] == "succeeded"


def test_polling_sends_the_etag_and_backs_off_while_nothing_changes(terminal: Terminal, tmp_path: Path) -> None:
    accepted = terminal.stack._answer
    unchanged = [lambda _: httpx.Response(304) for _ in range(6)]
    terminal.stack.answers = [accepted, accepted, *unchanged]

    terminal("demo", "--json", "--out", str(tmp_path))

    assert terminal.stack.requests[3].headers["if-none-match"] == '"1"'
    assert terminal.naps[0] == 0.2
    assert max(terminal.naps) == 1.0


def test_a_job_that_takes_too_long_is_given_up_on_by_name(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING))

    result = terminal("demo", "--timeout", "5", "--json", "--out", str(tmp_path))

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "timeout"


def test_an_image_that_is_not_the_recorded_one_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.DONE))
    honest = terminal.stack._answer

    def swapped(request: httpx.Request) -> httpx.Response:
        reply = honest(request)
        return httpx.Response(200, text=reply.text.replace(FINAL, "0" * 64)) if b"done" in reply.content else reply

    terminal.stack.answers = [honest, honest, swapped]
    terminal.stack.pictures = PICTURES | {"0" * 64: b"another picture"}

    result = terminal("demo", "--out", str(tmp_path / "out"))

    assert result.exit_code == 1
    assert "digest differs" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_newer_api_may_say_more(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack.extra = {"mood": "sunny"}

    result = terminal("demo", "--json", "--out", str(tmp_path))

    assert json.loads(result.stdout)["job"]["mood"] == "sunny"


def test_a_true_colour_terminal_gets_the_pictures_as_half_blocks(terminal: Terminal, tmp_path: Path) -> None:
    screen = io.StringIO()
    terminal.out = Console(file=screen, force_terminal=True, color_system="truecolor", width=100)

    terminal("demo", "--out", str(tmp_path))

    assert screen.getvalue().count("▀") > 500


def test_kitty_gets_one_sheet_in_chunks_of_its_protocol(terminal: Terminal, tmp_path: Path) -> None:
    screen = io.StringIO()
    terminal.out = Console(file=screen, force_terminal=True, color_system="truecolor", width=100)
    terminal.environ = {"KITTY_WINDOW_ID": "1"}

    terminal("demo", "--out", str(tmp_path))

    assert screen.getvalue().count("a=T,f=100,q=2") == 1
    assert "▀" not in screen.getvalue()


def test_the_hero_prompt_asks_for_a_summer_sale() -> None:
    assert "summer sale" in HERO["prompt"]
