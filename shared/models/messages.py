"""What the queue and the state machine carry."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.models.attempt import AttemptId
from shared.models.recipe import Tier
from shared.models.values import Value


class IntakeMessage(Value):
    """SQS body between submit and dispatch."""

    job_id: str
    submitted_at: datetime


class RenderTask(Value):
    """Input of the render function, for `Render …` and `Collect …` alike."""

    job_id: str
    tier: Tier
    candidate: int = Field(ge=0)
    attempt: int = Field(ge=1)

    @property
    def id(self) -> AttemptId:
        return AttemptId(job_id=self.job_id, tier=self.tier, candidate=self.candidate, attempt=self.attempt)


class StepReply(Value):
    """What a workflow step answers: one word for the Choice that follows, and its operands."""

    next: Literal[
        "await",
        "continue",
        "retry",
        "fail",  # render, collect
        "accept",
        "repair",
        "reject",  # verify
        "drafts",
        "approval",
        "off_peak",
        "finalize",
        "conclude",  # settle
    ]
    attempt: int = 0
    ticket: str = ""
    candidates: tuple[int, ...] = ()
    resume_at: datetime | None = None
    outcome: str = ""
