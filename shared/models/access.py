"""Who may do what."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.models.values import Value


class ApiKey(Value):
    """An API key as stored: its sha256 only, never the key."""

    key_hash: str
    tenant: str
    name: str
    scopes: tuple[Literal["render", "approve", "audit", "admin"], ...]
    begins_with: str = ""
    """The key's first characters, by which its holder knows it."""
    created_at: datetime
    created_by: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    @property
    def id(self) -> str:
        """Names the key without giving it away."""
        return f"key_{self.key_hash[:20]}"

    def works(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class Principal(Value):
    """Who is asking: what the authorizer vouches for."""

    tenant: str
    name: str
    scopes: tuple[str, ...]


class Limits(Value):
    """How much one tenant may ask for. Days are UTC's; money is in millionths of a dollar."""

    requests_per_s: float = Field(gt=0, le=10_000)
    """In the long run."""
    burst: int = Field(ge=1, le=100_000)
    """At once."""
    jobs_per_day: int = Field(ge=0)
    usd_micros_per_day: int = Field(ge=0)
    """No job is accepted once this is spent; those accepted before may go beyond it."""
    open_jobs: int = Field(ge=1)


class Usage(Value):
    """What one tenant used on one day."""

    jobs: int
    usd_micros: int


class Allowance(Value):
    """What is left of the requests a tenant may send now."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool
