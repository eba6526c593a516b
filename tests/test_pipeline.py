"""The story of a job, told with real modules over moto: only Step Functions and the model are fakes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from shared.cache import Cache
from shared.catalogue import Catalogue
from shared.errors import (
    ImageUnreadable,
    InvalidRequest,
    JobConcluded,
    NotFound,
    ProviderRefused,
    ProviderThrottled,
    RenderFailed,
    WrongStage,
)
from shared.images import Images
from shared.ledger import Ledger, Once
from shared.models import (
    ArtifactFinding,
    Attempt,
    Box,
    Flaw,
    IntakeMessage,
    Job,
    JobRequest,
    RatingRequest,
    Recipe,
    RenderTask,
    Similarity,
    Stage,
    StepReply,
    TextCheck,
    Tier,
    Verdict,
    Verification,
)
from shared.outlets import Announcer, Intake
from shared.pipeline.decisions import Decisions
from shared.pipeline.milestones import Milestones
from shared.pipeline.renders import Renders
from shared.pipeline.submissions import Submissions
from shared.pipeline.sweep import MAX_REDRIVES, Sweep
from shared.pipeline.verdicts import Eyes, Verdicts
from shared.pipeline.waits import Waits, approval_ticket
from shared.policy import Policies
from shared.prompts import Templates
from shared.views import render_view
from shared.webhooks.destinations import Destinations
from tests.conftest import Clock
from tests.world import DESIGNER, STRANGER, FakeHost, FakeWorkflow, Resources, hero, picture

PATIENCE = timedelta(minutes=2)
BOTH = ((Tier.DRAFT, 1), (Tier.FINAL, 0))
"""The candidates of a job's only draft and of its final."""


def says(text: str) -> Verification:
    """A verification of a picture that shows `text` where SALE was expected."""
    verdict = Verdict.PASS if text == "SALE" else Verdict.FAIL
    check = TextCheck(
        expected="SALE", recognized=text, verdict=verdict, cer=0.0 if text == "SALE" else 0.5, confidence=0.9
    )
    return Verification(verdict=verdict, texts=(check,), recognized=text, engine="fake")


@dataclass
class Reader:
    """A verifier that reads what it is told, in order."""

    readings: list[str] = field(default_factory=list)
    looks: int = 0

    def __call__(self, image: bytes, expected: Sequence[str], *, text_box: Box | None = None) -> Verification:
        self.looks += 1
        return says(self.readings.pop(0) if self.readings else "SALE")


class Studio:
    """Every chapter of the pipeline over one table, and helpers that walk a job through it."""

    def __init__(self, aws: Resources, clock: Clock, *, profile: str = "simulated") -> None:
        settings = aws.settings
        self.clock = clock
        self.ledger = Ledger(boto3.client("dynamodb"), settings.table_name, clock=clock, patience=PATIENCE)
        self.images = Images(boto3.client("s3"), settings.bucket_name, url_ttl_s=60)
        self.workflow: Any = FakeWorkflow()
        self.host = FakeHost(now=clock())
        self.openai = FakeHost(now=clock(), repeatable=False)
        self.reader = Reader()
        self.defects: list[tuple[ArtifactFinding, ...]] = []
        likeness = Similarity(phash_distance=3, ssim=0.8, colour_shift=1.0)
        self.eyes = Eyes(
            read=self.reader,
            inspect=lambda _, **__: self.defects.pop(0) if self.defects else (),
            compare=lambda _, __: likeness,
        )
        self.sqs = boto3.client("sqs")
        self.events = boto3.client("events")
        self.queue = settings.interactive_queue_url
        self.poison = settings.poison_queue_url
        intake = Intake(
            self.sqs,
            interactive_url=settings.interactive_queue_url,
            bulk_url=settings.bulk_queue_url,
            poison_url=settings.poison_queue_url,
        )
        policies, catalogue = Policies.load(), Catalogue.load()
        self.submissions = Submissions(
            ledger=self.ledger,
            images=self.images,
            intake=intake,
            announcer=Announcer(self.events, bus=settings.bus_name),
            destinations=Destinations(allow_loopback=True),
            workflow=self.workflow,
            policies=policies,
            catalogue=catalogue,
            templates=Templates.load(Path(__file__).parent.parent / "templates"),
            profile=profile,
            clock=clock,
        )
        self.waits = Waits(ledger=self.ledger, workflow=self.workflow)
        cache = Cache(self.ledger, self.images, clock=clock)
        self.renders = Renders(
            ledger=self.ledger,
            cache=cache,
            images=self.images,
            policies=policies,
            catalogue=catalogue,
            providers={"sagemaker": self.host, "openai": self.openai},
            waits=self.waits,
            profile=profile,
            clock=clock,
        )
        self.verdicts = Verdicts(
            ledger=self.ledger,
            images=self.images,
            policies=policies,
            catalogue=catalogue,
            profile=profile,
            clock=clock,
            open_eyes=lambda: self.eyes,
        )
        self.milestones = Milestones(
            ledger=self.ledger,
            announcer=Announcer(self.events, bus=settings.bus_name),
            cache=cache,
            waits=self.waits,
            policies=policies,
            approval_patience=timedelta(days=3),
            clock=clock,
        )
        self.decisions = Decisions(
            ledger=self.ledger,
            waits=self.waits,
            workflow=self.workflow,
            milestones=self.milestones,
            policies=policies,
            catalogue=catalogue,
            profile=profile,
            clock=clock,
        )
        self.sweep = Sweep(
            ledger=self.ledger,
            intake=intake,
            workflow=self.workflow,
            waits=self.waits,
            milestones=self.milestones,
            decisions=self.decisions,
            cache=cache,
            providers={"sagemaker": self.host},
            patience=PATIENCE,
            clock=clock,
        )

    def submit(self, **fields: Any) -> Job:
        return self.submissions.submit(DESIGNER, hero(**fields))

    def paint(self, job: Job, tier: Tier, *, candidate: int = 0, attempt: int = 1) -> StepReply:
        """Start and collect as the workflow does, with the retries it is told to make."""
        task = RenderTask(job_id=job.id, tier=tier, candidate=candidate, attempt=attempt)
        reply = self.renders.start(task)
        if reply.next == "await":
            self.clock.forward(seconds=1)
            reply = self.renders.collect(task)
        return self.paint(job, tier, candidate=candidate, attempt=reply.attempt) if reply.next == "retry" else reply

    def drafts(self, job: Job) -> StepReply:
        for candidate in self.ledger.job(job.id).candidates:
            self.paint(job, Tier.DRAFT, candidate=candidate)
        return self.milestones.settle(job.id)

    def final(self, job: Job) -> Job:
        """From the first final to the end, repairs included."""
        attempt = 1
        while True:
            painted = self.paint(job, Tier.FINAL, attempt=attempt)
            if painted.next == "fail":
                return self.milestones.conclude(job.id, "failed")
            task = RenderTask(job_id=job.id, tier=Tier.FINAL, candidate=0, attempt=painted.attempt)
            verdict = self.verdicts.verify(task)
            if verdict.next == "accept":
                return self.milestones.conclude(job.id, "accepted")
            if verdict.next == "reject":
                return self.milestones.conclude(job.id, "mismatch")
            attempt = verdict.attempt

    def run(self, **fields: Any) -> Job:
        job = self.submit(**fields)
        assert self.drafts(job).next == "finalize"
        return self.final(job)

    def finals(self, job: Job) -> list[Attempt]:
        return [attempt for attempt in self.ledger.attempts(job.id) if attempt.tier is Tier.FINAL]

    def intact(self, job: Job) -> bool:
        return self.ledger.record(job.id).intact

    def dispatch(self, job: Job) -> None:
        self.submissions.dispatch(IntakeMessage(job_id=job.id, submitted_at=job.created_at).model_dump_json())

    def queued(self) -> list[str]:
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        return [IntakeMessage.model_validate_json(message["Body"]).job_id for message in messages]


