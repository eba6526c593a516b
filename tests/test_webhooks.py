"""The story of a delivery, over a real table, queue, key and receiver: told, told again, given up, switched off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import boto3
import openai
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.errors import LedgerConflict, NotFound, WebhookRefused, WrongStage
from shared.models import Announcement, Delivery, Door, Job, Stage
from shared.outlets import MAX_POSTPONE_S, Outbox
from shared.pipeline.news import JobNews
from shared.pipeline.notifications import Notifications, Undelivered
from shared.views import JobView
from shared.webhooks.destinations import Destinations
from shared.webhooks.post import Post
from shared.webhooks.secrets import SigningSecrets
from tests.conftest import Clock
from tests.receiver import Receiver, receiver
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources, hero


class Office:
    """The pipeline of test_pipeline, its bus, and everything that tells webhooks of it."""

    def __init__(self, aws: Resources, clock: Clock) -> None:
        self.studio = Studio(aws, clock)
        self.ledger = self.studio.ledger
        self.clock = clock
        self.settings = aws.settings
        self.sqs = boto3.client("sqs")
        self.secrets = self.new_secrets()
        self.told = self.notifications()
        self._heard: list[dict[str, Any]] = []
        self.studio.events.meta.events.register("provide-client-params.events.PutEvents", self._hear)

    def notifications(self, *, destinations: Destinations | None = None) -> Notifications:
        def prediction(view: JobView) -> dict[str, Any]:
            return {"id": view.id, "status": view.status}

        outbox = Outbox(
            self.sqs, url=self.settings.webhook_queue_url, dead_letters_url=self.settings.webhook_dead_letters_url
        )
        return Notifications(
            ledger=self.ledger,
            outbox=outbox,
            sources={
                "job": JobNews(ledger=self.ledger, link=self.studio.images.link, dialects={"replicate": prediction})
            },
            secrets=self.secrets,
            destinations=destinations or Destinations(allow_loopback=True),
            post=Post(timeout_s=2),
            clock=self.clock,
            draw=lambda: 0.0,
        )

    def new_secrets(self) -> SigningSecrets:
        """Those of another process: nothing opened yet."""
        key = self.settings.webhook_key_id
        return SigningSecrets(self.ledger, boto3.client("kms"), key=key, clock=self.clock)

    def submit(self, there: Receiver, **fields: Any) -> Job:
        return self.studio.submit(webhook=there.url, **fields)

    def _hear(self, params: dict[str, Any], **_: Any) -> None:
        self._heard += [json.loads(entry["Detail"]) for entry in params["Entries"]]

    def announced(self) -> list[dict[str, Any]]:
        """The details of the events with a webhook since last asked, as they went onto the bus."""
        heard, self._heard = self._heard, []
        return [detail for detail in heard if detail["webhook"]]

    def deliver(self, announcement: dict[str, Any] | str, *, by: Notifications | None = None) -> int | None:
        """Put a message into the queue and deliver it; seconds for which it is then hidden, None when it is done."""
        body = announcement if isinstance(announcement, str) else json.dumps(announcement)
        url = self.settings.webhook_queue_url
        self.sqs.send_message(QueueUrl=url, MessageBody=body)
        (message,) = self.sqs.receive_message(QueueUrl=url)["Messages"]
        before = self.clock()
        try:
            (by or self.told).deliver(message["Body"], receipt=message["ReceiptHandle"])
        except Undelivered:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            kept = Announcement.model_validate_json(body)
            due = self.delivery(kept).next_try_at
            assert due is not None
            return round((due - before).total_seconds())
        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return None

    def delivery(self, announcement: Announcement | dict[str, Any]) -> Delivery:
        announcement = Announcement.model_validate(announcement)
        return self.ledger.deliveries.find(announcement.about, announcement.delivery_id)

    def buried(self) -> list[str]:
        url = self.settings.webhook_dead_letters_url
        found = self.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10)
        return [each["MessageAttributes"]["reason"]["StringValue"] for each in found.get("Messages", ())]


@pytest.fixture
def office(aws: Resources, clock: Clock) -> Office:
    return Office(aws, clock)


def kinds(announcements: Sequence[dict[str, Any]]) -> list[str]:
    return [each["kind"] for each in announcements]


def verified(office: Office, there: Receiver, number: int = -1) -> dict[str, Any]:
    """A body as received, its signature checked. The clock of the tests is not the verifier's: only the hash counts."""
    _, headers, body = there.received[number]
    ours = openai.OpenAI(api_key="none", webhook_secret=office.secrets.current("acme").secret)
    ours.webhooks.verify_signature(body, headers, tolerance=10**9)
    return dict(json.loads(body))


