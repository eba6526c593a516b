"""The API about models, templates and the policy: anybody with a key may look, an admin may move."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.handler import handler
from shared import wiring
from shared.catalogue import Catalogue
from shared.models import JobRequest
from tests.handlers.conftest import Context
from tests.world import DESIGNER, Resources

Sample = Callable[[str], dict[str, Any]]
Ask = Callable[..., tuple[int, Any]]
POSTER = JobRequest.model_validate({"template": "poster", "variables": {"headline": "SALE"}})


@pytest.fixture
def ask(sample: Sample, context: Context, deployed: Resources) -> Ask:
    """Send a sample event, changed as asked; answers status and body."""

    def send(name: str, *, path: str | None = None, body: Any = ..., scopes: str | None = None) -> tuple[int, Any]:
        event = sample(name)
        event["path"] = path or event["path"]
        if body is not ...:
            event["body"] = json.dumps(body) if body is not None else None
        if scopes is not None:
            event["requestContext"]["authorizer"] = {"tenant": "acme", "name": "olga", "scopes": scopes}
        reply = handler(event, context)  # type: ignore[arg-type]
        return reply["statusCode"], json.loads(reply["body"])

    return send


def test_models_lists_the_whole_catalogue_and_a_pick_with_its_reason_for_every_use_case(ask: Ask) -> None:
    status, listed = ask("api-models")

    models = {model["name"]: model for model in listed["models"]}
    assert status == 200
    assert set(models) == set(Catalogue.load().models)
    assert (models["dalle3-hd"]["lifecycle"], models["dalle3-hd"]["successor"]) == ("retired", "gpt-image-2")
    assert "nano-banana" in models["nano-banana-pro"]["aliases"]
    assert all(price["source"] and price["on"] for model in listed["models"] for price in model["prices"])
    picks = {pick["use_case"]: pick for pick in listed["picks"]}
    assert set(picks) == set(wiring.releases().policy().use_cases)
    assert (picks["hero"]["draft"], picks["hero"]["final"]) == ("sketch-fast", "sketch-fine")
    assert all(pick["why"] and pick["aliases"] for pick in listed["picks"]), "the local stack says who stands in"


def test_a_rollback_holds_for_the_next_job_and_not_for_the_one_before(ask: Ask) -> None:
    before = wiring.submissions().submit(DESIGNER, POSTER)
    status, move = ask("api-rollback")
    after = wiring.submissions().submit(DESIGNER, POSTER)

    assert (status, move["kind"], move["from_version"], move["version"]) == (200, "rollback", 2, 1)
    assert (move["by"], move["reason"]) == ("acme/dana", "the new headline wraps")
    versions = [wiring.ledger().job(job.id).template for job in (before, after)]
    assert [ref and ref.version for ref in versions] == [2, 1]
    assert ask("api-models", path="/v1/templates/poster")[1]["released"] == 1


def test_a_release_is_found_in_the_history_by_admins_only(ask: Ask) -> None:
    assert ask("api-release")[0] == 200
    assert ask("api-release", body={"version": 2, "reason": "it was the printer"})[0] == 200

    shown = ask("api-models", path="/v1/templates/poster", scopes="admin")[1]
    assert [(move["from_version"], move["version"]) for move in shown["history"]] == [(2, 1), (1, 2)]
    assert shown["problem"] is None
    assert ask("api-models", path="/v1/templates/poster", scopes="render audit")[1]["history"] is None


def test_templates_and_seeds_are_listed(ask: Ask) -> None:
    status, listed = ask("api-models", path="/v1/templates")

    posters = next(each for each in listed["templates"] if each["name"] == "poster")
    assert status == 200
    assert (posters["released"], posters["versions"]) == (2, [1, 2])
    assert listed["seeds"]["brand"]["3"] == 42


def test_the_policy_shows_its_rules_and_moves_like_a_template(ask: Ask) -> None:
    status, shown = ask("api-models", path="/v1/policy")
    assert status == 200
    assert shown["rules"]["use_cases"]["hero"]["final"]["model"] == "sd35-large"

    moved = ask("api-release", path="/v1/policy/release", body={"version": shown["released"], "reason": "pin it"})
    assert moved[0] == 200
    assert ask("api-release", path="/v1/policy/release", body={"version": 99, "reason": "x"})[0] == 422
    assert len(ask("api-models", path="/v1/policy", scopes="admin")[1]["history"]) == 1


@pytest.mark.parametrize(
    ("name", "changes", "status", "param"),
    [
        ("api-release", {"scopes": "render approve audit"}, 403, None),
        ("api-rollback", {"scopes": "render approve audit"}, 403, None),
        ("api-release", {"path": "/v1/policy/release", "scopes": "render"}, 403, None),
        ("api-rollback", {"path": "/v1/policy/rollback", "scopes": "render"}, 403, None),
        ("api-release", {"body": None}, 422, "version"),
        ("api-release", {"body": {"version": 1}}, 422, "reason"),
        ("api-release", {"body": {"version": True, "reason": "x"}}, 422, "version"),
        ("api-release", {"body": {"version": 9, "reason": "x"}}, 422, "version"),
        ("api-release", {"body": {"version": 1, "reason": " "}}, 422, "reason"),
        ("api-rollback", {"body": {"reason": ""}}, 422, "reason"),
        ("api-rollback", {"path": "/v1/templates/elephant/rollback"}, 404, "name"),
        ("api-models", {"path": "/v1/templates/elephant"}, 404, "name"),
    ],
)
def test_who_may_not_and_what_is_wrong_is_said_by_name(
    ask: Ask, name: str, changes: dict[str, Any], status: int, param: str | None
) -> None:
    answered, problem = ask(name, **changes)

    assert (answered, problem["error"]["param"]) == (status, param)
    assert wiring.ledger().releases.current("template:poster") is None
