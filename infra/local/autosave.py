"""The emulator's state on disk every few seconds, so that a kill -9 costs no more than those.

The emulator itself saves on a graceful stop only. Each service is written in one step and only
when it changed; a service that takes long to write is written less often. Objects are not ours:
the emulator writes those as they arrive.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_EVERY_S: Final = 2.0
_AT_MOST_SHARE: Final = 0.05
_TRIES: Final = 2
_UNDISTURBED_S: Final = 60.0


class Autosave:
    """Snapshots of all services; `save` may be called from any thread."""

    def __init__(self, services: Callable[[], dict[str, Callable[[], Any]]]) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._written: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def start(self) -> None:
        threading.Thread(target=self._loop, name="autosave", daemon=True).start()

    def save(self, *, all_now: bool = True) -> None:
        with self._lock:
            for name, get_state in self._services().items():
                if not all_now and time.monotonic() < self._due.get(name, 0.0):
                    continue
                began = time.monotonic()
                try:
                    self._save_one(name, get_state)
                except Exception as error:  # one service must not cost the others; the next round tries again
                    print(f"autosave: {name}: {error!r}", flush=True)
                took = time.monotonic() - began
                self._due[name] = time.monotonic() + max(_EVERY_S, took / _AT_MOST_SHARE)

    def _save_one(self, name: str, get_state: Callable[[], Any]) -> None:
        persistence = import_module("ministack.core.persistence")

        text = _steady(lambda: _encode(name, get_state()))
        if text is None or self._written.get(name) == hash(text):
            return
        path = Path(persistence.STATE_DIR) / f"{name}.json"
        beside = path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(path)
        self._written[name] = hash(text)

    def _loop(self) -> None:
        while True:
            time.sleep(_EVERY_S)
            self.save(all_now=False)


def _encode(name: str, state: Any) -> str | None:
    persistence = import_module("ministack.core.persistence")

    if state is None:
        return None
    version = persistence._state_format_version(name)
    return json.dumps({"__ministack_format__": version, "payload": state}, default=persistence._json_default)


def _steady(encode: Callable[[], str | None]) -> str | None:
    """Requests go on while we copy: a dictionary that grew under our hands is copied again, at last undisturbed.

    Undisturbed is: no other thread gets the interpreter unless the copying one waits for something.
    """
    for _ in range(_TRIES):
        try:
            return encode()
        except RuntimeError:
            time.sleep(0.01)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_UNDISTURBED_S)
    try:
        return encode()
    finally:
        sys.setswitchinterval(usual)
