"""The export file: a tenant's records as JSON lines, with a seal at its end and the recipe to check it beside it.

Hides the lines. Each page of jobs is on the disk before the next is asked for, and ends with a mark from which an
interrupted export goes on: nothing is lost, nothing is there twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from shared.cli import recheck
from shared.cli.errors import CliError
from shared.models import Value

_VERSION: Final = 1


class Held(Value):
    """What an export says of its jobs' ends: for each its last event's number and digest."""

    file: str
    begun_at: str
    ends: dict[str, tuple[int, str]]


class Export:
    """A file being written, or written on. Give `add` every page; `finish` seals it."""

    def __init__(self, path: Path) -> None:
        """Raises CliError for a file that is complete, or no export."""
        self.path = path
        self.header: dict[str, Any] | None = None
        self.cursor: str | None = None
        self.jobs = self.events = 0
        self.broken: list[str] = []
        self._ends = hashlib.sha256()
        keep = self._read() if path.exists() and path.stat().st_size else 0
        self.resumed = keep > 0
        self._out: IO[bytes] = path.open("r+b" if path.exists() else "w+b")
        self._out.truncate(keep)
        self._out.seek(keep)

    @property
    def recipe(self) -> Path:
        return self.path.with_suffix(".verify.py")

    @property
    def whole(self) -> bool:
        """Whether an earlier try got to the last page, and only the seal is missing."""
        return self.header is not None and self.cursor is None

    def begin(self, *, stack: str, tenant: str, since: datetime | None, at: datetime) -> None:
        """Write what the file is, unless it began before."""
        if self.header is None:
            self.header = {
                "kind": "presscheck-audit",
                "version": _VERSION,
                "stack": stack,
                "tenant": tenant,
                "since": since.isoformat() if since else None,
                "begun_at": at.isoformat(),
                "check_with": f"python {self.recipe.name} {self.path.name}",
            }
            self._write(self.header)
            self.recipe.write_text(Path(recheck.__file__).read_text(encoding="utf-8"), encoding="utf-8")

    def add(self, records: list[dict[str, Any]], *, cursor: str | None) -> None:
        """Keep one page; once this returns it is on the disk."""
        for record in records:
            self._count(record)
            self._write({"kind": "job", **record})
        self._write({"kind": "page", "cursor": cursor})
        self.cursor = cursor
        self._keep()

    def finish(self) -> str:
        """Seal the file; answers the seal's digest."""
        digest = self._ends.hexdigest()
        self._write({"kind": "seal", "jobs": self.jobs, "events": self.events, "digest": digest})
        self._keep()
        return digest

    def close(self) -> None:
        self._out.close()

    def _read(self) -> int:
        """Take up what is there, up to the last whole page; how many bytes that is."""
        keep = 0
        pending: list[dict[str, Any]] = []
        for line, end in _lines(self.path):
            kind = line.get("kind")
            if self.header is None:
                if kind != "presscheck-audit":
                    raise _no_export(self.path)
                self.header = line
            elif kind == "job":
                pending.append(line)
            elif kind == "page":
                for record in pending:
                    self._count(record)
                pending, keep, self.cursor = [], end, line["cursor"]
            elif kind == "seal":
                hint = "name another file; or hold the ledger to this one: presscheck audit verify --against FILE"
                raise CliError(f"{self.path} is a complete export", hint=hint, code="already_exported")
        if keep == 0:
            self.header = None
        return keep

    def _count(self, record: dict[str, Any]) -> None:
        self.jobs += 1
        self.events += len(record["events"])
        self._ends.update(recheck.end_of(record).encode())
        if record["breaks"] or any(recheck.problems(record)):
            self.broken.append(record["job_id"])

    def _write(self, line: dict[str, Any]) -> None:
        self._out.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")

    def _keep(self) -> None:
        self._out.flush()
        os.fsync(self._out.fileno())


def held(path: Path) -> Held:
    """What an earlier export holds. Raises CliError for a file that is unfinished, or not what it was sealed as."""
    ends, seal = hashlib.sha256(), None
    jobs: dict[str, tuple[int, str]] = {}
    begun_at = ""
    for number, (line, _) in enumerate(_lines(path)):
        if number == 0 and line.get("kind") != "presscheck-audit":
            raise _no_export(path)
        if line["kind"] == "presscheck-audit":
            begun_at = line["begun_at"]
        elif line["kind"] == "job":
            ends.update(recheck.end_of(line).encode())
            if isinstance(line["job"], dict):
                jobs[line["job_id"]] = (line["job"]["seq"], line["job"]["head"])
        elif line["kind"] == "seal":
            seal = line
    if seal is None:
        raise CliError(
            f"{path} was not finished", hint=f"go on with it: presscheck audit export {path}", code="unfinished_export"
        )
    if seal["digest"] != ends.hexdigest():
        raise CliError(f"{path} is not what it was sealed as: a line was changed", code="export_altered")
    return Held(file=str(path), begun_at=begun_at, ends=jobs)


def _lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Every whole line and where it ends; what an interrupt cut off is left out."""
    end = 0
    with path.open("rb") as file:
        for text in file:
            end += len(text)
            if not text.endswith(b"\n"):
                return
            try:
                line = json.loads(text)
            except ValueError as error:
                raise _no_export(path) from error
            if not isinstance(line, dict):
                raise _no_export(path)
            yield line, end


def _no_export(path: Path) -> CliError:
    return CliError(f"{path} is no export of Presscheck's", hint="name a file that is not there yet", code="no_export")
