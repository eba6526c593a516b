"""Telling webhooks what happened: one delivery an event, tried until it is taken, refused or given up.

The queue's messages are only wake-ups; whether a delivery is due, on its way or done is in the ledger. So a message
may come twice, early or late. What a body looks like is its source's to say: see shared.pipeline.news.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import NotFound, WebhookRefused, WebhookUnresolved, WrongStage
from shared.ledger import Ledger
from shared.models import Announcement, Delivery, DeliveryList, DeliveryTry, DisabledEndpoint, Principal
from shared.outlets import Outbox
from shared.pipeline.news import News, Source
from shared.providers.retries import retry_after_s
from shared.telemetry import logger, measure
from shared.webhooks.destinations import Destinations
from shared.webhooks.post import NoReplyError, Post, Reply
from shared.webhooks.schedule import next_wait_s
from shared.webhooks.secrets import SigningSecrets
from shared.webhooks.signing import signed_headers

_TAKEN: Final = range(200, 300)
_GONE: Final = 410
_ASKS_FOR_TIME: Final = {429, 503}
_BUSY_S: Final = 45.0
_USER_AGENT: Final = "Presscheck-Webhooks/1"


class Undelivered(Exception):
    """Not delivered yet: the message stays in the queue and shows again when it is time."""


@dataclass(frozen=True, kw_only=True)
class Notifications:
    """The notify function's one step, and what people may ask about deliveries. `sources` by first word of events."""

    ledger: Ledger
    outbox: Outbox
    sources: Mapping[str, Source]
    secrets: SigningSecrets
    destinations: Destinations
    post: Post
    clock: Callable[[], datetime]
    draw: Callable[[], float]

    def deliver(self, body: str, *, receipt: str) -> None:
        """Tell one webhook what one message says, if it is due and wanted. Raises Undelivered to keep the message.

        A message nobody can act on goes to the dead letters at once; so does one given up after the last try.
        """
        try:
            announcement = Announcement.model_validate_json(body)
            news = self._news(announcement)
        except (ValidationError, NotFound) as error:
            self.outbox.bury(body, reason=str(error))
            return
        if news is None:
            return
        wait_s = self._wait_s(announcement, news)
        if wait_s is not None:
            self.outbox.postpone(receipt, by_s=wait_s)
            raise Undelivered

    def listing(self, who: Principal, job_id: str) -> DeliveryList:
        """All deliveries of a job. Raises NotFound for another tenant's."""
        self.ledger.job(job_id, tenant=who.tenant)
        return DeliveryList(job_id=job_id, deliveries=self.ledger.deliveries.of(job_id))

    def redeliver(self, who: Principal, job_id: str, delivery_id: str) -> Delivery:
        """Try a delivery again, now, with a schedule from the start; a disabled URL is tried, too.

        Raises NotFound, or WrongStage while a try is under way.
        """
        self.ledger.job(job_id, tenant=who.tenant)
        self.ledger.deliveries.find(job_id, delivery_id)
        delivery = self.ledger.deliveries.take(job_id, delivery_id)
        if delivery is None:
            raise WrongStage(f"delivery {delivery_id} is being tried right now; look again in a minute")
        again = _changed(
            delivery, status="pending", reason="", next_try_at=self.clock(), restarted_after=len(delivery.tries)
        )
        self.ledger.deliveries.keep(job_id, again)
        self.outbox.send(
            Announcement(
                kind=delivery.event,
                tenant=who.tenant,
                at=delivery.occurred_at,
                occurrence=delivery.occurrence,
                job_id=job_id,
            )
        )
        return again

    # ── one message ──────────────────────────────────────────────────────────────────────────────

    def _news(self, announcement: Announcement) -> News | None:
        """What there is to tell, and to whom; None when nobody asked."""
        event = announcement.event
        if event is None:
            return None
        news = self.sources[event.partition(".")[0]](announcement)
        return news if news and (not news.events or event in news.events) else None

    def _wait_s(self, announcement: Announcement, news: News) -> float | None:
        """Try the delivery if it is due. Seconds until it should be looked at again; None when it is over."""
        store, about, now = self.ledger.deliveries, announcement.about, self.clock()
        store.open(about, _opened(announcement, news, now))
        delivery = store.take(about, announcement.delivery_id)
        if delivery is None:
            return _BUSY_S
        if delivery.status == "pending" and delivery.next_try_at and delivery.next_try_at <= now:
            delivery = self._tried(delivery, news, announcement)
        store.keep(about, delivery)
        if delivery.status != "pending" or delivery.next_try_at is None:
            return None
        return (delivery.next_try_at - self.clock()).total_seconds()

    def _tried(self, delivery: Delivery, news: News, announcement: Announcement) -> Delivery:
        """The delivery after one try, or after finding that there should be none."""
        asked_for = delivery.restarted_after == len(delivery.tries)
        disabled = self.ledger.deliveries.is_disabled(news.tenant, delivery.url)
        if disabled and not asked_for:
            reason = "the URL had answered 410 Gone; enable it again to be told"
            return _changed(delivery, status="disabled", reason=reason, next_try_at=None)
        began = self.clock()
        try:
            reply = self._post(delivery, news)
        except WebhookRefused as error:
            return self._over(delivery, "refused", began, error=error.message, announcement=announcement)
        except (WebhookUnresolved, NoReplyError) as error:
            return self._failed(delivery, began, error=str(error), announcement=announcement)
        if reply.status in _TAKEN:
            if disabled:
                self.ledger.deliveries.enable(news.tenant, delivery.url)
            return self._over(delivery, "delivered", began, status_code=reply.status, announcement=announcement)
        if reply.status == _GONE:
            gone = DisabledEndpoint(url=delivery.url, disabled_at=began, delivery_id=delivery.id)
            self.ledger.deliveries.disable(news.tenant, gone)
            why = "answered 410 Gone: this URL is told no more"
            return self._over(
                delivery, "disabled", began, status_code=reply.status, error=why, announcement=announcement
            )
        asked_s = retry_after_s(reply.headers, now=began) if reply.status in _ASKS_FOR_TIME else None
        why = f"answered {reply.status}"
        return self._failed(
            delivery, began, status_code=reply.status, error=why, asked_s=asked_s, announcement=announcement
        )

    def _post(self, delivery: Delivery, news: News) -> Reply:
        """Send it. Everything is found anew: the address, the links in the body, the signature's time."""
        destination = self.destinations.find(delivery.url)
        body = json.dumps(news.body(), ensure_ascii=False, separators=(",", ":"))
        signing = self.secrets.signing(news.tenant)
        headers = signed_headers(delivery.id, body, at=self.clock(), with_secrets=signing)
        headers |= {"content-type": "application/json; charset=utf-8", "user-agent": _USER_AGENT}
        return self.post.send(destination, headers, body.encode())

    def _failed(
        self,
        delivery: Delivery,
        began: datetime,
        *,
        announcement: Announcement,
        asked_s: float | None = None,
        **seen: Any,
    ) -> Delivery:
        tries = len(delivery.tries) + 1 - (delivery.restarted_after or 0)
        wait_s = next_wait_s(tries, asked_s=asked_s, draw=self.draw)
        if wait_s is None:
            over = self._over(delivery, "failed", began, announcement=announcement, **seen)
            self.outbox.bury(announcement.model_dump_json(), reason=f"given up after {tries} tries: {seen['error']}")
            return over
        after = self._with_try(delivery, began, **seen)
        return _changed(after, next_try_at=self.clock() + timedelta(seconds=wait_s))

    def _over(
        self, delivery: Delivery, status: str, began: datetime, *, announcement: Announcement, **seen: Any
    ) -> Delivery:
        after = self._with_try(delivery, began, **seen)
        measure("WebhooksConcluded", 1, status=status, event=announcement.kind)
        done = {"delivered_at": self.clock()} if status == "delivered" else {"reason": seen["error"]}
        return _changed(after, status=status, next_try_at=None, **done)

    def _with_try(
        self, delivery: Delivery, began: datetime, *, status_code: int | None = None, error: str = ""
    ) -> Delivery:
        number, latency_ms = len(delivery.tries) + 1, round((self.clock() - began).total_seconds() * 1000)
        made = DeliveryTry(number=number, at=began, status_code=status_code, latency_ms=latency_ms, error=error)
        logger.info(
            "webhook_tried", delivery_id=delivery.id, number=number, status_code=status_code, latency_ms=latency_ms
        )
        return _changed(delivery, tries=(*delivery.tries, made))


def _opened(announcement: Announcement, news: News, now: datetime) -> Delivery:
    return Delivery.model_validate(
        {
            "id": announcement.delivery_id,
            "event": announcement.event,
            "occurred_at": announcement.at,
            "occurrence": announcement.occurrence,
            "url": news.url,
            "next_try_at": now,
            "created_at": now,
        }
    )


def _changed(delivery: Delivery, **changes: Any) -> Delivery:
    return delivery.model_copy(update=changes)
