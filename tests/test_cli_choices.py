"""`presscheck models`, `templates` and `policy`: what there is to choose from, and moving what is in force."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from shared.catalogue import Catalogue
from shared.goldens import Golden, Look, write_golden
from shared.models import Recipe, Size, Tier, sha256_hex
from shared.pipeline.listings import model_list, policy_view, template_list, template_view
from shared.policy import Policies
from shared.prompts import Templates, lock
from shared.releases import Release, next_release
from tests.cli_stack import START, FakeStack, Terminal
from tests.test_policy_versions import write_policies
from tests.test_prompts import CARD, write

POLICIES = Policies.load()
POLICY = POLICIES.at(POLICIES.released)
SIZE = Size(width=256, height=256)
MODELS = model_list(policy=POLICY, catalogue=Catalogue.load(), profile="simulated", today=date(2026, 11, 23))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Templates: a card in two versions, of which the first is released."""
    folder = tmp_path / "cards"
    folder.mkdir()
    write(folder)
    lock(folder, ["card@1"])
    look = Look(
        tier=Tier.FINAL,
        compare="perceptual",
        pixels="0" * 64,
        phash="0" * 16,
        revision="r1",
        recipe=Recipe(model="sketch-fine", prompt="a card", seed=42, size=SIZE),
    )
    golden = Golden(
        template="card@1", digest=sha256_hex(CARD), use_case="default", size=SIZE, looks={"sketch-fine": look}
    )
    write_golden(folder, golden, {"sketch-fine": b"a thumbnail"})
    write(folder, CARD.replace("A {{ colour }}", "One {{ colour }}"), version=2)
    return folder


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def _answering(*answers: BaseModel) -> FakeStack:
    return FakeStack(answers=[lambda _, answer=answer: _json(answer) for answer in answers])


def _json(answer: BaseModel) -> httpx.Response:
    return httpx.Response(200, json=answer.model_dump(mode="json"))


def _move(subject: str = "template:card", **fields: Any) -> Release:
    given = {"kind": "release", "from_version": 1, "version": 2, "file_digest": "0" * 64, "by": "acme/olga"}
    return next_release(None, subject=subject, at=START, reason="shorter", **{**given, **fields})


def _sent(terminal: Terminal) -> list[tuple[str, str, Any]]:
    """Method, path and body of every request."""
    bodies = [json.loads(request.content) if request.content else None for request in terminal.stack.requests]
    return [
        (request.method, request.url.path.removeprefix("/prod"), body)
        for request, body in zip(terminal.stack.requests, bodies, strict=True)
    ]


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def test_models_shows_every_row_and_what_each_use_case_picks_and_why(terminal: Terminal) -> None:
    terminal.stack = _answering(MODELS)

    shown = terminal("models")

    assert shown.exit_code == 0
    assert _sent(terminal) == [("GET", "/v1/models", None)]
    assert all(model.name in shown.stdout for model in MODELS.models)
    assert all(pick.use_case in shown.stdout for pick in MODELS.picks)
    assert "the local stack paints with its simulator" in shown.stdout


def test_models_json_is_what_the_api_said(terminal: Terminal) -> None:
    terminal.stack = _answering(MODELS)

    assert json.loads(terminal("models", "--json").stdout) == MODELS.model_dump(mode="json")


def test_models_offline_asks_no_stack_and_tells_of_retirement(terminal: Terminal) -> None:
    shown = terminal("models", "--offline", "--profile", "aws")

    assert terminal.stack.requests == []
    assert "ask for gpt-image-2" in shown.stdout


@pytest.mark.parametrize("name", ["dalle3-hd", "nano-banana", "gemini-3-pro-image"])
def test_one_model_is_shown_whole_by_any_of_its_names(terminal: Terminal, name: str) -> None:
    shown = terminal("models", name, "--offline")

    assert shown.exit_code == 0
    assert name in shown.stdout
    assert "successor" in shown.stdout or "other names" in shown.stdout


def test_an_unknown_model_gets_near_names(terminal: Terminal) -> None:
    refused = terminal("models", "nano-bananna", "--offline")

    assert (refused.exit_code, "nano-banana" in refused.stderr) == (1, True)


# ── templates: files ─────────────────────────────────────────────────────────────────────────────


def test_check_is_content_with_sound_templates_and_asks_no_stack(terminal: Terminal, folder: Path) -> None:
    terminal.named = False

    assert terminal("templates", "check", "--dir", str(folder)).exit_code == 0
    assert terminal("templates", "check").exit_code == 0, "the templates of this repository"


