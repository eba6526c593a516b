"""The lines of a file whose bytes pass by, and the reasons to stop at once.

Hides encodings and what other kinds of file look like. Holds one range of bytes and one line at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from shared.models import BatchProblem

MAX_ROW_BYTES: Final = 64 * 1024
"""One row, as written in the file. A row travels as JSON, at most 256 KiB with all of its chunk."""

_OTHER_KINDS: Final = {
    b"\x1f\x8b": ("compressed", "is gzip-compressed: upload it uncompressed"),
    b"PK\x03\x04": ("compressed", "is a ZIP archive or a spreadsheet (.xlsx): export it as CSV UTF-8"),
    b"BZh": ("compressed", "is bzip2-compressed: upload it uncompressed"),
    b"\x28\xb5\x2f\xfd": ("compressed", "is zstd-compressed: upload it uncompressed"),
    b"\xfd7zXZ\x00": ("compressed", "is xz-compressed: upload it uncompressed"),
    b"\xff\xfe": ("not_utf8", "is UTF-16: save it as CSV UTF-8"),
    b"\xfe\xff": ("not_utf8", "is UTF-16: save it as CSV UTF-8"),
    b"\x00\x00\xfe\xff": ("not_utf8", "is UTF-32: save it as CSV UTF-8"),
    b"%PDF": ("binary", "is a PDF, not a table"),
    b"\x89PNG": ("binary", "is a picture, not a table"),
}
_BOM: Final = b"\xef\xbb\xbf"


class BatchRejected(Exception):
    """The file cannot be read as a batch; nothing of it was taken."""

    def __init__(self, code: str, message: str, *, row: int | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.problem = BatchProblem(code=code, message=message, row=row, param=param)


class Lines:
    """Iterate once. `marked` says afterwards whether the file began with a byte order mark."""

    def __init__(self, ranges: Iterable[bytes]) -> None:
        self._ranges = ranges
        self.marked = False
        self.row = 0
        """Set by whoever counts rows: complaints name the one after it."""

    def __iter__(self) -> Iterator[str]:
        rest = b""
        for number, data in enumerate(self._ranges):
            rest = rest + data if number else self._start(data)
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield self._text(line + b"\n")
            if len(rest) > MAX_ROW_BYTES:
                raise self._too_long()
        if rest:
            yield self._text(rest)

    def _start(self, data: bytes) -> bytes:
        for magic, (code, what) in _OTHER_KINDS.items():
            if data.startswith(magic):
                raise BatchRejected(code, f"the file {what}")
        self.marked = data.startswith(_BOM)
        return data.removeprefix(_BOM)

    def _text(self, line: bytes) -> str:
        if len(line) > MAX_ROW_BYTES:
            raise self._too_long()
        if b"\x00" in line:
            raise BatchRejected(
                "binary", f"row {self.row + 1} holds a zero byte: this is no text file", row=self.row + 1
            )
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise BatchRejected(
                "not_utf8",
                f"row {self.row + 1} is not UTF-8 (byte 0x{line[error.start]:02x}): save the file as UTF-8, all of it",
                row=self.row + 1,
            ) from error

    def _too_long(self) -> BatchRejected:
        return BatchRejected(
            "row_too_long",
            f"row {self.row + 1} is longer than {MAX_ROW_BYTES} bytes: a line break or a closing quote is missing",
            row=self.row + 1,
        )
