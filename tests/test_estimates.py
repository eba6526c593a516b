"""What a job would be, before anybody asks for it."""

from __future__ import annotations

import pytest

from shared.errors import InvalidRequest
from shared.models import Finalize
from shared.pipeline.estimates import Estimates
from shared.policy import Policies
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources, hero


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


@pytest.fixture
def estimates(studio: Studio) -> Estimates:
    submissions = studio.submissions
    return Estimates(
        submissions=submissions,
        ledger=studio.ledger,
        policies=submissions.policies,
        catalogue=submissions.catalogue,
        profile=submissions.profile,
        clock=studio.clock,
    )


def test_an_estimate_plans_as_the_job_would_and_makes_none(studio: Studio, estimates: Estimates) -> None:
    estimate = estimates.of(DESIGNER, hero())

    assert studio.ledger.jobs("acme").jobs == ()
    assert studio.queued() == []
    job = studio.run()
    (final,) = studio.finals(job)
    assert estimate.final is not None
    assert estimate.final.recipe == final.recipe
    assert (estimate.final.model, estimate.final.alias) == (final.model, final.alias)


def test_figures_rest_on_what_the_same_model_took_lately(studio: Studio, estimates: Estimates) -> None:
    before = estimates.of(DESIGNER, hero(drafts=2))
    assert (before.latency_ms, before.draft.renders) == (None, 0)
    assert before.final is not None
    assert before.cost_usd_micros == 2 * before.draft.cost_usd_micros + before.final.cost_usd_micros > 0

    job = studio.run()
    attempts = {attempt.tier: attempt for attempt in studio.ledger.attempts(job.id)}
    after = estimates.of(STRANGER, hero(drafts=2))

    draft, final = attempts.values()
    assert after.draft.renders == 1
    assert after.cost_usd_micros == 2 * draft.cost_usd_micros + final.cost_usd_micros
    assert after.latency_ms == draft.latency_ms.total + final.latency_ms.total
    budget = Policies.load().at(after.policy_version).use_case(after.use_case).budget
    assert budget is not None
    assert after.most_usd_micros == 2 * draft.cost_usd_micros + budget.cost_usd_micros
    capped = estimates.of(DESIGNER, hero(drafts=2, max_cost_usd_micros=20_000))
    assert capped.most_usd_micros == 20_000


def test_yesterdays_renders_speak_until_there_are_new_ones(studio: Studio, estimates: Estimates, clock: Clock) -> None:
    studio.run()
    clock.forward(days=1)
    assert estimates.of(DESIGNER, hero()).draft.renders == 1

    clock.forward(days=1)

    assert estimates.of(DESIGNER, hero()).draft.renders == 0


def test_a_draft_alone_has_no_final_and_no_repairs(estimates: Estimates) -> None:
    estimate = estimates.of(DESIGNER, hero(model=None, use_case="hero", finalize=Finalize.DRAFT_ONLY))

    assert (estimate.final, estimate.repairs) == (None, 0)


def test_a_template_is_estimated_in_its_own_words(estimates: Estimates) -> None:
    asked = hero(prompt=None, model=None, template="poster", variables={"headline": "SALE"}, expected_text=())

    estimate = estimates.of(DESIGNER, asked)

    assert estimate.template is not None and estimate.template.name == "poster"
    assert "SALE" in estimate.prompt
    assert estimate.expected_text == ("SALE",)


def test_what_would_be_refused_is_refused(estimates: Estimates) -> None:
    with pytest.raises(InvalidRequest) as refused:
        estimates.of(DESIGNER, hero(size="1000x1000"))

    assert refused.value.param == "size"
