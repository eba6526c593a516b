"""People who sign in: tokens of a Cognito user pool, checked by its public keys.

Hides JSON Web Tokens and where the pool's keys come from. A token says who somebody is and to which tenant they belong;
what they may do are its groups or its scopes, by the very names of API keys' scopes. Nothing is taken on trust: the
signature, the pool, the client, the time and the kind of token are all checked, in one voice for whatever is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import jwt

from shared.errors import NotAuthenticated
from shared.models import Principal

_SCOPES: Final = ("render", "approve", "audit", "admin")
_TENANT_CLAIMS: Final = ("custom:tenant", "tenant")
"""An id token carries the attribute itself; an access token what a pre-token trigger puts there."""
_NAME_CLAIMS: Final = ("email", "cognito:username", "username")
_RESOURCE: Final = "presscheck/"
"""What Cognito puts before the scopes of our resource server."""
_REFETCH: Final = timedelta(seconds=60)
"""A token with an unknown key makes us look for new keys, at most this often."""
_FETCH_S: Final = 3.0
_REFUSED: Final = "no valid sign-in: the token is not of this user pool, has expired, or names no tenant"


def tokens_of_pool(pool_id: str, *, clients: Sequence[str], clock: Callable[[], datetime]) -> Tokens:
    """Tokens of a pool such as `eu-west-1_AbCdEfGhI`: its region is part of its id."""
    issuer = f"https://cognito-idp.{pool_id.partition('_')[0]}.amazonaws.com/{pool_id}"

    def fetch_keys() -> Mapping[str, Any]:
        # No keys, no answer: whoever knocks meanwhile is told that we failed, and not that they may not come in.
        reply = httpx.get(f"{issuer}/.well-known/jwks.json", timeout=_FETCH_S)
        keys: Mapping[str, Any] = reply.raise_for_status().json()
        return keys

    return Tokens(issuer=issuer, clients=clients, fetch_keys=fetch_keys, clock=clock)


class Tokens:
    """`fetch_keys` answers the pool's JWKS document; it is asked once, and again when the pool has changed its keys."""

    def __init__(
        self,
        *,
        issuer: str,
        clients: Sequence[str],
        fetch_keys: Callable[[], Mapping[str, Any]],
        clock: Callable[[], datetime],
    ) -> None:
        self._issuer = issuer
        self._clients = frozenset(clients)
        self._fetch_keys = fetch_keys
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched: datetime | None = None

    def authenticate(self, token: str) -> Principal:
        """Who signed in. Raises NotAuthenticated."""
        try:
            claims = jwt.decode(
                token,
                self._key(str(jwt.get_unverified_header(token).get("kid"))),
                algorithms=["RS256"],
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "token_use"], "verify_aud": False},
            )
        except jwt.PyJWTError as error:
            raise NotAuthenticated(_REFUSED) from error
        tenant = next((claims[name] for name in _TENANT_CLAIMS if isinstance(claims.get(name), str)), "")
        if not self._ours(claims) or not tenant:
            raise NotAuthenticated(_REFUSED)
        name = next((str(claims[name]) for name in _NAME_CLAIMS if claims.get(name)), str(claims.get("sub", "")))
        return Principal(tenant=tenant, name=name, scopes=_scopes(claims))

    def _ours(self, claims: Mapping[str, Any]) -> bool:
        """An id token names its client as its audience, an access token apart."""
        client = {"id": claims.get("aud"), "access": claims.get("client_id")}.get(claims["token_use"])
        return isinstance(client, str) and client in self._clients

    def _key(self, key_id: str) -> jwt.PyJWK:
        now = self._clock()
        if key_id not in self._keys and (self._fetched is None or now - self._fetched >= _REFETCH):
            found = jwt.PyJWKSet.from_dict(dict(self._fetch_keys()))
            self._fetched = now
            self._keys = {key.key_id: key for key in found.keys if key.key_id and key.key_type == "RSA"}
        if key_id not in self._keys:
            raise NotAuthenticated(_REFUSED)
        return self._keys[key_id]


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    groups = claims.get("cognito:groups") or ()
    granted = str(claims.get("scope", "")).split()
    held = {each.removeprefix(_RESOURCE) for each in granted if each.startswith(_RESOURCE)}
    held |= {str(group) for group in groups} if isinstance(groups, list) else set()
    return tuple(scope for scope in _SCOPES if scope in held)
