"""API keys: made once, shown once, kept only as a hash.

Hides what a key looks like and how it is checked. A key carries 192 random bits, so a plain sha256 is a safe hash.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

from shared.errors import NotAuthenticated
from shared.ledger import Ledger
from shared.models import ApiKey, Principal, sha256_hex

Scope = Literal["render", "approve", "audit", "admin"]
ALL_SCOPES: Final[tuple[Scope, ...]] = ("render", "approve", "audit", "admin")
_FORM: Final = re.compile(r"pc_live_[A-Za-z0-9_-]{32}")


class Keys:
    """Issues and checks the keys of all tenants."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._clock = clock

    def issue(self, tenant: str, name: str, *, scopes: tuple[Scope, ...] = ALL_SCOPES, key: str | None = None) -> str:
        """A new key; this is the only time it can be seen. `key` re-issues a known one, for the local stack."""
        key = key or f"pc_live_{secrets.token_urlsafe(24)}"
        self._ledger.keys.put(
            ApiKey(key_hash=sha256_hex(key), tenant=tenant, name=name, scopes=scopes, created_at=self._clock())
        )
        return key

    def authenticate(self, key: str) -> Principal:
        """Whose key this is. Raises NotAuthenticated for an unknown, expired or revoked one, all in one voice."""
        stored = self._ledger.keys.find(sha256_hex(key)) if _FORM.fullmatch(key) else None
        now = self._clock()
        if stored is None or stored.revoked_at or (stored.expires_at and stored.expires_at <= now):
            raise NotAuthenticated("no valid API key; send it as `Authorization: Bearer pc_live_…`")
        return Principal(tenant=stored.tenant, name=stored.name, scopes=stored.scopes)
