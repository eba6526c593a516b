"""The api function again, for routes whose reply may be sent while it is still being made.

The same code under the same grants; what differs is who runs it. On AWS the wrapper `runtime.sh` puts runtime.py in
the place of Lambda's own Python runtime, which cannot stream, and API Gateway passes on what arrives. Where nobody
heeds the wrapper (the emulator), Lambda calls this handler as any other and the reply goes out in one piece.
"""

from functions.api.handler import handler

__all__ = ["handler"]
