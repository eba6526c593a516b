"""How we speak to a host over HTTP: time-outs, retries, limits, and the host's complaint as one of our errors.

Hides httpx. The key is read for each call, goes into one header and nowhere else: no URL, message, repr or log. A
refusal by content rules and every 4xx that will not change are never sent twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import httpx
from pydantic import SecretStr

from shared.errors import (
    ModelRetired,
    PresscheckError,
    ProviderRefused,
    ProviderThrottled,
    ProviderUnavailable,
    RenderFailed,
)
from shared.models import Value
from shared.providers.guard import check_host
from shared.providers.retries import Passing, Retries, retry_after_s

_CONNECT_S: Final = 5.0
_WRITE_S: Final = 60.0
_PASSING: Final = {408, 409, 425}
_ACCOUNT: Final = {401, 402, 403, 404, 405, 407}
_NOT_AUTHENTICATED: Final = 401
_THROTTLED: Final = 429
_CLIENT_ERRORS: Final = range(400, 500)
_SAID_CHARS: Final = 300
_LOOKS_LIKE_A_KEY: Final = re.compile(r"\b(?:sk-|AIza)[\w*.-]{6,}")

Key = Callable[[], SecretStr]


@dataclass(frozen=True, kw_only=True)
class Network:
    """What all hosts have in common. `read_timeout_s` bounds one try, from the request's last byte to the reply's.

    A call may take retries.budget_s + read_timeout_s in all: a function's own time-out must lie above it.
    """

    allow_paid: bool = False
    read_timeout_s: float = 300.0
    max_body_bytes: int = 64 * 2**20
    retries: Retries = field(default_factory=Retries)
    transport: httpx.BaseTransport | None = None


class Complaint(Value):
    """What a host's error body says. `kind` is set where the adapter knows better than the status code."""

    message: str = ""
    code: str = ""
    kind: Literal["", "moderation", "retired", "account"] = ""
    retry_after_s: float | None = None


class Reply(Value):
    """A 200 and its whole body. `waited_ms` lies before the try that succeeded, `took_ms` within it."""

    headers: Mapping[str, str]
    body: bytes
    waited_ms: int
    took_ms: int

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id") or self.headers.get("apim-request-id") or ""


