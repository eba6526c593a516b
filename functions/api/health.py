"""Is it alive? The route a monitor asks; it needs no key."""

from __future__ import annotations

from typing import Literal

from aws_lambda_powertools.event_handler import Response

from functions.api.http import json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.models import Value

routes = Routes("About")


class Health(Value):
    status: Literal["ok"] = "ok"
    stage: str


@routes.get("/health", public=True, gives={200: Health})
def health() -> Response[str]:
    """Alive, and able to read its settings."""
    return json_reply(200, Health(stage=wiring.settings().stage))
