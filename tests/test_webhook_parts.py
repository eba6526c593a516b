"""Webhooks, part by part: signatures, where they may lead, one POST, and the schedule of tries."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import ValidationError
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret
from standardwebhooks import Webhook, WebhookVerificationError

from shared.errors import WebhookRefused, WebhookUnresolved
from shared.models import JobRequest, WebhookEvent
from shared.webhooks.destinations import Destination, Destinations
from shared.webhooks.post import NoReplyError, Post
from shared.webhooks.schedule import WAITS_S, next_wait_s
from shared.webhooks.signing import new_secret, signed_headers
from tests.receiver import certificate, receiver

# ── signatures ───────────────────────────────────────────────────────────────────────────────────


def test_the_vector_of_the_specification() -> None:
    """github.com/standard-webhooks/standard-webhooks, libraries/python/tests/test_webhooks.py."""
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        '{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
        with_secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )

    assert headers["webhook-timestamp"] == "1614265330"
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_32_bytes_behind_one_underscore() -> None:
    """Replicate's client splits at `_` and demands two parts."""
    for _ in range(200):
        prefix, material = new_secret().split("_")
        assert prefix == "whsec"
        assert len(base64.b64decode(material, validate=True)) == 32


def test_two_secrets_sign_so_that_receivers_may_change_over() -> None:
    old, new = new_secret(), new_secret()

    headers = signed_headers("msg_1", "{}", at=datetime.now(UTC), with_secrets=[new, old])

    for secret in (old, new):
        assert Webhook(secret).verify("{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify("{}", headers)


def test_openais_client_takes_our_signatures_and_refuses_a_changed_body() -> None:
    secret = new_secret()
    client = openai.OpenAI(api_key="none", webhook_secret=secret)
    body = '{"type":"job.completed","data":{"prompt":"Größe"}}'

    headers = signed_headers("msg_1", body, at=datetime.now(UTC), with_secrets=[new_secret(), secret])

    assert client.webhooks.unwrap(body, headers).type == "job.completed"  # type: ignore[comparison-overlap]  # not one of theirs
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(body + " ", headers)


def test_replicates_client_takes_our_signatures_and_refuses_a_changed_body() -> None:
    old, new = new_secret(), new_secret()
    body = '{"id":"01J","status":"succeeded"}'

    headers = signed_headers("msg_1", body, at=datetime.now(UTC), with_secrets=[new, old])

    for secret in (old, new):
        Webhooks.validate(headers=headers, body=body, secret=WebhookSigningSecret(key=secret), tolerance=300)
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=headers, body=body + " ", secret=WebhookSigningSecret(key=new))


# ── where they may lead ──────────────────────────────────────────────────────────────────────────

INSIDE = [
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
]


def leading_to(*addresses: str, allow_loopback: bool = False) -> Destinations:
    return Destinations(allow_loopback=allow_loopback, resolve=lambda *_: addresses)


@pytest.mark.parametrize("address", INSIDE)
def test_no_name_leads_inside(address: str) -> None:
    with pytest.raises(WebhookRefused, match="not on the public internet"):
        leading_to(address).find("https://hooks.example.com/")


def test_one_address_inside_is_enough() -> None:
    with pytest.raises(WebhookRefused):
        leading_to("93.184.215.14", "10.0.0.1").find("https://hooks.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://017700000001/",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
        "https://localhost/",
    ],
)
def test_no_spelling_of_this_machine_gets_through_a_request(url: str) -> None:
    """With the system's own resolver, which knows them all."""
    request = JobRequest.model_validate({"prompt": "x", "webhook": url})

    with pytest.raises(WebhookRefused):
        Destinations().find(str(request.webhook))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/", "must be an https URL"),
        ("ftp://hooks.example.com/", "must be an https URL"),
        ("https:///hook", "must be an https URL"),
        ("https://me:secret@hooks.example.com/", "user or a password"),
        ("https://me@hooks.example.com/", "user or a password"),
        ("https://hooks.example.com:22/", "port 443 or 8443, not 22"),
        ("https://hooks.example.com:99999/", "a port that is none"),
    ],
)
def test_what_is_no_public_https_url_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(WebhookRefused, match=why) as refusal:
        leading_to("93.184.215.14").find(url)

    assert refusal.value.param == "webhook"


def test_a_public_url_is_found_once_ipv4_first() -> None:
    found = leading_to("2606:2800:21f::1", "93.184.215.14").find("https://hooks.example.com:8443/a/b?c=d")

    assert found == Destination("https", "hooks.example.com", 8443, "/a/b?c=d", "93.184.215.14")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example.com"])
def test_a_name_without_an_address_says_so(host: str) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise UnicodeError("label too long") if len(host) > 60 else OSError("Name or service not known")

    with pytest.raises(WebhookUnresolved, match="has no address"):
        Destinations(resolve=fails).find(f"https://{host}/")


def test_the_local_stack_may_speak_to_its_own_machine_and_to_nobody_elses() -> None:
    found = leading_to("127.0.0.1", allow_loopback=True).find("http://localhost:3000/hook")

    assert (found.scheme, found.port, found.address) == ("http", 3000, "127.0.0.1")
    for address in ("10.0.0.1", "169.254.169.254"):
        with pytest.raises(WebhookRefused):
            leading_to(address, allow_loopback=True).find("https://hooks.example.com/")
    with pytest.raises(WebhookRefused):
        leading_to("93.184.215.14", allow_loopback=True).find("http://hooks.example.com/")


# ── one POST ─────────────────────────────────────────────────────────────────────────────────────


def at(port: int, *, host: str = "127.0.0.1", scheme: str = "http", target: str = "/hook") -> Destination:
    return Destination(scheme, host, port, target, "127.0.0.1")


def test_a_post_carries_its_headers_and_the_urls_own_host() -> None:
    with receiver() as there:
        reply = Post().send(at(there.port, host="hooks.example.com", target="/a?b=c"), {"webhook-id": "m"}, b"{}")

    ((path, headers, body),) = there.received
    assert reply.status == 204
    assert (path, body, headers["webhook-id"]) == ("/a?b=c", "{}", "m")
    assert headers["host"] == f"hooks.example.com:{there.port}"
    assert headers["content-length"] == "2"


def test_tls_is_spoken_with_the_urls_name_at_the_address_that_was_checked(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example.com")
    post = Post(tls=lambda: trusting)

    with receiver(tls=server) as there:
        taken = post.send(at(there.port, host="hooks.example.com", scheme="https"), {}, b"{}")
        with pytest.raises(NoReplyError, match="certificate verify failed"):
            post.send(at(there.port, host="other.example.com", scheme="https"), {}, b"{}")
        with pytest.raises(NoReplyError, match="certificate verify failed"):
            Post().send(at(there.port, host="hooks.example.com", scheme="https"), {}, b"{}")

    assert taken.status == 204
    assert len(there.received) == 1


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with receiver() as elsewhere, receiver((307, {"location": elsewhere.url})) as there:
        reply = Post().send(at(there.port), {}, b"{}")

    assert reply.status == 307
    assert elsewhere.received == []


def test_an_endless_reply_is_not_read() -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(b"x" * 65_536)
        except OSError:
            ended.append(True)

    ended: list[bool] = []
    with receiver(endless) as there:
        assert Post(timeout_s=5).send(at(there.port), {}, b"{}").status == 200
        deadline = time.monotonic() + 10
        while not ended and time.monotonic() < deadline:
            there.released.wait(0.01)

    assert ended == [True]


def test_whoever_says_nothing_or_drips_is_left_in_time() -> None:
    """The whole exchange has one deadline: a byte now and then does not renew it."""

    def silent(request: BaseHTTPRequestHandler) -> None:
        there.released.wait(20)

    def dripping(request: BaseHTTPRequestHandler) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nx-slow: " + b"z" * 1000:
            if there.released.wait(0.05):
                return
            request.wfile.write(bytes([letter]))

    with receiver(silent, dripping) as there:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(NoReplyError, match="no reply within"):
                Post(timeout_s=0.4).send(at(there.port), {}, b"{}")
            assert time.monotonic() - began < 5


def test_a_closed_door_and_a_babbler_are_told_apart() -> None:
    def babble(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    with receiver(babble) as there:
        with pytest.raises(NoReplyError, match="the connection broke"):
            Post().send(at(there.port), {}, b"{}")
        port = there.port
    with pytest.raises(NoReplyError, match="no connection"):
        Post().send(at(port), {}, b"{}")


# ── the schedule ─────────────────────────────────────────────────────────────────────────────────


def test_eight_tries_over_a_day_then_no_more() -> None:
    waits = [next_wait_s(tries, asked_s=None, draw=lambda: 0.0) for tries in range(1, 9)]

    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, None]


def test_jitter_only_adds_and_stays_within_what_a_queue_can_hide() -> None:
    assert next_wait_s(1, asked_s=None, draw=lambda: 1.0) == pytest.approx(5.5)
    assert max(WAITS_S) * 1.1 < 12 * 3600


def test_a_receiver_may_lengthen_a_wait_but_not_shorten_it_or_stop_us_for_ever() -> None:
    assert next_wait_s(1, asked_s=120.0, draw=lambda: 0.0) == 120.0
    assert next_wait_s(2, asked_s=1.0, draw=lambda: 0.0) == 300.0
    assert next_wait_s(1, asked_s=1e12, draw=lambda: 0.0) == 86_400.0
    assert next_wait_s(8, asked_s=1.0, draw=lambda: 0.0) is None


# ── the request ──────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_event_is_named_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match=r'"job.finished" is no event; choose from job.started, job.draft_ready'):
        JobRequest.model_validate(
            {"prompt": "x", "webhook": "https://example.com", "webhook_events": ["job.completed", "job.finished"]}
        )
    with pytest.raises(ValidationError, match="webhook_events needs a webhook"):
        JobRequest.model_validate({"prompt": "x", "webhook_events": ["job.completed"]})
    nonsense: Any
    for nonsense in ([{}], [None], "job.completed", 7):
        with pytest.raises(ValidationError):
            JobRequest.model_validate({"prompt": "x", "webhook": "https://example.com", "webhook_events": nonsense})
    assert len(WebhookEvent) == 7
