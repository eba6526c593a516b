"""Prompt templates: typed variables, versions, and a lock that holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError, InvalidRequest
from shared.models import sha256_hex
from shared.prompts import DIRECTORY, Templates, check_lock, lock, normalise

TEMPLATES = Templates.load()
CARD = """
title = "Card"
prompt = 'A {colour} card for {who}, {count} candles, {mood} mood{glitter}, words "{words}"'
expected_text = ["{words}"]
[variables]
who = { type = "string", max_length = 20 }
words = { type = "string", required = false }
count = { type = "int", min = 1, max = 9, default = 3 }
mood = { type = "enum", values = ["merry", "calm"], default = "merry" }
colour = { type = "colour", default = "pale blue" }
glitter = { type = "bool", yes = ", with glitter", default = false }
[variants.loud]
prompt = "CARD FOR {who} {words} {count} {mood} {colour} {glitter}"
[recipe]
guidance = 3.0
[example]
who = "Ada"
"""


def write(directory: Path, text: str = CARD, *, name: str = "card", version: int = 1) -> Path:
    path = directory / name / f"{version}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def card(tmp_path: Path) -> Templates:
    write(tmp_path)
    return Templates.load(tmp_path)


def test_defaults_fill_what_is_left_out(card: Templates) -> None:
    rendered = card.render("card", {"who": "Ada", "words": "JOY"})

    assert rendered.prompt == 'A pale blue card for Ada, 3 candles, merry mood, words "JOY"'
    assert rendered.expected_text == ("JOY",)
    assert rendered.variables["count"] == 3
    assert rendered.recipe.guidance == 3.0


def test_a_variable_that_is_not_required_may_be_empty(card: Templates) -> None:
    assert card.render("card", {"who": "Ada"}).expected_text == ()


def test_a_model_gets_its_own_variant(card: Templates) -> None:
    assert card.render("card", {"who": "Ada"}, model="loud").prompt.startswith("CARD FOR Ada")


def test_a_render_names_the_version_and_the_digest_of_its_file(tmp_path: Path) -> None:
    path = write(tmp_path)

    ref = Templates.load(tmp_path).render("card@1", {"who": "Ada"}).ref

    assert (ref.name, ref.version, ref.digest) == ("card", 1, sha256_hex(path.read_bytes()))


@pytest.mark.parametrize(
    ("variables", "param", "says"),
    [
        ({}, "who", "needs the variable"),
        ({"who": "Ada", "whom": "x"}, "whom", "it has: who, words"),
        ({"who": 3}, "who", "must be a string"),
        ({"who": "x" * 21}, "who", "21 characters; at most 20"),
        ({"who": "a\x00b"}, "who", "control characters"),
        ({"who": "  "}, "who", "must not be empty"),
        ({"who": "Ada", "count": 10}, "count", "between 1 and 9"),
        ({"who": "Ada", "count": True}, "count", "whole number"),
        ({"who": "Ada", "count": 2.5}, "count", "whole number"),
        ({"who": "Ada", "mood": "grim"}, "mood", "one of: merry, calm"),
        ({"who": "Ada", "colour": "#12"}, "colour", "must be a colour"),
        ({"who": "Ada", "glitter": "yes"}, "glitter", "true or false"),
    ],
)
def test_a_bad_variable_is_refused_by_name(card: Templates, variables: dict[str, str], param: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refusal:
        card.render("card", variables)

    assert refusal.value.param == f"variables.{param}"


@given(st.text(alphabet="{}_.[]()!:%$ aclsw0", min_size=1, max_size=20).filter(lambda text: text.strip()))
def test_a_value_is_data_and_never_template_code(words: str) -> None:
    """What looks like a gap in a customer's words comes out as it went in."""
    rendered = TEMPLATES.render("poster@1", {"headline": words})

    assert f'"{normalise(words)}"' in rendered.prompt
    assert rendered.expected_text == (normalise(words),)


@pytest.mark.parametrize("gap", ["{who.__class__}", "{who[0]}", "{who!r}", "{who:>9}", "{}", "{Who}", "{who", "who}"])
def test_a_gap_is_a_name_and_nothing_else(tmp_path: Path, gap: str) -> None:
    write(tmp_path, CARD.replace("card for {who}", f"card for {{who}} {gap}"))

    with pytest.raises(ConfigurationError, match=r"card/1\.toml.*for a variable"):
        Templates.load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{mood} mood", "{tone} mood", "undeclared variables: tone"),
        (" {glitter}", "", None),  # still used in the prompt itself
        ("[recipe]", "[variables.spare]\ntype = 'int'\nmin = 1\nmax = 2\n[recipe]", "unused variables: spare"),
        ('who = "Ada"', "", "example: .* needs the variable"),
        ("max_length = 20", "max_length = 1001", "variables.who"),
        ("A {colour}", "A" * 3990 + "{colour}", "may render to"),
        ('title = "Card"', "", "title"),
        ("[recipe]", "[recipes]", "recipes"),
    ],
)
def test_an_unsound_template_is_refused_when_it_is_loaded(tmp_path: Path, old: str, new: str, says: str | None) -> None:
    write(tmp_path, CARD.replace(old, new))

    if says is None:
        assert Templates.load(tmp_path).released("card") == 1
    else:
        with pytest.raises(ConfigurationError, match=says):
            Templates.load(tmp_path)


def test_a_reference_without_version_takes_the_released_one(tmp_path: Path) -> None:
    write(tmp_path)
    lock(tmp_path, ["card@1"])
    write(tmp_path, CARD.replace("A {colour}", "One {colour}"), version=2)

    templates = Templates.load(tmp_path)

    assert templates.find("card").ref.version == 1, "version 2 is not released yet"
    assert templates.find("card@2").ref.version == 2, "but it may be pinned"
    lock(tmp_path, ["card@2"])
    assert Templates.load(tmp_path).released("card") == 2


def test_a_marker_rolls_a_release_back(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, version=2)
    (tmp_path / "released.toml").write_text("card = 1\n")

    assert Templates.load(tmp_path).released("card") == 1


@pytest.mark.parametrize("reference", ["crad", "card@2", "card@x", "elephant"])
def test_an_unknown_template_is_refused_naming_what_there_is(card: Templates, reference: str) -> None:
    with pytest.raises(InvalidRequest, match=r"card|versions 1") as refusal:
        card.find(reference)

    assert refusal.value.param == "template"


def test_the_released_files_of_this_repository_never_change() -> None:
    """Every packaged version is locked, and has the digest it was released with."""
    check_lock(DIRECTORY)

    locked = {line.split()[0] for line in (DIRECTORY / "versions.lock").read_text().splitlines()}
    assert locked >= {f"{name}@{version}" for name, version in TEMPLATES.releases.items()}


@pytest.mark.parametrize("harm", ["edit", "remove", "scribble"])
def test_a_released_file_that_changed_is_refused(tmp_path: Path, harm: str) -> None:
    copy = tmp_path / "templates"
    shutil.copytree(DIRECTORY, copy)
    victim = copy / "poster" / "1.toml"

    if harm == "edit":
        victim.write_text(victim.read_text() + "\n")
    elif harm == "remove":
        victim.unlink()
    else:
        (copy / "versions.lock").write_text("poster@1 deadbeef\n")

    with pytest.raises(ConfigurationError, match=r"poster@1"):
        Templates.load(copy)


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_spellings_a_designer_cannot_tell_apart_are_one_prompt() -> None:
    assert normalise("  a\u00a0\u201ccafe\u0301\u201d\n sign ") == 'a "caf\u00e9" sign'