def ordered(studio: Studio) -> Counter[Tier]:
    """How many pictures of each tier our own models were asked for."""
    return Counter(order.id.tier for order in studio.host.orders)


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


def test_the_articles_hero_job_ends_with_a_verified_final(studio: Studio) -> None:
    job = studio.run()

    final = studio.finals(job)[-1]
    assert job.stage is Stage.DONE
    assert job.final_attempt == 1
    assert final.image is not None
    assert final.seed.requested == 42
    assert final.alias is not None and final.alias.asked == "dalle3-hd"
    assert final.simulated
    assert final.cost_usd_micros > 0
    assert job.cost_usd_micros == sum(attempt.cost_usd_micros for attempt in studio.ledger.attempts(job.id))
    assert studio.intact(job)


def test_a_final_nobody_decides_about_is_painted_beside_its_draft(studio: Studio) -> None:
    job = studio.submit()
    draft, final = (RenderTask(job_id=job.id, tier=tier, candidate=number, attempt=1) for tier, number in BOTH)

    assert studio.renders.start(draft).next == "await"
    assert ordered(studio) == {Tier.DRAFT: 1, Tier.FINAL: 1}
    assert studio.ledger.job(job.id).stage is Stage.DRAFTING

    studio.renders.collect(draft)
    assert studio.milestones.settle(job.id).next == "finalize"
    begun = studio.ledger.attempt(final.id)
    assert begun is not None and begun.ticket is not None
    assert studio.renders.start(final) == StepReply(next="await", attempt=1, ticket=begun.ticket.id)
    assert studio.final(job).stage is Stage.DONE
    assert ordered(studio) == {Tier.DRAFT: 1, Tier.FINAL: 1}
    assert studio.intact(job)


@pytest.mark.parametrize(
    "fields",
    [{"finalize": "on_approval"}, {"finalize": "off_peak"}, {"finalize": "draft_only"}, {"drafts": 2}],
    ids=str,
)
def test_a_final_somebody_decides_about_waits(fields: dict[str, Any], studio: Studio) -> None:
    job = studio.submit(**fields)

    studio.renders.start(RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1))

    assert ordered(studio) == {Tier.DRAFT: 1}


def test_a_final_that_a_host_sells_waits_for_its_draft(aws: Resources, clock: Clock) -> None:
    studio = Studio(aws, clock, profile="aws")
    job = studio.submit(model="gpt-image-2", guidance=None)

    studio.renders.start(RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1))

    assert (len(studio.host.orders), studio.openai.orders) == (1, [])


def test_a_final_that_failed_beside_its_draft_is_tried_again_when_its_turn_comes(studio: Studio) -> None:
    studio.host.answers = [picture(1), ProviderThrottled("busy"), picture(2)]
    job = studio.submit()

    assert studio.drafts(job).next == "finalize"
    assert studio.final(job).stage is Stage.DONE
    assert [attempt.status for attempt in studio.finals(job)] == ["failed", "rendered"]


def test_a_job_that_ended_without_a_draft_leaves_its_final_to_who_waits_for_it(studio: Studio) -> None:
    broken, waiter = (studio.submit() for _ in range(2))
    first, second = (RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1) for job in (broken, waiter))
    studio.renders.start(first)
    studio.renders.start(second)
    joined = studio.finals(waiter)[0]
    assert joined.waits_for == str(studio.finals(broken)[0].id) and joined.ticket is not None
    studio.waits.park(joined.ticket.id, "final's token")

    studio.milestones.conclude(broken.id, "failed")

    assert "final's token" in studio.workflow.woken


