"""Run a command that cannot outlive the process that started it, not even after kill -9.

    python -m infra.local.leash <signal> <command> [argument ...]

On Linux the kernel sends `signal` to the command when its parent dies and this module is
replaced by the command. Elsewhere it stays as the command's parent, watches its own, and
forwards. Standard library only: it runs before anything else is imported.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_WATCH_S: Final = 0.5


def main(arguments: list[str]) -> int:
    number, command = signal.Signals[arguments[0]], arguments[1:]
    parent = os.getppid()
    if sys.platform == "linux":
        # The signal follows the *thread* that started us: the supervisor starts children from its main thread only.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            return 1
        os.execvp(command[0], command)  # noqa: S606 - the command is ours
    return _stay(command, number, parent)


def _stay(command: list[str], number: signal.Signals, parent: int) -> int:
    child = subprocess.Popen(command)
    for forwarded in (signal.SIGTERM, signal.SIGINT):
        signal.signal(forwarded, lambda received, _: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.send_signal(number)
        time.sleep(_WATCH_S)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
