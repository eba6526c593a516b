"""How a golden is painted: the recipes that the policy makes of it, without a stack.

Hides the job that a golden stands for. Pure: the same files give the same recipes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared.catalogue import Catalogue
from shared.goldens import Golden
from shared.models import Tier
from shared.pipeline.settling import settled, worded
from shared.policy import Plan, Policy, plan
from shared.prompts import Template

_NOBODY: Final = "golden"


def golden_plans(
    golden: Golden,
    template: Template,
    *,
    policy: Policy,
    catalogue: Catalogue,
    profile: str,
    now: datetime,
    model: str | None = None,
) -> dict[Tier, Plan]:
    """Draft and first final of a golden; the final alone where a `model` is named, as it decides nothing else.

    Raises RequestError where nothing can paint it.
    """
    request = golden.request(model=model)
    job = settled(request, job_id=_NOBODY, tenant=_NOBODY, template=template, policy=policy, seed=golden.seed, now=now)
    job = worded(job, template, policy=policy, catalogue=catalogue, profile=profile)
    return {
        tier: plan(job, tier=tier, candidate=1, policy=policy, catalogue=catalogue, profile=profile, today=now.date())
        for tier in ([Tier.FINAL] if model else [Tier.DRAFT, Tier.FINAL])
    }