# ── what is announced ────────────────────────────────────────────────────────────────────────────


def test_a_jobs_life_is_announced_from_start_to_end(office: Office) -> None:
    with receiver() as there:
        job = office.submit(there)
        office.studio.dispatch(job)
        assert office.studio.drafts(job).next == "finalize"
        office.studio.final(job)

    assert kinds(office.announced()) == ["job.started", "job.draft_ready", "job.completed"]


def test_each_round_of_drafts_is_an_event_of_its_own(office: Office) -> None:
    with receiver() as there:
        job = office.submit(there, finalize="on_approval")
        office.studio.drafts(job)
        office.studio.decisions.more(DESIGNER, job.id, drafts=1)
        office.studio.milestones.decide(job.id)
        office.studio.drafts(job)

    heard = office.announced()
    assert kinds(heard) == ["job.draft_ready", "job.awaiting_approval"] * 2
    assert len({Announcement.model_validate(each).delivery_id for each in heard}) == 4


def test_a_step_that_is_repeated_announces_the_same_event_again(office: Office) -> None:
    """A function may die between the ledger and the bus: its retry says what it could not."""
    with receiver() as there:
        job = office.submit(there, finalize="on_approval")
        office.studio.drafts(job)
        office.studio.milestones.settle(job.id)
        for _ in range(2):
            office.studio.milestones.conclude(job.id, "declined")

    ids = [Announcement.model_validate(each).delivery_id for each in office.announced()]
    assert len(ids) == 6
    assert len(set(ids)) == 3


def test_a_job_without_a_webhook_costs_no_message(office: Office) -> None:
    job = office.studio.submit()
    office.studio.drafts(job)

    assert office.announced() == []


@pytest.mark.parametrize(("outcome", "stage"), [("declined", "rejected"), ("expired", "expired")])
def test_whatever_ends_a_job_without_a_picture_is_told_as_its_status_says(
    office: Office, outcome: Any, stage: str
) -> None:
    with receiver() as there:
        job = office.submit(there, webhook_events=["job.canceled"])
        office.studio.milestones.conclude(job.id, outcome)
        for each in office.announced():
            office.deliver(each)

    told = verified(office, there)
    assert (told["type"], told["data"]["status"], told["data"]["stage"]) == ("job.canceled", "canceled", stage)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_gets_the_job_as_the_api_shows_it_signed(office: Office) -> None:
    with receiver() as there:
        request = hero(webhook=there.url)
        job = office.studio.submissions.submit(DESIGNER, request, door=Door(base_url="https://api.example.com/prod"))
        office.studio.drafts(job)
        office.studio.final(job)
        _, done = office.announced()
        assert office.deliver(done) is None

    told = verified(office, there)
    assert (told["type"], told["seq"]) == ("job.completed", office.ledger.job(job.id).seq)
    assert told["timestamp"] == done["at"]
    view = JobView.model_validate(told["data"])
    assert (view.id, view.stage) == (job.id, Stage.DONE)
    assert view.urls.get == f"https://api.example.com/prod/v1/jobs/{job.id}"
    assert "Signature=" in view.output[0]
    path, headers, _ = there.received[0]
    assert path == "/hook?team=7"
    assert headers["content-type"].startswith("application/json")
    assert headers["webhook-id"] == office.delivery(done).id == f"msg_{job.id}_job_completed_1"
    assert "." not in headers["webhook-id"]


