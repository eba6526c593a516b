"""One port to every model: start a render, and later collect it.

A provider turns a recipe into its host's request and the answer into `Painted`, or raises a
ProviderError. It never chooses a model, never retries beyond its client, never touches the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import Field

from shared.errors import RenderLost
from shared.models import AttemptId, Recipe, Ticket, Value


class Order(Value):
    """One render to make. `init_image` holds the bytes `recipe.init_image` names.

    `mask` is a grey PNG as large as that picture: 255 is repainted, 0 kept, between them both are blended. It goes with
    `recipe.mask`, the box around it; without it that box is meant as it stands.

    `options` are the catalogue row's fixed parameters in the host's own words, e.g. quality: high.
    """

    id: AttemptId
    provider_model: str
    recipe: Recipe
    init_image: bytes | None = None
    mask: bytes | None = None
    options: Mapping[str, str] = Field(default_factory=dict)


class Painted(Value):
    """A finished picture and what its host said of it. Milliseconds; `billed_ms` is what the price counts."""

    data: bytes
    """PNG, JPEG or WebP, exactly as the host sent it: it may be C2PA-signed."""
    seed_sent: int | None
    seed_reported: int | None
    model_revision: str
    """As exact as the host says; where it says nothing, the id the order named."""
    simulated: bool = False
    queue_ms: int = 0
    inference_ms: int = 0
    billed_ms: int = 0
    provider_request_id: str = ""
    """What the host's support asks for."""
    prompt_effective: str = ""
    """The prompt as the host rewrote it, or those words of it that the model knows; empty where it does not tell."""
    usage: Mapping[str, int] = Field(default_factory=dict)
    """What the host counted, in its own words, e.g. output_tokens."""


class Provider(Protocol):
    """A host of models."""

    @property
    def repeatable(self) -> bool:
        """Whether repeating an order costs nothing more; where it does, the attempt is on record before the call."""
        ...

    def start(self, order: Order) -> Ticket | Painted:
        """Begin a render, or make it where the host answers at once. Raises ProviderError or ModelRetired.

        Repeating an order never harms, but only a host that hands out tickets paints it once: none of the others
        knows an idempotency key, so there a repeated order is a second, paid picture.
        """
        ...

    def collect(self, ticket: Ticket) -> Painted:
        """The finished picture. Raises RenderFailed with the host's reason, RenderLost without a trace of one."""
        ...

    def answered(self, ticket: Ticket) -> bool:
        """Whether `collect` would find an answer now, good or bad."""
        ...


class AnswersAtOnce:
    """The other half of the port for hosts whose `start` returns the picture: they hand out no tickets."""

    repeatable = False

    def collect(self, ticket: Ticket) -> Painted:
        raise RenderLost(f"{ticket.id}: this host answers at once and keeps nothing to collect")

    def answered(self, ticket: Ticket) -> bool:  # noqa: ARG002  # the port's signature
        return False
