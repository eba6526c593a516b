"""What there is to choose from: nothing is promised that this deployment cannot paint."""

from __future__ import annotations

from datetime import date

from shared.catalogue import Catalogue
from shared.pipeline.listings import model_list
from shared.policy import Policies
from shared.views import ModelList, ModelView

TODAY = date(2026, 11, 23)
CATALOGUE, POLICIES = Catalogue.load(), Policies.load()
POLICY = POLICIES.at(POLICIES.released)


def _listed(profile: str, *, today: date = TODAY) -> tuple[ModelList, dict[str, ModelView]]:
    listed = model_list(policy=POLICY, catalogue=CATALOGUE, profile=profile, today=today)
    return listed, {model.name: model for model in listed.models}


def test_a_retired_model_is_listed_with_its_successor_and_cannot_be_named() -> None:
    retired = _listed("aws")[1]["dalle3-hd"]

    assert (retired.lifecycle, retired.available, retired.successor) == ("retired", False, "gpt-image-2")
    assert retired.problem is not None
    assert "shut down on 2026-05-12" in retired.problem


def test_a_model_that_another_stands_in_for_says_so() -> None:
    served = _listed("simulated")[1]["dalle3-hd"]

    assert (served.available, served.problem) == (True, None)
    assert [alias.served_by for alias in served.served_by] == ["sketch-fine"]


def test_a_day_decides_between_deprecated_and_retired() -> None:
    days = [date(2026, 5, 11), date(2026, 5, 12)]

    assert [_listed("aws", today=day)[1]["dalle3-hd"].lifecycle for day in days] == ["deprecated", "retired"]


def test_a_use_case_for_which_nothing_is_left_is_listed_with_the_reason() -> None:
    """One dead end must not hide the other use cases."""
    bare = POLICY.profiles["aws"].model_copy(update={"providers": ("azure_openai",), "stand_ins": ()})
    policy = POLICY.model_copy(update={"profiles": {"aws": bare}})

    picks = model_list(policy=policy, catalogue=CATALOGUE, profile="aws", today=TODAY).picks

    assert [pick.use_case for pick in picks] == list(POLICY.use_cases)
    assert all(pick.final is None and "not set up here" in str(pick.problem) for pick in picks)


def test_every_view_reads_back_from_its_json() -> None:
    listed = _listed("simulated")[0]

    assert ModelList.model_validate_json(listed.model_dump_json()) == listed
