"""From a job to what is rendered next: its drafts, its final, a repair, or nothing more.

Hides the order of the questions; who paints is the desk's, what a failure leads to the ladder's. Pure: the same
arguments give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from shared.catalogue import Catalogue
from shared.errors import InvalidRequest
from shared.models import Attempt, Finalize, Job, Tier
from shared.policy.desk import Desk, Plan
from shared.policy.ladder import Exhausted, climb, dollars
from shared.policy.lineup import Lineup
from shared.policy.repair import derived_seed
from shared.policy.rulebook import Policy


def plan(
    job: Job,
    *,
    tier: Tier,
    candidate: int,
    misprints: Sequence[Attempt] = (),
    failures: Sequence[Attempt] = (),
    draft: Attempt | None = None,
    policy: Policy,
    catalogue: Catalogue,
    profile: str,
    today: date,
) -> Plan:
    """The recipe of one attempt and the model that paints it.

    `candidate`: the draft's number; for a final the number of the draft it follows.
    `misprints`: the finals that failed verification, in any order: each is one step down the repair ladder.
    `failures`: the attempts in a row that failed technically just before this one.
    `draft`: the chosen draft, where it is painted already: only use cases anchored in it look at it.
    Raises InvalidRequest naming the field that cannot be had, and ModelRetired for a model asked for by name.
    """
    if misprints and tier is Tier.FINAL and policy.use_case(job.use_case).repair:
        step = repair(
            job,
            misprints=misprints,
            candidate=candidate,
            failures=failures,
            draft=draft,
            policy=policy,
            catalogue=catalogue,
            profile=profile,
            today=today,
        )
        if isinstance(step, Exhausted):
            raise InvalidRequest(f"no repair is left: {step.why}", param="expected_text")
        return step
    desk = _desk(job, tier=tier, policy=policy, catalogue=catalogue, profile=profile, today=today)
    chosen = desk.choose(seed=candidate_seed(job.seed, candidate), failures=failures)
    chosen = chosen if tier is Tier.DRAFT else desk.anchor(chosen, draft)
    _check_ceiling(job, job.cost_usd_micros + chosen.estimated_cost_usd_micros, what=f"this {tier}")
    return chosen


def repair(
    job: Job,
    *,
    misprints: Sequence[Attempt],
    candidate: int,
    failures: Sequence[Attempt] = (),
    draft: Attempt | None = None,
    policy: Policy,
    catalogue: Catalogue,
    profile: str,
    today: date,
) -> Plan | Exhausted:
    """What follows the last of `misprints`: the next attempt, or why there is none. Takes and raises what plan does."""
    desk = _desk(job, tier=Tier.FINAL, policy=policy, catalogue=catalogue, profile=profile, today=today)
    chosen = desk.choose(seed=candidate_seed(job.seed, candidate), failures=failures)
    chosen = desk.anchor(chosen, draft)
    ordered = sorted(misprints, key=lambda attempt: attempt.attempt)
    return climb(desk, chosen, ordered, given_up=desk.given_up(failures))


def follows_at_once(job: Job, *, policy: Policy) -> bool:
    """Whether nobody and nothing looks at a job's draft before its final is painted: the two may begin together.

    Nobody waits for a batch either, and twice its renders at once would stand in the way of those who do.
    """
    return (
        job.request.finalize is Finalize.AUTO
        and job.rounds == (1,)
        and job.replay is None
        and job.batch is None
        and policy.use_case(job.use_case).anchor == "none"
    )


def rehearse(job: Job, *, policy: Policy, catalogue: Catalogue, profile: str, today: date) -> tuple[Plan, Plan]:
    """Draft and final of a job as planned before it is accepted, so that what cannot be painted is refused at once.

    So is what cannot be paid: drafts and final together must fit the job's own ceiling.
    """
    free = job.model_copy(update={"request": job.request.model_copy(update={"max_cost_usd_micros": None})})
    draft = plan(free, tier=Tier.DRAFT, candidate=1, policy=policy, catalogue=catalogue, profile=profile, today=today)
    final = plan(free, tier=Tier.FINAL, candidate=1, policy=policy, catalogue=catalogue, profile=profile, today=today)
    drafts = sum(job.rounds)
    cost = drafts * draft.estimated_cost_usd_micros
    what = "its draft" if drafts == 1 else f"its {drafts} drafts"
    if job.request.finalize is not Finalize.DRAFT_ONLY and draft.recipe != final.recipe:  # an equal one is cached
        cost, what = cost + final.estimated_cost_usd_micros, f"{what} and final"
    _check_ceiling(job, job.cost_usd_micros + cost, what=what)
    return draft, final


def check_more_drafts(
    job: Job, drafts: int, *, policy: Policy, catalogue: Catalogue, profile: str, today: date
) -> None:
    """Raise InvalidRequest where another round of drafts, and the final after it, would exceed the job's ceiling."""
    round_ = job.model_copy(update={"rounds": (drafts,)})
    rehearse(round_, policy=policy, catalogue=catalogue, profile=profile, today=today)


def candidate_seed(seed: int, candidate: int) -> int:
    """The seed of a draft: the job's own for the first, then 32 bits of sha256(seed, number), never one twice."""
    taken = {seed}
    last = seed
    for number in range(2, candidate + 1):
        last = derived_seed(seed, str(number))
        while last in taken:
            last = (last + 1) % 2**32
        taken.add(last)
    return last


def _desk(job: Job, *, tier: Tier, policy: Policy, catalogue: Catalogue, profile: str, today: date) -> Desk:
    catalogue = catalogue.with_aliases(job.aliases)
    lineup = Lineup(policy=policy, catalogue=catalogue, profile=policy.profile(profile), today=today)
    # No draft model repaints under a mask: such a draft is planned as its final, which the cache then serves.
    masked = job.edit is not None and job.edit.mask is not None
    return Desk(lineup=lineup, job=job, tier=Tier.FINAL if masked else tier, use=policy.use_case(job.use_case))


def _check_ceiling(job: Job, cost_usd_micros: int, *, what: str) -> None:
    ceiling = job.request.max_cost_usd_micros
    if ceiling is not None and cost_usd_micros > ceiling:
        spent = f" on top of the {dollars(job.cost_usd_micros)} spent" if job.cost_usd_micros else ""
        problem = (
            f"max_cost_usd_micros is {ceiling} ({dollars(ceiling)}), but {what}{spent} would come to about "
            f"{cost_usd_micros} ({dollars(cost_usd_micros)}); raise it, ask for fewer drafts or name a cheaper model"
        )
        raise InvalidRequest(problem, param="max_cost_usd_micros", estimate_usd_micros=cost_usd_micros)
