"""Verify a final and say what follows: accept, repair or reject.

Brings image, expected text and the policy's strictness together. Reading is shared.typography's,
deciding is shared.policy's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.errors import NotFound
from shared.images import Images
from shared.ledger import Amendment, Ledger
from shared.models import Attempt, Box, Job, RenderTask, Stage, StepReply, Verdict, Verification
from shared.policy import Policies
from shared.telemetry import logger, measure


class Verifier(Protocol):
    """`shared.typography.verify`, or a fake of it."""

    def __call__(self, image: bytes, expected: Sequence[str], *, text_box: Box | None = None) -> Verification: ...


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """The verify function's one step."""

    ledger: Ledger
    images: Images
    policies: Policies
    load_verifier: Callable[[], Verifier]
    """Loaded on the first picture that must say something: the models behind it are heavy."""

    def verify(self, task: RenderTask) -> StepReply:
        """Check one final. Repeating it answers from the ledger without reading the picture again."""
        attempt = self.ledger.attempt(task.id)
        if attempt is None or attempt.image is None:
            raise NotFound(f"attempt {task.id} has no image to verify")
        job = self.ledger.job(task.job_id)
        verification = attempt.verification or self._look(job, attempt)
        earlier = [each for each in self.ledger.attempts(job.id) if each.misprinted and each.attempt < attempt.attempt]
        word = self.policies.at(job.policy_version).next_step(
            verification, attempt=attempt.attempt, misprints=len(earlier) + 1, use_case=job.use_case
        )
        if attempt.verification is None:
            self._record(job, attempt.model_copy(update={"verification": verification}), word)
        return StepReply(next=word, attempt=attempt.attempt + 1 if word == "repair" else attempt.attempt)

    def _look(self, job: Job, attempt: Attempt) -> Verification:
        if not job.expected_text or attempt.image is None:
            return Verification(verdict=Verdict.PASS)
        image = self.images.load(job.tenant, attempt.image.sha256)
        return self.load_verifier()(image, job.expected_text, text_box=job.text_box)

    def _record(self, job: Job, attempt: Attempt, word: str) -> None:
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
                "next": word,
            }
            changes: dict[str, Any] = {"stage": Stage.REPAIRING} if word == "repair" else {"stage": Stage.VERIFYING}
            if word == "accept":
                changes["final_attempt"] = attempt.attempt
            return Amendment(event="final.verified", actor="verify", data=facts, changes=changes, attempts=(attempt,))

        self.ledger.amend(job, change)
        logger.info("final_verified", attempt=str(attempt.id), verdict=verification.verdict, next=word)
        measure("Verifications", 1, verdict=verification.verdict.value, model=attempt.model)
