"""Time and money: when a second try is made, how long a host may keep us, and that no test can spend a cent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.errors import ConfigurationError, ProviderRefused, ProviderThrottled, ProviderUnavailable
from shared.providers.bedrock import Bedrock
from shared.providers.google import Google
from shared.providers.guard import check_host
from shared.providers.http import Complaint, Http, Network
from shared.providers.openai import OpenAI
from shared.providers.retries import Passing, Retries, retry_after_s
from shared.providers.stability import Stability
from tests.providers.conftest import Time, bedrock_client, key, order

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


# ── retries ──────────────────────────────────────────────────────────────────────────────────────


def failing(times: int, *, after_s: float | None = None) -> Any:
    """A call that fails so often and then returns how often it was made."""
    calls = []

    def once() -> int:
        calls.append(1)
        if len(calls) <= times:
            raise Passing(ProviderUnavailable("down"), after_s=after_s)
        return len(calls)

    return once


def test_pauses_double_up_to_the_cap(time: Time) -> None:
    tried = time.retries(tries=9, cap_s=5.0, budget_s=1e9).run(failing(7))

    assert tried.value == 8
    assert time.pauses == [0.5, 1, 2, 4, 5, 5, 5]
    assert (tried.waited_ms, tried.took_ms) == (22_500, 0)


def test_no_try_begins_past_the_budget(time: Time) -> None:
    with pytest.raises(ProviderUnavailable, match="down"):
        time.retries(tries=100, budget_s=10).run(failing(99))

    assert sum(time.pauses) <= 10


def test_what_will_not_pass_is_not_repeated(time: Time) -> None:
    def refused() -> None:
        raise ProviderRefused("no")

    with pytest.raises(ProviderRefused):
        time.retries().run(refused)

    assert time.pauses == []


@given(st.floats(0, 1), st.integers(0, 2000))
def test_jitter_is_full_and_never_negative(drawn: float, number: int) -> None:
    retries = Retries(draw=lambda low, high: low + drawn * (high - low))

    assert 0.0 <= retries._pause(number, None) <= 20.0
    assert retries._pause(number, 3.0) >= 3.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"Retry-After": "Mon, 23 Nov 2026 09:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 08:59:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_every_form_hosts_use(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=NOW) == seconds


# ── one host's front door ────────────────────────────────────────────────────────────────────────


def front_door(handler: Any, time: Time, **network: Any) -> Http:
    return Http(
        "http://127.0.0.1:1/v1",
        host="Test",
        key=key,
        header="x-key",
        explain=lambda _, body: Complaint(message=body.decode()),
        network=Network(transport=httpx.MockTransport(handler), retries=time.retries(), **network),
    )


@pytest.mark.parametrize(
    ("status", "kind", "sent"),
    [
        (302, ProviderUnavailable, 4),
        (400, ProviderRefused, 1),
        (401, ProviderUnavailable, 1),
        (403, ProviderUnavailable, 1),
        (404, ProviderUnavailable, 1),
        (408, ProviderUnavailable, 4),
        (409, ProviderUnavailable, 4),
        (413, ProviderRefused, 1),
        (422, ProviderRefused, 1),
        (429, ProviderThrottled, 4),
        (500, ProviderUnavailable, 4),
        (503, ProviderUnavailable, 4),
        (529, ProviderUnavailable, 4),
    ],
)
def test_only_what_may_change_is_sent_again(time: Time, status: int, kind: type[Exception], sent: int) -> None:
    requests = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status, headers={"location": "https://elsewhere.example/"}, text="why")

    with pytest.raises(kind):
        front_door(handler, time).post("images", json={})

    assert len(requests) == sent


def test_a_host_that_says_do_not_retry_is_obeyed(time: Time) -> None:
    headers = {"x-should-retry": "false", "retry-after": "1"}

    with pytest.raises(ProviderThrottled):
        front_door(lambda _: httpx.Response(429, headers=headers), time).post("images", json={})

    assert time.pauses == []


def test_a_message_is_cut_and_cleared_of_anything_like_a_key(time: Time) -> None:
    said = f"bad {key().get_secret_value()} and sk-proj-abc***xyz and AIzaSyD3adB33f " + "x" * 10_000

    with pytest.raises(ProviderRefused) as caught:
        front_door(lambda _: httpx.Response(400, text=said), time).post("images", json={})

    assert caught.value.message.startswith("Test refused the request with 400: bad *** and *** and *** xxx")
    assert len(caught.value.message) < 400


def test_a_body_that_drips_past_the_time_out_is_given_up(time: Time) -> None:
    class Dripping(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            for _ in range(1000):
                time.now += 1
                yield b" "

    with pytest.raises(ProviderUnavailable, match="did not answer within 30 s"):
        front_door(lambda _: httpx.Response(200, stream=Dripping()), time, read_timeout_s=30.0).post("i", json={})


def test_a_connection_that_cannot_be_made_is_tried_again(time: Time) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(ProviderUnavailable) as caught:
        front_door(handler, time).post("images", json={})

    assert len(time.pauses) == 3
    assert caught.value.context["reason"] == "connection"
    assert isinstance(caught.value.__cause__, httpx.ConnectError)


def test_no_proxy_or_netrc_decides_who_sees_the_key(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")

    door = front_door(lambda _: httpx.Response(200, text="{}"), time)

    assert door.post("images", json={}).body == b"{}"
    assert door._client.trust_env is False


# ── money ────────────────────────────────────────────────────────────────────────────────────────


def unread_key() -> SecretStr:
    raise AssertionError("the key was read although the call was not allowed")


def _touched(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"a request left for {request.url.host}")


FREE = Network(transport=httpx.MockTransport(_touched))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (OpenAI.direct(key=unread_key, network=FREE), "gpt-image-2"),
        (OpenAI.azure(endpoint="https://ours.openai.azure.com", api_version="v", key=unread_key, network=FREE), "m"),
        (Google(key=unread_key, network=FREE), "gemini-3-pro-image"),
        (Google(key=unread_key, network=FREE), "imagen-4.0-fast-generate-001"),
        (Stability(key=unread_key, network=FREE), "sd3.5-large"),
        (Bedrock(bedrock_client(None), retries=Retries()), "stability.sd3-5-large-v1:0"),
    ],
)
def test_no_paid_host_is_called_unless_the_composition_root_allows_it(provider: Any, model: str) -> None:
    with pytest.raises(ConfigurationError, match="would cost money"):
        provider.start(order(model))


def test_paid_calls_are_off_unless_said_otherwise() -> None:
    assert Network().allow_paid is False


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://localhost.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "",
    ],
)
def test_only_this_machine_is_free(url: str) -> None:
    with pytest.raises(ConfigurationError):
        check_host(url, allow_paid=False)

    check_host(url, allow_paid=True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "http://localhost:1", "http://[::1]:80/", "http://127.9.9.9"]
)
def test_this_machine_is_free(url: str) -> None:
    check_host(url, allow_paid=False)


def test_boto3_clients_carry_the_host_the_guard_looks_at() -> None:
    """The guard would be blind if botocore stopped telling where it is going."""
    client = boto3.client("bedrock-runtime", region_name="us-west-2")

    assert client.meta.endpoint_url == "https://bedrock-runtime.us-west-2.amazonaws.com"
