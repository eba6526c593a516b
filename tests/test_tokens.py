"""People who sign in: which tokens of a user pool are taken, and what they may do."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.errors import NotAuthenticated
from shared.models import Principal
from shared.tokens import Tokens
from tests.conftest import Clock

ISSUER = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"
CLIENT = "3n4b5urk1ft4fl3mg5e62d9ado"


class Pool:
    """A user pool: signs tokens and tells its public keys."""

    def __init__(self) -> None:
        self.keys = {"k1": rsa.generate_private_key(public_exponent=65537, key_size=2048)}
        self.asked = 0

    def jwks(self) -> dict[str, Any]:
        self.asked += 1
        to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
        return {
            "keys": [
                {**to_jwk(key.public_key(), as_dict=True), "kid": name, "alg": "RS256", "use": "sig"}
                for name, key in self.keys.items()
            ]
        }

    def token(self, kid: str = "k1", /, **changes: Any) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": CLIENT,
            "token_use": "id",
            "sub": "f1c0",
            "email": "dana@acme.example",
            "custom:tenant": "acme",
            "cognito:groups": ["render", "approve", "designers"],
            "iat": now,
            "exp": now + 3600,
        } | changes
        present = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(present, self.keys[kid], algorithm="RS256", headers={"kid": kid})


@pytest.fixture(scope="module")
def pool() -> Pool:
    return Pool()


@pytest.fixture
def tokens(pool: Pool, clock: Clock) -> Tokens:
    return Tokens(issuer=ISSUER, clients=(CLIENT,), fetch_keys=pool.jwks, clock=clock)


def test_an_id_token_says_who_which_tenant_and_by_groups_what(pool: Pool, tokens: Tokens) -> None:
    who = tokens.authenticate(pool.token())

    assert who == Principal(tenant="acme", name="dana@acme.example", scopes=("render", "approve"))


def test_an_access_token_brings_scopes_of_the_resource_server(pool: Pool, tokens: Tokens) -> None:
    access = pool.token(
        token_use="access", aud=..., client_id=CLIENT, scope="openid presscheck/audit", **{"cognito:groups": ...}
    )

    assert tokens.authenticate(access).scopes == ("audit",)


REFUSED: dict[str, Callable[[Pool], str]] = {
    "expired": lambda pool: pool.token(exp=int(time.time()) - 1),
    "without an end": lambda pool: pool.token(exp=...),
    "of another pool": lambda pool: pool.token(iss=ISSUER.replace("AbC", "XyZ")),
    "for another client": lambda pool: pool.token(aud="somebody-else"),
    "access token of another client": lambda pool: pool.token(token_use="access", client_id="somebody-else"),
    "of another kind": lambda pool: pool.token(token_use="refresh"),
    "of no tenant": lambda pool: pool.token(**{"custom:tenant": ...}),
    "of a tenant that is no word": lambda pool: pool.token(**{"custom:tenant": ["acme"]}),
    "not yet valid": lambda pool: pool.token(nbf=int(time.time()) + 600),
    "unsigned": lambda pool: _forged(pool.token(), alg="none", signature=""),
    "signed with the public key as a secret": lambda pool: _forged(pool.token(), alg="HS256"),
    "altered": lambda pool: _altered(pool.token()),
    "no token": lambda _: "a.b.c",
    "empty": lambda _: "..",
}


@pytest.mark.parametrize("what", REFUSED)
def test_everything_else_is_refused_in_one_voice(what: str, pool: Pool, tokens: Tokens) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        tokens.authenticate(REFUSED[what](pool))

    with pytest.raises(NotAuthenticated) as other:
        tokens.authenticate("a.b.c")
    assert refused.value.message == other.value.message


def test_the_pools_keys_are_asked_for_once_and_again_when_it_changed_them(clock: Clock) -> None:
    pool = Pool()
    tokens = Tokens(issuer=ISSUER, clients=(CLIENT,), fetch_keys=pool.jwks, clock=clock)
    for _ in range(3):
        tokens.authenticate(pool.token())
    assert pool.asked == 1

    pool.keys["k2"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(NotAuthenticated):
        tokens.authenticate(pool.token("k2"))  # a stranger with made-up keys must not make us ask without end
    assert pool.asked == 1
    clock.forward(seconds=60)

    assert tokens.authenticate(pool.token("k2")).tenant == "acme"
    assert pool.asked == 2


def test_a_pool_that_does_not_answer_is_our_failure_not_the_callers(pool: Pool, clock: Clock) -> None:
    def broken() -> dict[str, Any]:
        raise ConnectionError("no route to the pool")

    tokens = Tokens(issuer=ISSUER, clients=(CLIENT,), fetch_keys=broken, clock=clock)

    for _ in range(2):
        with pytest.raises(ConnectionError):
            tokens.authenticate(pool.token())


def _forged(token: str, *, alg: str, signature: str | None = None) -> str:
    head, body, kept = token.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "==")) | {"alg": alg}
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{forged}.{body}.{kept if signature is None else signature}"


def _altered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"custom:tenant": "rival"}
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{changed}.{signature}"
