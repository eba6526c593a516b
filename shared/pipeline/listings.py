"""What there is to choose from, as clients see it: models and who picks them, templates, policies.

Hides the mapping from catalogue, policy and templates to their views. Pure: what is in force comes in as values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Literal

from shared.catalogue import Catalogue, Model
from shared.errors import RequestError
from shared.models import Alias
from shared.policy import Lineup, Policies, Policy
from shared.prompts import Template, Templates
from shared.releases import Release, history_problem
from shared.views import (
    ModelList,
    ModelName,
    ModelView,
    PickView,
    PolicyVersionView,
    PolicyView,
    PriceView,
    TemplateList,
    TemplateSummary,
    TemplateVersionView,
    TemplateView,
)


def model_list(*, policy: Policy, catalogue: Catalogue, profile: str, today: date) -> ModelList:
    """The catalogue as this deployment can use it today, and what each use case would pick."""
    lineup = Lineup(policy=policy, catalogue=catalogue, profile=policy.profile(profile), today=today)
    models = tuple(_model(lineup, row) for row in catalogue)
    found = tuple(_pick(lineup, name) for name in policy.use_cases)
    return ModelList(
        data=tuple(_names(lineup, models, found)),
        policy_version=policy.version,
        profile=profile,
        default_use_case=policy.default_use_case,
        models=models,
        picks=found,
    )


def template_list(templates: Templates, *, released: dict[str, int | None]) -> TemplateList:
    """Every template by name; `released` says which version of each is in force."""
    return TemplateList(
        templates=tuple(_summary(templates, name, released[name]) for name in sorted(templates.versions)),
        seeds=templates.seeds.sets,
    )


def template_view(
    templates: Templates,
    name: str,
    *,
    released: int | None,
    current: Release | None = None,
    history: Sequence[Release] | None = None,
) -> TemplateView:
    """All versions of a template that exists; without a `history` nothing is said of it."""
    return TemplateView(
        name=name,
        released=released,
        versions=tuple(_version(template) for _, template in sorted(templates.versions[name].items())),
        history=None if history is None else tuple(history),
        problem=None if history is None else history_problem(current, history),
    )


def policy_view(
    policies: Policies, *, released: int, current: Release | None = None, history: Sequence[Release] | None = None
) -> PolicyView:
    """All versions of the policy, and the rules in force; without a `history` nothing is said of it."""
    return PolicyView(
        released=released,
        versions=tuple(
            PolicyVersionView(version=version, digest=digest) for version, digest in sorted(policies.digests.items())
        ),
        rules=policies.at(released).model_dump(mode="json"),
        history=None if history is None else tuple(history),
        problem=None if history is None else history_problem(current, history),
    )


# ── models ───────────────────────────────────────────────────────────────────────────────────────


def _model(lineup: Lineup, row: Model) -> ModelView:
    aliases, problem, available = _served(lineup, row)
    same = set(ModelView.model_fields) & set(Model.model_fields) - {"hosts", "prices", "sizes"}
    fields: dict[str, Any] = {name: getattr(row, name) for name in same}
    return ModelView(
        aliases=tuple(sorted(alias for alias, name in lineup.catalogue.aliases.items() if name == row.name)),
        hosts=tuple(host.provider for host in row.hosts),
        sizes=str(row.sizes),
        prices=tuple(PriceView(**price.model_dump()) for price in row.prices),
        lifecycle=_lifecycle(row, lineup.today),
        available=available,
        served_by=aliases,
        problem=problem,
        **fields,
    )


def _served(lineup: Lineup, row: Model) -> tuple[tuple[Alias, ...], str | None, bool]:
    """Who else answers for a model at its tiers, why nobody does, and whether anybody does."""
    aliases: list[Alias] = []
    problem: str | None = None
    available = False
    for tier in row.tiers:
        try:
            _, alias = lineup.serving(row.name, tier)
        except RequestError as error:
            problem = error.message
            continue
        available = True
        aliases += [alias] if alias else []
    return tuple(dict.fromkeys(aliases)), None if available else problem, available


def _lifecycle(row: Model, today: date) -> Literal["announced", "active", "deprecated", "retired"]:
    if row.retired(today):
        return "retired"
    if row.shutdown_at or (row.deprecated_at and row.deprecated_at <= today):
        return "deprecated"
    return "announced" if row.active_from > today else "active"


def _pick(lineup: Lineup, name: str) -> PickView:
    try:
        return PickView(**lineup.pick(name).model_dump())
    except RequestError as error:
        use = lineup.policy.use_case(name)
        return PickView(
            use_case=name, title=use.title, why=use.why, draft=None, final=None, aliases=(), problem=error.message
        )


def _names(lineup: Lineup, models: Sequence[ModelView], found: Sequence[PickView]) -> Iterator[ModelName]:
    """Every name a job may ask for here and now; a use case is as old as the model that paints its finals."""
    for row in models:
        if row.available:
            shutdown = row.shutdown_at.isoformat() if row.shutdown_at else None
            for name in (row.name, *row.aliases):
                yield ModelName(
                    id=name, created=_seconds(row.active_from), owned_by=row.provider, shutdown_date=shutdown
                )
    for pick in found:
        if pick.final:
            born = lineup.catalogue.find(pick.final).active_from
            yield ModelName(id=f"tier/{pick.use_case}", created=_seconds(born), owned_by="presscheck")


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


# ── templates ────────────────────────────────────────────────────────────────────────────────────


def _summary(templates: Templates, name: str, released: int | None) -> TemplateSummary:
    versions = templates.versions[name]
    shown = versions[released or max(versions)]
    return TemplateSummary(
        name=name, title=shown.title, use_cases=shown.use_cases, released=released, versions=tuple(sorted(versions))
    )


def _version(template: Template) -> TemplateVersionView:
    words = template.model_dump(mode="json", exclude={"ref"})
    return TemplateVersionView(version=template.ref.version, digest=template.ref.digest, **words)
