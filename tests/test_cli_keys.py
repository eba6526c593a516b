"""`presscheck` for keys, filters and ratings: what is asked of the API, and what is shown of its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.views import IssuedKeyView
from tests.cli_stack import JOB_ID, START, FakeStack, Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def key(**fields: Any) -> dict[str, Any]:
    made = IssuedKeyView(
        id="key_4f1c0a9be2d37c518a60",
        name="ci",
        begins_with="pc_live_AbCd",
        scopes=("render",),
        works=True,
        created_at=START,
        created_by="dana",
        expires_at=None,
        revoked_at=None,
        revoked_by=None,
        key="pc_live_AbCd" + "x" * 28,
    )
    return made.model_copy(update=fields).model_dump(mode="json")


def answering(status: int, body: Any) -> FakeStack:
    return FakeStack(answers=[lambda _: httpx.Response(status, json=body)])


def sent(terminal: Terminal) -> Any:
    return json.loads(terminal.stack.requests[-1].content)


def test_a_new_key_is_all_of_stdout_so_that_it_can_be_piped(terminal: Terminal) -> None:
    terminal.stack = answering(201, key())

    result = terminal("keys", "create", "ci", "--scope", "render", "--scope", "audit", "--days", "90")

    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == "pc_live_AbCd" + "x" * 28
    assert sent(terminal) == {"name": "ci", "scopes": ["render", "audit"], "expires_in_days": 90}


def test_a_key_may_last_for_ever_when_that_is_said(terminal: Terminal) -> None:
    terminal.stack = answering(201, key())

    terminal("keys", "create", "ci", "--forever")

    assert sent(terminal) == {"name": "ci", "scopes": ["render"], "expires_in_days": None}


def test_keys_are_listed_by_what_can_be_shown(terminal: Terminal) -> None:
    public = [{name: value for name, value in key(**changes).items() if name != "key"} for changes in (
        {}, {"id": "key_2", "works": False, "revoked_at": START, "revoked_by": "dana"},
    )]  # fmt: skip
    terminal.stack = answering(200, {"keys": public})

    result = terminal("keys", "list")

    assert "key_4f1c0a9be2d37c518a60" in result.stdout
    assert "pc_live_AbCd…" in result.stdout
    assert "revoked" in result.stdout


def test_revoking_names_the_key_and_not_its_secret(terminal: Terminal) -> None:
    public = {name: value for name, value in key(works=False, revoked_at=START).items() if name != "key"}
    terminal.stack = answering(200, public)

    result = terminal("keys", "revoke", "key_4f1c0a9be2d37c518a60")

    assert terminal.stack.requests[-1].url.path.endswith("/v1/keys/key_4f1c0a9be2d37c518a60/revoke")
    assert "Revoked key_4f1c0a9be2d37c518a60 of ci." in result.stdout


def test_filters_of_a_list_are_the_apis(terminal: Terminal) -> None:
    terminal("jobs", "list", "--stage", "failed", "--use-case", "hero", "--tag", "spring", "-q", "summer sale")

    asked = dict(terminal.stack.requests[-1].url.params)
    assert asked == {"limit": "20", "stage": "failed", "use_case": "hero", "tag": "spring", "q": "summer sale"}


def test_a_rating_goes_to_the_newest_job_with_its_flaws(terminal: Terminal) -> None:
    result = terminal("jobs", "rate", "last", "2", "--flaw", "hands", "--note", "Six fingers")

    assert result.exit_code == 0, result.output
    assert terminal.stack.requests[-1].url.path.endswith(f"/v1/jobs/{JOB_ID}/rating")
    assert sent(terminal) == {"stars": 2, "flaws": ["hands"], "note": "Six fingers"}


@pytest.mark.parametrize("arguments", [("6",), ("0",), ("3", "--flaw", "ugly")])
def test_a_rating_out_of_form_is_refused_before_anything_is_sent(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    result = terminal("jobs", "rate", JOB_ID, *arguments)

    assert result.exit_code == 2
    assert terminal.stack.requests == []
