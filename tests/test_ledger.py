"""The ledger: one table, one chain a job, no forks."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from shared.errors import InvalidRequest, JobConcluded, LedgerConflict, NotFound
from shared.images import describe
from shared.ledger import Amendment, Ledger, Once
from shared.models import Attempt, AttemptStatus, Job, JobFilter, Recipe, SeedRecord, Stage, Tier
from tests.conftest import Clock
from tests.world import Resources, hero, picture


def job_of(clock: Clock, number: int = 1, tenant: str = "acme") -> Job:
    return Job(
        id=f"01JZZZZZZZZZZZZZZZZZZZ{number:04d}",
        tenant=tenant,
        stage=Stage.QUEUED,
        seq=0,
        head="",
        request=hero(),
        use_case="hero",
        policy_version=1,
        prompt="a poster",
        seed=42,
        size="1024x1024",
        rounds=(1,),
        created_at=clock(),
        updated_at=clock(),
    )


def attempt_of(job: Job, *, candidate: int, clock: Clock) -> Attempt:
    recipe = Recipe(model="sketch-fast", prompt=job.prompt, seed=candidate, size=job.size)
    return Attempt(
        job_id=job.id,
        tenant=job.tenant,
        tier=Tier.DRAFT,
        candidate=candidate,
        attempt=1,
        status=AttemptStatus.RENDERED,
        use_case=job.use_case,
        model=recipe.model,
        provider="sagemaker",
        provider_model=recipe.model,
        recipe=recipe,
        fingerprint=recipe.fingerprint(),
        seed=SeedRecord(requested=candidate),
        image=describe(job.tenant, picture(candidate)),
        started_at=clock(),
    )


@pytest.fixture
def ledger(aws: Resources, clock: Clock) -> Ledger:
    return Ledger(boto3.client("dynamodb"), aws.settings.table_name, clock=clock)


def _always(amendment: Amendment, _: Job) -> Amendment:
    return amendment


def _step(word: str, **changes: Any) -> Amendment:
    return Amendment(event=word, actor="test", data={"guidance": 7.0, "words": ["ß", "SALE"]}, changes=changes)


def test_a_job_reads_back_as_it_was_written(ledger: Ledger, clock: Clock) -> None:
    written = ledger.open(job_of(clock), actor="dana", data={"seed": 42})

    assert ledger.job(written.id) == written
    assert written.seq == 1


def test_another_tenants_job_is_not_there(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})

    with pytest.raises(NotFound):
        ledger.job(job.id, tenant="rival")


def test_one_key_leads_to_one_job_until_it_expires(ledger: Ledger, clock: Clock) -> None:
    once = Once(key="order-17", until=clock() + timedelta(hours=24))

    first = ledger.open(job_of(clock, 1), actor="dana", data={}, once=once)
    again = ledger.open(job_of(clock, 2), actor="dana", data={}, once=once)
    stranger = ledger.open(job_of(clock, 3, tenant="rival"), actor="rex", data={}, once=once)
    clock.forward(hours=25)
    later = Once(key="order-17", until=clock() + timedelta(hours=24))
    renewed = ledger.open(job_of(clock, 4), actor="dana", data={}, once=later)

    assert again == first
    assert {stranger.id, renewed.id} == {job_of(clock, 3).id, job_of(clock, 4).id}
    with pytest.raises(NotFound):
        ledger.job(job_of(clock, 2).id)


def test_opening_twice_is_a_conflict_and_keeps_the_first(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})

    with pytest.raises(LedgerConflict):
        ledger.open(job_of(clock), actor="eve", data={})
    assert [event.actor for event in ledger.events(job.id)] == ["dana"]


def test_every_change_adds_a_link_and_the_chain_holds(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})
    for word in ("one", "two", "three"):
        job = ledger.amend(job.id, lambda _, word=word: _step(word))

    events = ledger.events(job.id)
    assert [event.type for event in events] == ["job.submitted", "one", "two", "three"]
    assert ledger.record(job.id).intact


def test_writers_that_cross_never_fork_the_chain(ledger: Ledger, clock: Clock) -> None:
    """Each writer finds, between its look at the job and its write, that another was faster."""
    job = ledger.open(job_of(clock), actor="dana", data={})
    faster = iter(range(4))

    def change(_: Job) -> Amendment:
        if next(faster, None) is not None:
            ledger.amend(job.id, lambda _: _step("faster"))
        return _step("slower")

    ledger.amend(job, change)

    assert [event.type for event in ledger.events(job.id)] == ["job.submitted", *["faster"] * 4, "slower"]
    assert ledger.record(job.id).intact


def test_a_concluded_job_cannot_be_changed(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})
    ledger.amend(job.id, lambda _: _step("job.completed", stage=Stage.DONE))

    with pytest.raises(JobConcluded):
        ledger.amend(job.id, lambda _: _step("late"))


def test_open_jobs_come_due_and_concluded_ones_never(ledger: Ledger, clock: Clock) -> None:
    first, second = (ledger.open(job_of(clock, number), actor="dana", data={}) for number in (1, 2))
    ledger.amend(second.id, lambda _: _step("job.completed", stage=Stage.DONE))

    assert list(ledger.due(clock())) == []
    clock.forward(minutes=5)
    assert list(ledger.due(clock())) == [first.id]
    ledger.postpone(first, until=clock() + timedelta(minutes=1))
    assert list(ledger.due(clock())) == []


def test_pages_of_jobs_are_newest_first_and_cursors_stay_with_their_tenant(ledger: Ledger, clock: Clock) -> None:
    for number in range(3):
        clock.forward(seconds=1)
        ledger.open(job_of(clock, number), actor="dana", data={})

    page = ledger.jobs("acme", limit=2)
    rest = ledger.jobs("acme", limit=2, cursor=page.cursor)

    assert [job.id[-1] for job in (*page.jobs, *rest.jobs)] == ["2", "1", "0"]
    for cursor in (page.cursor or "", "nonsense", "AAAA"):
        with pytest.raises(InvalidRequest):
            ledger.jobs("rival", cursor=cursor)


def test_token_and_wake_up_meet_in_either_order(ledger: Ledger) -> None:
    assert ledger.tickets.park("token first", "token-1") is False
    assert [ledger.tickets.wake("token first") for _ in range(3)] == ["token-1"] * 3

    assert [ledger.tickets.wake("wake-up first") for _ in range(3)] == [None] * 3
    assert ledger.tickets.park("wake-up first", "token-2") is True


def test_a_lease_has_one_holder_who_learns_who_waits(ledger: Ledger, clock: Clock) -> None:
    soon = clock() + timedelta(minutes=10)
    assert ledger.renders.lease("acme", "recipe", holder="a", until=soon, ticket="a-1") is None
    assert ledger.renders.lease("acme", "recipe", holder="b", until=soon, ticket="b-1") == "a"
    assert ledger.renders.lease("acme", "recipe", holder="c", until=soon, ticket="c-1") == "a"
    assert ledger.renders.lease("rival", "recipe", holder="d", until=soon, ticket="d-1") is None

    assert ledger.renders.give_back("acme", "recipe", holder="b") == ()
    assert ledger.renders.give_back("acme", "recipe", holder="a") == ("b-1", "c-1")
    assert not ledger.renders.leased("acme", "recipe")


def test_an_expired_lease_is_taken_over_with_those_who_wait(ledger: Ledger, clock: Clock) -> None:
    ledger.renders.lease("acme", "recipe", holder="a", until=clock() + timedelta(minutes=10), ticket="a-1")
    ledger.renders.lease("acme", "recipe", holder="c", until=clock() + timedelta(minutes=10), ticket="c-1")
    clock.forward(minutes=11)

    soon = clock() + timedelta(minutes=10)
    assert ledger.renders.lease("acme", "recipe", holder="b", until=soon, ticket="b-1") is None
    assert ledger.renders.give_back("acme", "recipe", holder="b") == ("c-1",)


def test_a_filter_finds_what_it_names_and_pages_on_where_it_stopped(ledger: Ledger, clock: Clock) -> None:
    for number in range(1, 7):
        clock.forward(seconds=1)
        asked = hero(tags=["spring"] if number % 2 else [], prompt=f"A Bicycle by the sea, number {number}")
        changes = {"request": asked, "prompt": asked.prompt, "use_case": "feed" if number == 4 else "hero"}
        ledger.open(job_of(clock, number).model_copy(update=changes), actor="dana", data={})

    def found(limit: int = 25, cursor: str | None = None, **only: Any) -> list[int]:
        page = ledger.jobs("acme", limit=limit, cursor=cursor, only=JobFilter(**only))
        return [int(job.id[-1]) for job in page.jobs]

    assert found() == [6, 5, 4, 3, 2, 1]
    assert found(tag="spring") == [5, 3, 1]
    assert found(q="BICYCLE sea") == [6, 5, 4, 3, 2, 1]
    assert (found(q="bicycle moon"), found(q="number 2")) == ([], [2])
    assert found(use_case="feed") == [4]
    assert found(model="dalle3-hd", tag="spring", q="1") == [1]
    assert (found(template="poster"), found(stage=Stage.DONE)) == ([], [])
    first = ledger.jobs("acme", limit=2, only=JobFilter(tag="spring"))
    assert [job.id[-1] for job in first.jobs] == ["5", "3"]
    assert found(limit=2, cursor=first.cursor, tag="spring") == [1]


def test_what_a_list_shows_is_written_with_the_attempt(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})
    attempts = [attempt_of(job, candidate=number, clock=clock) for number in (2, 1)]

    for amendment in (Amendment(event="t", actor="t", attempts=(attempt,)) for attempt in attempts):
        ledger.amend(job.id, partial(_always, amendment))

    (listed,) = ledger.jobs("acme").jobs
    assert [each.candidate for each in listed.pictures] == [1, 2]
    assert listed.pictures[0].image == attempts[1].image
    assert ledger.jobs("acme", only=JobFilter(model="sketch-fast")).jobs == (listed,)


def test_an_epilogue_follows_a_job_that_is_over_and_changes_nothing_of_it(ledger: Ledger, clock: Clock) -> None:
    job = ledger.open(job_of(clock), actor="dana", data={})
    over = ledger.amend(job, lambda _: _step("done", stage=Stage.DONE))

    after = ledger.amend(over, lambda _: Amendment(event="job.rated", actor="dana", epilogue=True))

    assert (after.stage, after.seq) == (Stage.DONE, over.seq + 1)
    assert ledger.record(job.id).intact
    assert list(ledger.due(clock() + timedelta(days=30))) == []