def test_submitting_twice_under_one_key_is_one_job_in_the_queue(studio: Studio) -> None:
    once = Once(key="order-17", until=studio.clock() + timedelta(hours=24))

    first, again = (studio.submissions.submit(DESIGNER, hero(), once=once) for _ in range(2))

    assert again.id == first.id
    queued = studio.sqs.receive_message(QueueUrl=studio.queue, MaxNumberOfMessages=10)["Messages"]
    assert len(queued) == 1


def test_the_same_job_again_is_served_from_the_cache_for_nothing(studio: Studio) -> None:
    first = studio.run()
    orders = len(studio.host.orders)
    second = studio.run()

    one, two = studio.finals(first)[-1], studio.finals(second)[-1]
    assert one.image is not None and two.image is not None
    assert (two.cached, two.cost_usd_micros, two.image.sha256) == (True, 0, one.image.sha256)
    assert len(studio.host.orders) == orders


def test_equal_jobs_at_once_are_painted_once_and_the_rest_are_served_from_it(studio: Studio) -> None:
    jobs = [studio.submit() for _ in range(5)]
    tasks = [RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1) for job in jobs]

    started = [studio.renders.start(task) for task in tasks]
    for number, reply in enumerate(started):
        studio.waits.park(reply.ticket, f"token-{number}")
    painter = studio.renders.collect(tasks[0])
    served = [studio.renders.collect(task) for task in tasks[1:]]

    assert ordered(studio) == {Tier.DRAFT: 1, Tier.FINAL: 1}
    assert [reply.next for reply in (painter, *served)] == ["continue"] * 5
    assert sorted(studio.workflow.woken) == [f"token-{number}" for number in range(1, 5)]
    drafts = [studio.ledger.attempts(job.id)[0] for job in jobs]
    assert len({draft.image.sha256 for draft in drafts if draft.image}) == 1
    assert [draft.cached for draft in drafts] == [False, True, True, True, True]


class Interrupted(Cache):
    """Somebody else acts between a look that found nothing and the lease."""

    meanwhile: Callable[[], object] | None = None

    def find(self, tenant: str, recipe: Recipe) -> Attempt | None:
        found = super().find(tenant, recipe)
        if self.meanwhile:
            act, self.meanwhile = self.meanwhile, None
            act()
        return found


def test_a_picture_finished_between_the_look_and_the_lease_is_not_painted_again(studio: Studio) -> None:
    first, second = (RenderTask(job_id=studio.submit().id, tier=Tier.DRAFT, candidate=1, attempt=1) for _ in range(2))
    studio.renders.start(first)
    cache = Interrupted(studio.ledger, studio.images, clock=studio.clock)
    cache.meanwhile = lambda: studio.renders.collect(first)

    reply = replace(studio.renders, cache=cache).start(second)

    assert reply.next == "continue"
    assert ordered(studio)[Tier.DRAFT] == 1
    late = studio.ledger.attempt(second.id)
    assert late is not None and late.cached
    assert not studio.ledger.renders.leased(late.tenant, late.fingerprint)


@pytest.mark.parametrize("end", ["the painter fails", "the painter is canceled", "the painter dies"])
def test_who_waits_for_a_painter_in_vain_paints_alone(end: str, studio: Studio) -> None:
    studio.host.answers = [RenderFailed("broken"), picture(5)]
    painter, waiter = (studio.submit() for _ in range(2))
    first, second = (RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1) for job in (painter, waiter))
    studio.renders.start(first)
    studio.waits.park(studio.renders.start(second).ticket, "token")

    if end == "the painter fails":
        studio.renders.collect(first)
    elif end == "the painter is canceled":
        studio.decisions.cancel(DESIGNER, painter.id)
    else:
        studio.workflow.states |= {painter.id: "running", waiter.id: "running"}
        studio.clock.forward(minutes=11)
        studio.sweep.run()

    assert "token" in studio.workflow.woken
    assert studio.renders.collect(second).next == "await"
    assert studio.renders.collect(second).next == "continue"
    assert not studio.ledger.attempts(waiter.id)[0].cached


def test_a_fresh_job_is_painted_anew_and_leaves_the_cache_as_it_was(studio: Studio) -> None:
    first = studio.run()
    studio.host.answers = [picture(7), picture(8)]

    fresh = studio.run(fresh=True)
    later = studio.run()

    painted = [studio.finals(job)[-1] for job in (first, fresh, later)]
    assert [final.cached for final in painted] == [False, False, True]
    assert len({final.fingerprint for final in painted}) == 1
    shas = [final.image.sha256 for final in painted if final.image]
    assert shas[0] == shas[2] != shas[1]


def test_a_tenant_is_never_served_from_anothers_cache(studio: Studio) -> None:
    studio.run()

    studio.drafts(studio.submissions.submit(STRANGER, hero()))

    assert ordered(studio) == {Tier.DRAFT: 2, Tier.FINAL: 2}


def test_a_cached_image_that_is_gone_is_painted_again(studio: Studio) -> None:
    first = studio.run()
    image = studio.finals(first)[-1].image
    assert image is not None
    boto3.client("s3").delete_object(Bucket="images", Key=image.key)

    assert not studio.finals(studio.run())[-1].cached


def test_a_misprint_is_repaired_by_a_masked_pass_with_lower_guidance(studio: Studio) -> None:
    studio.reader.readings = ["SAEL", "SALE"]

    job = studio.run()

    first, second = studio.finals(job)
    assert job.stage is Stage.DONE and job.final_attempt == 2
    assert first.image is not None
    assert second.recipe.init_image == first.image.sha256
    assert second.recipe.mask is not None
    assert second.recipe.sampler == "typography"
    assert (second.recipe.guidance_scale or 0) < (first.recipe.guidance_scale or 0)
    assert second.repair
    assert studio.host.orders[-1].init_image == studio.images.load("acme", first.image.sha256)


