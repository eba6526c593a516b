"""The fine-tuning checklist on histories made for it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.finetune import Check, Outcome, Thresholds, alike, check, tokens

COLOURS = ("red", "blue", "green", "amber", "violet", "teal", "coral", "ochre")
PLACES = ("harbour", "meadow", "kitchen", "rooftop", "forest", "studio", "desert")


def jobs(count: int, *, start: int = 0, template: str = "poster@1", **fields: Any) -> list[Outcome]:
    """Jobs whose prompts share a template's words and have their own."""
    made = []
    for number in range(start, start + count):
        own = f"{COLOURS[number % 8]} {PLACES[number % 7]} item{number}"
        values = {"prompt": f"Retail poster in swiss style showing {own}", "use_case": "banner"} | fields
        made.append(Outcome(job_id=f"job-{number:04d}", template=template, **values))
    return made


def only(outcomes: list[Outcome], **limits: Any) -> Check:
    (found,) = check(outcomes, Thresholds(**limits))
    return found


def test_an_artifact_on_every_kind_of_prompt_is_the_models_fault() -> None:
    found = only([*jobs(80, template="-"), *jobs(20, start=80, template="-", faults=("hands",))])

    assert (found.verdict, found.reason) == ("fine_tune", "hands on 20% of the first finals, whatever the prompt")
    (hands,) = found.artifacts
    assert (hands.jobs, hands.share, hands.recurs) == (20, 0.2, True)
    assert hands.examples == ("job-0097", "job-0098", "job-0099")
    assert found.failure_modes == ()


def test_prompts_that_fail_alike_are_the_words_fault() -> None:
    failing = jobs(12, start=100, faults=("text",))
    failing = [each.model_copy(update={"prompt": f"Retail poster in swiss style showing seven handwritten signs {n}"})
               for n, each in enumerate(failing)]  # fmt: skip
    found = only([*jobs(60), *failing, *jobs(2, start=200, faults=("blur",))])

    assert found.verdict == "change_template"
    assert found.reason == "12 of 14 failures are prompts that fail alike (handwritten, seven, signs)"
    (mode,) = found.failure_modes
    assert (mode.failed, mode.alike, mode.share) == (12, 12, 1.0)


def test_words_that_mostly_succeed_are_no_failure_mode() -> None:
    alike_ones = [
        each.model_copy(update={"prompt": f"Retail poster in swiss style showing seven handwritten signs {n}"})
        for n, each in enumerate([*jobs(6, start=300, faults=("text",)), *jobs(30, start=400)])
    ]

    assert only([*jobs(60), *alike_ones]).failure_modes == ()


def test_a_version_that_fails_twice_as_often_as_another_is_named() -> None:
    better, worse = jobs(40), [*jobs(30, start=100, template="poster@2"),
                               *jobs(10, start=200, template="poster@2", faults=("composition_change",))]  # fmt: skip

    found = only([*better, *worse])

    assert found.verdict == "change_template"
    assert found.reason == "poster@2 fails on 25% of its jobs, poster@1 on 0%"


def test_a_new_design_language_that_people_dislike_asks_for_fine_tuning() -> None:
    found = only([*jobs(30, stars=5.0), *jobs(20, start=100, template="poster@2", stars=1.0)], min_jobs=30)

    assert found.verdict == "fine_tune"
    assert found.reason == "poster@2 is new to the model: 20 of its jobs were rated poorly"
    assert found.new_language is not None
    assert (found.new_language.versions, found.new_language.share) == ({"poster@2": 0}, 0.4)


def test_a_new_design_language_nobody_rated_is_to_be_rated_first() -> None:
    found = only([*jobs(40, stars=5.0), *jobs(40, start=100, template="poster@2")])

    assert found.verdict == "leave"
    assert "poster@2 has 0; 20 are needed" in found.reason


def test_a_language_is_known_from_its_twentieth_good_rating_on() -> None:
    nineteen, twenty = (only(jobs(count, stars=4.0)).new_language for count in (19, 20))

    assert nineteen is not None and nineteen.is_new
    assert twenty is not None and not twenty.is_new


def test_few_jobs_conclude_nothing() -> None:
    found = only(jobs(19, faults=("hands",)))

    assert (found.verdict, found.failed) == ("leave", 19)
    assert found.reason == "19 jobs are too few to conclude anything; 20 are needed"


def test_good_jobs_are_left_alone() -> None:
    found = only([*jobs(60, stars=5.0), *jobs(2, start=100, faults=("blur",))])

    assert (found.verdict, found.reason) == ("leave", "2 of 62 failed, and nothing recurs")


def test_each_template_and_use_case_is_checked_by_itself_and_what_needs_something_comes_first() -> None:
    found = check([*jobs(40, stars=5.0), *jobs(40, start=100, template="-"),
                   *jobs(30, start=200, template="-", use_case="hero", faults=("hands",))])  # fmt: skip

    assert [(each.template, each.use_case, each.verdict) for each in found] == [
        ("-", "hero", "fine_tune"),
        ("-", "banner", "leave"),
        ("poster", "banner", "leave"),
    ]
    assert found[1].new_language is None


def test_the_order_of_jobs_does_not_matter() -> None:
    some = [*jobs(40), *jobs(20, start=100, faults=("text",))]

    assert check(some) == check(some[::-1])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("A red ship", "a RED ship!", 1.0),
        ("a red ship", "a blue ship", 1 / 3),
        ("a red ship", "an old lamp", 0.0),
        ("50% OFF", "off 50%", 1.0),
    ],
)
def test_prompts_are_alike_by_the_words_they_share(one: str, other: str, expected: float) -> None:
    assert alike(tokens(one), tokens(other)) == pytest.approx(expected)
