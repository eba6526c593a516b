"""Tickets: where a task token and a wake-up meet, in either order.

Used for renders at a provider and for people's decisions alike. A wake-up carries no news: whoever is
woken reads the ledger or the output object, so late, repeated and reordered wake-ups change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.ledger import Ledger
from shared.workflow import Workflow


@dataclass(frozen=True, kw_only=True)
class Waits:
    """The resume function's two doors, `park` and `wake`."""

    ledger: Ledger
    workflow: Workflow

    def park(self, ticket: str, token: str) -> None:
        """Leave a token to be woken; at once when the wake-up was faster."""
        if self.ledger.tickets.park(ticket, token):
            self.workflow.wake(token)

    def wake(self, ticket: str) -> None:
        """Wake whoever waits at the ticket, now or when they come. Safe to repeat."""
        if token := self.ledger.tickets.wake(ticket):
            self.workflow.wake(token)


def approval_ticket(job_id: str, *, round_number: int) -> str:
    """The ticket of a round's decision; rounds count from 1."""
    return f"{job_id}-approval-{round_number}"
