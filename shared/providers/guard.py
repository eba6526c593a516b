"""No call that costs money unless the deployment says so.

Every adapter asks here before it speaks. Only wiring says yes, and only for a stage deployed to AWS: a test, a
laptop or a stray script can reach nothing but its own machine.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from shared.errors import ConfigurationError


def check_host(url: str, *, allow_paid: bool) -> None:
    """Raise ConfigurationError for a host beyond this machine where paid calls are off."""
    host = urlsplit(url).hostname or ""
    if not allow_paid and not _is_here(host):
        raise ConfigurationError(f'a call to "{host}" would cost money and paid calls are off here', host=host)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
