"""Routes about API keys: make one, list them, revoke one. For admins, and within their own tenant."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import Response
from pydantic import Field, StrictInt

from functions.api.http import json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.keys import Scope
from shared.models import ApiKey, Principal, Value
from shared.views import IssuedKeyView, KeyList, KeyView

routes = Routes("Keys")

_SECRET: Final = {"cache-control": "no-store"}


class NewKey(Value):
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]*$")] = Field(
        description="Who or what uses it: it stands as the actor in every audit chain."
    )
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=4)] = ("render",)
    expires_in_days: Annotated[StrictInt, Field(ge=1, le=3650)] | None = Field(365, description="null: never.")


@routes.post("/v1/keys", scope="admin", takes=NewKey, gives={201: IssuedKeyView})
def create_key(who: Principal, asked: NewKey) -> Response[str]:
    """Make an API key.

    The answer is the only place where the key can be seen.
    """
    days = asked.expires_in_days
    scopes = tuple(dict.fromkeys(asked.scopes))
    expires_at = wiring.now() + timedelta(days=days) if days else None
    key, kept = wiring.keys().issue(who.tenant, asked.name, scopes=scopes, expires_at=expires_at, by=who.name)
    return json_reply(201, IssuedKeyView(key=key, **_view(kept).model_dump()), _SECRET)


@routes.get("/v1/keys", scope="admin", gives={200: KeyList})
def list_keys(who: Principal) -> Response[str]:
    """List the keys of your tenant, oldest first; never the keys themselves."""
    return json_reply(200, KeyList(keys=tuple(_view(key) for key in wiring.keys().of(who.tenant))))


@routes.post("/v1/keys/<key_id>/revoke", scope="admin", gives={200: KeyView}, errors=(409,))
def revoke_key(who: Principal, key_id: str) -> Response[str]:
    """Revoke a key. It is refused within a minute."""
    return json_reply(200, _view(wiring.keys().revoke(who, key_id)))


def _view(key: ApiKey) -> KeyView:
    same = {name: getattr(key, name) for name in KeyView.model_fields if name != "works"}
    return KeyView(works=key.works(wiring.now()), **same)
