"""Calls that wait for their pictures in one HTTP request, and what becomes of them when the request may wait no longer.

A client library that was told to come again must find the jobs it began, not begin others; a person who asks for the
same twice wants two pictures. The two look alike on the wire, so this is the rule:

    an equal call whose caller was sent away empty-handed    is taken up by whoever asks next
    an equal call somebody still waits for                   is shared by a marked repeat alone (its line was cut)
    an equal call that was answered                          is over: asking again is a new wish

A caller who sends an Idempotency-Key has said which of the two it is: one key is one call, answered or not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ulid import ULID

from shared.errors import KeyReused
from shared.ledger import Ledger
from shared.ledger.calls import REMEMBERED, Call
from shared.models import Door, JobRequest, Principal
from shared.pipeline.submissions import Submissions
from shared.policy import candidate_seed
from shared.telemetry import logger

KEYED = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Begin, leave and answer calls."""

    ledger: Ledger
    submissions: Submissions
    clock: Callable[[], datetime]
    new_id: Callable[[], str] = field(default=lambda: str(ULID()))

    def attach(
        self, who: Principal, digest: str, *, asked: str, keyed: bool, repeat: bool, patience: timedelta
    ) -> Call | None:
        """An equal call of the same caller's to go on waiting for, by the rule above.

        `digest` is that of the call, or of its key; `asked` of what it asks for. `repeat`: the client says that it
        asked before. `patience`: how long this request will wait. Raises KeyReused for a key that asked for other.
        """
        now = self.clock()
        known = self.ledger.calls.known(who.tenant, digest)
        if keyed and known:
            if known[0].asked != asked:
                raise KeyReused("this Idempotency-Key was used for another request; take a new key for a new request")
            return known[0]
        known = [call for call in known if not call.delivered]
        for call in known:
            if call.held_until_ms <= now.timestamp() * 1000 and (
                held := self.ledger.calls.hold(call, until=now + patience)
            ):
                logger.info("call_attached", call_id=call.id, job_ids=list(call.job_ids))
                return held
        return known[0] if repeat and known else None

    def begin(
        self,
        who: Principal,
        digest: str,
        request: JobRequest,
        *,
        asked: str,
        keyed: bool,
        pictures: int,
        patience: timedelta,
        door: Door,
    ) -> Call:
        """Submit a job for each picture. Their seeds are those that as many drafts of one job would have."""
        first = self.submissions.submit(who, request, door=door)
        seeds = [candidate_seed(first.seed, number) for number in range(2, pictures + 1)]
        others = [self.submissions.submit(who, request.model_copy(update={"seed": seed}), door=door) for seed in seeds]
        call = Call(
            id=self.new_id(),
            tenant=who.tenant,
            digest=digest,
            asked=asked,
            job_ids=(first.id, *(job.id for job in others)),
            held_until_ms=round((self.clock() + patience).timestamp() * 1000),
        )
        self.ledger.calls.begin(call, kept=KEYED if keyed else REMEMBERED)
        return call

    def leave(self, call: Call) -> None:
        self.ledger.calls.leave(call)

    def answered(self, call: Call) -> None:
        self.ledger.calls.deliver(call)