@pytest.mark.parametrize(
    ("version", "old", "new", "says"),
    [
        (1, "A {{ colour }}", "The {{ colour }}", "card@1 was released and then edited"),
        (2, "{{ mood }} mood", "{{ tone }} mood", "card/2.toml: undeclared variables: tone"),
        (2, "[recipe]", "[variables.x]\ntype = 'string'\n[recipe]", "card/2.toml: unused variables: x"),
        (2, "One {{ colour }}", "x" * 4100 + "{{ colour }}", "card/2.toml: may render to"),
        (2, 'who = "Ada"', 'who = "Ada Lovelace and her friends"', "card/2.toml: example"),
    ],
)
def test_check_refuses_naming_the_file_and_the_fault(
    terminal: Terminal, folder: Path, *, version: int, old: str, new: str, says: str
) -> None:
    path = folder / "card" / f"{version}.toml"
    path.write_text(path.read_text().replace(old, new))

    refused = terminal("templates", "check", "--dir", str(folder))
    told = json.loads(terminal("templates", "check", "--dir", str(folder), "--json").stdout)

    assert (refused.exit_code, told["ok"]) == (1, False)
    assert says in refused.stdout
    assert any(says in problem for problem in told["problems"])


def test_new_copies_the_newest_version_and_a_new_template_is_sound_as_it_stands(
    terminal: Terminal, folder: Path
) -> None:
    terminal("templates", "new", "card", "--dir", str(folder))
    terminal("templates", "new", "flyer", "--dir", str(folder))

    assert (folder / "card" / "3.toml").read_text() == (folder / "card" / "2.toml").read_text()
    assert (folder / "flyer" / "1.toml").is_file()
    assert terminal("templates", "check", "--dir", str(folder)).exit_code == 0


def test_diff_shows_what_the_newest_version_changes(terminal: Terminal, folder: Path) -> None:
    shown = terminal("templates", "diff", "card", "--dir", str(folder))
    named = json.loads(terminal("templates", "diff", "card@2", "card@1", "--dir", str(folder), "--json").stdout)

    assert "-prompt = '''A {{ colour }}" in shown.stdout
    assert "+prompt = '''One {{ colour }}" in shown.stdout
    assert (named["from"], named["to"]) == ("card@2", "card@1")
    assert terminal("templates", "diff", "card@9", "card@1", "--dir", str(folder)).exit_code == 1


# ── templates: a stack ───────────────────────────────────────────────────────────────────────────


def test_list_and_show_tell_what_is_in_force_and_who_put_it_there(terminal: Terminal, folder: Path) -> None:
    found = Templates.load(folder)
    move = _move(kind="rollback", from_version=2, version=1)
    terminal.stack = _answering(
        template_list(found, released={"card": 1}),
        template_view(found, "card", released=1, current=move, history=[move]),
    )

    assert "card" in terminal("templates", "list").stdout
    shown = terminal("templates", "show", "card").stdout
    assert "card@1" in shown
    assert "in force is 1" in shown
    assert "2 → 1  acme/olga" in shown


def test_release_checks_and_compares_the_file_then_moves_and_locks_it(terminal: Terminal, folder: Path) -> None:
    terminal.stack = _answering(template_view(Templates.load(folder), "card", released=1), _move())

    done = terminal("templates", "release", "card@2", "--reason", "shorter", "--dir", str(folder))

    assert done.exit_code == 0
    assert "version 2 is in force, before it 1" in done.stdout
    assert _sent(terminal) == [
        ("GET", "/v1/templates/card", None),
        ("POST", "/v1/templates/card/release", {"version": 2, "reason": "shorter"}),
    ]
    assert "card@2 " in (folder / "versions.lock").read_text()


def test_what_is_not_deployed_as_it_lies_here_is_not_released(terminal: Terminal, folder: Path) -> None:
    terminal.stack = _answering(template_view(Templates.load(folder), "card", released=1))
    write(folder, CARD.replace("A {{ colour }}", "Our {{ colour }}"), version=2)

    refused = terminal("templates", "release", "card@2", "--reason", "x", "--dir", str(folder))

    assert (refused.exit_code, "deploy first" in refused.stderr) == (1, True)
    assert [method for method, _, _ in _sent(terminal)] == ["GET"]
    assert "card@2 " not in (folder / "versions.lock").read_text()


def test_an_unsound_version_is_not_released(terminal: Terminal, folder: Path) -> None:
    write(folder, CARD.replace("{{ mood }}", "{{ tone }}"), version=2)

    refused = terminal("templates", "release", "card@2", "--reason", "x", "--dir", str(folder))

    assert (refused.exit_code, "undeclared variables: tone" in refused.stderr) == (1, True)
    assert terminal.stack.requests == []


