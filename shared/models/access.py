"""Who may do what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.models.values import Value


class ApiKey(Value):
    """An API key as stored: its sha256 only, never the key."""

    key_hash: str
    tenant: str
    name: str
    scopes: tuple[Literal["render", "approve", "audit", "admin"], ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Principal(Value):
    """Who is asking: what the authorizer vouches for."""

    tenant: str
    name: str
    scopes: tuple[str, ...]
