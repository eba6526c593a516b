"""API keys through the API: made by admins, shown once, revoked for good."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import httpx
import pytest

from shared import wiring
from shared.errors import NotAuthenticated
from shared.operator import main as operate
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.world import Resources


def _client(key: str) -> httpx.Client:
    transport = httpx.WSGITransport(Gateway(Context()))
    return httpx.Client(transport=transport, base_url="https://api.example", headers={"authorization": f"Bearer {key}"})


@pytest.fixture
def admin(deployed: Resources) -> httpx.Client:
    return _client(KEY)


def test_a_new_key_works_within_its_scopes_and_is_shown_once(admin: httpx.Client) -> None:
    made = admin.post("/v1/keys", json={"name": "ci", "scopes": ["render"]})

    issued = made.json()
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    holder = _client(issued["key"])
    assert holder.post("/v1/jobs", json={"prompt": "a"}).status_code == 202
    assert holder.get("/v1/keys").status_code == 403
    listed = admin.get("/v1/keys")
    keys = {each["name"]: each for each in listed.json()["keys"]}
    assert {name: (key["scopes"], key["works"]) for name, key in keys.items()} == {
        "dana": (["render", "approve", "audit", "admin"], True),
        "ci": (["render"], True),
    }
    assert issued["key"] not in listed.text
    assert issued["key"].startswith(keys["ci"]["begins_with"])


def test_no_table_holds_a_key(admin: httpx.Client, deployed: Resources) -> None:
    key = admin.post("/v1/keys", json={"name": "ci"}, headers={"idempotency-key": "k"}).json()["key"]

    for table in (deployed.settings.table_name, deployed.settings.replay_table_name):
        assert key not in json.dumps(boto3.client("dynamodb").scan(TableName=table)["Items"])


def test_a_revoked_key_opens_nothing_and_stays_on_record(admin: httpx.Client) -> None:
    issued = admin.post("/v1/keys", json={"name": "ci"}).json()

    first, again = (admin.post(f"/v1/keys/{issued['id']}/revoke") for _ in range(2))

    assert first.json() == again.json()
    assert (first.json()["works"], first.json()["revoked_by"]) == (False, "dana")
    assert _client(issued["key"]).get("/v1/jobs").status_code == 401
    assert len(admin.get("/v1/keys").json()["keys"]) == 2


def test_a_key_expires(admin: httpx.Client) -> None:
    issued = admin.post("/v1/keys", json={"name": "ci", "expires_in_days": 1}).json()
    (stored,) = [each for each in wiring.keys().of("acme") if each.id == issued["id"]]

    assert stored.expires_at is not None
    assert stored.works(stored.expires_at - timedelta(seconds=1))
    assert not stored.works(stored.expires_at)
    wiring.ledger().keys.put(stored.model_copy(update={"expires_at": wiring.now()}))
    with pytest.raises(NotAuthenticated):
        wiring.keys().authenticate(issued["key"])


def test_the_last_key_that_can_make_others_stays(admin: httpx.Client) -> None:
    (mine,) = admin.get("/v1/keys").json()["keys"]
    assert admin.post(f"/v1/keys/{mine['id']}/revoke").status_code == 409

    admin.post("/v1/keys", json={"name": "second", "scopes": ["admin"]})

    assert admin.post(f"/v1/keys/{mine['id']}/revoke").status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "ci", "scopes": []}, "scopes"),
        ({"name": "ci", "scopes": ["root"]}, "scopes"),
        ({"name": "ci", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "ci", "tenant": "rival"}, "tenant"),
    ],
)
def test_what_is_wrong_with_a_wish_for_a_key_is_named(body: dict[str, object], param: str, admin: httpx.Client) -> None:
    answer = admin.post("/v1/keys", json=body)

    assert (answer.status_code, answer.json()["error"]["param"].split(".")[0]) == (422, param)


def test_keys_of_another_tenant_are_not_there(admin: httpx.Client) -> None:
    stranger, _ = wiring.keys().issue("rival", "rex")
    (mine,) = admin.get("/v1/keys").json()["keys"]

    assert [each["name"] for each in _client(stranger).get("/v1/keys").json()["keys"]] == ["rex"]
    assert _client(stranger).post(f"/v1/keys/{mine['id']}/revoke").status_code == 404
    assert _client(KEY).get("/v1/jobs").status_code == 200


def test_the_operator_makes_first_keys_and_grants_limits(
    deployed: Resources, capsys: pytest.CaptureFixture[str]
) -> None:
    operate(["key", "--tenant", "newcomer", "--name", "nora"])
    key = json.loads(capsys.readouterr().out)["api_key"]
    operate(["limits", "--tenant", "newcomer", "--burst", "7"])
    assert json.loads(capsys.readouterr().out)["burst"] == 7
    wiring.allowances.cache_clear()

    assert _client(key).get("/v1/keys").headers["ratelimit-limit"] == "7"
