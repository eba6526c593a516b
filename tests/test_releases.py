"""Releases and rollbacks: at once for the very next job, never for an earlier one, and always on the record."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError, InvalidRequest, LedgerConflict, NotFound
from shared.ledger import Ledger
from shared.models import AttemptStatus, Job, JobRequest, Principal, Tier
from shared.pipeline.releases import Releases
from shared.policy import Policies, lock_policy
from shared.prompts import Templates, lock
from shared.releases import Release, history_problem, next_release, rollback_target
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.test_policy_versions import write_policies
from tests.test_prompts import CARD, write
from tests.world import DESIGNER, Resources

OPERATOR = Principal(tenant="acme", name="olga", scopes=("admin",))
DAY = datetime(2026, 11, 23, tzinfo=UTC)


def moves(*steps: tuple[Literal["release", "rollback"], int], start: int | None = None) -> list[Release]:
    history: list[Release] = []
    for kind, version in steps:
        last = history[-1] if history else None
        history.append(
            next_release(
                last,
                subject="policy",
                kind=kind,
                from_version=last.version if last else start,
                version=version,
                file_digest=str(version),
                by="acme/olga",
                at=DAY,
                reason="test",
            )
        )
    return history


# ── what a rollback goes back to ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("history", "current", "target"),
    [
        (moves(), 3, 2),
        (moves(), 1, None),
        (moves(("release", 3), start=1), 3, 1),
        (moves(("release", 2), ("release", 3), start=1), 3, 2),
        (moves(("release", 2), ("release", 3), ("rollback", 2), start=1), 2, 1),
        (moves(("release", 2), ("release", 3), ("rollback", 2), ("rollback", 1), start=1), 1, None),
        (moves(("release", 3), ("rollback", 1), ("release", 3), start=1), 3, 1),
        (moves(("release", 2), start=2), 2, 1),
        (moves(("rollback", 2), start=3), 2, 1),
        (moves(("release", 1), ("release", 2), start=None), 2, 1),
    ],
)
def test_a_rollback_goes_back_one_release_and_then_another(
    history: list[Release], current: int, target: int | None
) -> None:
    assert rollback_target(history, current=current, versions=[1, 2, 3]) == target


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_as_many_rollbacks_as_releases_lead_back_to_the_start(versions: list[int]) -> None:
    start = 9
    distinct = [version for version, _ in itertools.groupby([start, *versions])][1:]
    steps: list[tuple[Literal["release", "rollback"], int]] = [("release", version) for version in distinct]

    for _ in distinct:
        target = rollback_target(moves(*steps, start=start), current=steps[-1][1], versions=[])
        assert target is not None
        steps.append(("rollback", target))

    assert steps[-1][1] == start


def test_a_history_that_was_touched_is_found_out() -> None:
    history = moves(("release", 2), ("release", 3), ("rollback", 2), start=1)
    altered = history[1].model_copy(update={"by": "acme/eve"})

    assert history_problem(history[-1], history) is None
    assert "move 2 was altered" in str(history_problem(history[-1], [history[0], altered, history[2]]))
    assert "move 2 is missing" in str(history_problem(history[-1], [history[0], history[2]]))
    assert "not the one in force" in str(history_problem(history[0], history))
    assert "not the one in force" in str(history_problem(history[-1], history[:2]))


# ── in the ledger ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ledger(aws: Resources, clock: Clock) -> Ledger:
    return Ledger(boto3.client("dynamodb"), aws.settings.table_name, clock=clock)


def test_the_pointer_and_its_history_read_back_as_they_were_written(ledger: Ledger) -> None:
    history = moves(("release", 2), ("release", 3), ("rollback", 2), start=1)
    for move in history:
        ledger.releases.record(move)

    assert ledger.releases.current("policy") == history[-1]
    assert ledger.releases.moves("policy") == tuple(history)
    assert ledger.releases.current("template:poster") is None


def test_of_two_moves_at_the_same_time_one_is_refused_and_leaves_no_trace(ledger: Ledger) -> None:
    first, second = moves(("release", 2), ("release", 3), start=1)
    ledger.releases.record(first)
    ledger.releases.record(second)
    rival = next_release(first, **_fields(second, by="acme/eve"))

    for move in (rival, first):
        with pytest.raises(LedgerConflict, match="look again"):
            ledger.releases.record(move)
    assert ledger.releases.moves("policy") == (first, second)


def _fields(move: Release, **changes: Any) -> dict[str, Any]:
    return move.model_dump(exclude={"seq", "prev", "digest"}) | changes


# ── on a running stack ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template in two versions, seeds, and a policy in two versions."""
    write(tmp_path)
    write(tmp_path, CARD.replace("A {{ colour }}", "One {{ colour }}"), version=2)
    (tmp_path / "seeds.toml").write_text("[brand]\n1 = 7\n2 = 42\n")
    lock(tmp_path, ["card@1", "card@2"])
    return write_policies(tmp_path)


