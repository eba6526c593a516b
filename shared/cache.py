"""Same recipe, same image: decides what counts as a hit.

Hides where hits come from. Never paints and never stores pixels: those are in shared.images.
"""

from __future__ import annotations

from shared.images import Images
from shared.ledger import Ledger
from shared.models import Attempt, Recipe


class Cache:
    """Renders by fingerprint, each tenant its own: one tenant's pictures never answer another's request."""

    def __init__(self, ledger: Ledger, images: Images) -> None:
        self._ledger = ledger
        self._images = images

    def find(self, tenant: str, recipe: Recipe) -> Attempt | None:
        """The earlier render of this very recipe, if its image is still stored byte for byte."""
        hit = self._ledger.cached(tenant, recipe.fingerprint())
        return hit if hit and hit.image and self._images.exists(hit.image) else None

    def keep(self, attempt: Attempt) -> None:
        """Remember a fresh render; a cached one teaches nothing new."""
        if attempt.image and not attempt.cached:
            self._ledger.remember(attempt)