def test_exhausted_repairs_end_in_the_articles_error_with_the_best_attempt_kept(studio: Studio) -> None:
    studio.reader.readings = ["SAEL"] * 10

    job = studio.run()

    assert job.stage is Stage.FAILED
    assert job.error is not None
    assert job.error.message == "rendered_text_mismatch: expected 'SALE' not found"
    assert job.error.context["recognized"] == "SAEL"
    assert "wants its words painted, not typeset" in job.error.context["ended"]
    assert job.final_attempt is not None
    assert studio.intact(job)


def test_a_defect_without_a_wrong_letter_is_painted_anew(studio: Studio) -> None:
    studio.defects = [(ArtifactFinding(kind="oversaturated", score=0.9, limit=0.5, detail="colours are burnt out"),)]

    job = studio.run()

    first, second = studio.finals(job)
    assert job.stage is Stage.DONE
    assert first.verification is not None and first.verification.artifacts[0].kind == "oversaturated"
    assert second.recipe.mask is None and second.recipe.seed != first.recipe.seed


def test_a_picture_that_stays_broken_is_rejected_for_what_is_wrong_with_it(studio: Studio) -> None:
    burnt = ArtifactFinding(kind="oversaturated", score=0.9, limit=0.5, detail="colours are burnt out")
    studio.defects = [(burnt,)] * 5

    job = studio.run()

    assert [final.step for final in studio.finals(job)] == [None, "lower_guidance", "lower_guidance"]
    assert job.error is not None
    assert (job.error.code, job.error.message) == (
        "rendered_with_defects",
        "rendered_with_defects: colours are burnt out",
    )


def test_every_rung_is_on_record_down_to_words_that_were_typeset_and_not_painted(studio: Studio) -> None:
    studio.reader.readings = ["SAEL"] * 4

    job = studio.run(use_case="typography")

    finals = studio.finals(job)
    assert [final.step for final in finals] == [None, "letter_box", "strict_letter_box", "letterer", "typeset"]
    assert finals[-1].recipe.sampler == "typeset"
    assert job.stage is Stage.DONE
    shown = render_view(finals[-1], link=studio.images.link)
    assert shown.typeset
    assert shown.repair is not None and shown.repair.startswith("The words were typeset, not painted")
    events = [event.data for event in studio.ledger.events(job.id) if event.type == "render.finished"]
    assert [event["step"] for event in events[-2:]] == ["letterer", "typeset"]


def test_a_mask_is_drawn_once_stored_by_hash_and_sent_as_it_is(studio: Studio) -> None:
    studio.reader.readings = ["SAEL"]

    job = studio.run()

    repaired = studio.finals(job)[-1]
    assert repaired.mask is not None
    assert repaired.recipe.mask_image == repaired.mask.sha256
    stored = studio.images.load("acme", repaired.mask.sha256)
    assert studio.host.orders[-1].mask == stored
    with Image.open(io.BytesIO(stored)) as mask:
        assert (mask.mode, mask.size, mask.getpixel((32, 32)), mask.getpixel((32, 0))) == ("L", (64, 64), 255, 0)
    assert repaired.fingerprint != repaired.recipe.model_copy(update={"mask_image": "0" * 64}).fingerprint()


def test_the_typography_models_picture_is_laid_into_the_original_and_kept_as_it_came(
    aws: Resources, clock: Clock
) -> None:
    """OpenAI's edits redraw everything a little: outside the mask the original stands, what it sent is stored too."""
    studio = Studio(aws, clock, profile="aws")
    studio.reader.readings = ["SAEL"] * 3
    theirs = picture(99)
    studio.openai.answers = [theirs]

    job = studio.run(model=None)

    before, lettered = studio.finals(job)[-2:]
    (order,) = studio.openai.orders
    assert (lettered.step, lettered.model) == ("letterer", "gpt-image-2-medium")
    assert lettered.alias is not None and lettered.alias.asked == "sd35-large"
    assert before.image is not None and lettered.image is not None and lettered.host_image is not None
    original, shown, sent = (
        studio.images.load("acme", each.sha256) for each in (before.image, lettered.image, lettered.host_image)
    )
    assert (order.init_image, sent) == (original, theirs)
    assert order.mask is not None
    inside, outside = (32, 32), (32, 2)
    assert _pixel(shown, outside) == _pixel(original, outside) != _pixel(sent, outside)
    assert _pixel(shown, inside) == _pixel(sent, inside)


def _pixel(data: bytes, at: tuple[int, int]) -> Any:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB").getpixel(at)


def test_a_jobs_own_ceiling_ends_its_repairs_and_says_so(aws: Resources, clock: Clock) -> None:
    studio = Studio(aws, clock, profile="aws")
    studio.reader.readings = ["SAEL"] * 5

    job = studio.run(model=None, max_cost_usd_micros=14_000)

    assert job.stage is Stage.FAILED and job.error is not None
    assert job.cost_usd_micros <= 14_000
    assert "of the job's max_cost_usd_micros is left" in job.error.context["ended"]
    verified = [event.data for event in studio.ledger.events(job.id) if event.type == "final.verified"]
    assert verified[-1]["next"] == "reject"
    assert {skipped["step"] for skipped in verified[-1]["skipped"]} >= {"letterer"}


def test_more_drafts_than_the_ceiling_pays_for_are_refused(studio: Studio) -> None:
    job = studio.submit(finalize="on_approval", max_cost_usd_micros=20_000)
    studio.drafts(job)

    with pytest.raises(InvalidRequest, match="its 8 drafts and final on top of") as refusal:
        studio.decisions.more(DESIGNER, job.id, drafts=8)

    assert refusal.value.param == "max_cost_usd_micros"
    assert studio.decisions.more(DESIGNER, job.id, drafts=1).decision is not None


