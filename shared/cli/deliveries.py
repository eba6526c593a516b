"""Deliveries to a webhook as a table on a terminal.

Hides layout. Takes parsed values and prints them; never fetches, never decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.cli import words
from shared.cli.words import plain
from shared.models import Delivery, DisabledEndpoint

_STYLES = {"delivered": "green", "pending": "yellow"}


def table(console: Console, deliveries: Sequence[Delivery], *, now: datetime) -> None:
    """One line a delivery: what was told, how it went, after how many tries, and what comes next."""
    if not deliveries:
        console.print("Nothing was told to the webhook yet.", markup=False)
        return
    rows = Table(title="Webhook", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("Event", "Outcome", "Last try", "Next"):
        rows.add_column(name, overflow="fold")
    rows.add_column("Delivery", overflow="fold", style="dim")
    for delivery in deliveries:
        outcome = Text(delivery.status, _STYLES.get(delivery.status, "red"))
        rows.add_row(delivery.event.value, outcome, Text(_last(delivery)), _next(delivery, now), plain(delivery.id))
    console.print(rows)


def disabled(console: Console, endpoints: Sequence[DisabledEndpoint], *, now: datetime) -> None:
    if not endpoints:
        console.print("No URL is disabled.", markup=False)
    for endpoint in endpoints:
        since = words.age(endpoint.disabled_at, now)
        console.print(Text.assemble((plain(endpoint.url), "bold"), f"   answered 410 Gone {since}"), soft_wrap=True)
        console.print(
            Text.assemble(("next ", "cyan"), f"presscheck webhooks enable {plain(endpoint.url)}"), soft_wrap=True
        )


def _last(delivery: Delivery) -> str:
    """`try 3: answered 500, 41 ms`; the reason where there was no try."""
    if not delivery.tries:
        return plain(delivery.reason)
    last = delivery.tries[-1]
    said = last.error or f"answered {last.status_code}"
    return plain(f"try {last.number}: {said}, {words.duration(last.latency_ms)}")


def _next(delivery: Delivery, now: datetime) -> str:
    if delivery.status != "pending" or delivery.next_try_at is None:
        return ""
    left_ms = (delivery.next_try_at - now).total_seconds() * 1000
    return f"in {words.duration(left_ms)}" if left_ms > 0 else "now"
