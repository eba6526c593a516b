"""The repair ladder: what follows from what failed, what is skipped and why, and what it may never do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.models import (
    ArtifactFinding,
    Attempt,
    Edit,
    Job,
    SkippedStep,
    Verification,
)
from shared.policy import Exhausted, Plan, Policies, Policy, repair
from tests.plans import (
    ALL_REACHABLE,
    CATALOGUE,
    MISREAD,
    POLICY,
    TODAY,
    accepted_by_its_model,
    attempt_of,
    burnt,
    check_of,
    failing,
    job_of,
    planned,
)

MISSING = failing(check_of("SALE"))
RIGHT = check_of("SALE", read="SALE", box=(0.3, 0.4, 0.4, 0.1))
OLD = Policies.load().at(1)
TYPESETTING = "typography"
"""A use case that lets words be typeset."""


def climb(
    job: Job, *seen: Verification, profile: str = "everything", policy: Policy = ALL_REACHABLE, **more: Any
) -> list[Plan | Exhausted]:
    """What follows each of the verifications, every attempt paid for as it was estimated."""
    made = planned(job, profile=profile, policy=policy)
    misprints: list[Attempt] = []
    rungs: list[Plan | Exhausted] = []
    for number, verification in enumerate(seen, start=1):
        cost = made.estimated_cost_usd_micros
        job = job.model_copy(update={"cost_usd_micros": job.cost_usd_micros + cost})
        misprints.append(attempt_of(made, number, verification=verification, cost=cost))
        step = repair(
            job, misprints=misprints, candidate=1, policy=policy, catalogue=CATALOGUE, profile=profile, today=TODAY,
            **more,
        )  # fmt: skip
        rungs.append(step)
        if isinstance(step, Exhausted):
            break
        made = step
    return rungs


def steps(rungs: list[Plan | Exhausted]) -> list[str | None]:
    return [rung.step if isinstance(rung, Plan) else "reject" for rung in rungs]


def only(rungs: list[Plan | Exhausted]) -> Plan:
    (rung,) = rungs
    assert isinstance(rung, Plan)
    return rung


def the_end(rungs: list[Plan | Exhausted]) -> Exhausted:
    assert isinstance(rungs[-1], Exhausted)
    return rungs[-1]


# ── chosen from what failed ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verification", [MISREAD, MISSING])
def test_wrong_words_cost_masked_passes_then_the_typography_model_then_type_then_no_more(
    verification: Verification,
) -> None:
    rungs = climb(job_of(use_case=TYPESETTING, expected_text="SALE"), *[verification] * 6)

    assert steps(rungs) == ["letter_box", "strict_letter_box", "letterer", "typeset", "reject"]
    recipes = [rung.recipe for rung in rungs if isinstance(rung, Plan)]
    assert [recipe.sampler for recipe in recipes] == ["typography", "typography", "default", "typeset"]
    assert [recipe.strength for recipe in recipes] == [0.3, 0.2, None, None]
    assert [recipe.model for recipe in recipes] == ["sd35-large", "sd35-large", "gpt-image-2-medium", "sd35-large"]
    assert all(recipe.mask and recipe.init_image for recipe in recipes)
    assert the_end(rungs).why == "every step for misspelled was taken" or verification is MISSING


def test_the_stricter_mask_is_smaller_and_sharper_and_stays_closer_to_what_was_set() -> None:
    first, second = climb(job_of(expected_text="SALE"), MISREAD, MISREAD)

    assert isinstance(first, Plan) and isinstance(second, Plan)
    assert first.recipe.mask == (0.27, 0.37, 0.46, 0.16)
    assert second.recipe.mask == (0.285, 0.385, 0.43, 0.13)
    assert (first.feather, second.feather) == (0.02, 0.01)
    assert first.recipe.seed == 42 != second.recipe.seed


def test_words_nobody_can_read_are_painted_again_first() -> None:
    unreadable = failing(check_of("SALE", read="?").model_copy(update={"verdict": "unreadable"}))

    assert steps(climb(job_of(expected_text="SALE"), unreadable, unreadable)) == ["reseed", "letter_box"]


@pytest.mark.parametrize("kind", ["blank", "blur", "repeated", "wrong_size", "unreadable"])
def test_a_picture_spoiled_by_chance_is_painted_from_another_seed_and_else_unchanged(kind: str) -> None:
    job = job_of(expected_text="SALE")

    made = only(climb(job, burnt(kind, RIGHT)))

    first = planned(job).recipe
    assert made.step == "reseed"
    assert made.recipe == first.model_copy(update={"seed": made.recipe.seed})
    assert made.recipe.seed != first.seed


@pytest.mark.parametrize("kind", ["oversaturated", "noise", "banding"])
def test_burnt_colours_are_painted_again_with_less_guidance(kind: str) -> None:
    job = job_of(expected_text="SALE")

    rungs = climb(job, *[burnt(kind, RIGHT)] * 3)

    assert steps(rungs) == ["lower_guidance", "lower_guidance", "reject"]
    made = rungs[0]
    assert isinstance(made, Plan)
    assert (made.recipe.guidance_scale, made.recipe.mask) == (3.15, None)
    assert made.repair == f"Painted anew, guidance 4.5 → 3.15, a fresh seed: {kind} seen"


def test_a_broken_picture_with_wrong_words_is_painted_again_before_its_words_are() -> None:
    both = failing(*MISREAD.texts, artifacts=burnt().artifacts)

    assert steps(climb(job_of(expected_text="SALE"), both, MISREAD)) == ["lower_guidance", "letter_box"]


@pytest.mark.parametrize("kind", ["seam", "outside_changed"])
def test_harm_done_by_a_mask_is_undone_by_going_on_from_the_picture_before_it(kind: str) -> None:
    rungs = climb(job_of(expected_text="SALE"), MISREAD, burnt(kind, RIGHT))

    assert steps(rungs) == ["letter_box", "strict_letter_box"]
    recipes = [rung.recipe for rung in rungs if isinstance(rung, Plan)]
    assert [recipe.init_image for recipe in recipes] == [f"{1:064x}"] * 2


def test_what_was_taken_once_is_not_taken_again() -> None:
    """A repaired picture may fail for another reason: the ladder goes on, it does not start again."""
    rungs = climb(job_of(expected_text="SALE"), burnt("blur", RIGHT), MISREAD, burnt("blur", RIGHT), MISREAD)

    assert steps(rungs) == ["reseed", "letter_box", "lower_guidance", "strict_letter_box"]


# ── where, and with which words ───────────────────────────────────────────────────────────────────────────────────


def test_the_jobs_own_text_box_is_what_is_repainted() -> None:
    job = job_of(expected_text="SALE", text_box=[0.1, 0.1, 0.5, 0.2])

    recipe = only(climb(job, MISREAD)).recipe

    assert recipe.mask == (0.07, 0.07, 0.56, 0.26)
    assert recipe.text is not None
    assert recipe.text.box == (0.1, 0.1, 0.5, 0.2)


def test_where_nothing_was_read_the_policys_band_is_repainted() -> None:
    made = only(climb(job_of(expected_text="SALE"), MISSING))

    assert made.recipe.mask == POLICY.text.band
    assert made.repair is not None
    assert made.repair.endswith('"SALE" was not found')


def test_a_right_text_is_repainted_only_when_the_mask_covers_it() -> None:
    wrong = check_of("SALE", read="SAIE", box=(0.2, 0.2, 0.5, 0.1))
    near, far = ("50% OFF", (0.3, 0.31, 0.2, 0.05)), ("NOW", (0.4, 0.8, 0.2, 0.05))
    texts = [check_of(text, read=text, box=box) for text, box in (near, far)]

    recipe = only(climb(job_of(expected_text=["SALE", "50% OFF", "NOW"]), failing(wrong, *texts))).recipe

    assert recipe.text is not None
    assert recipe.text.content == ("SALE", "50% OFF")
    assert recipe.mask == (0.17, 0.17, 0.56, 0.22)


def test_a_scrap_of_a_word_does_not_shrink_the_box_below_its_text() -> None:
    scrap = failing(check_of("SALE", read="S", box=(0.5, 0.1, 0.02, 0.02)))
    job = job_of(expected_text="SALE", size="256x256")

    mask = only(climb(job, scrap)).recipe.mask

    assert POLICY.text.fits(["SALE"], size=job.size, box=mask)


def test_a_model_that_takes_no_lettering_is_told_which_words_to_redo() -> None:
    letterer = climb(job_of(expected_text="SALE", prompt="a shop"), *[MISREAD] * 3)[2]

    assert isinstance(letterer, Plan)
    assert letterer.recipe.prompt == (
        'Redo only the lettering under the mask. It reads exactly "SALE" and nothing else. The picture: a shop'
    )
    assert letterer.recipe.text is None


def test_a_repair_never_leaves_the_clients_own_mask() -> None:
    edit = Edit(init_image="a" * 64, mask_image="b" * 64, mask=(0.4, 0.3, 0.2, 0.6))
    job = job_of(expected_text="SALE").model_copy(update={"edit": edit})

    recipe = only(climb(job, MISREAD)).recipe

    assert recipe.mask == (0.4, 0.37, 0.2, 0.16)
    assert recipe.mask_image is None, "it is still to be drawn, within the client's"


def test_what_a_repair_changed_is_told_in_words() -> None:
    rungs = climb(job_of(use_case=TYPESETTING, expected_text="SALE"), *[MISREAD] * 4)

    assert [rung.repair for rung in rungs if isinstance(rung, Plan)] == [
        "Repainted only the lettering with the typography sampler, guidance 3.5 → 2.45, strength 0.3: "
        '"SAIE" was read instead of "SALE"',
        "Repainted the lettering under a stricter mask with the typography sampler, guidance 2.45 → 2, strength 0.2, "
        'a fresh seed: "SAIE" was read instead of "SALE"',
        'Repainted only the lettering, by gpt-image-2-medium: "SAIE" was read instead of "SALE"',
        'The words were typeset, not painted: "SAIE" was read instead of "SALE"',
    ]


# ── skipped, and why ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_seed_that_means_nothing_is_not_drawn_again() -> None:
    rungs = climb(job_of(model="gpt-image-2"), burnt("blur"))

    assert the_end(rungs).skipped == (
        SkippedStep(step="reseed", reason='model "gpt-image-2" honours no seed'),
        SkippedStep(step="lower_guidance", reason='model "gpt-image-2" takes no guidance'),
        SkippedStep(step="lower_guidance", reason='model "gpt-image-2" takes no guidance'),
    )


def test_guidance_at_its_floor_is_not_lowered() -> None:
    rungs = climb(job_of(guidance=1.5), burnt())

    assert (
        the_end(rungs).why
        == "no step can be taken any more ("
        + "; ".join(["lower_guidance: guidance is at its floor of 1.5 already"] * 2)
        + ")"
    )


def test_a_typography_model_that_is_not_set_up_is_skipped_with_the_reason_once() -> None:
    rungs = climb(job_of(use_case=TYPESETTING, expected_text="SALE"), *[MISREAD] * 4, profile="own endpoints")

    assert steps(rungs) == ["letter_box", "strict_letter_box", "typeset", "reject"]
    typeset = rungs[2]
    assert isinstance(typeset, Plan)
    assert typeset.skipped == (
        SkippedStep(step="letterer", reason='model "gpt-image-2-medium" is hosted by openai, which is not set up here'),
    )


def test_without_any_model_that_takes_a_mask_every_masked_step_is_skipped() -> None:
    creative = POLICY.use_case("creative").model_copy(update={"repair_model": "gemini-flash-image"})
    maskless = ALL_REACHABLE.model_copy(update={"use_cases": {**POLICY.use_cases, "creative": creative}})
    maskless = maskless.model_copy(
        update={
            "profiles": {"google": POLICY.profiles["aws"].model_copy(update={"providers": ("google", "sagemaker")})}
        }
    )
    wrong = failing(check_of("SALE").model_copy(update={"cer": 1.0}))

    end = the_end(climb(job_of(use_case="creative", expected_text="SALE"), wrong, profile="google", policy=maskless))

    assert [skipped.step for skipped in end.skipped] == ["letter_box", "strict_letter_box", "letterer"]
    assert end.skipped[0].reason == (
        '"nano-banana-pro" cannot repaint a box of a picture; "gemini-flash-image" cannot repaint a box of a picture'
    )


def test_a_size_the_typography_model_does_not_offer_is_a_reason() -> None:
    rungs = climb(job_of(expected_text="SALE", size="512x512"), *[MISREAD] * 3)

    assert the_end(rungs).skipped[0].reason == '"gpt-image-2-medium" does not offer 512x512'


def test_words_are_not_typeset_where_the_use_case_wants_them_painted() -> None:
    end = the_end(climb(job_of(use_case="hero", expected_text="SALE"), *[MISREAD] * 4))

    assert end.skipped == (SkippedStep(step="typeset", reason='use case "hero" wants its words painted, not typeset'),)


def test_a_host_that_refused_the_step_is_not_asked_again() -> None:
    job = job_of(use_case=TYPESETTING, expected_text="SALE")
    letterer = climb(job, *[MISREAD] * 3)[2]
    assert isinstance(letterer, Plan)

    rungs = climb(job, *[MISREAD] * 3, failures=[attempt_of(letterer, 4, error="provider_refused")])

    assert steps(rungs)[2] == "typeset"
    assert rungs[2].skipped == (SkippedStep(step="letterer", reason='"gpt-image-2-medium" answered provider_refused'),)


def test_lettering_of_a_model_that_cannot_mask_is_repaired_by_one_that_can_and_says_so() -> None:
    made = only(climb(job_of(use_case="thumbnail", expected_text="SALE"), MISREAD))

    assert made.alias is not None
    assert (made.alias.asked, made.model.name) == ("sd35-large-turbo", "sd35-medium")
    assert made.repair is not None
    assert "by sd35-medium" in made.repair


def test_the_local_stack_says_who_stands_in_for_the_typography_model() -> None:
    letterer = climb(job_of(expected_text="SALE"), *[MISREAD] * 3, profile="simulated")[2]

    assert isinstance(letterer, Plan)
    assert letterer.alias is not None
    assert (letterer.alias.asked, letterer.alias.served_by) == ("gpt-image-2-medium", "sketch-fine")


# ── what is left ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_attempts_are_limited_by_the_use_case() -> None:
    rungs = climb(job_of(use_case="thumbnail", expected_text="SALE"), MISREAD, MISREAD, MISREAD)

    assert steps(rungs) == ["letter_box", "typeset", "reject"]
    assert the_end(rungs).why == "the use case's budget of 3 attempts is used up"


def test_a_step_that_costs_more_than_is_left_is_skipped_and_a_cheaper_one_taken() -> None:
    """Two masked passes leave too little for the typography model's $0.053, but enough to set the words."""
    job = job_of(use_case=TYPESETTING, expected_text="SALE", max_cost_usd_micros=80_000)

    rungs = climb(job, *[MISREAD] * 4)

    assert steps(rungs) == ["letter_box", "strict_letter_box", "typeset", "reject"]
    assert rungs[2].skipped == (
        SkippedStep(
            step="letterer", reason="costs about $0.0530, and $0.0388 of the job's max_cost_usd_micros is left"
        ),
    )


