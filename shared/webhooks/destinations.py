"""Where a webhook may lead: public hosts, by https, and nowhere inside a network.

Hides which addresses are public. A name is resolved here, once, and the address found is the one that is connected
to: a name that means another address a moment later (DNS rebinding) changes nothing. Never opens a connection.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.errors import WebhookRefused, WebhookUnresolved

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_PORTS: Final = frozenset({443, 8443})
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_PARAM: Final = "webhook"

# Python's is_global differs between releases, calls multicast global and knows nothing of addresses that carry
# another inside. So: global for Python and not one of these. For IPv6 only what is handed out to hosts counts.
# https://www.iana.org/assignments/iana-ipv6-special-registry and iana-ipv4-special-registry, read 2026-11
_UNICAST_6: Final = ipaddress.ip_network("2000::/3")
_SPECIAL: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's host, a public address of no public host
        "2001::/23",  # protocol assignments, Teredo, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)  # NAT64 (64:ff9b::/96, 64:ff9b:1::/48) and mapped addresses (::ffff:0:0/96) lie outside of 2000::/3


@dataclass(frozen=True)
class Destination:
    """A URL that may be called, and the one address to call it at."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as they go into the request line."""
    address: str


def resolve(host: str, port: int) -> list[str]:
    """Every address the system's resolver knows for a host; an address is its own. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True)
class Destinations:
    """`allow_loopback` lets http and any port through to this very machine: for the local stack alone."""

    allow_loopback: bool = False
    resolve: Resolve = resolve

    def find(self, url: str) -> Destination:
        """Where the URL leads now. Raises WebhookRefused, or WebhookUnresolved for a name without an address."""
        parts = urlsplit(url)
        host, port = _host_and_port(parts)
        if parts.username is not None or parts.password is not None:
            raise WebhookRefused("webhook must not carry a user or a password", param=_PARAM)
        addresses = self._addresses(host, port)
        here = self.allow_loopback and all(address.is_loopback for address in addresses)
        if not here:
            _check_public(parts.scheme, host, port, addresses)
        # A Lambda function outside a VPC speaks IPv4 only, so those come first.
        first = min(addresses, key=lambda address: address.version)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Destination(parts.scheme, host, port, target, str(first))

    def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            found = [ipaddress.ip_address(each.partition("%")[0]) for each in self.resolve(host, port)]
        except (
            OSError,
            UnicodeError,
        ) as error:  # the latter for a label that is too long
            raise WebhookUnresolved(f'the host of webhook, "{host}", has no address', param=_PARAM) from error
        if not found:
            raise WebhookUnresolved(f'the host of webhook, "{host}", has no address', param=_PARAM)
        return found


def _host_and_port(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port
    except ValueError as error:
        raise WebhookRefused("webhook has a port that is none", param=_PARAM) from error
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise WebhookRefused("webhook must be an https URL", param=_PARAM)
    return parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def _check_public(scheme: str, host: str, port: int, addresses: Sequence[Address]) -> None:
    if scheme != "https":
        raise WebhookRefused("webhook must be an https URL", param=_PARAM)
    if port not in _PORTS:
        raise WebhookRefused(f"webhook must use port 443 or 8443, not {port}", param=_PARAM)
    if not all(_is_public(address) for address in addresses):
        # Which address is not said: the answer would map a network for whoever asks.
        raise WebhookRefused(f'the host of webhook, "{host}", is not on the public internet', param=_PARAM)


def _is_public(address: Address) -> bool:
    if address.version == 6 and address not in _UNICAST_6:  # noqa: PLR2004 - IPv6
        return False
    special = any(address in network for network in _SPECIAL if network.version == address.version)
    return address.is_global and not address.is_multicast and not special
