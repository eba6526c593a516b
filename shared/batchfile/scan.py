"""One pass over a file before Step Functions reads it, because its reader reads blindly.

One bad line would fail the whole map there, half of the rows taken; surplus cells it drops without a word. So a file
that cannot be read is refused here as a whole, and single rows that it would stumble over are replaced in a copy
(`copied`) by the reason why they cannot be read. Source of the reader's rules: AWS Step Functions Developer Guide,
"ItemReader (Map)", read November 2026.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from shared.batchfile.cells import columns_problem
from shared.batchfile.lines import MAX_ROW_BYTES, BatchRejected, Lines
from shared.models import BatchFormat, canonical_json

UNREADABLE: Final = "!unreadable"
"""The one key of a row that stands for a line nobody can read; no field can be called so."""
_MAX_HEADER_BYTES: Final = 10 * 1024  # Step Functions' own limit


@dataclass(frozen=True)
class Scan:
    """What a pass over a readable file found."""

    rows: int
    """Those that are not empty."""
    plain: bool
    """Whether Step Functions reads it as we do, row for row."""


@dataclass
class _Rows:
    """The rows of a file, in order, and what of them is out of the plain."""

    ranges: Iterable[bytes]
    format: BatchFormat
    lines: Lines = field(init=False)
    plain: bool = True

    def __iter__(self) -> Iterator[tuple[Any, bool]]:
        """Each row's value, and whether it counts: an empty row does not."""
        self.lines = Lines(self.ranges)
        yield from self._csv() if self.format == "csv" else self._jsonl()
        self.plain = self.plain and not self.lines.marked

    def _csv(self) -> Iterator[tuple[Any, bool]]:
        reader = csv.reader(self.lines, strict=True)
        try:
            header = next((cells for cells in reader if cells), [])
            self._check(header)
            for cells in reader:
                if not cells:
                    self.plain = False  # a blank line: whether it is a row is the reader's secret
                    continue
                self.lines.row += 1
                yield self._row(header, cells), any(cell.strip() for cell in cells)
        except csv.Error as error:
            row = self.lines.row + 1
            raise BatchRejected("malformed_csv", f"row {row} is no CSV: {error}", row=row) from error

    def _row(self, header: list[str], cells: list[str]) -> dict[str, str]:
        if sum(map(len, cells)) > MAX_ROW_BYTES:
            row = self.lines.row
            raise BatchRejected("row_too_long", f"row {row} is longer than {MAX_ROW_BYTES} characters", row=row)
        if len(cells) > len(header):
            self.plain = False
            return {
                UNREADABLE: f"has {len(cells)} cells where the header names {len(header)}: "
                "put quotes around a cell that contains a comma"
            }
        return dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=True))

    def _check(self, header: list[str]) -> None:
        if not any(cell.strip() for cell in header):
            raise BatchRejected("empty", "the file is empty: the first row names the fields, each other row is a job")
        if len(canonical_json(header)) > _MAX_HEADER_BYTES:
            raise BatchRejected("wrong_header", f"the header is longer than {_MAX_HEADER_BYTES} bytes")
        if (found := columns_problem(header)) is not None:
            raise BatchRejected("wrong_header", found[1], param=found[0])

    def _jsonl(self) -> Iterator[tuple[Any, bool]]:
        for line in self.lines:
            if not line.strip():
                self.plain = False
                continue
            self.lines.row += 1
            try:
                yield json.loads(line, parse_constant=_no_number), True
            except (ValueError, RecursionError) as error:
                self.plain = False
                yield {UNREADABLE: f"is not JSON: {str(error)[:200]}"}, True


def inspect(ranges: Iterable[bytes], *, format: BatchFormat, max_rows: int) -> Scan:  # noqa: A002 - the noun
    """Count the rows. Raises BatchRejected for a file that cannot be read, naming the row."""
    rows, count = _Rows(ranges, format), 0
    for _, counts in rows:
        count += counts
        if count > max_rows:
            raise BatchRejected("too_many_rows", f"the file has more than {max_rows} rows: split it")
    if not count:
        raise BatchRejected("empty", "the file has no rows")
    return Scan(rows=count, plain=rows.plain)


def copied(ranges: Iterable[bytes], *, format: BatchFormat) -> Iterator[str]:  # noqa: A002 - as above
    """The rows of an inspected file as JSON lines that any reader reads as we do."""
    for value, _ in _Rows(ranges, format):
        yield json.dumps(value) + "\n"


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