class Http:
    """One host's front door."""

    def __init__(
        self,
        base_url: str,
        *,
        host: str,
        key: Key,
        header: str,
        prefix: str = "",
        explain: Callable[[int, bytes], Complaint],
        network: Network,
    ) -> None:
        """`host` is its name in messages; `header` carries `prefix` and the key; `explain` reads its error bodies."""
        self._host = host
        self._key = key
        self._header = header
        self._prefix = prefix
        self._explain = explain
        self._network = network
        self._base_url = base_url

    @cached_property
    def _client(self) -> httpx.Client:
        """Made by the first call: its TLS context takes 40 ms, which a cold start should not pay for each host."""
        network = self._network
        return httpx.Client(
            base_url=self._base_url,
            timeout=httpx.Timeout(network.read_timeout_s, connect=_CONNECT_S, write=_WRITE_S, pool=_CONNECT_S),
            transport=network.transport,
            follow_redirects=False,
            trust_env=False,  # a .netrc or a proxy variable must not decide who sees the key
        )

    def post(self, path: str, **content: Any) -> Reply:
        """Send `json` or `files`, as httpx takes them. Raises a ProviderError or ModelRetired."""
        check_host(self._base_url, allow_paid=self._network.allow_paid)
        key = self._key()
        auth = _KeyHeader(self._header, self._prefix, key)
        tried = self._network.retries.run(
            lambda: self._once(self._client.build_request("POST", path, **content), auth, key)
        )
        headers, body = tried.value
        return Reply(headers=headers, body=body, waited_ms=tried.waited_ms, took_ms=tried.took_ms)

    def _once(self, request: httpx.Request, auth: httpx.Auth, key: SecretStr) -> tuple[Mapping[str, str], bytes]:
        try:
            response = self._client.send(request, auth=auth, stream=True)
            try:
                body = self._read(response)
            finally:
                response.close()
        except httpx.TimeoutException as error:
            problem = f"{self._host} did not answer within {self._network.read_timeout_s:g} s"
            raise Passing(ProviderUnavailable(problem, reason="timeout")) from error
        except httpx.HTTPError as error:  # refused, reset, closed half-way
            problem = f"the connection to {self._host} broke: {_brief(str(error), key)}"
            raise Passing(ProviderUnavailable(problem, reason="connection")) from error
        headers = {name.lower(): value for name, value in response.headers.items()}
        if not response.is_success:
            raise self._failure(response.status_code, headers, body, key)
        return headers, body

    def _read(self, response: httpx.Response) -> bytes:
        """The body, given up where it grows past the limit or drips past the time-out."""
        clock, limit = self._network.retries.clock, self._network.max_body_bytes
        deadline = clock() + self._network.read_timeout_s
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > limit:
                raise RenderFailed(f"{self._host}'s reply is longer than {limit} bytes")
            if clock() > deadline:
                raise httpx.ReadTimeout("the body dripped past the time-out")
        return bytes(body)

    def _failure(
        self, status: int, headers: Mapping[str, str], body: bytes, key: SecretStr
    ) -> PresscheckError | Passing:
        complaint = self._explain(status, body)
        after = complaint.retry_after_s if complaint.retry_after_s is not None else retry_after_s(headers)
        facts: dict[str, Any] = {"provider_status": status}
        if complaint.code:
            facts["provider_code"] = complaint.code[:80]
        if request_id := headers.get("x-request-id") or headers.get("apim-request-id"):
            facts["provider_request_id"] = request_id[:120]
        error = _translated(self._host, status, complaint, said=_brief(complaint.message, key), facts=facts)
        passing = not complaint.kind and headers.get("x-should-retry") != "false"
        if passing and isinstance(error, ProviderThrottled):
            error.context |= {"retry_after_s": after} if after is not None else {}
            return Passing(error, after_s=after)
        if passing and isinstance(error, ProviderUnavailable) and error.context["reason"] == "server":
            return Passing(error, after_s=after)
        return error


class _KeyHeader(httpx.Auth):
    """Puts the key on at the last moment, so that no request lies about with it."""

    def __init__(self, header: str, prefix: str, key: SecretStr) -> None:
        self._header, self._prefix, self._key = header, prefix, key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._header] = self._prefix + self._key.get_secret_value()
        yield request


def _translated(host: str, status: int, complaint: Complaint, *, said: str, facts: dict[str, Any]) -> PresscheckError:
    """The status code decides where the host's own words do not."""
    tail = f": {said}" if said else ""
    kind = complaint.kind
    if kind == "moderation":
        return ProviderRefused(f"{host} refused the request by its content rules{tail}", reason="moderation", **facts)
    if kind == "retired":
        return ModelRetired(f"{host} no longer has this model{tail}", param="model", **facts)
    if kind == "account" or status in _ACCOUNT:
        quotes_the_key = status == _NOT_AUTHENTICATED
        problem = f"{host} does not serve our account ({status}){'' if quotes_the_key else tail}"
        return ProviderUnavailable(problem, reason="account", **facts)
    if status == _THROTTLED:
        return ProviderThrottled(f"{host} is throttling us{tail}", **facts)
    if status in _PASSING or status not in _CLIENT_ERRORS:
        return ProviderUnavailable(f"{host} answered {status}{tail}", reason="server", **facts)
    return ProviderRefused(f"{host} refused the request with {status}{tail}", reason="invalid", **facts)


def _brief(text: str, key: SecretStr) -> str:
    """One short line of what was said, without anything that could be a key."""
    secret = key.get_secret_value()
    text = text.replace(secret, "***") if secret else text
    return " ".join(_LOOKS_LIKE_A_KEY.sub("***", text).split())[:_SAID_CHARS]
