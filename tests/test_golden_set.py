"""The golden set on a running stack: a model that silently paints something else is noticed, once and for certain."""

from __future__ import annotations

import json

import pytest

from shared.errors import NotFound, WrongStage
from shared.goldens import load_goldens
from shared.models import Job
from shared.pipeline.goldens import COMPARED, GoldenSet
from shared.pipeline.releases import Releases
from shared.policy import Policies
from shared.prompts import DIRECTORY, Templates
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, Resources, picture

GOLDENS = load_goldens(DIRECTORY)
IN_FORCE = {"banner@1", "feed@1", "hero@1", "poster@2", "thumbnail@1", "typography@1"}
ONE, OTHER = picture(1, size=(256, 256)), picture(2, size=(256, 256))


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


@pytest.fixture
def golden_set(studio: Studio) -> GoldenSet:
    return GoldenSet(
        tenant="presscheck-golden",
        ledger=studio.ledger,
        images=studio.images,
        submissions=studio.submissions,
        releases=Releases(
            ledger=studio.ledger, templates=Templates.load(DIRECTORY), policies=Policies.load(), clock=studio.clock
        ),
        goldens=GOLDENS,
        models=(),
        clock=studio.clock,
    )


def _painted(studio: Studio, golden_set: GoldenSet, run: str, *, draft: bytes = ONE, final: bytes = ONE) -> Job:
    """A run's job of the hero template, painted so."""
    jobs = [studio.ledger.job(job_id) for job_id in golden_set.order(run).jobs]
    job = next(job for job in jobs if job.template and job.template.name == "hero")
    studio.host.answers = [draft, final]
    studio.drafts(job)
    return studio.final(job)


def _words(golden_set: GoldenSet, job: Job) -> list[tuple[str, str]]:
    return [(each.model, each.word) for each in golden_set.judge(job.id)]


def test_a_run_paints_every_template_in_force_once_and_anew(studio: Studio, golden_set: GoldenSet) -> None:
    first, again = golden_set.order("monday"), golden_set.order("monday")
    tuesday = golden_set.order("tuesday")

    jobs = [studio.ledger.job(job_id) for job_id in first.jobs]
    assert {f"{job.template.name}@{job.template.version}" for job in jobs if job.template} == IN_FORCE
    assert all(job.request.fresh and job.tenant == "presscheck-golden" for job in jobs)
    assert again.jobs == first.jobs
    assert not {*first.jobs} & {*tuesday.jobs}
    assert first.refused == {}


def test_what_nothing_can_paint_keeps_nobody_back(golden_set: GoldenSet) -> None:
    tight = GoldenSet(**{**vars(golden_set), "models": ("imagen-of-old",)})

    ordered = tight.order("monday")

    assert len(ordered.jobs) == len(IN_FORCE)
    assert {name.split()[0] for name in ordered.refused} == IN_FORCE


def test_the_first_picture_is_remembered_and_the_same_again_is_the_same(studio: Studio, golden_set: GoldenSet) -> None:
    first = _painted(studio, golden_set, "monday")
    assert _words(golden_set, first) == [("sketch-fast", "first"), ("sketch-fine", "first")]

    second = _painted(studio, golden_set, "tuesday")

    assert _words(golden_set, second) == [("sketch-fast", "same"), ("sketch-fine", "same")]


def test_a_model_that_silently_changed_is_told_apart_from_one_that_did_not(
    studio: Studio, golden_set: GoldenSet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden_set.judge(_painted(studio, golden_set, "monday").id)
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "false")
    capsys.readouterr()

    job = _painted(studio, golden_set, "tuesday", final=OTHER)

    capsys.readouterr()
    assert _words(golden_set, job) == [("sketch-fast", "same"), ("sketch-fine", "drifted")]
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "GoldenDrift" in line]
    assert [(each["service"], each["model"], each["GoldenDrift"]) for each in said] == [
        ("presscheck", "sketch-fast", [0.0]),
        ("presscheck", "sketch-fine", [1.0]),
    ]


def test_a_drift_stays_one_until_somebody_accepts_it(studio: Studio, golden_set: GoldenSet) -> None:
    golden_set.judge(_painted(studio, golden_set, "monday").id)
    tuesday = _painted(studio, golden_set, "tuesday", final=OTHER)
    golden_set.judge(tuesday.id)
    wednesday = _painted(studio, golden_set, "wednesday", final=OTHER)
    still = dict(_words(golden_set, wednesday))

    golden_set.accept(tuesday.id)
    after = dict(_words(golden_set, _painted(studio, golden_set, "thursday", final=OTHER)))

    assert (still["sketch-fine"], after["sketch-fine"]) == ("drifted", "same")


def test_a_model_that_says_it_is_another_is_no_drift_and_is_remembered_anew(
    studio: Studio, golden_set: GoldenSet
) -> None:
    golden_set.judge(_painted(studio, golden_set, "monday").id)
    studio.host.revision = "rev-2"

    revised = dict(_words(golden_set, _painted(studio, golden_set, "tuesday", final=OTHER)))
    after = dict(_words(golden_set, _painted(studio, golden_set, "wednesday", final=OTHER)))

    assert (revised["sketch-fine"], after["sketch-fine"]) == ("revised", "same")


def test_it_is_on_record_in_the_chain_and_by_model_however_often_it_is_told(
    studio: Studio, golden_set: GoldenSet
) -> None:
    job = _painted(studio, golden_set, "monday")

    told = [golden_set.judge(job.id) for _ in range(3)]

    events = [event.type for event in studio.ledger.events(job.id)]
    assert told[0] == told[1] == told[2]
    assert events.count(COMPARED) == 1
    assert studio.intact(job)
    assert [each.job_id for each in studio.ledger.goldens.seen("sketch-fine")] == [job.id]


def test_only_the_sets_own_jobs_are_compared_and_only_once_they_are_over(studio: Studio, golden_set: GoldenSet) -> None:
    customers = studio.submissions.submit(DESIGNER, GOLDENS["hero@1"].request())
    running = golden_set.order("monday").jobs[0]

    with pytest.raises(NotFound):
        golden_set.judge(customers.id)
    with pytest.raises(WrongStage, match="compared once it is over"):
        golden_set.judge(running)
    with pytest.raises(WrongStage, match="nothing to accept"):
        golden_set.accept(running)
