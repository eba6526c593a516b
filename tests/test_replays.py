"""A recorded render painted once more: the same file, the same picture, or why it is neither; and both on record."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import boto3
import pytest
from PIL import Image

from shared.errors import InvalidRequest, NotFound, RenderFailed, WrongStage
from shared.ledger import Amendment
from shared.models import (
    Attempt,
    Determinism,
    ErrorDetail,
    Job,
    Likeness,
    ReplayOutcome,
    ReplayVerdict,
    SeedRecord,
    Stage,
)
from shared.pipeline.comparisons import render_name
from shared.pipeline.insight import tally
from shared.pipeline.replays import Replays
from shared.pipeline.reproduction import judged, unpainted
from shared.pixels import PixelDifference, difference
from tests.conftest import Clock
from tests.test_ledger import attempt_of, job_of
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources, picture


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


def _replays(studio: Studio) -> Replays:
    return Replays(ledger=studio.ledger, submissions=studio.submissions, templates=studio.submissions.templates)


def _replayed(studio: Studio, job: Job, render: str | None = None) -> tuple[Job, ReplayOutcome]:
    """A job's replay, run to its end as the workflow does. What it paints is in the host's answers."""
    replay = _replays(studio).start(DESIGNER, job.id, render=render)
    reply = studio.drafts(replay)
    replay = studio.milestones.conclude(replay.id, "drafted" if reply.outcome == "drafted" else "failed")
    assert replay.replay is not None
    assert replay.replay.outcome is not None
    return replay, replay.replay.outcome


def _again(studio: Studio, job: Job, name: str) -> bytes:
    """The very bytes of a render."""
    (found,) = (each for each in studio.ledger.attempts(job.id) if render_name(each) == name)
    assert found.image is not None
    return studio.images.load("acme", found.image.sha256)


def _told(studio: Studio, job: Job) -> list[dict[str, Any]]:
    return [event.data for event in studio.ledger.events(job.id) if event.type == "job.replayed"]


def _scene() -> bytes:
    """A picture with large shapes, as JPEG likes them."""
    scene = Image.linear_gradient("L").resize((256, 256)).convert("RGB")
    scene.paste((220, 80, 40), (60, 90, 180, 200))
    buffer = io.BytesIO()
    scene.save(buffer, "PNG")
    return buffer.getvalue()


def _recompressed(data: bytes, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────


def test_the_same_bytes_are_bit_exact_and_both_chains_say_so(studio: Studio) -> None:
    job = studio.run()
    orders, before = len(studio.host.orders), studio.ledger.attempts(job.id)
    studio.host.answers = [_again(studio, job, "f-1")]
    studio.clock.forward(hours=1)

    replay, outcome = _replayed(studio, job)

    assert outcome.verdict is ReplayVerdict.BIT_EXACT
    assert studio.host.orders[-1].recipe == studio.finals(job)[-1].recipe
    assert (len(studio.host.orders), replay.stage) == (orders + 1, Stage.DONE)
    (told,) = _told(studio, job)
    assert (told["replay"], told["verdict"]) == (replay.id, "bit_exact")
    assert studio.ledger.attempts(job.id) == before
    assert replay.created_at == job.created_at + timedelta(hours=1, seconds=2)
    assert studio.intact(job)
    assert studio.intact(replay)


def test_another_file_of_the_same_picture_is_perceptually_equal_with_its_figures(studio: Studio) -> None:
    studio.host.answers = [_scene(), _scene()]
    job = studio.run()
    studio.host.answers = [_recompressed(_scene(), 90)]

    _, outcome = _replayed(studio, job)

    assert outcome.verdict is ReplayVerdict.PERCEPTUALLY_EQUAL
    assert outcome.likeness is not None
    assert 0.95 <= outcome.likeness.ssim < 1.0
    assert outcome.replay_sha256 != outcome.original_sha256


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"model_revision": "rev-2"}, "model_revision_changed"),
        ({"seed_sent": None, "seed_reported": None}, "seed_not_sent"),
        ({"seed_reported": 8}, "seed_not_honoured"),
        ({}, "unexplained"),
    ],
)
def test_another_picture_comes_with_its_likeliest_cause(told: dict[str, Any], why: str, studio: Studio) -> None:
    job = studio.run()
    studio.host.answers, studio.host.told = [picture(99)], told

    _, outcome = _replayed(studio, job)

    assert (outcome.verdict, outcome.why) == (ReplayVerdict.NOT_REPRODUCIBLE, why)


def test_a_model_that_only_fails_is_not_reproducible_and_says_why(studio: Studio) -> None:
    job = studio.run()
    studio.host.answers = [RenderFailed("out of memory")] * 5

    replay, outcome = _replayed(studio, job)

    assert (replay.stage, outcome.verdict, outcome.why) == (
        Stage.FAILED,
        ReplayVerdict.NOT_REPRODUCIBLE,
        "render_failed",
    )
    assert _told(studio, job)[0]["why"] == "render_failed"


def test_a_model_retired_since_is_named_with_its_successor(studio: Studio, aws: Resources, clock: Clock) -> None:
    cloud = Studio(aws, clock, profile="aws")
    job = cloud.submit(use_case="creative", model=None, expected_text=[], guidance=None)
    final = attempt_of(job, candidate=1, clock=clock).model_copy(
        update={"model": "imagen4-fast", "provider": "google", "provider_model": "imagen-4.0-fast-generate-001"}
    )
    _keep(cloud, job, final)

    _, outcome = _replayed(cloud, cloud.ledger.job(job.id))

    assert outcome.why == "model_retired"
    assert "shut down" in outcome.said


def _keep(studio: Studio, job: Job, attempt: Attempt) -> None:
    stored = studio.images.store("acme", picture(1))
    kept = attempt.model_copy(update={"job_id": job.id, "image": stored})
    studio.ledger.amend(job.id, lambda _: Amendment(event="render.finished", actor="render", attempts=(kept,)))


def test_an_original_that_is_no_longer_stored_is_still_held_to_its_digest(studio: Studio, aws: Resources) -> None:
    job = studio.run()
    final = studio.finals(job)[-1]
    assert final.image is not None
    bucket, key = aws.settings.bucket_name, final.image.key
    studio.host.answers = [_again(studio, job, "f-1"), picture(99)]

    boto3.client("s3").delete_object(Bucket=bucket, Key=key)  # as a lifecycle rule would
    _, same = _replayed(studio, job)
    boto3.client("s3").delete_object(Bucket=bucket, Key=key)
    _, other = _replayed(studio, job)

    assert same.verdict is ReplayVerdict.BIT_EXACT
    assert (other.verdict, other.why, other.likeness) == (ReplayVerdict.NOT_REPRODUCIBLE, "original_gone", None)


# ── which render, and whose ──────────────────────────────────────────────────────────────────────


def test_any_render_can_be_named_and_what_is_not_there_is_refused(studio: Studio) -> None:
    job = studio.run(drafts=2)
    studio.host.answers = [_again(studio, job, "d2-1")]

    replay, outcome = _replayed(studio, job, "d2-1")

    assert outcome.verdict is ReplayVerdict.BIT_EXACT
    assert replay.replay is not None
    assert replay.replay.of == next(each for each in studio.ledger.attempts(job.id) if each.candidate == 2).id
    with pytest.raises(InvalidRequest, match="choose one of d1-1, d2-1, f-1"):
        _replays(studio).start(DESIGNER, job.id, render="f-7")


def test_a_repair_under_its_mask_is_replayed_with_that_mask(studio: Studio) -> None:
    studio.reader.readings = ["SAIE", "SALE"]
    job = studio.run(use_case="hero", model=None)
    repaired = studio.finals(job)[-1]
    studio.host.answers = [_again(studio, job, "f-2")]

    _, outcome = _replayed(studio, job, "f-2")

    order = studio.host.orders[-1]
    assert outcome.verdict is ReplayVerdict.BIT_EXACT
    assert order.recipe == repaired.recipe
    assert repaired.mask is not None
    assert order.mask is not None


def test_another_tenants_job_and_one_without_a_picture_are_not_replayed(studio: Studio) -> None:
    job, empty = studio.run(), studio.submit(seed=7)

    with pytest.raises(NotFound):
        _replays(studio).start(STRANGER, job.id)
    with pytest.raises(WrongStage, match="has no picture"):
        _replays(studio).start(DESIGNER, empty.id)


def test_the_figures_of_the_day_do_not_count_a_replay(studio: Studio) -> None:
    replay, _ = _replayed(studio, studio.run())

    assert list(tally(replay, studio.ledger.attempts(replay.id))) == []


def test_concluding_a_replay_twice_tells_the_original_once(studio: Studio) -> None:
    job = studio.run()
    replay, _ = _replayed(studio, job)

    studio.milestones.conclude(replay.id, "drafted")

    assert len(_told(studio, job)) == 1


# ── the verdict, pure ────────────────────────────────────────────────────────────────────────────


def _pair(clock: Clock, **changes: Any) -> tuple[Attempt, Attempt]:
    one = attempt_of(job_of(clock), candidate=1, clock=clock)
    one = one.model_copy(update={"seed": SeedRecord(requested=1, sent=1, reported=1, determinism=Determinism.EXACT)})
    other = attempt_of(job_of(clock), candidate=2, clock=clock).model_copy(update={"seed": one.seed, **changes})
    return one, other


def test_a_host_that_promises_no_seed_is_the_cause_before_anything_vaguer(clock: Clock) -> None:
    loose = SeedRecord(requested=1, sent=1, reported=None, determinism=Determinism.BEST_EFFORT)
    one, other = _pair(clock, seed=loose)

    assert judged(one, other, apart=difference(picture(1), picture(2))).why == "seed_not_honoured"


@pytest.mark.parametrize(("ssim", "bits", "equal"), [(0.95, 8, True), (0.9499, 8, False), (0.99, 9, False)])
def test_both_thresholds_count(ssim: float, bits: int, equal: bool) -> None:
    near = Likeness(ssim=ssim, ssim_at_least=0.95, phash_distance=bits, phash_distance_at_most=8, mean=0.0, changed=0.0)

    assert near.equal is equal


def test_what_was_never_painted_has_no_figures(clock: Clock) -> None:
    one, _ = _pair(clock)

    outcome = unpainted(one, ErrorDetail(code="model_retired", message="it was shut down"))

    assert (outcome.why, outcome.likeness, outcome.replay_sha256) == ("model_retired", None, None)


def test_pixels_that_agree_in_another_file_are_equal_not_exact(clock: Clock) -> None:
    one, other = _pair(clock)
    assert one.image is not None and other.image is not None
    twin = other.model_copy(update={"image": one.image.model_copy(update={"sha256": "f" * 64})})
    same = PixelDifference(identical=True, mean=0.0, changed=0.0, ssim=1.0)

    assert judged(one, twin, apart=same).verdict is ReplayVerdict.PERCEPTUALLY_EQUAL