def test_only_the_events_that_were_asked_for_are_told(office: Office) -> None:
    with receiver() as there:
        job = office.submit(there, webhook_events=["job.completed"])
        office.studio.drafts(job)
        office.studio.final(job)
        for each in office.announced():
            assert office.deliver(each) is None

    assert [json.loads(body)["type"] for body in there.bodies()] == ["job.completed"]
    assert len(office.told.listing(DESIGNER, job.id).deliveries) == 1


def test_a_client_of_another_api_is_told_in_its_dialect(office: Office) -> None:
    with receiver() as there:
        request = hero(webhook=there.url)
        job = office.studio.submissions.submit(DESIGNER, request, door=Door(dialect="replicate"))
        office.studio.milestones.conclude(job.id, "failed")
        office.deliver(office.announced()[-1])

    assert verified(office, there) == {"id": job.id, "status": "failed"}


# ── how often ────────────────────────────────────────────────────────────────────────────────────


def first_event(office: Office, there: Receiver, **fields: Any) -> dict[str, Any]:
    job = office.submit(there, **fields)
    office.studio.drafts(job)
    return office.announced()[0]


def test_a_message_that_comes_twice_is_delivered_once(office: Office) -> None:
    with receiver() as there:
        event = first_event(office, there)
        for _ in range(3):
            assert office.deliver(event) is None

    assert len(there.received) == 1
    assert [each.status_code for each in office.delivery(event).tries] == [204]


def test_two_messages_at_once_are_delivered_once(office: Office) -> None:
    """While the first waits for its reply, the second finds the delivery taken and comes back later."""

    def meanwhile(request: Any) -> None:
        with pytest.raises(Undelivered):
            office.told.deliver(json.dumps(event), receipt=spare["ReceiptHandle"])
        request.send_response(200)
        request.end_headers()

    with receiver(meanwhile) as there:
        event = first_event(office, there)
        url = office.settings.webhook_queue_url
        office.sqs.send_message(QueueUrl=url, MessageBody="spare")
        (spare,) = office.sqs.receive_message(QueueUrl=url)["Messages"]
        assert office.deliver(event) is None

    assert len(there.received) == 1
    assert office.delivery(event).status == "delivered"


def test_a_try_that_died_half_way_is_made_again(office: Office) -> None:
    with receiver() as there:
        event = first_event(office, there)
        about = Announcement.model_validate(event)
        office.deliver(json.dumps(event | {"kind": "job.started"}))
        taken = office.ledger.deliveries.take(about.about, f"msg_{about.about}_job_started_1")
        assert taken is not None
        assert office.ledger.deliveries.take(about.about, taken.id) is None
        office.clock.forward(seconds=46)

        assert office.ledger.deliveries.take(about.about, taken.id) is not None


def test_a_failure_is_tried_again_by_the_schedule_until_it_is_given_up(office: Office) -> None:
    with receiver(500) as there:
        event = first_event(office, there)
        waits = []
        while (wait := office.deliver(event)) is not None:
            waits.append(wait)
            office.clock.forward(seconds=wait)

    delivery = office.delivery(event)
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]
    assert (delivery.status, len(delivery.tries), delivery.next_try_at) == ("failed", 8, None)
    assert delivery.reason == "answered 500"
    assert office.buried() == ["given up after 8 tries: answered 500"]
    assert len({headers["webhook-id"] for _, headers, _ in there.received}) == 1


def test_a_message_that_comes_early_changes_nothing(office: Office) -> None:
    with receiver(500, 200) as there:
        event = first_event(office, there)
        assert office.deliver(event) == 5
        office.clock.forward(seconds=2)
        assert office.deliver(event) == 3
        office.clock.forward(seconds=3)
        assert office.deliver(event) is None

    assert len(there.received) == 2
    assert office.delivery(event).status == "delivered"


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_gets_it(office: Office, status: int) -> None:
    with receiver((status, {"retry-after": "90"})) as there:
        assert office.deliver(first_event(office, there)) == 90


def test_a_message_is_never_hidden_longer_than_a_queue_can(office: Office) -> None:
    with receiver((503, {"retry-after": "80000"})) as there:
        assert office.deliver(first_event(office, there)) == 80_000  # in the ledger; the message asks again before

    assert MAX_POSTPONE_S < 12 * 3600


