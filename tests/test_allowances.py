"""How much a tenant may ask for."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest

from shared.allowances import Allowances
from shared.errors import QuotaExceeded
from shared.ledger import Amendment, Ledger
from shared.models import BatchRef, Limits, Stage
from tests.conftest import Clock
from tests.test_ledger import job_of
from tests.world import Resources

LIMITS = Limits(requests_per_s=2, burst=10, jobs_per_day=3, usd_micros_per_day=1_000_000, open_jobs=2)


@pytest.fixture
def ledger(aws: Resources, clock: Clock) -> Ledger:
    return Ledger(boto3.client("dynamodb"), aws.settings.table_name, clock=clock)


@pytest.fixture
def allowances(ledger: Ledger, clock: Clock) -> Allowances:
    return Allowances(ledger, limits=LIMITS, clock=clock)


def test_a_burst_is_taken_at_once_and_then_the_long_run_holds(allowances: Allowances, clock: Clock) -> None:
    taken = [allowances.take_request("acme") for _ in range(11)]

    assert [each.remaining for each in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]
    assert [each.exceeded for each in taken] == [False] * 10 + [True]
    assert 1 <= taken[-1].reset_s <= 5
    assert not allowances.take_request("rival").exceeded
    clock.forward(seconds=taken[-1].reset_s)
    assert allowances.take_request("acme").remaining == 9


def test_over_an_hour_no_more_is_taken_than_the_rate_allows(allowances: Allowances, clock: Clock) -> None:
    taken = 0
    for _ in range(60):
        taken += sum(not allowances.take_request("acme").exceeded for _ in range(15))
        clock.forward(seconds=5)

    assert taken == 2 * 5 * 60


def test_jobs_a_day_and_when_the_next_day_begins(allowances: Allowances, clock: Clock) -> None:
    for _ in range(3):
        allowances.take_job("acme")

    with pytest.raises(QuotaExceeded, match="today's 3 jobs") as refused:
        allowances.take_job("acme")

    assert refused.value.context["limit"] == "jobs_per_day"
    clock.forward(seconds=refused.value.context["retry_after_s"])
    allowances.take_job("acme")


def test_money_spent_by_renders_counts_against_the_day(allowances: Allowances, ledger: Ledger, clock: Clock) -> None:
    allowances.take_job("acme")
    job = ledger.open(job_of(clock), actor="dana", data={})
    ledger.amend(job, lambda _: Amendment(event="render.finished", actor="t", changes={"cost_usd_micros": 1_200_000}))

    with pytest.raises(QuotaExceeded, match=r"\$1\.00") as refused:
        allowances.take_job("acme")

    assert refused.value.context["limit"] == "usd_micros_per_day"
    assert ledger.usage.of_day("acme", "2026-11-23").usd_micros == 1_200_000


def test_open_jobs_count_and_ended_ones_do_not(allowances: Allowances, ledger: Ledger, clock: Clock) -> None:
    jobs = [ledger.open(job_of(clock, number), actor="dana", data={}) for number in (1, 2)]
    ledger.open(job_of(clock, 3, tenant="rival"), actor="rex", data={})
    row = BatchRef(id="batch_1", row=1)
    ledger.open(job_of(clock, 4).model_copy(update={"batch": row}), actor="dana", data={})
    with pytest.raises(QuotaExceeded, match="2 jobs of yours are open"):
        allowances.take_job("acme")
    allowances.take_job("acme", in_batch=True)

    ledger.amend(jobs[0], lambda _: Amendment(event="t", actor="t", changes={"stage": Stage.CANCELED}))

    allowances.take_job("acme")


def test_an_operator_may_grant_a_tenant_limits_of_its_own(allowances: Allowances, ledger: Ledger, clock: Clock) -> None:
    assert allowances.take_request("acme").limit == 10

    ledger.usage.put_limits("acme", LIMITS.model_copy(update={"burst": 99}))

    assert allowances.take_request("acme").limit == 10  # remembered for a minute
    clock.forward(seconds=timedelta(minutes=1).total_seconds())
    assert (allowances.take_request("acme").limit, allowances.take_request("rival").limit) == (99, 10)
