"""A circuit breaker around a provider, shared by all processes: a host that keeps failing is left alone for a while.

Hides when to stop asking and when to ask again. Never retries and never chooses another host: an open circuit is a
ProviderUnavailable like any other, and the policy's fallbacks follow. Source of the pattern: M. Nygard, Release It!
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from shared.errors import ModelRetired, ProviderRefused, ProviderThrottled, ProviderUnavailable, RenderFailed
from shared.models import Ticket, Value
from shared.providers import Order, Painted, Provider
from shared.telemetry import logger, measure

_WRITE_TRIES: Final = 5


class Circuits(Protocol):
    """Where circuits are kept: a text by name, with a version that makes writers notice one another."""

    def circuit(self, name: str) -> tuple[str, int]:
        """The stored text and its version; `("", 0)` when there is none."""
        ...

    def put_circuit(self, name: str, text: str, *, version: int) -> bool:
        """Store the text as version + 1; False when the stored version is no longer `version`."""
        ...


class BreakerRule(Value):
    """When a circuit opens and for how long. `forget`: failures further apart than this do not add up."""

    threshold: int = 5
    forget: timedelta = timedelta(minutes=5)
    cool_down: timedelta = timedelta(minutes=1)
    probe: timedelta = timedelta(minutes=6)
    """How long the one call that tests a half-open circuit may take before another may try."""


class Circuit(Value):
    """Closed (`open_until` None), open (in the future) or half-open (passed). Changes are new circuits."""

    failures: int = 0
    failed_at: datetime | None = None
    open_until: datetime | None = None

    def succeeded(self, *, probing: bool) -> Circuit:
        """A host that answers closes the circuit it was testing; an old call's success does not."""
        return Circuit() if probing or self.open_until is None else self

    def failed(self, now: datetime, rule: BreakerRule, *, probing: bool) -> Circuit:
        """One failure more. Calls that were under way when the circuit opened do not prolong it."""
        if self.open_until is not None and not probing:
            return self
        recent = self.failed_at is not None and now - self.failed_at <= rule.forget
        failures = self.failures + 1 if recent else 1
        opens = probing or failures >= rule.threshold
        return Circuit(failures=failures, failed_at=now, open_until=now + rule.cool_down if opens else None)

    def probed(self, now: datetime, rule: BreakerRule) -> Circuit:
        """Half-open, and one call is on its way: closed to all others until it is back or given up."""
        return self.model_copy(update={"open_until": now + rule.probe})


class Breaker:
    """A provider that is asked only while its circuit lets it."""

    def __init__(
        self,
        provider: Provider,
        *,
        name: str,
        circuits: Circuits,
        clock: Callable[[], datetime],
        rule: BreakerRule | None = None,
    ) -> None:
        self._provider = provider
        self._name = name
        self._circuits = circuits
        self._clock = clock
        self._rule = rule or BreakerRule()

    @property
    def repeatable(self) -> bool:
        return self._provider.repeatable

    def start(self, order: Order) -> Ticket | Painted:
        """As the provider's, or ProviderUnavailable at once with `retry_after_s` while the circuit is open."""
        probing = self._admit()
        try:
            answer = self._provider.start(order)
        except (ProviderUnavailable, ProviderThrottled):
            self._note(lambda circuit: circuit.failed(self._clock(), self._rule, probing=probing))
            raise
        except (ProviderRefused, RenderFailed, ModelRetired):  # the host is there and has an opinion
            self._note(lambda circuit: circuit.succeeded(probing=probing))
            raise
        self._note(lambda circuit: circuit.succeeded(probing=probing))
        return answer

    def collect(self, ticket: Ticket) -> Painted:
        return self._provider.collect(ticket)

    def answered(self, ticket: Ticket) -> bool:
        return self._provider.answered(ticket)

    def _admit(self) -> bool:
        """Whether this call is the probe of a half-open circuit. Raises ProviderUnavailable when it may not go."""
        circuit, version = self._read()
        now = self._clock()
        if circuit.open_until is None:
            return False
        if now >= circuit.open_until and self._write(circuit.probed(now, self._rule), version):
            return True
        wait = max(1, round((circuit.open_until - now).total_seconds()))
        raise ProviderUnavailable(
            f"{self._name} failed {circuit.failures} times in a row and is left alone for {wait} s",
            reason="circuit_open",
            retry_after_s=wait,
        )

    def _note(self, change: Callable[[Circuit], Circuit]) -> None:
        """Apply a change to the latest circuit. After a few lost races it is dropped: others noted the same."""
        for _ in range(_WRITE_TRIES):
            before, version = self._read()
            after = change(before)
            if after == before:
                return
            if self._write(after, version):
                self._tell(before, after)
                return

    def _read(self) -> tuple[Circuit, int]:
        text, version = self._circuits.circuit(self._name)
        return (Circuit.model_validate_json(text) if text else Circuit()), version

    def _write(self, circuit: Circuit, version: int) -> bool:
        return self._circuits.put_circuit(self._name, circuit.model_dump_json(), version=version)

    def _tell(self, before: Circuit, after: Circuit) -> None:
        if after.open_until is not None:
            logger.warning("circuit_opened", provider=self._name, failures=after.failures, until=str(after.open_until))
            measure("CircuitOpened", 1, provider=self._name)
        elif before.open_until is not None:
            logger.info("circuit_closed", provider=self._name)
