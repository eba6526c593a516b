"""One port to every model: start a render, and later collect it.

A provider turns a recipe into its host's request and the answer into `Painted`, or raises a
ProviderError. It never chooses a model, never retries beyond its client, never touches the ledger.
"""

from __future__ import annotations

from typing import Protocol

from shared.models import AttemptId, Recipe, Ticket, Value


class Order(Value):
    """One render to make. `init_image` holds the bytes `recipe.init_image` names."""

    id: AttemptId
    provider_model: str
    recipe: Recipe
    init_image: bytes | None = None


class Painted(Value):
    """A finished picture and what its host said of it. Milliseconds; `billed_ms` is what the price counts."""

    data: bytes
    seed_sent: int | None
    seed_reported: int | None
    model_revision: str
    simulated: bool = False
    queue_ms: int = 0
    inference_ms: int = 0
    billed_ms: int = 0


class Provider(Protocol):
    """A host of models."""

    def start(self, order: Order) -> Ticket | Painted:
        """Begin a render. Safe to repeat with the same order. Raises ProviderError."""
        ...

    def collect(self, ticket: Ticket) -> Painted:
        """The finished picture. Raises RenderFailed with the host's reason, RenderLost without a trace of one."""
        ...

    def answered(self, ticket: Ticket) -> bool:
        """Whether `collect` would find an answer now, good or bad."""
        ...