def test_a_person_may_accept_what_verification_turned_down(studio: Studio) -> None:
    studio.reader.readings = ["SAEL"] * 5
    job = studio.run()
    best = job.final_attempt

    taken = studio.decisions.accept(DESIGNER, job.id, reason="brush script")
    again = studio.decisions.accept(DESIGNER, job.id)

    assert (taken.stage, taken.final_attempt, taken.error) == (Stage.DONE, best, None)
    assert taken.seq == again.seq
    last = studio.ledger.events(job.id)[-1]
    assert (last.type, last.actor) == ("final.accepted", "dana")
    assert last.data == {"attempt": best, "reason": "brush script", "against": "rendered_text_mismatch"}
    assert studio.intact(job)


def test_only_a_final_that_failed_its_verification_can_be_accepted(studio: Studio) -> None:
    done = studio.run()
    with pytest.raises(WrongStage, match="is done; only one that failed its verification"):
        studio.decisions.accept(DESIGNER, done.id)
    studio.reader.readings = ["SAEL"] * 5
    failed = studio.run(seed=43)

    with pytest.raises(InvalidRequest, match=r"there is no final 9; accept one of \[1, 2, 3, 4\]"):
        studio.decisions.accept(DESIGNER, failed.id, attempt=9)
    with pytest.raises(NotFound):
        studio.decisions.accept(STRANGER, failed.id)


def test_a_job_that_is_done_can_deliver_an_earlier_final_again(studio: Studio) -> None:
    studio.reader.readings = ["SAIE", "SALE"]
    job = studio.run()
    assert (job.stage, job.final_attempt) == (Stage.DONE, 2)

    restored = studio.decisions.restore(DESIGNER, job.id, attempt=1, reason="the repair lost the glow")
    again = studio.decisions.restore(DESIGNER, job.id, attempt=1, reason="twice is no error")
    back = studio.decisions.restore(DESIGNER, job.id, attempt=2, reason="no, it says SAIE")

    assert (restored.final_attempt, again, back.final_attempt) == (1, restored, 2)
    events = [event for event in studio.ledger.events(job.id) if event.type == "final.restored"]
    assert [(each.actor, each.data["before"], each.data["attempt"], each.data["verdict"]) for each in events] == [
        ("dana", 2, 1, "fail"),
        ("dana", 1, 2, "pass"),
    ]
    assert studio.intact(back)


def test_only_a_final_of_a_job_that_is_done_is_restored_and_only_by_its_tenant(studio: Studio) -> None:
    done = studio.run()
    studio.reader.readings = ["SAIE"] * 4
    failed = studio.run(seed=43)

    with pytest.raises(InvalidRequest, match=r"there is no final 7; restore one of \[1\]"):
        studio.decisions.restore(DESIGNER, done.id, attempt=7, reason="r")
    with pytest.raises(WrongStage, match="accept one of its finals instead"):
        studio.decisions.restore(DESIGNER, failed.id, attempt=1, reason="r")
    with pytest.raises(WrongStage, match="delivered no final"):
        studio.decisions.restore(DESIGNER, studio.submit(seed=44).id, attempt=1, reason="r")
    with pytest.raises(NotFound):
        studio.decisions.restore(STRANGER, done.id, attempt=1, reason="r")


@pytest.mark.parametrize("use_case", ["default", "thumbnail", "creative"])
def test_a_picture_nobody_could_look_at_is_never_accepted_however_lenient_the_use_case(
    use_case: str, studio: Studio
) -> None:
    def cannot_look(*_: object, **__: object) -> Verification:
        raise ImageUnreadable("the picture is animated")

    studio.eyes = Eyes(read=cannot_look, inspect=studio.eyes.inspect, compare=studio.eyes.compare)

    job = studio.run(use_case=use_case)

    assert job.stage is Stage.FAILED
    assert {final.verification.verdict for final in studio.finals(job) if final.verification} == {Verdict.UNREADABLE}


def test_how_like_its_draft_a_final_came_out_is_on_record(studio: Studio) -> None:
    final = studio.finals(studio.run())[0]

    assert final.verification is not None and final.verification.similarity is not None
    assert final.verification.similarity.phash_distance == 3


def test_a_lost_render_is_tried_again_and_both_tries_are_on_record(studio: Studio) -> None:
    studio.host.answers = [picture(1), None, picture(2)]

    job = studio.run()

    lost, found = studio.finals(job)
    assert job.stage is Stage.DONE
    assert lost.error is not None and lost.error.code == "render_lost"
    assert found.fingerprint == lost.fingerprint


def test_a_host_that_answers_at_once_needs_no_wait_and_leaves_its_request_id(studio: Studio) -> None:
    studio.host.repeatable = False
    job = studio.submit()

    reply = studio.renders.start(RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1))

    assert reply.next == "continue"
    assert studio.ledger.attempts(job.id)[0].provider_request_id == "req-1"
    assert [event.type for event in studio.ledger.events(job.id)][1:] == ["render.started", "render.finished"]


def test_a_paid_call_that_was_cut_off_is_on_record_and_never_silently_repeated(studio: Studio) -> None:
    """The process dies while a host that cannot repeat an order paints: the step comes again and finds the attempt."""
    studio.host.repeatable = False
    studio.host.answers = [KeyboardInterrupt()]  # type: ignore[list-item]
    job = studio.submit()
    task = RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1)
    with pytest.raises(KeyboardInterrupt):
        studio.renders.start(task)

    reply = studio.renders.start(task)

    assert (reply.next, reply.attempt) == ("retry", 2)
    assert len(studio.host.orders) == 1
    error = studio.ledger.attempts(job.id)[0].error
    assert error is not None and "whether it was paid" in error.message


def test_a_refusal_that_nothing_can_change_is_not_repeated(studio: Studio) -> None:
    studio.host.answers = [picture(1)] + [ProviderRefused("moderation")] * 5

    job = studio.run()

    assert job.stage is Stage.FAILED
    assert len(studio.finals(job)) == 1
    assert job.error is not None and job.error.message == "moderation"


