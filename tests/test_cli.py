"""`presscheck` for jobs, decisions, errors and the local stack."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from shared.models import Stage
from tests.cli_stack import FINAL, JOB_ID, KEY, URL, FakeStack, Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def _waiting() -> FakeStack:
    return FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.AWAITING_APPROVAL))


def _refusing(status: int, **body: object) -> FakeStack:
    return FakeStack(answers=[lambda _: httpx.Response(status, json=body)])


# ── looking ──────────────────────────────────────────────────────────────────────────────────────


def test_list_shows_each_job_and_how_to_get_the_next_page(terminal: Terminal) -> None:
    result = terminal("jobs", "list", "--stage", "queued", "--limit", "5")

    assert result.exit_code == 0
    assert JOB_ID in result.stdout
    assert "presscheck jobs list --cursor older" in result.stdout
    assert dict(terminal.stack.requests[0].url.params) == {"limit": "5", "stage": "queued"}


def test_list_json_is_what_the_api_said(terminal: Terminal) -> None:
    result = terminal("jobs", "list", "--json")

    assert json.loads(result.stdout)["jobs"][0]["id"] == JOB_ID


def test_show_last_finds_the_newest_job_and_saves_its_pictures(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.DONE), _step=1)

    result = terminal("jobs", "show", "last", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    assert [request.url.path for request in terminal.stack.requests[:2]] == ["/prod/v1/jobs", f"/prod/v1/jobs/{JOB_ID}"]
    assert (tmp_path / "out" / f"{JOB_ID}-final.png").exists()


def test_show_answers_about_a_failed_job_without_failing(terminal: Terminal) -> None:
    terminal.stack = FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.FAILED), _step=1)

    result = terminal("jobs", "show", JOB_ID)

    assert result.exit_code == 0
    assert "rendered_text_mismatch: expected 'SALE' not found" in result.stdout


def test_show_of_a_waiting_job_says_what_a_person_can_do(terminal: Terminal) -> None:
    terminal.stack = _waiting()
    terminal("jobs", "show", JOB_ID)

    result = terminal("jobs", "show", JOB_ID)

    assert f"presscheck jobs approve {JOB_ID} --draft 1" in result.stdout


def test_text_from_the_stack_cannot_steer_the_terminal(terminal: Terminal) -> None:
    terminal.stack = _refusing(
        422, error={"message": "\x1b]0;owned\x07 [bold]no[/bold]", "param": "prompt", "code": "invalid_request"}
    )

    result = terminal("jobs", "show", JOB_ID)

    assert "\x1b" not in result.stderr
    assert "[bold]no[/bold]" in result.stderr


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (("approve", JOB_ID, "--draft", "2", "--off-peak"), "approve", {"draft": 2, "off_peak": True}),
        (("approve", JOB_ID), "approve", {}),
        (("reject", JOB_ID, "--reason", "crooked"), "reject", {"reason": "crooked"}),
        (("more", JOB_ID, "--count", "3"), "drafts", {"count": 3}),
        (("accept", JOB_ID, "--attempt", "3", "--reason", "meant"), "accept", {"attempt": 3, "reason": "meant"}),
        (("cancel", JOB_ID), "cancel", {}),
        (("restore", JOB_ID, "--attempt", "1", "--reason", "glow"), "restore", {"attempt": 1, "reason": "glow"}),
    ],
)
def test_each_decision_is_one_call(
    terminal: Terminal, arguments: tuple[str, ...], path: str, body: dict[str, object]
) -> None:
    result = terminal("jobs", *arguments)

    (request,) = terminal.stack.requests
    assert result.exit_code == 0
    assert request.url.path == f"/prod/v1/jobs/{JOB_ID}/{path}"
    assert json.loads(request.content) == body


def test_approve_wait_follows_to_the_final(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = FakeStack(stages=(Stage.AWAITING_APPROVAL, Stage.FINALIZING, Stage.VERIFYING, Stage.DONE))
    terminal.stack.answers = [lambda _: httpx.Response(200, json=FakeStack(stages=(Stage.FINALIZING,)).view())]

    result = terminal("jobs", "approve", JOB_ID, "--wait", "--json", "--out", str(tmp_path / "out"))

    assert json.loads(result.stdout)["final"]["sha256"] == FINAL


def test_render_hands_over_when_only_a_person_can_go_on(terminal: Terminal, tmp_path: Path) -> None:
    terminal.stack = _waiting()

    result = terminal("render", "--prompt", "a fox", "--finalize", "on_approval", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    assert "presscheck jobs approve" in result.stdout
    assert (tmp_path / "out" / f"{JOB_ID}-draft.png").exists()


# ── asking for a job ─────────────────────────────────────────────────────────────────────────────


def test_every_option_of_render_reaches_the_api(terminal: Terminal) -> None:
    result = terminal(
        *("render", "--template", "poster@3", "--var", "headline=SALE", "--var", "count=3", "--var", 'year="2026"'),
        *("--use-case", "banner", "--seed", "7", "--size", "1024x1024", "--guidance", "6.5", "--steps", "20"),
        *("--expected-text", "SALE", "--expected-text", "50%", "--text-box", "0.1,0.6,0.8,0.3", "--drafts", "2"),
        *("--finalize", "off_peak", "--tag", "summer", "--metadata", "ticket=ART-1", "--negative-prompt", "fog"),
        *("--fresh", "--no-wait", "--json"),
    )

    assert result.exit_code == 0
    assert json.loads(terminal.stack.requests[0].content) == {
        "template": "poster@3",
        "variables": {"headline": "SALE", "count": 3, "year": "2026"},
        "use_case": "banner",
        "negative_prompt": "fog",
        "seed": 7,
        "size": "1024x1024",
        "guidance": 6.5,
        "steps": 20,
        "expected_text": ["SALE", "50%"],
        "text_box": [0.1, 0.6, 0.8, 0.3],
        "fresh": True,
        "drafts": 2,
        "finalize": "off_peak",
        "tags": ["summer"],
        "metadata": {"ticket": "ART-1"},
    }
    assert json.loads(result.stdout)["id"] == JOB_ID


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("render",), "give a prompt, or a template"),
        (("render", "--prompt", "x", "--template", "poster"), "not both"),
        (("render", "--prompt", "x", "--size", "huge"), "--size"),
        (("render", "--prompt", "x", "--drafts", "9"), "--drafts"),
        (("render", "--prompt", "x", "--seed", "-1"), "--seed"),
        (("render", "--prompt", "x", "--text-box", "0.1,0.2"), "--text-box"),
        (("render", "--template", "poster", "--var", "headline"), "name=value"),
        (("render", "--prompt", "x", "--finalize", "someday"), "--finalize"),
        (("jobs", "show", "../keys"), "job id"),
        (("jobs", "list", "--limit", "0"), "--limit"),
        (("jobs", "dance"), "dance"),
    ],
)
def test_wrong_usage_exits_2_names_the_option_and_sends_nothing(
    terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    result = terminal(*arguments)

    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())
    assert terminal.stack.requests == []


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


def test_a_refusal_shows_message_field_and_code_in_one_line(terminal: Terminal) -> None:
    detail = {"message": "size: 999x999 is not offered", "param": "size", "code": "invalid_request"}
    terminal.stack = _refusing(422, error=detail)

    result = terminal("render", "--prompt", "x", "--json")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["error size: 999x999 is not offered  (field size, invalid_request)"]
    shown = json.loads(result.stdout)["error"]
    assert (shown["message"], shown["param"], shown["code"], shown["http_status"]) == (*detail.values(), 422)


def test_a_retired_model_comes_with_its_successor(terminal: Terminal) -> None:
    terminal.stack = _refusing(
        410, error={"message": "gone", "param": "model", "code": "model_retired"}, successor="sd35-large"
    )

    assert "--model sd35-large" in terminal("render", "--prompt", "x", "--model", "old").stderr


@pytest.mark.parametrize("body", [b"", b"<html>bad gateway</html>", b'{"message": "Internal server error"}', b"[1]"])
def test_an_error_without_our_body_is_still_one_line(terminal: Terminal, body: bytes) -> None:
    terminal.stack.answers = [lambda _: httpx.Response(502, content=body)]

    result = terminal("jobs", "list")

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("error ")


def test_an_answer_that_is_no_job_is_not_a_traceback(terminal: Terminal) -> None:
    terminal.stack.answers = [lambda _: httpx.Response(200, text="<html>welcome</html>")]

    result = terminal("jobs", "list", "--json")

    assert json.loads(result.stdout)["error"]["code"] == "not_understood"


def test_a_wrong_key_says_which_variable_to_look_at(terminal: Terminal) -> None:
    terminal.environ = {"PRESSCHECK_API_KEY": "wrong"}

    result = terminal("jobs", "list")

    assert result.exit_code == 1
    assert "PRESSCHECK_API_KEY" in result.stderr


def test_an_unreachable_stack_says_how_to_start_one(terminal: Terminal) -> None:
    def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    terminal.stack.answers = [refused]

    result = terminal("jobs", "list")

    assert result.exit_code == 1
    assert URL in result.stderr
    assert "presscheck up" in result.stderr


@pytest.mark.parametrize(
    "environ",
    [
        {"PRESSCHECK_API_URL": URL},
        {"PRESSCHECK_API_KEY": KEY},
        {"PRESSCHECK_API_URL": "stack.test", "PRESSCHECK_API_KEY": KEY},
        {"PRESSCHECK_API_URL": URL, "PRESSCHECK_API_KEY": "pc_live\nx"},
    ],
)
def test_half_an_address_is_refused_before_a_key_goes_anywhere(terminal: Terminal, environ: dict[str, str]) -> None:
    terminal.named, terminal.environ = False, environ

    result = terminal("jobs", "list")

    assert result.exit_code == 2
    assert KEY not in result.output
    assert terminal.stack.requests == []


def test_a_folder_that_cannot_be_written_is_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = terminal("demo", "--out", str(tmp_path / "file" / "below"))

    assert result.exit_code == 1
    assert "choose another folder with --out" in result.stderr


# ── the local stack ──────────────────────────────────────────────────────────────────────────────


def test_without_any_stack_the_way_to_one_is_shown(terminal: Terminal) -> None:
    terminal.named = False

    result = terminal("jobs", "list", "--json")

    assert result.exit_code == 1
    assert "presscheck up" in result.stderr
    assert json.loads(result.stdout)["error"]["code"] == "no_stack"


def test_a_running_local_stack_is_found_by_itself(terminal: Terminal) -> None:
    terminal.named = False
    terminal("up", "--json")

    result = terminal("jobs", "list")

    assert result.exit_code == 0
    assert str(terminal.stack.requests[0].url).startswith(URL)


def test_stack_commands_hand_on_their_arguments_and_exit_code(terminal: Terminal) -> None:
    result = terminal("logs", "--follow", "render", "--help")

    assert result.exit_code == 7
    assert terminal.local_calls == ["logs --follow render --help"]


def test_a_local_stack_that_cannot_start_says_its_last_words(terminal: Terminal, tmp_path: Path) -> None:
    terminal.named = False
    (tmp_path / "calls").mkdir()  # the script's log is in the way: it crashes

    result = terminal("demo", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "stack_failed"
    assert "IsADirectoryError" in result.stderr


@pytest.mark.parametrize("command", [(), ("demo",), ("render",), ("jobs",), ("jobs", "approve")])
def test_help_has_examples(terminal: Terminal, command: tuple[str, ...]) -> None:
    result = terminal(*command, "--help")

    assert result.exit_code == 0
    assert "$ presscheck" in result.stdout


def test_version(terminal: Terminal) -> None:
    assert terminal("--version").stdout.startswith("presscheck 0.")


def test_the_command_starts_without_what_only_functions_need() -> None:
    loaded = "import sys, shared.cli.main; print(sorted({'aws_cdk', 'boto3', 'numpy'} & set(sys.modules)))"

    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
