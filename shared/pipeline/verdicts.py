"""Verify a final and say what follows: accept, repair, or reject with the reason why no repair is left.

Brings image, expected text, draft and the policy's strictness together. Reading is shared.typography's, looking for
defects shared.artifacts's, deciding shared.policy's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol

from shared.catalogue import Catalogue
from shared.errors import ImageUnreadable, InvalidRequest, ModelRetired, NotFound
from shared.images import Images
from shared.ledger import Amendment, Ledger
from shared.models import (
    ArtifactFinding,
    Attempt,
    Box,
    Job,
    Recipe,
    RenderTask,
    Similarity,
    Size,
    Stage,
    StepReply,
    Tier,
    Verdict,
    Verification,
)
from shared.pipeline.rejections import rejection
from shared.policy import Exhausted, Policies, repair
from shared.telemetry import logger, measure

_SILENT: Final = Verification(verdict=Verdict.PASS)
"""The reading of a picture that need not say anything."""


class Reader(Protocol):
    """`shared.typography.verify`, or a fake of it."""

    def __call__(self, image: bytes, expected: Sequence[str], *, text_box: Box | None = None) -> Verification: ...


class Inspector(Protocol):
    """`shared.artifacts.check`, or a fake of it."""

    def __call__(
        self, image: bytes, *, expected_size: Size, recipe: Recipe, original: bytes | None, reference: bytes | None
    ) -> tuple[ArtifactFinding, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """What looks at a picture."""

    read: Reader
    inspect: Inspector
    compare: Callable[[bytes, bytes], Similarity]


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """The verify function's one step."""

    ledger: Ledger
    images: Images
    policies: Policies
    catalogue: Catalogue
    profile: str
    clock: Callable[[], datetime]
    open_eyes: Callable[[], Eyes]
    """Called when the first picture comes: the libraries and models behind it are heavy."""

    def verify(self, task: RenderTask) -> StepReply:
        """Check one final. Repeating it answers from the ledger without reading the picture again."""
        attempt = self.ledger.attempt(task.id)
        if attempt is None or attempt.image is None:
            raise NotFound(f"attempt {task.id} has no image to verify")
        job = self.ledger.job(task.job_id)
        attempts = self.ledger.attempts(job.id)
        verification = attempt.verification or self._look(job, attempt, attempts)
        judged = attempt.model_copy(update={"verification": verification})
        if self.policies.at(job.policy_version).accepts(verification, use_case=job.use_case):
            word: Literal["accept", "repair", "reject"] = "accept"
            rest = None
        else:
            earlier = [each for each in attempts if each.misprinted and each.attempt < attempt.attempt]
            rest = self._rest(job, [*earlier, judged], attempts)
            word = "reject" if rest else "repair"
        if attempt.verification is None:
            self._record(job, judged, word, rest, attempts)
        return StepReply(next=word, attempt=attempt.attempt + 1 if word == "repair" else attempt.attempt)

    def _rest(self, job: Job, misprints: Sequence[Attempt], attempts: Sequence[Attempt]) -> Exhausted | None:
        """Why the repair ladder ends here; None while it has a step that can be taken."""
        try:
            step = repair(
                job,
                misprints=misprints,
                candidate=job.chosen_draft or 1,
                draft=_draft(job, attempts),
                policy=self.policies.at(job.policy_version),
                catalogue=self.catalogue,
                profile=self.profile,
                today=self.clock().date(),
            )
        except (InvalidRequest, ModelRetired) as error:
            return Exhausted(why=error.message)
        return step if isinstance(step, Exhausted) else None

    def _look(self, job: Job, attempt: Attempt, attempts: Sequence[Attempt]) -> Verification:
        """All checks of one picture. One that cannot be looked at is itself a defect, not a broken step."""
        assert attempt.image is not None  # noqa: S101 - the caller made sure, for the type checker
        eyes, recipe = self.open_eyes(), attempt.recipe
        image = self.images.load(job.tenant, attempt.image.sha256)
        start = self.images.load(job.tenant, recipe.init_image) if recipe.init_image else None
        anchored = recipe.init_image is not None and recipe.mask is None and job.edit is None
        began = time.perf_counter()
        try:
            reading = eyes.read(image, job.expected_text, text_box=job.text_box) if job.expected_text else _SILENT
            defects = eyes.inspect(
                image,
                expected_size=recipe.size,
                recipe=recipe,
                original=start if recipe.mask else None,
                reference=start if anchored else None,
            )
            draft = _draft(job, attempts)
            shown = self.images.load(job.tenant, draft.image.sha256) if draft and draft.image else None
            likeness = eyes.compare(shown, image) if shown else None
        except ImageUnreadable as error:
            defect = ArtifactFinding(kind="unreadable", score=1.0, limit=1.0, detail=error.message)
            return Verification(verdict=Verdict.UNREADABLE, artifacts=(defect,))
        return reading.model_copy(
            update={
                "verdict": Verdict.FAIL if defects and reading.verdict is Verdict.PASS else reading.verdict,
                "artifacts": defects,
                "similarity": likeness,
                "elapsed_ms": round((time.perf_counter() - began) * 1000),
            }
        )

    def _record(
        self, job: Job, attempt: Attempt, word: str, rest: Exhausted | None, attempts: Sequence[Attempt]
    ) -> None:
        verification = attempt.verification
        assert verification is not None  # noqa: S101 - set by the caller, for the type checker

        def change(_: Job) -> Amendment:
            facts: dict[str, Any] = {
                "attempt": attempt.attempt,
                "verdict": verification.verdict,
                "texts": [
                    check.model_dump(mode="json", include={"expected", "recognized", "cer"})
                    for check in verification.texts
                ],
                "artifacts": [finding.kind for finding in verification.artifacts],
                "next": word,
            }
            if rest:
                facts |= {"why": rest.why, "skipped": [skipped.model_dump() for skipped in rest.skipped]}
            changes: dict[str, Any] = {"stage": Stage.REPAIRING} if word == "repair" else {"stage": Stage.VERIFYING}
            if word == "accept":
                changes["final_attempt"] = attempt.attempt
            if rest:
                finals = [each for each in attempts if each.tier is Tier.FINAL and each.id != attempt.id]
                changes["error"] = rejection(job, [*finals, attempt], why=rest.why, skipped=rest.skipped)
            return Amendment(event="final.verified", actor="verify", data=facts, changes=changes, attempts=(attempt,))

        self.ledger.amend(job, change)
        logger.info("final_verified", attempt=str(attempt.id), verdict=verification.verdict, next=word)
        measure("Verifications", 1, verdict=verification.verdict.value, model=attempt.model)


def _draft(job: Job, attempts: Sequence[Attempt]) -> Attempt | None:
    """The chosen draft, where it is painted."""
    return next(
        (each for each in attempts if each.tier is Tier.DRAFT and each.candidate == job.chosen_draft and each.image),
        None,
    )
