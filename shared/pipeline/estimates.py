"""What a job would be, before anybody asks for it: its models, its words, its cost and how long it takes.

Plans with the very code that plans a job. Prices come from the catalogue; seconds, and the cost of models sold by the
second, from what the same model took lately for pictures of the same size. Where there is no such render, it says so
instead of guessing. Creates nothing.
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
from shared.policy import Plan, Policies, rehearse

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
    cost_usd_micros: int | None = Field(
        description="Of one render; null where its model is sold by the second and new."
    )
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
    cost_usd_micros: int | None = Field(description="All drafts and one final.")
    most_usd_micros: int | None = Field(
        description="With all repairs the policy pays for; never above `max_cost_usd_micros`."
    )
    latency_ms: int | None = Field(
        description="To the final, for jobs that wait for nobody: drafts are painted at once."
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
        once = _sum([draft] * request.drafts + [wanted] * bool(wanted), "cost_usd_micros")
        most = once
        if once is not None and wanted:
            final_cost = wanted.cost_usd_micros or 0
            rest = max(use.budget.cost_usd_micros - final_cost, 0) if use.budget else repairs * final_cost
            most = once + rest
        ceiling = request.max_cost_usd_micros
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
            most_usd_micros=most if most is None or ceiling is None else min(most, ceiling),
            latency_ms=_sum([draft, wanted] if wanted else [draft], "latency_ms"),
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


def _cost(plan: Plan, recent: Sequence[Attempt]) -> int | None:
    if plan.model.price(plan.recipe.size).per != "gpu_second":
        return plan.model.cost_usd_micros(plan.recipe, inference_ms=0)
    return median_high(each.cost_usd_micros for each in recent) if recent else None


def _sum(renders: Sequence[PlannedRender | None], figure: str) -> int | None:
    """None as soon as one of them is not known."""
    figures = [getattr(render, figure) for render in renders]
    return None if None in figures else sum(figures)
