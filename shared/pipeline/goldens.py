"""The golden set on a running stack: painted anew by schedule, each picture held against the one remembered.

Hides what counts as a model that silently changed. Its jobs are jobs like any other, of a tenant of their own: their
audit chains say what was seen, and what they cost is on record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.errors import RequestError, WrongStage
from shared.goldens import Golden, Sighting, Tolerance
from shared.images import Images
from shared.ledger import Amendment, Ledger, Once
from shared.models import Attempt, Determinism, Job, Principal, Value
from shared.pipeline.comparisons import render_name
from shared.pipeline.releases import Releases
from shared.pipeline.submissions import Submissions
from shared.pixels import difference
from shared.telemetry import logger, measure

COMPARED: Final = "golden.compared"
_ACTOR: Final = "golden"
_REMEMBERED: Final = timedelta(days=2)


class GoldenOrder(Value):
    """What one run submitted, and what it could not: template and reason."""

    jobs: tuple[str, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class GoldenSet:
    """The golden function's steps."""

    tenant: str
    ledger: Ledger
    images: Images
    submissions: Submissions
    releases: Releases
    goldens: Mapping[str, Golden]
    """By reference; see shared.goldens."""
    models: Sequence[str]
    """Models that paint the set besides those the policy picks."""
    clock: Callable[[], datetime]

    def order(self, run: str) -> GoldenOrder:
        """Submit a job for each template's version in force, and one for each further model. Once for each `run`.

        A job paints a draft and a final, so that it looks at both models of its use case. One that nothing can paint
        now does not keep the others back.
        """
        jobs: list[str] = []
        refused: dict[str, str] = {}
        for reference in self._in_force():
            for model in (None, *self.models):
                try:
                    jobs.append(self._submit(self.goldens[reference], model=model, run=run).id)
                except RequestError as error:
                    refused[f"{reference} {model or ''}".strip()] = error.message
                    logger.warning("golden_refused", template=reference, model=model, error=error.message)
        logger.info("golden_ordered", run=run, jobs=len(jobs), refused=len(refused))
        return GoldenOrder(jobs=tuple(jobs), refused=refused)

    def judge(self, job_id: str) -> tuple[Sighting, ...]:
        """Compare the first draft and the first final of a job that is over. Safe to repeat.

        Raises NotFound for a job that is none of the set's.
        """
        job = self.ledger.job(job_id, tenant=self.tenant)
        if known := self._known(job):
            seen = known
        else:
            seen = tuple(self._see(job, attempt) for attempt in self._looked_at(job))
            for each in seen:
                # Before it is on record: told twice is harmless, never told is not.
                measure("GoldenDrift", int(each.word == "drifted"), model=each.model)
            self._note(job, seen)
        for each in seen:
            self.ledger.goldens.record(each)
            if each.word == "first" or (each.against and each.revision != each.against_revision):
                self.ledger.goldens.put_baseline(each)
        return seen

    def accept(self, job_id: str) -> tuple[Sighting, ...]:
        """Hold later pictures against this job's: somebody looked, and the change will do. Safe to repeat."""
        job = self.ledger.job(job_id, tenant=self.tenant)
        seen = self._known(job)
        if not seen:
            raise WrongStage(f"job {job_id} was not compared yet; nothing to accept", stage=job.stage)
        for each in seen:
            self.ledger.goldens.put_baseline(each)
        logger.info("golden_accepted", job_id=job_id)
        return seen

    def _in_force(self) -> Iterator[str]:
        for name in sorted({reference.partition("@")[0] for reference in self.goldens}):
            reference = f"{name}@{self.releases.template_version(name)}"
            if reference in self.goldens:
                yield reference
            else:
                logger.warning("golden_missing", template=reference)

    def _submit(self, golden: Golden, *, model: str | None, run: str) -> Job:
        who = Principal(tenant=self.tenant, name=_ACTOR, scopes=("render",))
        once = Once(key=f"golden:{run}:{golden.template}:{model or ''}", until=self.clock() + _REMEMBERED)
        request = golden.request(model=model).model_copy(update={"tags": ("golden",)})
        return self.submissions.submit(who, request, once=once)

    def _looked_at(self, job: Job) -> Iterator[Attempt]:
        """First attempts only: a repair is another recipe. An attempt without a picture is no sight of the model."""
        for attempt in self.ledger.attempts(job.id):
            if attempt.attempt == 1 and attempt.candidate in {0, 1} and attempt.image:
                yield attempt

    def _see(self, job: Job, attempt: Attempt) -> Sighting:
        assert attempt.image is not None and job.template is not None  # noqa: S101 - only such are looked at
        reference = f"{job.template.name}@{job.template.version}"
        sight = Sighting(
            model=attempt.model,
            template=reference,
            fingerprint=attempt.fingerprint,
            job_id=job.id,
            render=render_name(attempt),
            revision=attempt.model_revision,
            image=attempt.image,
            at=attempt.completed_at or self.clock(),
            word="first",
        )
        if attempt.seed.determinism is Determinism.NONE:
            return sight.model_copy(update={"word": "unseeded"})
        before = self.ledger.goldens.baseline(attempt.model, attempt.fingerprint)
        if before is None or before.job_id == job.id:
            return sight
        golden = self.goldens.get(reference)
        return self._compared(sight, before, golden.tolerance if golden else Tolerance())

    def _compared(self, sight: Sighting, before: Sighting, tolerance: Tolerance) -> Sighting:
        one, other = (self.images.load(self.tenant, each.image.sha256) for each in (before, sight))
        apart = difference(one, other)
        distance = (int(before.image.phash, 16) ^ int(sight.image.phash, 16)).bit_count()
        fits = tolerance.allows(phash_distance=distance, ssim=apart.ssim)
        beyond = "drifted" if before.revision == sight.revision else "revised"
        word = "same" if apart.identical else "alike" if fits else beyond
        if word in {"drifted", "revised"}:
            logger.warning("golden_changed", model=sight.model, template=sight.template, word=word, ssim=apart.ssim)
        return sight.model_copy(
            update={
                "word": word,
                "against": before.job_id,
                "against_revision": before.revision,
                "phash_distance": distance,
                "ssim": apart.ssim,
            }
        )

    def _note(self, job: Job, seen: Sequence[Sighting]) -> None:
        facts = {"sightings": [each.model_dump(mode="json") for each in seen]}
        amendment = Amendment(event=COMPARED, actor=_ACTOR, data=facts, epilogue=True)

        def change(now: Job) -> Amendment | None:
            if not now.stage.terminal:
                raise WrongStage(f"job {now.id} is {now.stage}; it is compared once it is over", stage=now.stage)
            return None if self._known(now) else amendment

        self.ledger.amend(job, change)

    def _known(self, job: Job) -> tuple[Sighting, ...]:
        """What is on record of a job that was compared before."""
        events = (event for event in self.ledger.events(job.id) if event.type == COMPARED)
        noted = next((event.data["sightings"] for event in events), ())
        return tuple(Sighting.model_validate(each) for each in noted)
