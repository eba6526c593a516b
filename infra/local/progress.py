"""What a starting stack says, line by line, from the supervisor to whoever waits for it.

Hides the file between them. An event is one JSON object a line: `progress` any number of times,
then `ready` or `error`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

Event = dict[str, Any]
_LOOK_EVERY_S: Final = 0.05


class Progress:
    """The writing side. Elapsed times count from its making, in milliseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        path.write_text("")

    def elapsed_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)

    def step(self, step: str, message: str) -> None:
        self._write({"event": "progress", "step": step, "message": message})

    def ready(self, **facts: Any) -> None:
        self._write({"event": "ready", **facts})

    def error(self, message: str, *, hint: str) -> None:
        self._write({"event": "error", "message": message, "hint": hint})

    def _write(self, event: Event) -> None:
        with self._path.open("a") as out:
            out.write(json.dumps({**event, "elapsed_ms": self.elapsed_ms()}) + "\n")


def follow(path: Path, *, alive: Callable[[], bool]) -> Iterator[Event]:
    """Events as they are written, the last of them `ready` or `error`. Ends early when the writer is not `alive`."""
    position, writing = 0, True
    while True:
        writing = alive()
        text = path.read_text() if path.exists() else ""
        whole = text[position : text.rfind("\n") + 1]
        for line in whole.splitlines():
            event: Event = json.loads(line)
            yield event
            if event["event"] in {"ready", "error"}:
                return
        position += len(whole)
        if not writing:
            return
        time.sleep(_LOOK_EVERY_S)