def test_release_offline_only_locks_the_file(terminal: Terminal, folder: Path) -> None:
    arguments = ("templates", "release", "card@2", "--reason", "x", "--offline", "--dir", str(folder))

    assert json.loads(terminal(*arguments, "--json").stdout) == {"locked": "card@2"}
    assert terminal.stack.requests == []
    assert Templates.load(folder).released("card") == 2


def test_nothing_is_locked_while_an_earlier_release_is_broken(terminal: Terminal, folder: Path) -> None:
    (folder / "card" / "1.toml").write_text(CARD + "\n")

    refused = terminal("templates", "release", "card@2", "--reason", "x", "--offline", "--dir", str(folder))

    assert (refused.exit_code, "card@1 was released and then edited" in refused.stderr) == (1, True)


def test_rollback_is_one_call_and_says_what_is_in_force_now(terminal: Terminal) -> None:
    terminal.stack = _answering(_move(kind="rollback", from_version=2, version=1))

    done = terminal("templates", "rollback", "card", "--reason", "the headline wraps")

    assert _sent(terminal) == [("POST", "/v1/templates/card/rollback", {"reason": "the headline wraps"})]
    assert "version 1 is in force, before it 2" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("templates", "release", "card", "--reason", "x"),
        ("templates", "release", "../etc@1", "--reason", "x"),
        ("templates", "release", "card@2"),
        ("templates", "rollback", "card"),
        ("templates", "rollback", "card@2", "--reason", "x"),
        ("templates", "new", "../card"),
        ("templates", "show", "card@0"),
        ("policy", "release", "0", "--reason", "x"),
        ("policy", "rollback"),
        ("models", "--offline", "--profile", "moon"),
    ],
)
def test_wrong_usage_exits_2_and_sends_nothing(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    assert terminal(*arguments).exit_code == 2
    assert terminal.stack.requests == []


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


def test_policy_show_tells_the_rules_in_force_and_their_history(terminal: Terminal) -> None:
    move = _move("policy", version=POLICY.version)
    terminal.stack = _answering(policy_view(POLICIES, released=POLICY.version, current=move, history=[move]))

    shown = terminal("policy", "show")

    assert all(name in shown.stdout for name in POLICY.use_cases)
    assert "acme/olga" in shown.stdout


def test_policy_release_moves_and_locks_what_the_stack_carries(terminal: Terminal, tmp_path: Path) -> None:
    root = write_policies(tmp_path / "rules")
    terminal.stack = _answering(policy_view(Policies.load(root), released=1), _move("policy"))

    done = terminal("policy", "release", "2", "--reason", "shorter", "--dir", str(root))

    assert done.exit_code == 0
    assert _sent(terminal)[1] == ("POST", "/v1/policy/release", {"version": 2, "reason": "shorter"})
    assert (root / "policy" / "versions.lock").read_text().startswith("policy@2 ")


def test_policy_release_refuses_what_is_not_deployed(terminal: Terminal, tmp_path: Path) -> None:
    root = write_policies(tmp_path / "rules")
    terminal.stack = _answering(policy_view(POLICIES, released=POLICY.version))

    refused = terminal("policy", "release", "2", "--reason", "x", "--dir", str(root))

    assert (refused.exit_code, "deploy first" in refused.stderr) == (1, True)


def test_policy_rollback_is_one_call(terminal: Terminal) -> None:
    terminal.stack = _answering(_move("policy", kind="rollback", from_version=2, version=1))

    assert "version 1 is in force" in terminal("policy", "rollback", "--reason", "too slow").stdout
    assert _sent(terminal) == [("POST", "/v1/policy/rollback", {"reason": "too slow"})]


# ── seeds ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("given", "sent"), [("42", 42), ("brand@3", "brand@3"), ("brand", "brand")])
def test_a_seed_set_is_asked_for_by_name(terminal: Terminal, given: str, sent: int | str) -> None:
    terminal("render", "--prompt", "a fox", "--seed", given, "--no-wait")

    assert _sent(terminal)[0][2]["seed"] == sent


def test_a_history_that_was_touched_is_shown_as_such(terminal: Terminal, folder: Path) -> None:
    move = _move()
    forged = move.model_copy(update={"by": "acme/eve"})
    view = template_view(Templates.load(folder), "card", released=2, current=forged, history=[forged])
    terminal.stack = _answering(view)

    assert "cannot be trusted: move 1 was altered" in terminal("templates", "show", "card").stdout


@pytest.mark.parametrize("command", [("models",), ("templates",), ("policy",), ("templates", "release")])
def test_help_has_examples(terminal: Terminal, command: tuple[str, ...]) -> None:
    assert "$ presscheck" in terminal(*command, "--help").stdout