def test_an_answer_that_is_no_picture_is_a_typed_failure(studio: Studio) -> None:
    studio.host.answers = [picture(1), b"\x89PNG but not really"]

    job = studio.run()

    assert studio.finals(job)[0].error is not None
    assert studio.finals(job)[0].error.code == "render_failed"  # type: ignore[union-attr]
    assert job.stage is Stage.DONE


def test_a_host_that_never_recovers_ends_the_job_and_says_why(studio: Studio) -> None:
    studio.host.answers = [picture(1)] + [ProviderThrottled("the queue is full")] * 20

    job = studio.run()

    assert job.stage is Stage.FAILED
    assert job.error is not None and job.error.code == "provider_throttled"


def test_repeating_any_step_changes_nothing(studio: Studio) -> None:
    job = studio.submit()
    draft = RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1)
    for _ in range(2):
        assert studio.renders.start(draft).next == "await"
    for _ in range(2):
        assert studio.renders.collect(draft).next == "continue"
    for _ in range(2):
        assert studio.milestones.settle(job.id).next == "finalize"
    studio.paint(job, Tier.FINAL)
    final = RenderTask(job_id=job.id, tier=Tier.FINAL, candidate=0, attempt=1)
    for _ in range(2):
        assert studio.verdicts.verify(final).next == "accept"
    seqs = {studio.milestones.conclude(job.id, "accepted").seq for _ in range(2)}

    assert len(seqs) == 1
    assert studio.reader.looks == 1
    assert len(studio.host.orders) == 2


def test_drafts_have_seeds_of_their_own_and_the_final_follows_the_chosen_one(studio: Studio) -> None:
    job = studio.submit(drafts=3, finalize="on_approval")
    assert studio.drafts(job).next == "approval"

    studio.decisions.approve(DESIGNER, job.id, draft=2)
    assert studio.milestones.decide(job.id).next == "finalize"
    studio.final(job)

    seeds = [attempt.recipe.seed for attempt in studio.ledger.attempts(job.id) if attempt.tier is Tier.DRAFT]
    assert len(set(seeds)) == 3
    assert studio.finals(job)[0].recipe.seed == seeds[1]


def test_a_decision_wakes_the_wait_whichever_came_first(studio: Studio) -> None:
    early, late = (studio.submit(finalize="on_approval") for _ in range(2))
    for job in (early, late):
        studio.drafts(job)

    studio.decisions.approve(DESIGNER, early.id)
    studio.waits.park(approval_ticket(early.id, round_number=1), "token-early")
    studio.waits.park(approval_ticket(late.id, round_number=1), "token-late")
    studio.decisions.approve(DESIGNER, late.id)

    assert studio.workflow.woken == ["token-early", "token-late"]


def test_more_drafts_open_a_round_with_new_candidates(studio: Studio) -> None:
    job = studio.submit(drafts=2, finalize="on_approval")
    studio.drafts(job)

    studio.decisions.more(DESIGNER, job.id, drafts=3)
    reply = studio.milestones.decide(job.id)

    assert (reply.next, reply.candidates) == ("drafts", (3, 4, 5))
    assert studio.drafts(job).next == "approval"
    studio.decisions.approve(DESIGNER, job.id, draft=1)
    assert studio.ledger.job(job.id).decision is not None


def test_only_a_job_that_waits_can_be_decided_and_only_once(studio: Studio) -> None:
    job = studio.submit(finalize="on_approval")
    with pytest.raises(WrongStage):
        studio.decisions.reject(DESIGNER, job.id)
    studio.drafts(job)
    with pytest.raises(InvalidRequest):
        studio.decisions.approve(DESIGNER, job.id, draft=9)
    studio.decisions.reject(DESIGNER, job.id, reason="too dark")
    with pytest.raises(WrongStage):
        studio.decisions.approve(DESIGNER, job.id)

    reply = studio.milestones.decide(job.id)
    assert reply.outcome == "declined"
    assert studio.milestones.conclude(job.id, "declined").stage is Stage.REJECTED


def test_nobody_decides_and_the_job_expires(studio: Studio) -> None:
    job = studio.submit(finalize="on_approval")
    studio.drafts(job)

    assert studio.milestones.decide(job.id).outcome == "expired"
    assert studio.milestones.conclude(job.id, "expired").stage is Stage.EXPIRED


def test_an_off_peak_final_waits_for_the_window(studio: Studio) -> None:
    job = studio.submit(finalize="off_peak")

    reply = studio.drafts(job)

    assert reply.next == "off_peak"
    assert reply.resume_at is not None and reply.resume_at > studio.clock()
    assert studio.ledger.job(job.id).stage is Stage.WAITING_OFF_PEAK


def test_draft_only_is_done_with_the_draft(studio: Studio) -> None:
    job = studio.submit(finalize="draft_only")

    assert studio.drafts(job).outcome == "drafted"
    assert studio.milestones.conclude(job.id, "drafted").stage is Stage.DONE


def test_a_canceled_job_stops_and_late_work_cannot_revive_it(studio: Studio) -> None:
    job = studio.submit()
    task = RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1)
    studio.renders.start(task)

    for _ in range(2):
        assert studio.decisions.cancel(DESIGNER, job.id).stage is Stage.CANCELED
    with pytest.raises(JobConcluded):
        studio.renders.collect(task)

    assert studio.workflow.stopped == [job.id]
    assert studio.milestones.conclude(job.id, "accepted").stage is Stage.CANCELED
    studio.submissions.dispatch(IntakeMessage(job_id=job.id, submitted_at=job.created_at).model_dump_json())
    assert studio.workflow.started == []


def test_another_tenant_can_do_nothing_to_a_job(studio: Studio) -> None:
    job = studio.submit(finalize="on_approval")
    studio.drafts(job)

    for verb in (studio.decisions.approve, studio.decisions.reject, studio.decisions.cancel):
        with pytest.raises(NotFound):
            verb(STRANGER, job.id)
    with pytest.raises(NotFound):
        studio.decisions.more(STRANGER, job.id, drafts=1)