class Shop:
    """A stack that carries the folder, with the pipeline over moto."""

    def __init__(self, folder: Path, aws: Resources, clock: Clock) -> None:
        self.studio = Studio(aws, clock)
        self.templates, self.policies = Templates.load(folder), Policies.load(folder)
        self.releases = Releases(
            ledger=self.studio.ledger, templates=self.templates, policies=self.policies, clock=clock
        )
        self.studio.submissions = replace(self.studio.submissions, templates=self.templates, policies=self.policies)
        self.studio.renders = replace(self.studio.renders, policies=self.policies)
        self.studio.verdicts = replace(self.studio.verdicts, policies=self.policies)

    def submit(self, **fields: Any) -> Job:
        request = {"template": "card", "variables": {"who": "Ada"}, "use_case": "hero"} | fields
        return self.studio.submissions.submit(DESIGNER, JobRequest.model_validate(request))

    def prompt(self) -> str:
        return self.submit().prompt.split()[0]


@pytest.fixture
def shop(folder: Path, aws: Resources, clock: Clock) -> Shop:
    return Shop(folder, aws, clock)


def test_a_rollback_changes_the_very_next_job_and_no_earlier_one(shop: Shop) -> None:
    before = shop.submit()

    move = shop.releases.rollback_template(OPERATOR, "card", reason="too plain")
    after = shop.submit()

    assert (before.template and before.template.version, before.prompt.split()[0]) == (2, "One")
    assert (after.template and after.template.version, after.prompt.split()[0]) == (1, "A")
    assert shop.studio.ledger.job(before.id) == before
    assert (move.kind, move.from_version, move.version, move.by, move.reason) == (
        "rollback", 2, 1, "acme/olga", "too plain",
    )  # fmt: skip
    assert shop.studio.ledger.releases.moves("template:card") == (move,)


def test_a_release_after_a_rollback_is_in_force_at_once(shop: Shop) -> None:
    shop.releases.rollback_template(OPERATOR, "card", reason="too plain")
    shop.releases.release_template(OPERATOR, "card", 2, reason="plain is right")

    assert shop.prompt() == "One"
    assert shop.releases.rollback_template(OPERATOR, "card", reason="no").version == 1


def test_a_pinned_version_is_rendered_whatever_is_released(shop: Shop) -> None:
    shop.releases.rollback_template(OPERATOR, "card", reason="too plain")

    assert shop.submit(template="card@2").prompt.startswith("One")


def test_releasing_what_is_in_force_already_is_not_written_down_twice(shop: Shop) -> None:
    first = shop.releases.release_template(OPERATOR, "card", 1, reason="again")

    assert shop.releases.release_template(OPERATOR, "card", 1, reason="and again") == first
    assert len(shop.studio.ledger.releases.moves("template:card")) == 1


def test_what_was_not_deployed_cannot_be_released(shop: Shop) -> None:
    with pytest.raises(InvalidRequest, match="has versions 1, 2 in this deployment, not 3") as refusal:
        shop.releases.release_template(OPERATOR, "card", 3, reason="x")
    assert refusal.value.param == "version"
    with pytest.raises(NotFound):
        shop.releases.release_template(OPERATOR, "poster", 1, reason="x")
    with pytest.raises(InvalidRequest, match="versions 1, 2 in this deployment, not 9"):
        shop.releases.release_policy(OPERATOR, 9, reason="x")


def test_there_is_an_end_to_rolling_back(shop: Shop) -> None:
    shop.releases.rollback_template(OPERATOR, "card", reason="once")

    with pytest.raises(InvalidRequest, match="no earlier version"):
        shop.releases.rollback_template(OPERATOR, "card", reason="twice")


