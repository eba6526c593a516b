"""What the parts of the stack wrote: processes into files, functions into CloudWatch Logs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from infra.local.environment import Emulator
from infra.local.state import Home, StackRecord

PROCESSES: Final = ("supervisor", "emulator", "container", "sagemaker", "synthesis")
_OUTPUT: Final = "Function"
_LOOK_EVERY_S: Final = 0.5
_PLATFORM: Final = ("START RequestId", "END RequestId", "REPORT RequestId")


class UnknownComponentError(LookupError):
    """Nothing of that name writes a log; the message names those that do."""


def components(home: Home) -> list[str]:
    record = home.read_record()
    return [*PROCESSES, *_functions(record)]


def lines(home: Home, component: str | None, *, last: int, follow: bool) -> Iterator[tuple[str, str]]:
    """(component, line) of one component or of all, the `last` of each; then, with `follow`, as they are written."""
    chosen = [component] if component else components(home)
    if unknown := set(chosen) - set(components(home)):
        raise UnknownComponentError(f'nothing here is named "{unknown.pop()}": one of {", ".join(components(home))}')
    sources = [_File(name, home.logs / f"{name}.log") for name in chosen if name in PROCESSES]
    record = home.read_record()
    groups = [_Group(name, record) for name in chosen if name not in PROCESSES and record is not None]
    every: list[_File | _Group] = [*sources, *groups]
    for source in every:
        for line in source.new()[-last:]:
            yield source.name, line
    while follow:
        time.sleep(_LOOK_EVERY_S)
        for source in every:
            for line in source.new():
                yield source.name, line


def _functions(record: StackRecord | None) -> dict[str, str]:
    """Lambda function by the name of its folder."""
    if record is None:
        return {}
    outputs = record.outputs.items()
    return {key.removesuffix(_OUTPUT).lower(): name for key, name in outputs if key.endswith(_OUTPUT)}


class _File:
    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._position = 0

    def new(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open(errors="replace") as handle:
            handle.seek(self._position)
            text = handle.read()
            self._position = handle.tell()
        return text.splitlines()


class _Group:
    def __init__(self, name: str, record: StackRecord) -> None:
        self.name = name
        self._aws = Emulator(record.endpoint_url or "")
        self._function = _functions(record)[name]
        self._group = ""
        self._since = 0
        self._seen: set[tuple[Any, ...]] = set()

    def new(self) -> list[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        with contextlib.suppress(BotoCoreError, ClientError):  # a stack on its way down answers nothing more
            return [line for event in self._events() if (line := event["message"].rstrip())]
        return []

    def _events(self) -> list[dict[str, Any]]:
        logs = self._aws.client("logs")
        if not self._group:
            configured = self._aws.client("lambda").get_function_configuration(FunctionName=self._function)
            self._group = configured.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{self._function}")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=self._group, startTime=self._since)
        fresh = [event for page in pages for event in page["events"] if _identity(event) not in self._seen]
        self._seen.update(map(_identity, fresh))
        self._since = max([self._since, *(event["timestamp"] for event in fresh)])
        return [event for event in fresh if not event["message"].startswith(_PLATFORM)]


def _identity(event: dict[str, Any]) -> tuple[Any, ...]:
    """The emulator gives events no id."""
    return event.get("logStreamName"), event["timestamp"], event["message"]


def as_json(component: str, line: str) -> str:
    return json.dumps({"event": "log", "component": component, "line": line})