def test_when_no_money_is_left_the_job_is_rejected_saying_so() -> None:
    first = planned(job_of(expected_text="SALE")).estimated_cost_usd_micros

    end = the_end(climb(job_of(expected_text="SALE", max_cost_usd_micros=first), MISREAD))

    assert "letter_box: costs about $0.0149, and $0.0000 of the job's max_cost_usd_micros is left" in end.why


def test_the_use_cases_own_budget_counts_finals_only() -> None:
    hero = POLICY.use_case("hero")
    assert hero.budget is not None
    poor = hero.model_copy(update={"budget": hero.budget.model_copy(update={"cost_usd_micros": 20_000})})
    policy = ALL_REACHABLE.model_copy(update={"use_cases": {**POLICY.use_cases, "hero": poor}})
    drafted = job_of(use_case="hero", expected_text="SALE").model_copy(update={"cost_usd_micros": 900_000})

    assert "of the use case's budget for finals is left" in the_end(climb(drafted, MISREAD, policy=policy)).why
    assert steps(climb(drafted, MISREAD)) == ["letter_box"]


# ── what it may never do ──────────────────────────────────────────────────────────────────────────────────────────

boxes = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(0.01, 1)).map(
    lambda box: (box[0], box[1], min(box[2], 1 - box[0]), min(box[3], 1 - box[1]))
)
kinds = st.sampled_from(["oversaturated", "blur", "seam", "outside_changed", "unreadable", "wrong_size"])
verifications = st.builds(
    lambda texts, defects: failing(
        *texts, artifacts=tuple(ArtifactFinding(kind=kind, score=1.2, limit=1.0) for kind in sorted(defects))
    ),
    st.lists(
        st.builds(
            check_of,
            st.sampled_from(["SALE", "50% OFF", "NOW"]),
            read=st.sampled_from(["", "SALE", "x"]),
            box=st.none() | boxes,
        ),
        max_size=3,
    ),
    st.sets(kinds, max_size=2),
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(POLICY.use_cases)),
    st.sampled_from(["everything", "own endpoints", "local", "simulated"]),
    st.none() | st.integers(15_000, 400_000),
    st.none() | st.sampled_from(["sd35-large", "gpt-image-2", "nano-banana"]),
    st.lists(verifications, min_size=8, max_size=8),
)
def test_guidance_never_rises_money_is_never_overspent_and_masks_stay_inside(
    use_case: str, profile: str, ceiling: int | None, model: str | None, seen: list[Verification]
) -> None:
    wish = {"use_case": use_case, "expected_text": "SALE", "size": "1024x1024"}
    job = job_of(**wish, **({"model": model} if model else {}), max_cost_usd_micros=ceiling)
    try:
        first = planned(job, profile=profile)
    except RequestError:
        return  # out of reach, or dearer than the ceiling: refused before anything is painted

    rungs = climb(job, *seen, profile=profile)

    assert isinstance(rungs[-1], Exhausted), "eight failures end every ladder"
    made = [first, *(rung for rung in rungs if isinstance(rung, Plan))]
    budget = POLICY.use_case(use_case).budget
    assert budget is not None
    cost = sum(each.estimated_cost_usd_micros for each in made)
    assert cost - first.estimated_cost_usd_micros == 0 or cost <= min(budget.cost_usd_micros, ceiling or cost)
    assert len(made) <= budget.attempts
    tried: list[float] = []
    for each in made:
        accepted_by_its_model(each)
        if (guidance := each.recipe.guidance_scale) is not None:
            assert all(guidance <= earlier for earlier in tried)
            tried.append(guidance)
        if each.recipe.mask:
            x, y, w, h = each.recipe.mask
            assert x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= 1.001 and y + h <= 1.001
    assert len({each.recipe.fingerprint() for each in made}) == len(made), "a repair that changes nothing"


