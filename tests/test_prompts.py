"""Prompt templates and seed sets: typed variables, versions, and a lock that holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, InvalidRequest
from shared.models import sha256_hex
from shared.policy import Policy
from shared.prompts import DIRECTORY, Templates, check, lock, normalise

TEMPLATES = Templates.load()
POLICY, CATALOGUE = Policy.load(), Catalogue.load()
CARD = """
title = "Card"
prompt = '''A {{ colour }} card for {{ who }}, {{ count }} candles, {{ mood }} mood{{ glitter }}, words "{{ words }}"'''
expected_text = ["{{ words }}"]
[variables]
who = { type = "string", max_length = 20 }
words = { type = "string", required = false }
count = { type = "int", min = 1, max = 9, default = 3 }
mood = { type = "enum", values = ["merry", "calm"], default = "merry" }
colour = { type = "colour", default = "pale blue" }
glitter = { type = "bool", yes = ", with glitter", default = false }
[variants.sd35-medium]
prompt = "CARD FOR {{ who }} {{ words }} {{ count }} {{ mood }} {{ colour }} {{ glitter }}"
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
    assert card.render("card", {"who": "Ada"}, model="sd35-medium").prompt.startswith("CARD FOR Ada")


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


@given(st.text(alphabet="{}%#_.[]()|!:$\"'<& aclsw07*", min_size=1, max_size=20).filter(lambda text: text.strip()))
def test_a_value_is_data_and_never_template_code(words: str) -> None:
    """What looks like Jinja, HTML or a format string in a customer's words comes out as it went in."""
    rendered = TEMPLATES.render("poster@1", {"headline": words})

    assert f'"{normalise(words)}"' in rendered.prompt
    assert rendered.expected_text == (normalise(words),)


@pytest.mark.parametrize("words", ["{{ 7 * 7 }}", "{% for x in y %}", "{# x #}", "{{ who.__class__ }}", "<b>&amp;"])
def test_words_that_look_like_code_are_only_words(card: Templates, words: str) -> None:
    assert f'words "{words}"' in card.render("card", {"who": "Ada", "words": words}).prompt


@pytest.mark.parametrize(
    "code",
    [
        "{{ who.__class__.__mro__ }}",
        "{{ who.format_map }}{{ ''.__class__.__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum() }}",
        "{% include 'poster/1.toml' %}",
        "{{ who | random }}",
        "{{ who + 1 }}",
        "{{ who",
        "{% if %}",
    ],
)
def test_a_template_reaches_nothing_but_its_values(tmp_path: Path, code: str) -> None:
    write(tmp_path, CARD.replace("card for {{ who }}", f"card for {{{{ who }}}} {code}"))

    (problem,) = check(tmp_path, policy=POLICY, catalogue=CATALOGUE)
    assert problem.startswith("card/1.toml: ")
    with pytest.raises(ConfigurationError):
        Templates.load(tmp_path).render("card", {"who": "Ada"})


