"""Why a job was turned down after its last repair, as the client reads it.

Hides the choice of code and words. Decides nothing: the ladder did.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import DefectsRemain, TextMismatch
from shared.models import Attempt, ErrorDetail, Job, SkippedStep
from shared.policy import best_attempt


def rejection(
    job: Job, finals: Sequence[Attempt], *, why: str = "", skipped: Sequence[SkippedStep] = ()
) -> ErrorDetail | None:
    """The error of a job whose finals all failed verification; None when none of them was verified.

    Its context names the best attempt, which a person may accept all the same.
    """
    best = best_attempt(finals)
    verification = best.verification if best else None
    if best is None or verification is None:
        return None
    told = [skip for attempt in finals for skip in attempt.skipped] + list(skipped)
    context = {
        "expected": list(job.expected_text),
        "recognized": verification.recognized,
        "attempts": len(finals),
        "best_attempt": best.attempt,
        "ended": why,
        "skipped": [skip.model_dump() for skip in dict.fromkeys(told)],
    }
    if verification.missing or not verification.artifacts:
        expected = verification.missing[0].expected if verification.missing else ", ".join(job.expected_text)
        message = f"{TextMismatch.code}: expected '{expected}' not found"
        return ErrorDetail(code=TextMismatch.code, message=message, param="expected_text", context=context)
    seen = "; ".join(finding.detail or finding.kind for finding in verification.artifacts)
    return ErrorDetail(code=DefectsRemain.code, message=f"{DefectsRemain.code}: {seen}", context=context)
