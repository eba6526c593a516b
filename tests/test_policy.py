"""The policy: which model, which recipe, and what follows from a verification."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import ConfigurationError, InvalidRequest, ModelRetired
from shared.models import ArtifactFinding, BatchRef, Edit, Job, JobRequest, Recipe, Size, Tier, Verdict, Verification
from shared.policy import Policy, best_attempt, candidate_seed, follows_at_once, picks, plan, rehearse, spell_out
from shared.prompts import Templates
from tests.plans import (
    ALL_REACHABLE,
    ARTICLE,
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

# ── the promise of plan ───────────────────────────────────────────────────────────────────────────────────────────

offered = st.sampled_from(sorted({str(size) for use in POLICY.use_cases.values() for size in use.sizes}))
sizes = st.one_of(
    offered,
    offered,
    st.just("1024x1024"),
    st.builds("{}x{}".format, st.integers(4, 250).map(lambda n: n * 16), st.integers(4, 250).map(lambda n: n * 16)),
    st.sampled_from(["1000x1000", "64x64", "6336x2688"]),
)
wishes = st.fixed_dictionaries(
    {"size": sizes},
    optional={
        "model": st.sampled_from(sorted({*CATALOGUE.models, *CATALOGUE.aliases})),
        "use_case": st.sampled_from(sorted(POLICY.use_cases)),
        "guidance": st.floats(1, 10) | st.floats(0, 30),
        "steps": st.integers(1, 100) | st.integers(1, 150),
        "negative_prompt": st.sampled_from(["", "blurry"]),
        "prompt": st.sampled_from(["tulips", "x" * 2500, "x" * 4000]),
        "seed": st.integers(0, 2**32 - 1),
        "expected_text": st.lists(st.sampled_from(["SALE", "50% OFF", "an unusually long line " * 5]), max_size=4),
        "finalize": st.sampled_from(["auto", "draft_only"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(wishes, st.sampled_from(["everything", "aws", "local", "simulated"]))
def test_every_plan_suits_its_model_or_names_the_field(wish: dict[str, Any], profile: str) -> None:
    """Drafts and finals: a recipe the model accepts, or an error that names what to change."""
    job = job_of(**wish)
    try:
        drafts, made = (planned(job, tier, profile=profile) for tier in (Tier.DRAFT, Tier.FINAL))
    except ModelRetired as error:
        assert error.context["successor"] in CATALOGUE.models
        assert profile not in ("local", "simulated")
        return
    except InvalidRequest as error:
        assert error.param in {"size", "guidance", "steps", "negative_prompt", "prompt", "expected_text", "model"}
        return

    accepted_by_its_model(drafts)
    accepted_by_its_model(made)
    assert made.recipe.seed == drafts.recipe.seed == job.seed
    assert made.recipe.size == job.size


@pytest.mark.parametrize("profile", ["everything", "aws", "local", "simulated"])
def test_every_use_case_paints_each_of_its_sizes_without_further_wishes(profile: str) -> None:
    for name, use in POLICY.use_cases.items():
        for size in use.sizes:
            for tier in Tier:
                accepted_by_its_model(
                    planned(job_of(use_case=name, size=str(size), expected_text="SALE"), tier, profile=profile)
                )


@pytest.mark.parametrize(
    ("wish", "param", "says"),
    [
        ({"size": "1000x1000"}, "size", "steps of 16"),
        ({"model": "gpt-image-2", "size": "512x512"}, "size", "at least 0.66 megapixels"),
        ({"model": "nano-banana", "size": "1024x1040"}, "size", "1024x1024, 848x1264"),
        ({"guidance": 25}, "guidance", "from 1 to 20, not 25"),
        ({"model": "gpt-image-2", "guidance": 5}, "guidance", "takes no guidance"),
        ({"steps": 101}, "steps", "from 1 to 100"),
        ({"model": "gpt-image-2", "negative_prompt": "text"}, "negative_prompt", "takes no negative prompt"),
        ({"expected_text": "x" * 61}, "expected_text", "23 lines of 59"),
        ({"expected_text": "SALE", "text_box": [0, 0, 0.05, 0.05]}, "expected_text", "longer than its text_box"),
        ({"size": "256x256", "expected_text": ["one two three"] * 8}, "expected_text", "5 lines of 14"),
        ({"model": "sd35-large", "finalize": "draft_only"}, "model", "serves no drafts"),
    ],
)
def test_what_cannot_be_painted_is_refused_naming_field_and_rule(wish: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(InvalidRequest, match=says) as refusal:
        rehearse(job_of(**wish), policy=ALL_REACHABLE, catalogue=CATALOGUE, profile="everything", today=TODAY)

    assert refusal.value.param == param


def test_a_prompt_too_long_for_its_model_is_refused() -> None:
    job = job_of(model="imagen-fast", prompt="x" * 2001)

    with pytest.raises(InvalidRequest, match="2001 characters") as refusal:
        plan(
            job, tier=Tier.FINAL, candidate=1, policy=ALL_REACHABLE, catalogue=CATALOGUE, profile="everything",
            today=date(2026, 1, 1),
        )  # fmt: skip

    assert refusal.value.param == "prompt"


def test_a_model_that_takes_no_lettering_is_told_the_words_in_the_prompt() -> None:
    told = planned(job_of(model="gpt-image-2", prompt="a poster.", expected_text=["SALE", "50% OFF"]))
    guided = planned(job_of(model="sd35-large", prompt="a poster.", expected_text=["SALE", "50% OFF"]))

    assert told.recipe.prompt == 'a poster, with the words "SALE" and "50% OFF"'
    assert told.recipe.text is None
    assert guided.recipe.prompt == "a poster."
    assert guided.recipe.text is not None
    assert guided.recipe.text.content == ("SALE", "50% OFF")
    assert spell_out("a big  sale poster", ["SALE"]) == "a big  sale poster"


# ── models, aliases, fallbacks ────────────────────────────────────────────────────────────────────────────────────


def test_the_articles_job_runs_locally_through_a_recorded_alias() -> None:
    made = planned(job_of(**ARTICLE), profile="simulated")

    assert made.alias is not None
    assert (made.alias.asked, made.alias.served_by, made.model.simulated) == ("dalle3-hd", "sketch-fine", True)
    assert (made.recipe.seed, made.recipe.guidance_scale, str(made.recipe.size)) == (42, 7.5, "1024x1024")


@pytest.mark.parametrize(("model", "guidance", "painted"), [("sd35-large", 15, 4), ("dalle3-hd", 7.5, 4), (None, 3, 3)])
def test_a_stand_in_comes_as_near_as_it_can_to_what_the_model_asked_for_takes(
    model: str | None, guidance: float, painted: float
) -> None:
    fine = CATALOGUE.models["sketch-fine"].model_copy(update={"guidance_range": (1.0, 4.0)})
    modest = CATALOGUE.model_copy(update={"models": {**CATALOGUE.models, "sketch-fine": fine}})
    job = job_of(model=model, guidance=guidance)

    made = plan(job, tier=Tier.FINAL, candidate=1, policy=POLICY, catalogue=modest, profile="simulated", today=TODAY)

    assert (made.model.name, made.recipe.guidance_scale) == ("sketch-fine", painted)


def test_a_stand_in_is_not_asked_for_what_the_model_itself_would_refuse() -> None:
    with pytest.raises(InvalidRequest, match='guidance of model "sd35-large-stability" runs from 1 to 10, not 15'):
        planned(job_of(model="sd35-large-stability", guidance=15), profile="simulated")


def test_the_articles_job_is_refused_by_name_on_aws() -> None:
    with pytest.raises(ModelRetired) as refusal:
        planned(job_of(**ARTICLE), profile="aws")

    assert refusal.value.context["successor"] == "gpt-image-2"


PAINTERS = {"mini": ("mini-fast", "mini"), "sketch": ("sketch-fast", "sketch-fine")}


@pytest.mark.parametrize(("profile", "painter"), [("local", "mini"), ("simulated", "sketch")])
def test_the_local_profiles_cover_every_model_there_is(profile: str, painter: str) -> None:
    for name in {*CATALOGUE.models, *CATALOGUE.aliases}:
        row = CATALOGUE.find(name).name
        own = next((pair for pair in PAINTERS.values() if row in pair), PAINTERS[painter])
        for tier, expected in zip((Tier.DRAFT, Tier.FINAL), own, strict=True):
            made = planned(job_of(model=name, finalize="draft_only"), tier, profile=profile)
            assert made.model.name == expected, name
            assert (made.alias is None) == (row == made.model.name), name


def test_a_model_with_an_endpoint_of_its_own_needs_no_stand_in() -> None:
    """`presscheck up --model sd35-large=DIR`: its finals come from the weights, drafts still by the simulator."""
    policy = POLICY.with_endpoints(["sketch-fast", "sketch-fine", "sd35-large"])

    final = planned(job_of(use_case="hero"), profile="simulated", policy=policy)
    draft = planned(job_of(use_case="hero"), Tier.DRAFT, profile="simulated", policy=policy)

    assert (final.model.name, final.alias) == ("sd35-large", None)
    assert (draft.model.name, draft.alias.asked if draft.alias else None) == ("sketch-fast", "sd35-large-turbo")
    assert planned(job_of(model="sketch-fine"), profile="simulated", policy=policy).model.name == "sketch-fine"


def test_a_batchs_finals_take_no_place_before_their_turn() -> None:
    job = job_of()

    assert follows_at_once(job, policy=POLICY)
    assert not follows_at_once(job.model_copy(update={"batch": BatchRef(id="b", row=1)}), policy=POLICY)


def test_a_final_painted_over_its_draft_waits_for_it() -> None:
    use = POLICY.use_case("hero").model_copy(update={"anchor": "draft", "anchor_strength": 0.6})
    anchored = POLICY.model_copy(update={"use_cases": {**POLICY.use_cases, "hero": use}})

    assert not follows_at_once(job_of(use_case="hero"), policy=anchored)


def test_a_named_model_paints_the_final_and_the_policy_the_draft() -> None:
    job = job_of(model="sd35-medium")

    assert planned(job).model.name == "sd35-medium"
    assert planned(job, Tier.DRAFT).model.name == "sd35-large-turbo"
    assert planned(job_of(model="sd35-medium", finalize="draft_only"), Tier.DRAFT).model.name == "sd35-medium"


def test_a_use_case_whose_host_is_not_set_up_takes_its_first_reachable_fallback_and_says_so() -> None:
    made = planned(job_of(use_case="creative"), profile="own endpoints")

    assert made.alias is not None
    assert (made.alias.asked, made.alias.served_by) == ("nano-banana-pro", "sd35-large")
    assert "hosted by google" in made.alias.reason


def test_a_wrong_wish_is_named_even_when_the_first_model_is_out_of_reach() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        planned(job_of(use_case="creative", size="1000x1000"), profile="own endpoints")

    assert refusal.value.param == "size"


def test_a_model_asked_for_by_name_is_never_replaced() -> None:
    with pytest.raises(InvalidRequest, match="hosted by openai"):
        planned(job_of(model="gpt-image-2"), profile="own endpoints")
    job = job_of(model="sd35-large")
    down = [attempt_of(planned(job), 1, error="provider_unavailable")]

    assert planned(job, failures=down).model.name == "sd35-large"


def test_a_host_that_is_down_is_replaced_by_the_next_model_that_can_do_the_recipe() -> None:
    job = job_of(use_case="hero", guidance=7.5)
    down = [attempt_of(planned(job), 1, error="provider_unavailable")]

    made = planned(job, failures=down)

    assert made.model.name == "sd35-large-stability"
    assert made.alias is not None
    assert made.alias.reason == 'fallback: model "sd35-large" answered provider_unavailable'
    down.append(attempt_of(made, 2, error="provider_unavailable"))
    assert planned(job, failures=down).model.name == "sd35-large", "gpt-image-2 takes no guidance: not this recipe"


def test_throttling_and_our_own_faults_do_not_change_the_model_at_once() -> None:
    job = job_of(use_case="hero")
    throttled = attempt_of(planned(job), 1, error="provider_throttled")

    assert planned(job, failures=[throttled]).model.name == "sd35-large"
    assert planned(job, failures=[throttled, throttled]).model.name == "sd35-large-stability"
    assert planned(job, failures=[attempt_of(planned(job), 1, error="render_lost")] * 2).model.name == "sd35-large"


def test_every_use_case_has_a_pick_in_every_profile() -> None:
    for profile in POLICY.profiles:
        rows = picks(policy=POLICY, catalogue=CATALOGUE, profile=profile, today=TODAY)

        assert [row.use_case for row in rows] == list(POLICY.use_cases)
        assert all(row.why for row in rows)


def test_every_example_of_every_template_can_be_painted_for_its_use_cases() -> None:
    templates = Templates.load()
    for name in templates.releases:
        template = templates.find(name)
        rendered = template.render(template.example)
        for use_case in rendered.use_cases:
            job = job_of(
                use_case=use_case, prompt=rendered.prompt, expected_text=rendered.expected_text, size=rendered.size
            )
            rehearse(job, policy=POLICY, catalogue=CATALOGUE, profile="aws", today=TODAY)


# ── seeds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 2**32 - 1))
def test_candidates_have_distinct_seeds_of_32_bits(seed: int) -> None:
    seeds = [candidate_seed(seed, number) for number in range(1, 17)]

    assert seeds[0] == seed
    assert len(set(seeds)) == 16
    assert all(0 <= other < 2**32 for other in seeds)


def test_candidate_seeds_are_the_same_everywhere_and_forever() -> None:
    assert [candidate_seed(42, number) for number in (1, 2, 3)] == [42, 3455414167, 2571351228]


def test_a_final_takes_the_seed_of_the_draft_it_follows() -> None:
    job = job_of(drafts=3)

    assert planned(job, candidate=3).recipe.seed == planned(job, Tier.DRAFT, candidate=3).recipe.seed


# ── what follows ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_use_case_may_be_lenient() -> None:
    nearly = failing(check_of("SALE TODAY", read="SALE TODAV").model_copy(update={"cer": 0.1}))
    unseen = Verification(verdict=Verdict.UNREADABLE)

    def accepting(verification: Verification) -> list[str]:
        return [name for name in ("hero", "feed", "creative") if POLICY.accepts(verification, use_case=name)]

    assert accepting(Verification(verdict=Verdict.PASS)) == ["hero", "feed", "creative"]
    assert accepting(nearly) == ["feed", "creative"]
    assert accepting(burnt()) == ["creative"]
    assert accepting(MISREAD) == accepting(unseen) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("provider_throttled", ["retry", "retry", "fail"]),
        ("render_lost", ["retry", "retry", "fail"]),
        ("provider_refused", ["retry", "retry", "fail"]),  # another model may do it
        ("invalid_request", ["fail", "fail", "fail"]),
    ],
)
def test_only_what_may_pass_is_tried_again(code: str, words: list[str]) -> None:
    assert [POLICY.after_failure(code, attempt=number) for number in (1, 2, 3)] == words


def test_the_best_attempt_is_the_closest_then_the_cleanest_then_the_earliest() -> None:
    made = planned(job_of(expected_text="SALE"))
    close = failing(check_of("SALE", read="SAL").model_copy(update={"cer": 0.1}))
    spotted = close.model_copy(update={"artifacts": (ArtifactFinding(kind="burnt", score=2, limit=1),)})
    runs = [
        attempt_of(made, 1, verification=MISREAD),
        attempt_of(made, 2, verification=spotted),
        attempt_of(made, 3, verification=close),
        attempt_of(made, 4, verification=close),
        attempt_of(made, 5, error="render_failed"),
        attempt_of(made, 6),
    ]

    best = best_attempt(runs)

    assert best is not None
    assert best.attempt == 3
    assert best_attempt(runs[4:5]) is None


@pytest.mark.parametrize(
    ("now", "start"),
    [
        ("2026-11-23T12:00", "2026-11-23T20:00"),  # Monday noon: tonight
        ("2026-11-23T21:30", "2026-11-23T21:30"),
        ("2026-11-24T05:59", "2026-11-24T05:59"),  # still Monday's window
        ("2026-11-24T06:00", "2026-11-24T20:00"),
        ("2026-11-28T05:00", "2026-11-28T05:00"),  # Saturday early: Friday's window
        ("2026-11-28T06:00", "2026-11-28T23:00"),  # Saturday: the weekend's
        ("2026-11-29T08:00", "2026-11-29T23:00"),
        ("2026-11-30T06:30", "2026-11-30T06:30"),  # Monday early: Sunday's, until seven
    ],
)
def test_off_peak_work_waits_for_its_window(now: str, start: str) -> None:
    asked = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert POLICY.off_peak_start(asked) == datetime.fromisoformat(start).replace(tzinfo=UTC)


def test_off_peak_windows_are_utc_wherever_the_clock_stands() -> None:
    berlin = datetime(2026, 11, 23, 20, 30, tzinfo=timezone(timedelta(hours=1)))

    assert POLICY.off_peak_start(berlin) == datetime(2026, 11, 23, 20, tzinfo=UTC)
    with pytest.raises(ValueError, match="time zone"):
        POLICY.off_peak_start(datetime(2026, 11, 23))


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_use_case_is_refused_listing_the_known() -> None:
    with pytest.raises(InvalidRequest, match="did you mean banner") as refusal:
        POLICY.settle(JobRequest(prompt="x", use_case="baner"))

    assert refusal.value.param == "use_case"
    assert "typography" in refusal.value.message


def test_the_policy_and_the_catalogue_agree() -> None:
    POLICY.check(CATALOGUE)

    for name, use in POLICY.use_cases.items():
        for size in use.sizes:
            assert CATALOGUE.find(use.final.model).accepts(size), (name, size)
            assert CATALOGUE.find(use.repair_model).mask, name


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('default_use_case = "default"', 'default_use_case = "other"', 'default_use_case: "other"'),
        ('repair = ["reseed", "letter_box",', 'repair = ["letterbox",', "use_cases.thumbnail.repair: letterbox"),
        ("guidance_factor = 0.7", "guidance_factor = 1.3", r"repair_steps\.lower_guidance\.guidance_factor"),
        ("grow = 0.015", "grow = 0.005", r"repair_steps\.strict_letter_box: .*feather must not exceed grow"),
        ("max_cer = 0.2", "max_cer = 2", r"use_cases\.creative\.verify\.max_cer"),
        ("version = 3", "version = 0", "version"),
        ('"sketch-fast", "sketch-fine",', '"sketch-fast", "sketch-fast",', "sketch-fast named twice"),
    ],
)
def test_a_broken_policy_is_refused_naming_the_rule(tmp_path: Path, old: str, new: str, says: str) -> None:
    packaged = (Path(__file__).parent.parent / "shared" / "policy.toml").read_text()
    assert old in packaged
    path = tmp_path / "policy.toml"
    path.write_text(packaged.replace(old, new, 1))

    with pytest.raises(ConfigurationError, match=says):
        Policy.load(path)


def test_a_policy_that_names_an_unknown_model_is_refused(tmp_path: Path) -> None:
    packaged = (Path(__file__).parent.parent / "shared" / "policy.toml").read_text()
    path = tmp_path / "policy.toml"
    path.write_text(packaged.replace('final = { model = "sd35-medium"', 'final = { model = "sd35-midium"'))

    with pytest.raises(ConfigurationError, match=r"use_cases\.feed\.final\.model.*did you mean sd35-medium"):
        Policy.load(path).check(CATALOGUE)


def test_equal_arguments_give_equal_recipes() -> None:
    job = job_of(expected_text="SALE")

    assert planned(job).recipe.fingerprint() == planned(job).recipe.fingerprint()
    assert isinstance(planned(job).recipe, Recipe)
    assert planned(job).recipe.size == Size(width=1024, height=1024)


def test_a_use_case_anchored_in_its_draft_paints_the_final_over_it() -> None:
    hero = POLICY.use_case("hero").model_copy(update={"anchor": "draft", "anchor_strength": 0.6})
    anchored = ALL_REACHABLE.model_copy(update={"use_cases": {**POLICY.use_cases, "hero": hero}})
    job = job_of(use_case="hero")
    draft = attempt_of(planned(job, Tier.DRAFT), 7)
    final = {"tier": Tier.FINAL, "candidate": 1, "catalogue": CATALOGUE, "profile": "everything", "today": TODAY}

    over = plan(job, draft=draft, policy=anchored, **final)  # type: ignore[arg-type]
    plain = plan(job, draft=draft, policy=ALL_REACHABLE, **final)  # type: ignore[arg-type]

    assert draft.image is not None
    assert (over.recipe.init_image, over.recipe.strength) == (draft.image.sha256, 0.6)
    assert plain.recipe.init_image is None
    assert over.recipe.seed == plain.recipe.seed


# ── edits ─────────────────────────────────────────────────────────────────────────────────────────────────────────

PHOTO, SHAPE = "a" * 64, "b" * 64
WHERE = (0.1, 0.2, 0.6, 0.3)


def edit_of(*, masked: bool, **wishes: Any) -> Job:
    mask = {"mask": WHERE, "mask_image": SHAPE} if masked else {}
    return job_of(**wishes).model_copy(update={"edit": Edit(init_image=PHOTO, strength=0.5, **mask)})


def test_draft_and_final_of_an_edit_both_start_from_the_clients_picture() -> None:
    job = edit_of(masked=False, use_case="hero")

    recipes = [planned(job, tier).recipe for tier in Tier]

    assert [recipe.model for recipe in recipes] == ["sd35-large-turbo", "sd35-large"]
    assert {(recipe.init_image, recipe.mask, recipe.strength) for recipe in recipes} == {(PHOTO, None, 0.5)}


def test_a_masked_edit_is_drafted_as_its_final_by_a_model_that_takes_masks_and_says_so() -> None:
    """The draft is then the final: the second of two equal recipes is served from the cache."""
    job = edit_of(masked=True, use_case="thumbnail")

    draft, final = (planned(job, tier) for tier in Tier)

    assert draft == final
    assert (final.recipe.mask, final.recipe.mask_image, final.recipe.init_image) == (WHERE, SHAPE, PHOTO)
    assert final.alias is not None
    assert (final.alias.asked, final.alias.served_by) == ("sd35-large-turbo", "sd35-medium")
    assert final.alias.reason == '"sd35-large-turbo" cannot repaint under a mask'


def test_the_lettering_of_a_masked_edit_goes_under_its_mask() -> None:
    recipe = planned(edit_of(masked=True, expected_text="SALE")).recipe

    assert recipe.text is not None
    assert recipe.text.box == WHERE
    with pytest.raises(InvalidRequest, match="longer than mask_image can carry"):
        planned(edit_of(masked=True, expected_text=["an unusually long line"] * 8, size="256x256"))


def test_a_model_that_starts_from_no_picture_is_refused_by_name() -> None:
    job = edit_of(masked=False, model="imagen-fast", size="1024x1024")

    with pytest.raises(InvalidRequest, match="cannot start from a picture; leave init_image out") as refusal:
        plan(
            job, tier=Tier.FINAL, candidate=1, policy=ALL_REACHABLE, catalogue=CATALOGUE, profile="everything",
            today=date(2026, 1, 1),
        )  # fmt: skip

    assert refusal.value.param == "model"


# ── a ceiling of the job's own ────────────────────────────────────────────────────────────────────────────────────


def rehearsed(**wishes: Any) -> None:
    rehearse(job_of(**wishes), policy=ALL_REACHABLE, catalogue=CATALOGUE, profile="everything", today=TODAY)


@pytest.mark.parametrize(
    ("wish", "least", "what"),
    [
        ({}, 12_908, "its draft and final"),
        ({"drafts": 4}, 17_321, "its 4 drafts and final"),
        ({"finalize": "draft_only"}, 1_471, "its draft"),
        ({"model": "gpt-image-2"}, 212_471, "its draft and final"),
    ],
)
def test_a_job_whose_draft_and_final_exceed_its_ceiling_is_refused_with_the_sum(
    wish: dict[str, Any], least: int, what: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"{what} would come to about {least} ") as refusal:
        rehearsed(**wish, max_cost_usd_micros=least - 1)

    assert refusal.value.param == "max_cost_usd_micros"
    rehearsed(**wish, max_cost_usd_micros=least)


def test_a_draft_that_is_the_final_is_counted_once() -> None:
    job = edit_of(masked=True, max_cost_usd_micros=14_885)

    rehearse(job, policy=ALL_REACHABLE, catalogue=CATALOGUE, profile="everything", today=TODAY)


def test_what_was_spent_counts_when_the_final_is_planned() -> None:
    job = job_of(max_cost_usd_micros=20_000).model_copy(update={"cost_usd_micros": 9_000})

    with pytest.raises(InvalidRequest, match=r"this final on top of the \$0.0090 spent would come to about 20437"):
        planned(job)