# ── sweep ────────────────────────────────────────────────────────────────────────────────────────


def test_a_crash_between_ledger_and_queue_is_found_and_queued_again(studio: Studio) -> None:
    job = studio.submit()
    assert studio.queued() == [job.id]  # this message is lost, as if it had never been sent

    assert studio.sweep.run().looked_at == 0
    studio.clock.forward(minutes=3)
    assert studio.sweep.run().requeued == 1
    assert studio.queued() == [job.id]
    assert studio.sweep.run().looked_at == 0


def test_a_job_that_breaks_the_sweep_does_not_hide_the_others(studio: Studio) -> None:
    broken, standing = studio.submit(), studio.submit()
    studio.workflow.states[broken.id] = "running"
    studio.renders.start(RenderTask(job_id=broken.id, tier=Tier.DRAFT, candidate=1, attempt=1))
    studio.sweep.providers.clear()  # type: ignore[attr-defined]  # no provider: looking for its answer raises KeyError

    studio.clock.forward(minutes=3)

    assert studio.sweep.run().requeued == 1
    assert standing.id in studio.queued()


def test_a_lost_execution_is_started_again_until_it_is_given_up(studio: Studio) -> None:
    job = studio.submit()
    studio.drafts(job)
    studio.workflow.states[job.id] = "ended"

    for number in range(1, MAX_REDRIVES + 1):
        studio.clock.forward(minutes=3)
        assert studio.sweep.run().redriven == 1
        assert studio.ledger.job(job.id).redrives == number
    studio.clock.forward(minutes=3)
    assert studio.sweep.run().given_up == 1

    assert studio.ledger.job(job.id).stage is Stage.FAILED
    assert studio.intact(job)


def test_a_redriven_job_goes_on_where_it_was(studio: Studio) -> None:
    job = studio.submit(finalize="on_approval")
    studio.drafts(job)
    studio.decisions.approve(DESIGNER, job.id)
    studio.milestones.decide(job.id)
    studio.paint(job, Tier.FINAL)
    orders = len(studio.host.orders)

    assert studio.drafts(job).next == "finalize"
    assert studio.final(job).stage is Stage.DONE
    assert len(studio.host.orders) == orders


def test_a_job_that_takes_longer_than_it_was_given_is_canceled(studio: Studio) -> None:
    job = studio.submit(cancel_after_s=90)
    studio.workflow.states[job.id] = "running"
    patient = studio.submit()

    studio.clock.forward(seconds=89)
    assert studio.sweep.run().canceled == 0
    studio.clock.forward(seconds=2)
    assert studio.sweep.run().canceled == 1

    canceled = studio.ledger.job(job.id)
    assert (canceled.stage, studio.ledger.job(patient.id).stage) == (Stage.CANCELED, Stage.QUEUED)
    assert studio.ledger.events(job.id)[-1].data["cause"] == "not done within the 90 s it was given"
    assert studio.workflow.stopped == [job.id]


def test_a_lost_notification_is_made_good_by_the_sweep(studio: Studio) -> None:
    job = studio.submit()
    studio.renders.start(RenderTask(job_id=job.id, tier=Tier.DRAFT, candidate=1, attempt=1))
    studio.waits.park(f"{job.id}-d1-1", "token")
    studio.workflow.states[job.id] = "running"

    studio.clock.forward(minutes=3)

    assert studio.sweep.run().woken == 1
    assert studio.workflow.woken == ["token"]


def test_an_execution_that_died_unforeseen_ends_its_job(studio: Studio) -> None:
    job = studio.submit()

    studio.milestones.unforeseen(f"{job.id}-r1", "FAILED")
    assert not studio.ledger.job(job.id).stage.terminal
    studio.milestones.unforeseen(job.id, "TIMED_OUT", cause="too slow")

    assert studio.ledger.job(job.id).stage is Stage.FAILED


def test_a_poison_message_is_buried_with_its_reason(studio: Studio) -> None:
    unknown = IntakeMessage(job_id="01JNOBODYKNOWSTHISJOB00000", submitted_at=studio.clock()).model_dump_json()
    for body in ("this is no job", unknown):
        studio.submissions.dispatch(body)

    buried = studio.sqs.receive_message(QueueUrl=studio.poison, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    reasons = {message["Body"]: message["MessageAttributes"]["reason"]["StringValue"] for message in buried["Messages"]}
    assert "Invalid JSON" in reasons["this is no job"]
    assert "no job 01JNOBODY" in reasons[unknown]


# ── submit ───────────────────────────────────────────────────────────────────────────────────────


def test_what_no_model_can_paint_is_refused_before_anything_is_promised(studio: Studio) -> None:
    wishes: dict[str, dict[str, Any]] = {
        "size": {"size": "1000x1000"},
        "use_case": {"use_case": "billboard"},
        "webhook": {"webhook": "https://10.0.0.1/hook"},
        "expected_text": {"expected_text": "A" * 118, "text_box": [0.4, 0.4, 0.05, 0.05]},
        "max_cost_usd_micros": {"max_cost_usd_micros": 1},
    }
    for field_name, fields in wishes.items():
        with pytest.raises(InvalidRequest) as refusal:
            studio.submit(**fields)
        assert refusal.value.param == field_name
    assert studio.queued() == []


def test_a_template_brings_its_text_its_box_and_its_use_case(studio: Studio) -> None:
    request = JobRequest.model_validate({"template": "poster", "variables": {"headline": "SALE"}})

    job = studio.submissions.submit(DESIGNER, request)
    studio.drafts(job)
    studio.paint(job, Tier.FINAL)

    recipe = studio.finals(job)[0].recipe
    assert (job.use_case, job.expected_text, job.template and job.template.version) == ("typography", ("SALE",), 2)
    assert recipe.text is not None and recipe.text.box == job.text_box == (0.08, 0.06, 0.84, 0.3)
    assert recipe.template == job.template


def test_a_missing_seed_is_drawn_once_and_recorded(studio: Studio) -> None:
    request = hero().model_copy(update={"seed": None})

    job = studio.submissions.submit(DESIGNER, request)

    assert studio.ledger.job(job.id).seed == job.seed
    assert studio.ledger.events(job.id)[0].data["seed"] == job.seed


def test_provider_bytes_are_stored_unaltered(studio: Studio) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "navy").save(buffer, "JPEG", quality=80, comment=b"signed elsewhere")
    studio.host.answers = [buffer.getvalue()]
    job = studio.submit()

    studio.paint(job, Tier.DRAFT, candidate=1)

    image = studio.ledger.attempts(job.id)[0].image
    assert image is not None
    assert studio.images.load("acme", image.sha256) == buffer.getvalue()
    assert image.mime == "image/jpeg"