# ── jobs of policy 1 ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_of_policy_1_climbs_the_ladder_it_was_submitted_under() -> None:
    policy = OLD.model_copy(update={"profiles": ALL_REACHABLE.profiles})

    rungs = climb(job_of(expected_text="SALE", guidance=7.5), *[MISREAD] * 4, policy=policy)

    first, second, third = (rung for rung in rungs[:3] if isinstance(rung, Plan))
    assert first.recipe.mask == (0.27, 0.37, 0.46, 0.16)
    assert (first.recipe.init_image, first.recipe.sampler) == (f"{1:064x}", "typography")
    assert (first.recipe.seed, first.recipe.guidance_scale) == (42, 5.25)
    assert (second.recipe.mask, second.recipe.init_image) == ((0.22, 0.32, 0.56, 0.26), f"{2:064x}")
    assert (third.recipe.mask, third.recipe.init_image, third.recipe.sampler) == (None, None, "default")
    assert len({42, second.recipe.seed, third.recipe.seed}) == 3
    assert [each.recipe.guidance_scale for each in (first, second, third)] == [5.25, 4.2, 3.36]
    assert first.repair == (
        "Repainted only the lettering with the typography sampler, guidance 7.5 → 5.25: "
        '"SAIE" was read instead of "SALE"'
    )
    assert second.repair is not None
    assert second.repair.startswith("Repainted a wider box around the lettering")
    assert the_end(rungs).why == "the use case's budget of 4 attempts is used up"


def test_under_policy_1_a_defect_without_a_wrong_word_is_painted_anew_whatever_the_step_says() -> None:
    policy = OLD.model_copy(update={"profiles": ALL_REACHABLE.profiles})

    made = only(climb(job_of(expected_text="SALE"), burnt("oversaturated", RIGHT), policy=policy))

    assert (made.recipe.mask, made.step) == (None, None)
    assert made.repair == "Painted anew, guidance 4.5 → 3.15, a fresh seed: oversaturated seen"