def test_a_template_may_choose_its_words(tmp_path: Path) -> None:
    write(
        tmp_path, CARD.replace("card for {{ who }}", "card{% if words %} that says so{% endif %} for {{ who | upper }}")
    )

    card = Templates.load(tmp_path)

    assert check(tmp_path, policy=POLICY, catalogue=CATALOGUE) == ()
    assert card.render("card", {"who": "Ada", "words": "JOY"}).prompt.startswith(
        "A pale blue card that says so for ADA"
    )
    assert card.render("card", {"who": "Ada"}).prompt.startswith("A pale blue card for ADA")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{{ mood }} mood", "{{ tone }} mood", "undeclared variables: tone"),
        ("[recipe]", "[variables.spare]\ntype = 'int'\nmin = 1\nmax = 2\n[recipe]", "unused variables: spare"),
        ('who = "Ada"', "", "needs the variable"),
        ("max_length = 20", "max_length = 1001", "variables.who"),
        ("A {{ colour }}", "A" * 3990 + "{{ colour }}", "may render to"),
        ('title = "Card"', "", "title"),
        ("[recipe]", "[recipes]", "recipes"),
        ('title = "Card"', 'title = "Card"\nuse_cases = ["billboard"]', '"billboard" is not in the policy'),
        ("[variants.sd35-medium]", "[variants.sd35-midium]", "did you mean sd35-medium"),
        ("[variants.sd35-medium]", "[variants.sd3-large]", 'own name, "sd35-large"'),
    ],
)
def test_check_refuses_an_unsound_template_naming_file_and_fault(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in CARD
    write(tmp_path, CARD.replace(old, new))

    problems = check(tmp_path, policy=POLICY, catalogue=CATALOGUE)

    assert any(problem.startswith("card/1.toml: ") and says in problem for problem in problems), problems


def test_a_variable_that_only_a_variant_uses_is_used(tmp_path: Path) -> None:
    write(tmp_path, CARD.replace("{{ mood }} mood{{ glitter }}", "{{ mood }} mood"))

    assert check(tmp_path, policy=POLICY, catalogue=CATALOGUE) == ()


def test_check_names_the_model_whose_limit_a_prompt_may_pass(tmp_path: Path) -> None:
    """A card for feeds may meet Medium; were its limit 100 characters, the card would not fit."""
    tight = CATALOGUE.models["sd35-large-turbo"].model_copy(update={"max_prompt_chars": 100})
    catalogue = CATALOGUE.model_copy(update={"models": {**CATALOGUE.models, tight.name: tight}})
    write(tmp_path, CARD.replace('title = "Card"', 'title = "Card"\nuse_cases = ["feed"]'))

    (problem,) = check(tmp_path, policy=POLICY, catalogue=catalogue)

    assert problem.startswith("card/1.toml: may render to ")
    assert problem.endswith('characters; model "sd35-large-turbo" takes 100')


def test_check_reports_every_fault_and_not_only_the_first(tmp_path: Path) -> None:
    write(tmp_path, "title = [", name="one")
    write(tmp_path, CARD.replace("{{ mood }}", "{{ tone }}"), name="two")
    (tmp_path / "seeds.toml").write_text("[brand]\n1 = -4\n")

    problems = check(tmp_path, policy=POLICY, catalogue=CATALOGUE)

    assert [problem.split(":")[0] for problem in problems] == ["templates", "one/1.toml", "two/1.toml", "two/1.toml"]
    assert "seeds.toml: brand.1" in problems[0]


def test_a_prompt_longer_than_allowed_is_refused_when_it_is_filled_in(tmp_path: Path) -> None:
    write(tmp_path, CARD.replace("{{ who }}", "{% if who == 'Eve' %}{{ 'x' * 5000 }}{% endif %}{{ who }}"))
    card = Templates.load(tmp_path)

    assert card.render("card", {"who": "Ada"}).prompt
    with pytest.raises(InvalidRequest, match="at most 4000"):
        card.render("card", {"who": "Eve"})


def test_a_reference_without_version_takes_the_released_one(tmp_path: Path) -> None:
    write(tmp_path)
    lock(tmp_path, ["card@1"])
    write(tmp_path, CARD.replace("A {{ colour }}", "One {{ colour }}"), version=2)

    templates = Templates.load(tmp_path)

    assert templates.find("card").ref.version == 1, "version 2 is not released yet"
    assert templates.find("card@2").ref.version == 2, "but it may be pinned"
    lock(tmp_path, ["card@2"])
    assert Templates.load(tmp_path).released("card") == 2


@pytest.mark.parametrize("reference", ["crad", "card@2", "card@x", "elephant"])
def test_an_unknown_template_is_refused_naming_what_there_is(card: Templates, reference: str) -> None:
    with pytest.raises(InvalidRequest, match=r"card|versions 1") as refusal:
        card.find(reference)

    assert refusal.value.param == "template"


def test_the_templates_of_this_repository_are_sound_and_locked() -> None:
    assert check(DIRECTORY, policy=POLICY, catalogue=CATALOGUE) == ()

    locked = {line.split()[0] for line in (DIRECTORY / "versions.lock").read_text().splitlines()}
    assert locked >= {f"{name}@{version}" for name, version in TEMPLATES.releases.items()}
    assert locked >= set(TEMPLATES.seeds.digests())


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


# ── seed sets ────────────────────────────────────────────────────────────────────────────────────


def test_a_seed_set_gives_its_latest_version_or_the_one_pinned() -> None:
    seeds = TEMPLATES.seeds

    assert (str(seeds.find("brand")), seeds.find("brand").seed) == ("brand@3", 42)
    assert (str(seeds.find("brand@1")), seeds.find("brand@1").seed) == ("brand@1", 1337)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("brnad", "did you mean brand"),
        ("brand@9", "versions 1, 2, 3, not 9"),
        ("moon", "known are: brand, summer-sale"),
    ],
)
def test_an_unknown_seed_is_refused_naming_what_there_is(reference: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refusal:
        TEMPLATES.seeds.find(reference)

    assert refusal.value.param == "seed"


@pytest.mark.parametrize("seed", ["-1", "4294967296", "1.5", "true", '"42"'])
def test_a_seed_that_no_model_takes_is_refused_when_it_is_loaded(tmp_path: Path, seed: str) -> None:
    (tmp_path / "seeds.toml").write_text(f"[brand]\n7 = {seed}\n")

    with pytest.raises(ConfigurationError, match=r"seeds\.toml: brand\.7"):
        Templates.load(tmp_path)


def test_a_released_seed_never_changes(tmp_path: Path) -> None:
    write(tmp_path)
    seeds = tmp_path / "seeds.toml"
    seeds.write_text("[brand]\n1 = 42\n")
    lock(tmp_path, ["card@1"])

    seeds.write_text("[brand]\n1 = 42\n2 = 43\n")
    assert Templates.load(tmp_path).seeds.find("brand").seed == 43, "a new version may join"

    seeds.write_text("[brand]\n1 = 41\n")
    with pytest.raises(ConfigurationError, match=r"seeds\.brand@1 was released and then edited"):
        Templates.load(tmp_path)
