"""Routes about what there is to choose from: models, templates, the policy; and which version is in force.

Anybody with a key may look; moving a version, and reading who moved it, takes the scope admin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import Field, StrictInt

from functions.api.http import body, json_reply, principal
from shared import wiring
from shared.models import CleanText, Value
from shared.pipeline import listings
from shared.releases import POLICY, Release, template_subject

router = APIGatewayRouter()  # type: ignore[no-untyped-call]  # Powertools does not type it

Reason = Annotated[
    CleanText, Field(min_length=1, max_length=500, pattern=r"\S", description="Why; kept in the history.")
]


class Releasing(Value):
    version: Annotated[StrictInt, Field(ge=1)]
    reason: Reason


class RollingBack(Value):
    reason: Reason


@router.get("/v1/models")
def models() -> Response[str]:
    """The catalogue, and what each use case would pick under the policy in force."""
    principal(router.current_event)
    policy, today = wiring.releases().policy(), wiring.now().date()
    profile, catalogue = wiring.settings().profile, wiring.catalogue()
    return json_reply(200, listings.model_list(policy=policy, catalogue=catalogue, profile=profile, today=today))


# ── templates ────────────────────────────────────────────────────────────────────────────────────


@router.get("/v1/templates")
def templates() -> Response[str]:
    principal(router.current_event)
    found = wiring.templates()
    released = {name: wiring.releases().template_version(name) for name in found.versions}
    return json_reply(200, listings.template_list(found, released=released))


@router.get("/v1/templates/<name>")
def template(name: str) -> Response[str]:
    """All versions of one, and which is in force; for admins also who moved it there."""
    current, history = _history(template_subject(name))
    released = wiring.releases().template_version(name)
    found = wiring.templates()
    return json_reply(200, listings.template_view(found, name, released=released, current=current, history=history))


@router.post("/v1/templates/<name>/release")
def release_template(name: str) -> Response[str]:
    who = principal(router.current_event, "admin")
    asked = body(router.current_event, Releasing)
    return json_reply(200, wiring.releases().release_template(who, name, asked.version, reason=asked.reason))


@router.post("/v1/templates/<name>/rollback")
def rollback_template(name: str) -> Response[str]:
    who = principal(router.current_event, "admin")
    asked = body(router.current_event, RollingBack)
    return json_reply(200, wiring.releases().rollback_template(who, name, reason=asked.reason))


# ── the policy ───────────────────────────────────────────────────────────────────────────────────


@router.get("/v1/policy")
def policy() -> Response[str]:
    """The rules in force; for admins also who put them there."""
    current, history = _history(POLICY)
    released = wiring.releases().policy_version()
    found = wiring.policies()
    return json_reply(200, listings.policy_view(found, released=released, current=current, history=history))


@router.post("/v1/policy/release")
def release_policy() -> Response[str]:
    who = principal(router.current_event, "admin")
    asked = body(router.current_event, Releasing)
    return json_reply(200, wiring.releases().release_policy(who, asked.version, reason=asked.reason))


@router.post("/v1/policy/rollback")
def rollback_policy() -> Response[str]:
    who = principal(router.current_event, "admin")
    asked = body(router.current_event, RollingBack)
    return json_reply(200, wiring.releases().rollback_policy(who, reason=asked.reason))


def _history(subject: str) -> tuple[Release | None, Sequence[Release] | None]:
    """The move in force and all before it, for admins: they name people of every tenant."""
    who = principal(router.current_event)
    if "admin" not in who.scopes:
        return None, None
    return wiring.ledger().releases.current(subject), wiring.ledger().releases.moves(subject)
