"""`Idempotency-Key`: one request, one job, one answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

from functions.api.handler import handler
from functions.api.replays import answer_once
from shared import wiring
from shared.errors import InvalidRequest, StillRunning
from tests.handlers.conftest import Context
from tests.world import Resources

Submit = Callable[..., tuple[int, Any, dict[str, str]]]


@pytest.fixture
def submit(sample: Callable[[str], dict[str, Any]], context: Context) -> Submit:
    def send(key: str, *, body: Any = None, **who: str) -> tuple[int, Any, dict[str, str]]:
        event = sample("api-submit")
        event["headers"]["idempotency-key"] = key
        event["multiValueHeaders"]["idempotency-key"] = [key]
        event["requestContext"]["authorizer"] |= who
        if body is not None:
            event["body"] = json.dumps(body)
        reply = handler(event, context)  # type: ignore[arg-type]
        headers = {name.lower(): values[0] for name, values in reply["multiValueHeaders"].items()}
        return reply["statusCode"], json.loads(reply["body"]), headers

    return send


def _jobs(tenant: str = "acme") -> int:
    return len(wiring.ledger().jobs(tenant).jobs)


def test_the_same_request_again_is_answered_again_and_makes_no_second_job(submit: Submit) -> None:
    before = _jobs()

    first, again = submit("order-17"), submit("order-17")

    assert first[:2] == again[:2]
    assert first[2]["location"] == again[2]["location"]
    assert ("idempotent-replayed" in first[2], again[2].get("idempotent-replayed")) == (False, "true")
    assert _jobs() == before + 1


def test_the_order_of_fields_makes_no_other_request(submit: Submit) -> None:
    submit("order-17", body={"prompt": "a", "seed": 1})

    assert submit("order-17", body={"seed": 1, "prompt": "a"})[2]["idempotent-replayed"] == "true"


def test_a_key_belongs_to_one_request(submit: Submit) -> None:
    submit("order-17", body={"prompt": "a"})

    status, problem, _ = submit("order-17", body={"prompt": "b"})

    assert (status, problem["error"]["code"]) == (422, "idempotency_key_reused")
    assert problem["error"]["param"] == "Idempotency-Key"


def test_a_key_belongs_to_one_tenant(submit: Submit) -> None:
    ours = submit("order-17")[1]

    theirs = submit("order-17", tenant="rival", name="rex")[1]

    assert theirs["id"] != ours["id"]


def test_a_refused_request_frees_its_key(submit: Submit) -> None:
    assert submit("order-17", body={"prompt": "a", "use_case": "billboard"})[0] == 422

    assert submit("order-17", body={"prompt": "a"})[0] == 202


@pytest.mark.parametrize("key", ["", "two words", "ключ", "x" * 256])
def test_a_key_has_a_form(key: str, submit: Submit) -> None:
    status, problem, _ = submit(key)

    assert (status, problem["error"]["param"]) == (422, "Idempotency-Key")


def test_while_the_first_is_being_answered_the_second_is_told_to_come_back(
    deployed: Resources, context: Context
) -> None:
    store = DynamoDBPersistenceLayer(deployed.settings.replay_table_name)

    def nested() -> Response[str]:
        with pytest.raises(StillRunning) as told:
            once(lambda: Response(200))
        assert told.value.context["retry_after_s"] >= 1
        return Response(201, body="done")

    def once(answer: Callable[[], Response[str]]) -> Response[str]:
        request = {"method": "POST", "path": "/v1/jobs", "body": {}}
        return answer_once(answer, key="k", tenant="acme", request=request, store=store, context=context)  # type: ignore[arg-type]

    assert once(nested).status_code == 201
    assert once(nested).body == "done"


def test_an_answer_that_could_not_be_kept_still_leads_to_the_same_job(submit: Submit, deployed: Resources) -> None:
    """The function died after the job was written: its retry finds the job by the key's claim in the ledger."""
    first = submit("order-17")[1]
    table = boto3.resource("dynamodb").Table(deployed.settings.replay_table_name)
    (kept,) = table.scan()["Items"]
    table.delete_item(Key={"id": kept["id"]})

    assert submit("order-17")[1]["id"] == first["id"]


def test_while_the_store_is_down_nothing_is_done(submit: Submit, deployed: Resources) -> None:
    before = _jobs()
    boto3.client("dynamodb").delete_table(TableName=deployed.settings.replay_table_name)

    status, problem, headers = submit("order-17")

    assert (status, problem["error"]["code"]) == (503, "replays_unavailable")
    assert (headers["x-should-retry"], "retry-after" in headers) == ("true", True)
    assert _jobs() == before


def test_a_failure_keeps_its_own_name(deployed: Resources, context: Context) -> None:
    store = DynamoDBPersistenceLayer(deployed.settings.replay_table_name)

    def fail() -> Response[str]:
        raise InvalidRequest("no", param="prompt")

    for _ in range(2):
        with pytest.raises(InvalidRequest):
            answer_once(fail, key="k", tenant="acme", request={}, store=store, context=context)  # type: ignore[arg-type]
