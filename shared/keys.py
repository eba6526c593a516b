"""API keys: made once, shown once, kept only as a hash.

Hides what a key looks like and how it is checked. A key carries 192 random bits, so a plain sha256 is a safe hash.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from shared.errors import NotAuthenticated, NotFound, WrongStage
from shared.ledger import Ledger
from shared.models import ApiKey, Principal, sha256_hex

Scope = Literal["render", "approve", "audit", "admin"]
ALL_SCOPES: Final[tuple[Scope, ...]] = ("render", "approve", "audit", "admin")
_FORM: Final = re.compile(r"pc_live_[A-Za-z0-9_-]{32}")
_SHOWN_CHARS: Final = len("pc_live_") + 4


class Keys:
    """Issues, lists, revokes and checks the keys of all tenants."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def issue(
        self,
        tenant: str,
        name: str,
        *,
        scopes: tuple[Scope, ...] = ALL_SCOPES,
        expires_at: datetime | None = None,
        by: str = "operator",
        key: str | None = None,
    ) -> tuple[str, ApiKey]:
        """A new key and what is kept of it; this is the only time the key itself can be seen.

        `key` re-issues a known one, for the local stack.
        """
        key = key or f"pc_live_{secrets.token_urlsafe(24)}"
        kept = ApiKey(
            key_hash=sha256_hex(key),
            begins_with=key[:_SHOWN_CHARS],
            tenant=tenant,
            name=name,
            scopes=scopes,
            created_at=self._clock(),
            created_by=by,
            expires_at=expires_at,
        )
        self._ledger.keys.put(kept)
        return key, kept

    def of(self, tenant: str) -> tuple[ApiKey, ...]:
        """Every key the tenant ever had, oldest first."""
        return self._ledger.keys.of(tenant)

    def revoke(self, who: Principal, key_id: str) -> ApiKey:
        """Make a key of the tenant's worthless; a minute later it is refused everywhere. Safe to repeat.

        Raises NotFound, and WrongStage for the last key that could make another.
        """
        keys = {key.id: key for key in self.of(who.tenant)}
        if (key := keys.get(key_id)) is None:
            raise NotFound(f"no key {key_id[:64]}", param="key_id")
        if key.revoked_at:
            return key
        admins = [each for each in keys.values() if "admin" in each.scopes and each.works(self._clock())]
        if admins == [key]:
            raise WrongStage("this is the last key with the scope admin: make another before you revoke it")
        key = key.model_copy(update={"revoked_at": self._clock(), "revoked_by": who.name})
        self._ledger.keys.put(key)
        return key

    def authenticate(self, key: str) -> Principal:
        """Whose key this is. Raises NotAuthenticated for an unknown, expired or revoked one, all in one voice."""
        stored = self._ledger.keys.find(sha256_hex(key)) if _FORM.fullmatch(key) else None
        if stored is None or not stored.works(self._clock()):
            raise NotAuthenticated("no valid API key; send it as `Authorization: Bearer pc_live_…`")
        return Principal(tenant=stored.tenant, name=stored.name, scopes=stored.scopes)
