"""Models' other names: moved and rolled back on a running stack, for the very next job and no earlier one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.errors import InvalidRequest, ModelRetired, NotFound
from shared.models import Job, Tier
from shared.pipeline.aliases import Aliases
from shared.releases import Release, alias_subject, history_problem
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, Resources

ADMIN = DESIGNER.model_copy(update={"scopes": ("admin",)})


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock, profile="aws")


@pytest.fixture
def aliases(studio: Studio) -> Aliases:
    policies = studio.submissions.policies
    return Aliases(
        ledger=studio.ledger,
        catalogue=studio.submissions.catalogue,
        policy=lambda: policies.at(policies.released),
        profile="aws",
        clock=studio.clock,
    )


@pytest.fixture
def move(aliases: Aliases) -> Callable[[str, str], Release]:
    return lambda alias, model: aliases.release(ADMIN, alias, model, reason="our look")


def _painted_by(studio: Studio, job: Job) -> str:
    studio.drafts(job)
    studio.paint(job, Tier.FINAL)
    return studio.finals(job)[0].model


def _submit(studio: Studio, name: str) -> Job:
    return studio.submit(model=name, expected_text=[])


def test_a_moved_name_counts_for_the_next_job_and_not_for_one_accepted_before(
    studio: Studio, move: Callable[[str, str], Release]
) -> None:
    move("house", "sd35-medium")
    before = _submit(studio, "house")
    move("house", "sd35-large")
    after = _submit(studio, "house")

    assert (_painted_by(studio, before), _painted_by(studio, after)) == ("sd35-medium", "sd35-large")
    assert studio.ledger.events(after.id)[0].data["aliases"] == {"house": "sd35-large"}


def test_a_name_is_unknown_until_somebody_makes_it(studio: Studio, move: Callable[[str, str], Release]) -> None:
    with pytest.raises(InvalidRequest, match="not in the catalogue"):
        _submit(studio, "house")

    move("house", "sd35-medium")

    assert _submit(studio, "house").aliases == {"house": "sd35-medium"}


def test_rolling_back_goes_to_the_model_before_and_twice_to_the_one_before_that(
    studio: Studio, aliases: Aliases, move: Callable[[str, str], Release]
) -> None:
    for model in ("sd35-medium", "sd35-large", "sd35-large-turbo"):
        move("house", model)

    back = [aliases.rollback(ADMIN, "house", reason="hands got worse").target for _ in range(2)]

    assert back == ["sd35-large", "sd35-medium"]
    with pytest.raises(InvalidRequest, match="no earlier model"):
        aliases.rollback(ADMIN, "house", reason="again")
    assert _submit(studio, "house").aliases == {"house": "sd35-medium"}


def test_the_first_rollback_of_a_catalogue_name_goes_to_what_the_catalogue_says(
    aliases: Aliases, move: Callable[[str, str], Release]
) -> None:
    packaged = aliases.catalogue.aliases["sd3-large"]
    move("sd3-large", "sd35-medium")

    assert aliases.rollback(ADMIN, "sd3-large", reason="no").target == packaged


def test_moving_a_name_to_where_it_is_changes_nothing(
    studio: Studio, aliases: Aliases, move: Callable[[str, str], Release]
) -> None:
    assert move("house", "sd35-medium") == move("house", "sd35-medium")
    assert len(studio.ledger.releases.moves(alias_subject("house"))) == 1


def test_names_move_apart_and_their_histories_hold(
    studio: Studio, aliases: Aliases, move: Callable[[str, str], Release]
) -> None:
    move("house", "sd35-medium")
    move("brand", "sd35-large")
    move("house", "sd35-large")

    views = {each.alias: each for each in aliases.all(histories=True).aliases}

    assert (views["house"].model, views["brand"].model) == ("sd35-large", "sd35-large")
    assert [each.target for each in views["house"].history or ()] == ["sd35-medium", "sd35-large"]
    assert {each.problem for each in views.values()} == {None}
    assert views["imagen-fast"].model == views["imagen-fast"].catalogue_model


def test_a_move_that_was_altered_is_found(studio: Studio, move: Callable[[str, str], Release]) -> None:
    made = move("house", "sd35-medium")

    forged = made.model_copy(update={"target": "sd35-large"})

    assert history_problem(forged, [forged]) == "move 1 was altered"


@pytest.mark.parametrize(
    ("alias", "model", "error", "words"),
    [
        ("nano-banana-pro", "sd35-medium", InvalidRequest, "is a model, not a name for one"),
        ("house", "sd35-mdium", InvalidRequest, "did you mean sd35-medium"),
        ("house", "dalle3-hd", ModelRetired, "was shut down"),
        ("two words", "sd35-medium", InvalidRequest, "up to 64 letters"),
    ],
)
def test_what_cannot_be_served_is_refused(
    alias: str, model: str, error: type[Exception], words: str, move: Callable[[str, str], Release]
) -> None:
    with pytest.raises(error, match=words):
        move(alias, model)


def test_what_was_never_moved_cannot_be_rolled_back(aliases: Aliases) -> None:
    with pytest.raises(InvalidRequest, match="never moved"):
        aliases.rollback(ADMIN, "imagen-fast", reason="no")
    with pytest.raises(NotFound):
        aliases.rollback(ADMIN, "house", reason="no")
