"""Free ports on loopback, out of the range from which the system serves outgoing connections.

A port is chosen seconds before it is listened on; from the ephemeral range, any connection
made in between could take it.
"""

from __future__ import annotations

import random
import socket
from typing import Final

_RANGE: Final = range(20000, 30000)


class PortTakenError(RuntimeError):
    """The port the user asked for belongs to someone else."""


def free(count: int) -> list[int]:
    """Ports nobody listens on now."""
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311 - spread, not secrecy
        if port not in found and available(port):
            found.append(port)
    return found


def claim(port: int) -> int:
    """The port itself, if we could listen on it now. Raises PortTakenError."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise PortTakenError(f"port {port} on 127.0.0.1 is already in use") from error
    return port


def available(port: int | None) -> bool:
    try:
        return port is not None and claim(port) == port
    except PortTakenError:
        return False
