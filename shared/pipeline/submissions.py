"""From a request to an accepted job: settle every open question, write it down, queue it.

Whatever can be refused is refused here, before anything is promised.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError
from ulid import ULID

from shared.catalogue import Catalogue
from shared.errors import NotFound
from shared.ledger import Ledger
from shared.models import MAX_SEED, IntakeMessage, Job, JobRequest, Principal, Stage
from shared.outlets import Intake
from shared.policy import Policies, rehearse
from shared.prompts import Rendered, Templates, normalise
from shared.telemetry import logger
from shared.workflow import Workflow


def _draw_seed() -> int:
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True, kw_only=True)
class Submissions:
    """Both ends of the intake queue: `submit` and `dispatch`."""

    ledger: Ledger
    intake: Intake
    workflow: Workflow
    policies: Policies
    catalogue: Catalogue
    templates: Templates
    profile: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str] = field(default=lambda: str(ULID()))
    draw_seed: Callable[[], int] = _draw_seed

    def submit(self, who: Principal, request: JobRequest) -> Job:
        """Accept a job. Raises InvalidRequest, NotFound or ModelRetired, naming the field.

        A crash between the ledger and the queue loses nothing: sweep finds the job and queues it again.
        """
        job = self._settle(who, request)
        # What no model can paint is refused now and not in the night.
        policy = self.policies.at(job.policy_version)
        rehearse(job, policy=policy, catalogue=self.catalogue, profile=self.profile, today=job.created_at.date())
        job = self.ledger.open(job, actor=who.name, data=_facts(job))
        self.intake.send(job)
        logger.info(
            "job_submitted", job_id=job.id, use_case=job.use_case, drafts=request.drafts, finalize=request.finalize
        )
        return job

    def dispatch(self, body: str) -> None:
        """Start the workflow of the job a message names. Safe to repeat; a job canceled in the queue is left alone.

        What is no message of ours, or names no job, goes to the dead letters at once with the reason: no retry helps.
        """
        try:
            job = self.ledger.job(IntakeMessage.model_validate_json(body).job_id)
        except (ValidationError, NotFound) as error:
            self.intake.bury(body, reason=str(error))
            return
        if not job.stage.terminal:
            self.workflow.start(job)

    def _settle(self, who: Principal, request: JobRequest) -> Job:
        """Every question answered: by the request, else by its template, else by the policy."""
        filled = self._fill(request)
        policy = self.policies.at(self.policies.released)
        if request.use_case is None and request.model is None and filled.use_cases:
            use_case = filled.use_cases[0]
        else:
            use_case = policy.settle(request)
        now = self.clock()
        return Job(
            id=self.new_id(),
            tenant=who.tenant,
            stage=Stage.QUEUED,
            seq=0,
            head="",
            request=request,
            use_case=use_case,
            policy_version=policy.version,
            prompt=filled.prompt,
            negative_prompt=request.negative_prompt or filled.negative_prompt,
            template=filled.ref,
            expected_text=request.expected_text or filled.expected_text,
            text_box=request.text_box or filled.text_box,
            guidance=request.guidance if request.guidance is not None else filled.recipe.guidance,
            steps=request.steps or filled.recipe.steps,
            seed=request.seed if request.seed is not None else self.draw_seed(),
            size=request.size or filled.size or policy.default_size(use_case),
            rounds=(request.drafts,),
            created_at=now,
            updated_at=now,
        )

    def _fill(self, request: JobRequest) -> Rendered:
        if request.template is None:
            return Rendered(prompt=normalise(request.prompt or ""))
        return self.templates.render(request.template, request.variables, model=request.model)


def _facts(job: Job) -> dict[str, object]:
    """The request as accepted, for the chain: with it and the versions named here a job can be replayed."""
    settled = {"use_case", "policy_version", "prompt", "negative_prompt", "template", "expected_text", "text_box",
               "guidance", "steps", "seed", "size"}  # fmt: skip
    facts = job.model_dump(mode="json", include=settled)
    return facts | {"request": job.request.model_dump(mode="json", exclude_defaults=True)}
