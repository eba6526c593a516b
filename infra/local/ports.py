"""Free ports on loopback."""

from __future__ import annotations

import socket


class PortTakenError(RuntimeError):
    """The port the user asked for belongs to someone else."""


def free(count: int) -> list[int]:
    """Ports nobody listens on. Another program may take one before we do: starting is tried again then."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


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
