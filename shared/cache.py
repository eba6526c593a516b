"""Same recipe, same image: decides what counts as a hit, and lets one of many equal recipes paint for all.

Hides where hits come from and who is painting. Never paints and never stores pixels: those are in shared.images.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.images import Images
from shared.ledger import Ledger
from shared.models import Attempt, Recipe, Ticket

LEASE_LIFE: Final = timedelta(minutes=10)


class Cache:
    """Renders by fingerprint, each tenant its own: one tenant's pictures never answer another's request."""

    def __init__(self, ledger: Ledger, images: Images, *, clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._images = images
        self._clock = clock

    def find(self, tenant: str, recipe: Recipe) -> Attempt | None:
        """The earlier render of this very recipe, if its image is still stored byte for byte."""
        hit = self._ledger.renders.find(tenant, recipe.fingerprint())
        return hit if hit and hit.image and self._images.exists(hit.image) else None

    def find_or_lead(self, attempt: Attempt) -> tuple[Attempt | None, Attempt]:
        """The earlier render, or none; and the attempt, with `waits_for` and a ticket where another paints the same.

        Whoever may paint has looked once more by then: another may have finished between the first look and the lease.
        """
        if hit := self.find(attempt.tenant, attempt.recipe):
            return hit, attempt
        attempt = self._lead_or_join(attempt)
        return (None if attempt.waits_for else self.find(attempt.tenant, attempt.recipe)), attempt

    def _lead_or_join(self, attempt: Attempt) -> Attempt:
        now = self._clock()
        ticket = f"{attempt.id}-join-{now.timestamp() * 1000:.0f}"  # a new one each time: a ticket is woken once
        holder = self._ledger.renders.lease(
            attempt.tenant, attempt.fingerprint, holder=str(attempt.id), until=now + LEASE_LIFE, ticket=ticket
        )
        wait = Ticket(id=ticket, output_location="", failure_location="", submitted_at=now) if holder else None
        return attempt.model_copy(update={"waits_for": holder, "ticket": wait})

    def share(self, attempt: Attempt) -> tuple[str, ...]:
        """Keep a finished render for its recipe, give the lease back; answers the tickets to wake. Safe to repeat."""
        if attempt.image and not attempt.cached:
            self._ledger.renders.keep(attempt)
        return self._ledger.renders.give_back(attempt.tenant, attempt.fingerprint, holder=str(attempt.id))

    def abandoned(self, attempt: Attempt) -> bool:
        """Whether an attempt waits for a painter who is gone."""
        return attempt.waits_for is not None and not self._ledger.renders.leased(attempt.tenant, attempt.fingerprint)
