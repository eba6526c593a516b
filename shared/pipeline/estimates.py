"""What a job would be, before anybody asks for it: its models, its words, its cost and how long it takes.

Plans with the very code that plans a job. Seconds, and the cost of models sold by the second, come from what the same
model took lately for pictures of the same size. Without such a render the cost is the catalogue's estimate, and the
latency is left out instead of guessed. Creates nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median_high
from typing import Final

from pydantic import Field

from shared.catalogue import Catalogue
from shared.ledger import Ledger
from shared.models import (
    Alias,
    Attempt,
    AttemptStatus,
    Finalize,
    Job,
    JobRequest,
    Principal,
    Recipe,
    TemplateRef,
    Tier,
    Value,
)
from shared.pipeline.submissions import Submissions
from shared.policy import Plan, Policies, follows_at_once, rehearse

_DAYS: Final = 2
_RENDERS: Final = 25
"""The newest of a day that are looked at."""


class PlannedRender(Value):
    """One render as it would be ordered now."""

    tier: Tier
    model: str
    title: str
    provider: str
    simulated: bool
    alias: Alias | None
    recipe: Recipe
    cost_usd_micros: int = Field(description="Of one render.")
    latency_ms: int | None = Field(description="Half of the recent ones were faster; null without any.")
    renders: int = Field(description="How many recent renders of this size these figures rest on.")


class Estimate(Value):
    """A job that has not been submitted."""

    use_case: str
    policy_version: int
    template: TemplateRef | None
    prompt: str
    negative_prompt: str
    expected_text: tuple[str, ...]
    size: str
    drafts: int
    draft: PlannedRender
    final: PlannedRender | None
    repairs: int = Field(description="How often a final that fails its verification would be repaired, at most.")
    cost_usd_micros: int = Field(description="All drafts and one final.")
    most_usd_micros: int = Field(description="With all repairs the policy pays for; never above `max_cost_usd_micros`.")
    latency_ms: int | None = Field(
        description="To the final, for jobs that wait for nobody: drafts are painted at once, most finals beside them."
    )


@dataclass(frozen=True, kw_only=True)
class Estimates:
    submissions: Submissions
    ledger: Ledger
    policies: Policies
    catalogue: Catalogue
    profile: str
    clock: Callable[[], datetime]

    def of(self, who: Principal, request: JobRequest) -> Estimate:
        """Raises whatever submitting this request would raise, but for quotas."""
        job = self.submissions.settle(who, request)
        policy = self.policies.at(job.policy_version)
        planned = rehearse(
            job, policy=policy, catalogue=self.catalogue, profile=self.profile, today=job.created_at.date()
        )
        draft, final = (
            self._planned(job, tier, each) for tier, each in zip((Tier.DRAFT, Tier.FINAL), planned, strict=True)
        )
        wanted = None if request.finalize is Finalize.DRAFT_ONLY else final
        use = policy.use_case(job.use_case)
        repairs = use.attempts - 1 if wanted else 0
        final_cost = wanted.cost_usd_micros if wanted else 0
        once = request.drafts * draft.cost_usd_micros + final_cost
        rest = max(use.budget.cost_usd_micros - final_cost, 0) if use.budget else repairs * final_cost
        most = once + (rest if wanted else 0)
        # The two begin together where the final is our own to begin: see Renders.
        together = planned[1].model.provider == "sagemaker" and follows_at_once(job, policy=policy)
        way = max if together else sum
        latencies = [each.latency_ms for each in (draft, wanted) if each]
        return Estimate(
            use_case=job.use_case,
            policy_version=job.policy_version,
            template=job.template,
            prompt=job.prompt,
            negative_prompt=job.negative_prompt,
            expected_text=job.expected_text,
            size=str(job.size),
            drafts=request.drafts,
            draft=draft,
            final=wanted,
            repairs=repairs,
            cost_usd_micros=once,
            most_usd_micros=min(most, request.max_cost_usd_micros or most),
            latency_ms=None if None in latencies else way(each or 0 for each in latencies),
        )

    def _planned(self, job: Job, tier: Tier, plan: Plan) -> PlannedRender:
        recent = self._recent(job, plan)
        return PlannedRender(
            tier=tier,
            model=plan.model.name,
            title=plan.model.title,
            provider=plan.model.provider,
            simulated=plan.model.simulated,
            alias=plan.alias,
            recipe=plan.recipe,
            cost_usd_micros=_cost(plan, recent),
            latency_ms=median_high(each.latency_ms.total for each in recent) if recent else None,
            renders=len(recent),
        )

    def _recent(self, job: Job, plan: Plan) -> Sequence[Attempt]:
        """Renders of this model, template and size that were really painted; of today, else of yesterday."""
        today = self.clock().date()
        for back in range(_DAYS):
            day = today - timedelta(days=back)
            attempts = self.ledger.renders_of(plan.model.name, job.template, day=day, limit=_RENDERS)
            painted = [each for each in attempts if each.status is AttemptStatus.RENDERED and not each.cached]
            if alike := [each for each in painted if each.recipe.size == plan.recipe.size]:
                return alike
        return ()


def _cost(plan: Plan, recent: Sequence[Attempt]) -> int:
    if recent and plan.model.price(plan.recipe.size).per == "gpu_second":
        return median_high(each.cost_usd_micros for each in recent)
    return plan.estimated_cost_usd_micros