def test_a_deployment_that_carries_another_file_under_a_released_number_refuses_the_job(
    folder: Path, aws: Resources, clock: Clock
) -> None:
    """A released version never changes, also where nobody locked its file."""
    (folder / "versions.lock").unlink()
    Shop(folder, aws, clock).releases.release_template(OPERATOR, "card", 2, reason="x")
    write(folder, CARD.replace("A {{ colour }}", "Some {{ colour }}"), version=2)
    edited = Shop(folder, aws, clock)

    with pytest.raises(ConfigurationError, match="carries another file under that number"):
        edited.submit()
    with pytest.raises(InvalidRequest, match="released with other content"):
        edited.releases.release_template(OPERATOR, "card", 2, reason="x")
    assert edited.releases.rollback_template(OPERATOR, "card", reason="x").version == 1
    assert edited.prompt() == "A"


def test_a_job_keeps_its_policy_through_a_rollback(shop: Shop) -> None:
    """Planned, rendered and judged by the rules it was accepted under."""
    job = shop.submit(expected_text="SALE")
    shop.releases.rollback_policy(OPERATOR, reason="too slow")
    later = shop.submit(expected_text="SALE")

    for each in (job, later):
        shop.studio.drafts(each)
        shop.studio.paint(each, Tier.FINAL)

    steps = [shop.studio.finals(each)[0].recipe.steps for each in (job, later)]
    assert (job.policy_version, later.policy_version) == (2, 1)
    assert steps == [20, 10]
    assert all(final.status is AttemptStatus.RENDERED for final in shop.studio.finals(job))


def test_policy_and_templates_have_their_own_histories(shop: Shop) -> None:
    shop.releases.rollback_policy(OPERATOR, reason="too slow")

    assert shop.releases.template_version("card") == 2
    assert shop.releases.policy_version() == 1
    assert shop.studio.ledger.releases.moves("template:card") == ()


def test_a_use_case_that_the_released_policy_lacks_falls_back_to_the_default(
    folder: Path, aws: Resources, clock: Clock
) -> None:
    """A template may name a use case that came with a later policy."""
    write(folder, CARD.replace('title = "Card"', 'title = "Card"\nuse_cases = ["lookbook", "feed"]'), version=3)
    lock(folder, ["card@3"])

    assert Shop(folder, aws, clock).submit(use_case=None).use_case == "feed"


def test_a_locked_policy_is_what_a_fresh_stack_starts_with(folder: Path, aws: Resources, clock: Clock) -> None:
    lock_policy(folder, version=1)

    assert Shop(folder, aws, clock).submit().policy_version == 1


# ── seeds and variants, as a job takes them ──────────────────────────────────────────────────────


def test_a_seed_set_is_resolved_once_and_recorded_with_its_version(shop: Shop) -> None:
    job = shop.submit(seed="brand")

    assert (job.seed, job.seed_set, shop.submit(seed="brand@1").seed) == (42, "brand@2", 7)
    facts = shop.studio.ledger.events(job.id)[0].data
    assert (facts["seed"], facts["seed_set"], facts["request"]["seed"]) == (42, "brand@2", "brand")
    with pytest.raises(InvalidRequest, match="there is no seed set"):
        shop.submit(seed="moon")


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        ({"use_case": "feed"}, "CARD FOR Ada"),
        ({"model": "sd35-medium", "use_case": None}, "CARD FOR Ada"),
        ({"use_case": "hero"}, "One pale blue"),
        ({"use_case": "feed", "finalize": "draft_only"}, "One pale blue"),
    ],
)
def test_a_variant_speaks_for_the_model_that_decides_the_job(shop: Shop, asked: dict[str, Any], spoken: str) -> None:
    """Feed finals are Medium's: its words are the job's, drafts included; the simulator stands in and listens."""
    assert shop.submit(**asked).prompt.startswith(spoken)


def test_a_new_version_that_renders_the_same_prompt_is_served_from_the_cache(
    folder: Path, aws: Resources, clock: Clock
) -> None:
    write(folder, CARD.replace('title = "Card"', 'title = "Card, retitled"'), version=3)
    lock(folder, ["card@3"])
    shop = Shop(folder, aws, clock)

    for reference in ("card@1", "card@3"):
        job = shop.submit(template=reference, seed=42)
        shop.studio.drafts(job)

    (cached,) = [attempt for attempt in shop.studio.ledger.attempts(job.id) if attempt.tier is Tier.DRAFT]
    assert (cached.cached, cached.template and cached.template.version) == (True, 3)
    assert [order.id.tier for order in shop.studio.host.orders] == [Tier.DRAFT, Tier.FINAL]
