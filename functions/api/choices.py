"""Routes about what there is to choose from: models, templates, the policy; and which version is in force.

Anybody with a key may look; moving a version, and reading who moved it, takes the scope admin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import Field, StrictInt

from functions.api.http import json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.models import CleanText, Name, Principal, Value
from shared.pipeline import listings
from shared.releases import POLICY, Release, template_subject
from shared.views import ModelAliasList, ModelList, PolicyView, TemplateList, TemplateView

routes = Routes("Choices")

Reason = Annotated[
    CleanText, Field(min_length=1, max_length=500, pattern=r"\S", description="Why; kept in the history.")
]


class Releasing(Value):
    version: Annotated[StrictInt, Field(ge=1)]
    reason: Reason


class Aliasing(Value):
    model: Annotated[Name, Field(description="A model of the catalogue.")]
    reason: Reason


class RollingBack(Value):
    reason: Reason


@routes.get("/v1/models", gives={200: ModelList})
def models() -> Response[str]:
    """The catalogue, and what each use case would pick under the policy in force."""
    policy, today = wiring.releases().policy(), wiring.now().date()
    profile, catalogue = wiring.settings().profile, wiring.catalogue()
    return json_reply(200, listings.model_list(policy=policy, catalogue=catalogue, profile=profile, today=today))


# ── templates ────────────────────────────────────────────────────────────────────────────────────


@routes.get("/v1/templates", gives={200: TemplateList})
def templates() -> Response[str]:
    """The prompt templates and seed sets."""
    found = wiring.templates()
    released = {name: wiring.releases().template_version(name) for name in found.versions}
    return json_reply(200, listings.template_list(found, released=released))


@routes.get("/v1/templates/<name>", gives={200: TemplateView})
def template(who: Principal, name: str) -> Response[str]:
    """All versions of one template, and which is in force; for admins also who moved it there."""
    current, history = _history(who, template_subject(name))
    released = wiring.releases().template_version(name)
    found = wiring.templates()
    return json_reply(200, listings.template_view(found, name, released=released, current=current, history=history))


@routes.post("/v1/templates/<name>/release", scope="admin", takes=Releasing, gives={200: Release})
def release_template(who: Principal, name: str, asked: Releasing) -> Response[str]:
    """Put a version of a template in force, for the very next job."""
    return json_reply(200, wiring.releases().release_template(who, name, asked.version, reason=asked.reason))


@routes.post("/v1/templates/<name>/rollback", scope="admin", takes=RollingBack, gives={200: Release})
def rollback_template(who: Principal, name: str, asked: RollingBack) -> Response[str]:
    """Put the version before in force again."""
    return json_reply(200, wiring.releases().rollback_template(who, name, reason=asked.reason))


# ── models' other names ─────────────────────────────────────────────────────────────────────────


@routes.get("/v1/aliases", gives={200: ModelAliasList})
def aliases(who: Principal) -> Response[str]:
    """The other names models answer to, and their models now; for admins also who moved them."""
    return json_reply(200, wiring.aliases().all(histories="admin" in who.scopes))


@routes.post("/v1/aliases/<alias>/release", scope="admin", takes=Aliasing, gives={200: Release}, errors=(410,))
def release_alias(who: Principal, alias: str, asked: Aliasing) -> Response[str]:
    """Let a name stand for a model, for the very next job.

    The name may be new. Jobs that are accepted keep the model it stood for then.
    """
    return json_reply(200, wiring.aliases().release(who, alias, asked.model, reason=asked.reason))


@routes.post("/v1/aliases/<alias>/rollback", scope="admin", takes=RollingBack, gives={200: Release}, errors=(410,))
def rollback_alias(who: Principal, alias: str, asked: RollingBack) -> Response[str]:
    """Let a name stand for the model it stood for before."""
    return json_reply(200, wiring.aliases().rollback(who, alias, reason=asked.reason))


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


@routes.get("/v1/policy", gives={200: PolicyView})
def policy(who: Principal) -> Response[str]:
    """The rules in force; for admins also who put them there."""
    current, history = _history(who, POLICY)
    released = wiring.releases().policy_version()
    found = wiring.policies()
    return json_reply(200, listings.policy_view(found, released=released, current=current, history=history))


@routes.post("/v1/policy/release", scope="admin", takes=Releasing, gives={200: Release})
def release_policy(who: Principal, asked: Releasing) -> Response[str]:
    """Put a version of the policy in force, for the very next job."""
    return json_reply(200, wiring.releases().release_policy(who, asked.version, reason=asked.reason))


@routes.post("/v1/policy/rollback", scope="admin", takes=RollingBack, gives={200: Release})
def rollback_policy(who: Principal, asked: RollingBack) -> Response[str]:
    """Put the version before in force again."""
    return json_reply(200, wiring.releases().rollback_policy(who, reason=asked.reason))


def _history(who: Principal, subject: str) -> tuple[Release | None, Sequence[Release] | None]:
    """The move in force and all before it, for admins: they name people of every tenant."""
    if "admin" not in who.scopes:
        return None, None
    return wiring.ledger().releases.current(subject), wiring.ledger().releases.moves(subject)