def test_redirects_and_silence_are_failures_with_their_reason(office: Office) -> None:
    def silent(request: Any) -> None:
        there.released.wait(20)

    with receiver() as elsewhere, receiver((302, {"location": elsewhere.url}), silent) as there:
        event = first_event(office, there)
        for _ in range(2):
            office.clock.forward(seconds=office.deliver(event) or 0)

    assert [each.error for each in office.delivery(event).tries] == ["answered 302", "no reply within 2 s"]
    assert elsewhere.received == []


def test_what_is_no_message_or_names_no_job_is_buried_with_its_reason(office: Office) -> None:
    with receiver() as there:
        event = first_event(office, there)
        for message in ("nonsense", json.dumps(event | {"job_id": "01JNOBODY"}), json.dumps(event | {"tenant": "x"})):
            assert office.deliver(message) is None

    reasons = office.buried()
    assert "Invalid JSON" in reasons[0]
    assert all("no job" in reason for reason in reasons[1:])


# ── who is told no more ──────────────────────────────────────────────────────────────────────────


def test_410_switches_a_url_off_for_its_tenant_until_it_is_enabled(office: Office) -> None:
    with receiver(410, 200) as there:
        gone, later = first_event(office, there), first_event(office, there)
        assert office.deliver(gone) is None
        assert office.deliver(later) is None
        assert len(there.received) == 1
        assert [each.url for each in office.ledger.deliveries.disabled("acme")] == [there.url]
        assert office.ledger.deliveries.disabled("rival") == ()
        assert office.delivery(gone).tries[0].status_code == 410
        assert [office.delivery(each).status for each in (gone, later)] == ["disabled", "disabled"]

        assert office.ledger.deliveries.enable("acme", there.url)
        assert not office.ledger.deliveries.enable("acme", there.url)
        assert office.deliver(first_event(office, there)) is None

    assert len(there.received) == 2


def test_a_redelivery_tries_a_disabled_url_and_enables_it_when_it_is_taken(office: Office) -> None:
    with receiver(410, 200) as there:
        gone, skipped = first_event(office, there), first_event(office, there)
        office.deliver(gone)
        office.deliver(skipped)
        about = Announcement.model_validate(skipped)

        office.told.redeliver(DESIGNER, about.about, about.delivery_id)
        (message,) = office.sqs.receive_message(QueueUrl=office.settings.webhook_queue_url)["Messages"]
        office.told.deliver(message["Body"], receipt=message["ReceiptHandle"])

    assert office.delivery(skipped).status == "delivered"
    assert office.ledger.deliveries.disabled("acme") == ()


def test_a_redelivery_starts_the_schedule_anew_and_keeps_the_old_tries(office: Office) -> None:
    with receiver(500) as there:
        event = first_event(office, there)
        about = Announcement.model_validate(event)
        while (wait := office.deliver(event)) is not None:
            office.clock.forward(seconds=wait)
        again = office.told.redeliver(DESIGNER, about.about, about.delivery_id)
        assert (again.status, len(again.tries)) == ("pending", 8)

        assert office.deliver(event) == 5

    assert [each.number for each in office.delivery(event).tries] == list(range(1, 10))


def test_deliveries_are_their_tenants_alone(office: Office) -> None:
    with receiver() as there:
        event = first_event(office, there)
        office.deliver(event)
    about = Announcement.model_validate(event)

    with pytest.raises(NotFound):
        office.told.listing(STRANGER, about.about)
    with pytest.raises(NotFound):
        office.told.redeliver(STRANGER, about.about, about.delivery_id)
    with pytest.raises(NotFound):
        office.told.redeliver(DESIGNER, about.about, "msg_other")


def test_a_delivery_under_way_cannot_be_redelivered(office: Office) -> None:
    with receiver() as there:
        event = first_event(office, there)
        office.deliver(event)
    about = Announcement.model_validate(event)
    assert office.ledger.deliveries.take(about.about, about.delivery_id)

    with pytest.raises(WrongStage, match="being tried right now"):
        office.told.redeliver(DESIGNER, about.about, about.delivery_id)


# ── where it may lead ────────────────────────────────────────────────────────────────────────────


