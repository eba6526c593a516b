"""Paint a recorded render once more: a job of its own that holds the recipe to what the ledger says came of it.

Hides which render is meant and what else of a job the replay shares. It passes the cache by, replaces nothing, and both
chains tell of it: its own, and that of the job it replays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.errors import InvalidRequest, WrongStage
from shared.ledger import Ledger, Once
from shared.models import Attempt, Finalize, Job, Principal, Replay, Stage, Tier
from shared.pipeline.comparisons import render_name
from shared.pipeline.submissions import Submissions
from shared.prompts import Templates

TAG: Final = "replay"


@dataclass(frozen=True, kw_only=True)
class Replays:
    """`POST /v1/jobs/{id}/replay`. A job of another tenant is NotFound."""

    ledger: Ledger
    submissions: Submissions
    templates: Templates

    def start(self, who: Principal, job_id: str, *, render: str | None = None, once: Once | None = None) -> Job:
        """Submit the replay of a render, `f-1` or `d2-1`; by default of what the job delivered.

        Raises WrongStage for a job without a picture, InvalidRequest for a render there is not.
        """
        job = self.ledger.job(job_id, tenant=who.tenant)
        original = self._render(job, render)
        now = self.submissions.clock()
        again = job.model_copy(
            update={
                "id": self.submissions.new_id(),
                "stage": Stage.QUEUED,
                "seq": 0,
                "head": "",
                "request": job.request.model_copy(
                    update={
                        "drafts": 1,
                        "finalize": Finalize.DRAFT_ONLY,
                        "fresh": True,
                        "webhook": None,
                        "webhook_events": (),
                        "cancel_after_s": None,
                        "max_cost_usd_micros": None,
                        "metadata": {},
                        "tags": (TAG,),
                    }
                ),
                "replay": Replay(of=original.id, notes=self._notes(original)),
                "seed": original.recipe.seed,
                "size": original.recipe.size,
                "rounds": (1,),
                "created_at": now,
                "updated_at": now,
                **{name: Job.model_fields[name].get_default(call_default_factory=True) for name in _BEGINS_ANEW},
            }
        )
        return self.submissions.enter(who, again, once=once)

    def _render(self, job: Job, name: str | None) -> Attempt:
        painted = {render_name(each): each for each in self.ledger.attempts(job.id) if each.image}
        if not painted:
            raise WrongStage(f"job {job.id} is {job.stage} and has no picture to replay", stage=job.stage)
        if name is not None:
            if name not in painted:
                raise InvalidRequest(f"there is no render {name}; choose one of {', '.join(painted)}", param="render")
            return painted[name]
        delivered = [each for each in painted.values() if each.tier is Tier.FINAL and each.attempt == job.final_attempt]
        return next(iter(delivered or painted.values()))

    def _notes(self, original: Attempt) -> tuple[str, ...]:
        """The recipe holds the words themselves, so a template that is gone hinders nothing; it is worth knowing."""
        ref = original.template
        if ref is None:
            return ()
        known = self.templates.versions.get(ref.name, {}).get(ref.version)
        if known is None:
            return (f"template {ref.name}@{ref.version} is no longer part of this deployment; its words are on record",)
        if known.ref.digest != ref.digest:
            return (f"template {ref.name}@{ref.version} has another content now; the words on record were painted",)
        return ()


_BEGINS_ANEW: Final = (
    "decision", "chosen_draft", "final_attempt", "batch", "redrives", "cost_usd_micros", "error", "pictures", "stars",
    "started_at", "completed_at",
)  # fmt: skip