def test_a_host_error_object_is_kept_with_its_reason(studio: Studio) -> None:
    studio.host.answers = [RenderFailed("CUDA out of memory"), picture(3)]
    job = studio.submit()

    assert studio.paint(job, Tier.DRAFT, candidate=1).next == "continue"
    assert "CUDA" in str(studio.ledger.attempts(job.id)[0].error)


# ── edits of the client's own pictures ───────────────────────────────────────────────────────────


def mask_png(*, size: tuple[int, int] = (64, 64), box: tuple[int, int, int, int] = (16, 16, 48, 32)) -> bytes:
    """White where the picture may change."""
    mask = Image.new("L", size, 0)
    mask.paste(255, box)
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def test_a_masked_edit_keeps_its_size_and_is_paid_once_for_draft_and_final(studio: Studio) -> None:
    photo, mask = picture(3), mask_png()
    init, shape = (studio.images.store("acme", each).sha256 for each in (photo, mask))

    job = studio.run(init_image=init, mask_image=shape, size=None, strength=0.5, expected_text=[])

    (order,) = studio.host.orders
    assert (order.init_image, order.mask) == (photo, mask)
    assert order.recipe.mask == (0.25, 0.25, 0.5, 0.25)
    assert str(job.size) == "64x64"
    assert studio.finals(job)[0].cached
    assert job.stage is Stage.DONE


def test_a_mask_with_holes_is_sent_in_our_convention(studio: Studio) -> None:
    holed = Image.new("RGBA", (64, 64), "white")
    holed.paste((0, 0, 0, 0), (16, 16, 48, 32))
    buffer = io.BytesIO()
    holed.save(buffer, "PNG")
    init, shape = (studio.images.store("acme", each).sha256 for each in (picture(3), buffer.getvalue()))

    studio.run(init_image=init, mask_image=shape, size=None, expected_text=[])

    sent = studio.host.orders[0].mask
    assert sent is not None
    assert Image.open(io.BytesIO(sent)).tobytes() == Image.open(io.BytesIO(mask_png())).tobytes()


@pytest.mark.parametrize("field", ["init_image", "mask_image"])
def test_an_image_of_another_tenant_cannot_be_edited(field: str, studio: Studio) -> None:
    ours = studio.images.store("acme", picture(3)).sha256
    theirs = studio.images.store("rival", mask_png()).sha256

    with pytest.raises(NotFound, match=f"{field}: no image .* of yours") as refusal:
        studio.submit(**({"init_image": ours} | {field: theirs}))

    assert refusal.value.param == field


@pytest.mark.parametrize(
    ("mask", "size", "param", "says"),
    [
        (mask_png(size=(32, 32), box=(0, 0, 9, 9)), None, "mask_image", "has 32x32 px and init_image 64x64"),
        (mask_png(box=(0, 0, 0, 0)), None, "mask_image", "lets nothing change"),
        (mask_png(), "1024x1024", "size", "keeps the 64x64 px"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused_at_once(
    mask: bytes, size: str | None, param: str, says: str, studio: Studio
) -> None:
    init, shape = (studio.images.store("acme", each).sha256 for each in (picture(3), mask))

    with pytest.raises(InvalidRequest, match=says) as refusal:
        studio.submit(init_image=init, mask_image=shape, size=size)

    assert refusal.value.param == param
    assert studio.queued() == []


# ── ratings ──────────────────────────────────────────────────────────────────────────────────────


def test_a_rating_follows_the_job_s_end_and_each_person_s_last_word_counts(studio: Studio) -> None:
    job = studio.run()
    rex = DESIGNER.model_copy(update={"name": "rex"})

    studio.decisions.rate(DESIGNER, job.id, RatingRequest(stars=5))
    studio.decisions.rate(rex, job.id, RatingRequest(stars=4))
    after = studio.decisions.rate(DESIGNER, job.id, RatingRequest(stars=1, flaws=(Flaw.HANDS,), note="Six fingers"))

    assert (after.stars.count, after.stars.mean, after.stage) == (2, 2.5, job.stage)
    kept = {each.by: (each.stars, each.flaws, each.shown) for each in studio.ledger.ratings(job.id)}
    assert kept == {DESIGNER.name: (1, (Flaw.HANDS,), "f-1"), "rex": (4, (), "f-1")}
    events = studio.ledger.events(job.id)
    assert [event.actor for event in events if event.type == "job.rated"] == [DESIGNER.name, "rex", DESIGNER.name]
    assert studio.ledger.record(after.id).intact


def test_only_what_is_over_is_rated_and_only_by_its_tenant(studio: Studio) -> None:
    open_job = studio.submit()
    with pytest.raises(WrongStage):
        studio.decisions.rate(DESIGNER, open_job.id, RatingRequest(stars=3))
    with pytest.raises(NotFound):
        studio.decisions.rate(STRANGER, open_job.id, RatingRequest(stars=3))