class Rebinding:
    """A name server that answers something else every time it is asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def __call__(self, host: str, port: int) -> list[str]:
        return [self.answers.pop(0)]


def test_a_name_that_leads_inside_is_refused_at_submit(office: Office) -> None:
    with pytest.raises(WebhookRefused):
        office.studio.submit(webhook="https://169.254.169.254/latest/meta-data")

    assert office.studio.queued() == []


def test_a_name_that_turns_inward_after_submit_is_refused_at_delivery(office: Office) -> None:
    """And never tried again: it was no mistake of the network's."""
    turned = office.notifications(destinations=Destinations(resolve=Rebinding("169.254.169.254")))
    with receiver() as there:
        event = first_event(office, there, webhook_events=[])
        stored = Announcement.model_validate(event)
        office.deliver(event, by=turned)

    delivery = office.delivery(stored)
    assert delivery.status == "refused"
    assert there.received == []


def test_a_name_is_looked_up_once_a_try_so_that_nothing_can_turn_in_between(office: Office) -> None:
    """The address that was checked is the one that is called: a second answer is never asked for."""
    names = Rebinding("127.0.0.1", "169.254.169.254")
    with receiver() as there:
        event = first_event(office, there)
        office.deliver(event, by=office.notifications(destinations=Destinations(allow_loopback=True, resolve=names)))

    assert len(there.received) == 1
    assert names.answers == ["169.254.169.254"]


def test_a_name_without_an_address_is_tried_again(office: Office) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError("Temporary failure in name resolution")

    with receiver() as there:
        event = first_event(office, there)
        assert office.deliver(event, by=office.notifications(destinations=Destinations(resolve=fails))) == 5

    assert "has no address" in office.delivery(event).tries[0].error


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


def test_a_tenants_secret_is_made_once_and_is_the_same_for_every_process(office: Office) -> None:
    first = office.secrets.current("acme")

    assert office.new_secrets().current("acme") == first
    assert office.secrets.current("rival").secret != first.secret


def test_after_a_rotation_both_secrets_sign_for_a_day(office: Office) -> None:
    old = office.secrets.current("acme").secret
    new = office.new_secrets().rotate("acme")

    def signs(secret: str) -> bool:
        with receiver() as there:
            office.deliver(first_event(office, there))
        _, headers, body = there.received[0]
        try:
            openai.OpenAI(api_key="none", webhook_secret=secret).webhooks.verify_signature(
                body, headers, tolerance=10**9
            )
        except openai.InvalidWebhookSignatureError:
            return False
        return True

    assert signs(old) and signs(new.secret)
    office.clock.forward(hours=24)
    assert not signs(old)
    assert signs(new.secret)
    assert office.secrets.current("acme").previous_until is None


def test_two_rotations_at_once_cannot_both_win(office: Office) -> None:
    before = office.ledger.signing
    office.secrets.current("acme")
    sealed = before.find("acme")
    assert sealed is not None
    office.secrets.rotate("acme")

    with pytest.raises(LedgerConflict):
        before.replace("acme", sealed.model_copy(update={"version": sealed.version + 1}))


def test_the_ledger_holds_no_secret_and_a_ciphertext_opens_for_its_tenant_only(office: Office) -> None:
    secret = office.secrets.current("acme").secret
    sealed = office.ledger.signing.find("acme")
    assert sealed is not None
    assert secret not in sealed.model_dump_json()

    office.ledger.signing.create("rival", sealed)

    with pytest.raises(boto3.client("kms").exceptions.InvalidCiphertextException):
        office.secrets.current("rival")


def test_the_verifier_of_standard_webhooks_takes_a_fresh_delivery(office: Office) -> None:
    """With its own idea of time: what is signed is the time of the try."""
    from datetime import UTC, datetime

    office.clock.now = datetime.now(UTC)
    with receiver() as there:
        office.deliver(first_event(office, there))
    _, headers, body = there.received[0]

    assert Webhook(office.secrets.current("acme").secret).verify(body, headers)["type"] == "job.draft_ready"
    with pytest.raises(WebhookVerificationError):
        Webhook(office.secrets.current("rival").secret).verify(body, headers)
