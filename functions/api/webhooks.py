"""Routes about webhooks: what was delivered, once more please, the signing secret, and URLs that were switched off."""

from __future__ import annotations

from typing import Final

from aws_lambda_powertools.event_handler import Response
from pydantic import HttpUrl

from functions.api.http import json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.errors import NotFound
from shared.models import Delivery, DeliveryList, DisabledEndpointList, Principal, SigningSecret, Value

routes = Routes("Webhooks")

_SECRET: Final = {"cache-control": "no-store"}


class Endpoint(Value):
    url: HttpUrl


@routes.get("/v1/jobs/<job_id>/deliveries", gives={200: DeliveryList})
def deliveries(who: Principal, job_id: str) -> Response[str]:
    """What a job told its webhook, with every try: when, what was answered, how long it took, and when the next is."""
    return json_reply(200, wiring.notifications().listing(who, job_id))


@routes.post(
    "/v1/jobs/<job_id>/deliveries/<delivery_id>/redeliver", scope="render", gives={202: Delivery}, errors=(409,)
)
def redeliver(who: Principal, job_id: str, delivery_id: str) -> Response[str]:
    """Deliver once more, now.

    A URL that had answered 410 is tried, too, and enabled again where it takes the delivery.
    """
    return json_reply(202, wiring.notifications().redeliver(who, job_id, delivery_id))


@routes.get("/v1/webhooks/secret", scope="admin", gives={200: SigningSecret})
def signing_secret(who: Principal) -> Response[str]:
    """The secret to check signatures with (Standard Webhooks). The first call makes it."""
    return json_reply(200, wiring.signing_secrets().current(who.tenant), _SECRET)


@routes.post("/v1/webhooks/secret/rotate", scope="admin", gives={200: SigningSecret})
def rotate_signing_secret(who: Principal) -> Response[str]:
    """A new signing secret.

    For 24 hours deliveries carry a signature of the old one, too.
    """
    return json_reply(200, wiring.signing_secrets().rotate(who.tenant), _SECRET)


@routes.get("/v1/webhooks/disabled", gives={200: DisabledEndpointList})
def disabled_endpoints(who: Principal) -> Response[str]:
    """URLs of yours that answered 410 Gone, and so are told nothing."""
    return json_reply(200, DisabledEndpointList(endpoints=wiring.ledger().deliveries.disabled(who.tenant)))


@routes.post("/v1/webhooks/enable", scope="render", takes=Endpoint, gives={200: DisabledEndpointList}, errors=(404,))
def enable_endpoint(who: Principal, asked: Endpoint) -> Response[str]:
    """Tell a URL again what happens from now on. Answers with those still disabled."""
    store = wiring.ledger().deliveries
    if not store.enable(who.tenant, str(asked.url)):
        raise NotFound(f"{str(asked.url)[:200]} is not disabled", param="url")
    return json_reply(200, DisabledEndpointList(endpoints=store.disabled(who.tenant)))
