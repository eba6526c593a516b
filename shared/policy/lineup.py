"""Which models a deployment can have today, and who stands in for those it cannot.

Hides profiles and retirements from planning. Every replacement is a rule of the policy and leaves an Alias.
"""

from __future__ import annotations

from datetime import date

from shared.catalogue import Catalogue, Model
from shared.errors import InvalidRequest, RequestError
from shared.models import Alias, Tier, Value
from shared.policy.rulebook import Policy
from shared.policy.rules import Profile, UseCase


class Pick(Value):
    """What one use case would take today, and why: a row of `presscheck models`."""

    use_case: str
    title: str
    why: str
    draft: str
    final: str
    aliases: tuple[Alias, ...]


class Lineup(Value):
    """What there is to choose from: the rules, the rows, and what this deployment can reach today."""

    policy: Policy
    catalogue: Catalogue
    profile: Profile
    today: date

    def serving(self, name: str, tier: Tier) -> tuple[Model, Alias | None]:
        """Who paints for a model's name. Raises ModelRetired, or InvalidRequest for what this deployment has not."""
        row = self.catalogue.find(name)
        stand_in = self.profile.stand_in(row.name)
        if stand_in and stand_in.serving(tier) != row.name:
            model = self.catalogue.model(stand_in.serving(tier), today=self.today)
            return model, Alias(asked=name, served_by=model.name, reason=stand_in.reason)
        model = self.catalogue.model(name, today=self.today)
        if model.provider not in self.profile.providers:
            problem = f'model "{name}" is hosted by {model.provider}, which is not set up here'
            raise InvalidRequest(problem, param="model", provider=model.provider)
        if tier not in model.tiers:
            able = sorted(other.name for other in self.catalogue if tier in other.tiers)
            problem = f'model "{name}" serves no {tier}s; these do: {", ".join(able)}'
            raise InvalidRequest(problem, param="model", offered=able)
        return model, None

    def pick(self, name: str) -> Pick:
        use = self.policy.use_case(name)
        draft, draft_alias = self.first_serving(use, Tier.DRAFT)
        final, final_alias = self.first_serving(use, Tier.FINAL)
        aliases = tuple(alias for alias in (draft_alias, final_alias) if alias)
        return Pick(use_case=name, title=use.title, why=use.why, draft=draft.name, final=final.name, aliases=aliases)

    def first_serving(self, use: UseCase, tier: Tier) -> tuple[Model, Alias | None]:
        """The use case's model, else its first fallback that can be had."""
        wanted = use.tier(tier).model
        problem: RequestError | None = None
        for name in (wanted, *use.fallbacks):
            try:
                model, alias = self.serving(name, tier)
            except RequestError as error:
                problem = problem or error
                continue
            return model, alias if problem is None else fallback(wanted, model, problem.message)
        assert problem is not None  # noqa: S101  # the loop ran at least once and did not return
        raise problem


def picks(*, policy: Policy, catalogue: Catalogue, profile: str, today: date) -> tuple[Pick, ...]:
    """What every use case would take today in this profile. Raises ModelRetired where nothing of it is left."""
    lineup = Lineup(policy=policy, catalogue=catalogue, profile=policy.profile(profile), today=today)
    return tuple(lineup.pick(name) for name in policy.use_cases)


def fallback(wanted: str, model: Model, problem: str) -> Alias:
    """The record of a model taken instead of the wanted one."""
    return Alias(asked=wanted, served_by=model.name, reason=f"fallback: {problem}")
