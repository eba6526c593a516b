"""One POST to one destination: to the address that was checked, within a time, following nothing.

Hides httpcore. The TLS name, the certificate and the Host header are the URL's; only the address is ours. The reply's
body is not read: its status says all we act on, and whatever else it holds (endless, or from inside a network) stays
where it is. Never tries twice.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import httpcore

from shared.webhooks.destinations import Destination

TIMEOUT_S: Final = 15.0
_PIECE_BYTES: Final = 16_384


class NoReplyError(Exception):
    """There was no HTTP status. The message says why, in words for the receiver's owner."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """`timeout_s` bounds the whole exchange, from connecting to the reply's headers, however it drips."""

    timeout_s: float = TIMEOUT_S
    tls: Callable[[], ssl.SSLContext] = httpcore.default_ssl_context
    clock: Callable[[], float] = time.monotonic
    network: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self.tls()  # 20 ms of reading certificates, once a process

    def send(self, destination: Destination, headers: Mapping[str, str], body: bytes) -> Reply:
        """The status and headers of the reply. Raises NoReplyError."""
        hourglass = _Hourglass(self.clock() + self.timeout_s, self.clock)
        backend = _Pinned(self.network, destination.address, hourglass)
        url = httpcore.URL(
            scheme=destination.scheme.encode(),
            host=destination.host.encode("ascii"),
            port=destination.port,
            target=destination.target.encode("ascii"),
        )
        sent: list[tuple[str, str]] = [("Host", _netloc(destination)), *headers.items()]
        tls = self._tls if destination.scheme == "https" else None
        try:
            with (
                httpcore.ConnectionPool(ssl_context=tls, network_backend=backend) as pool,
                pool.stream("POST", url, headers=sent, content=body) as response,
            ):
                return Reply(response.status, _text(response.headers))
        except httpcore.TimeoutException as error:
            raise NoReplyError(f"no reply within {self.timeout_s:g} s") from error
        except httpcore.ConnectError as error:
            raise NoReplyError(f"no connection: {str(error)[:200]}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NoReplyError(f"the connection broke: {str(error)[:200]}") from error


@dataclass(frozen=True)
class _Hourglass:
    deadline: float
    clock: Callable[[], float]

    def left(self, out_of_time: type[httpcore.TimeoutException]) -> float:
        left = self.deadline - self.clock()
        if left <= 0:
            raise out_of_time
        return left


class _Pinned(httpcore.NetworkBackend):
    """Connects to one address whatever the name; httpcore still speaks TLS with the name."""

    def __init__(self, network: httpcore.NetworkBackend, address: str, hourglass: _Hourglass) -> None:
        self._network = network
        self._address = address
        self._hourglass = hourglass

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the very thing that must not be looked up again
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - ours counts
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._hourglass.left(httpcore.ConnectTimeout)
        stream = self._network.connect_tcp(self._address, port, left, local_address, socket_options)
        return _Timed(stream, self._hourglass)


class _Timed(httpcore.NetworkStream):
    """A stream whose every wait ends with the hourglass, so that a dripping receiver cannot hold us."""

    def __init__(self, stream: httpcore.NetworkStream, hourglass: _Hourglass) -> None:
        self._stream = stream
        self._hourglass = hourglass

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._hourglass.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), _PIECE_BYTES):
            piece = buffer[start : start + _PIECE_BYTES]
            self._stream.write(piece, self._hourglass.left(httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self._hourglass.left(httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._hourglass)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _netloc(destination: Destination) -> str:
    host = f"[{destination.host}]" if ":" in destination.host else destination.host
    return host if destination.port in {80, 443} else f"{host}:{destination.port}"


def _text(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
