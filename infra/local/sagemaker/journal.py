"""What was accepted and is not yet told, kept on disk: the stand-in's durability.

Hides SQLite. A request is added before its 202, its notification is recorded once the result is
in S3, and the row goes when the notification is published or deliberately dropped. So a kill -9
at any point costs at most a second inference or a second notification, never a request. A power
cut may cost the last moments: commits wait for the operating system, not for the disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from infra.local.sagemaker.invocation import Invocation, Value

_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    invocation TEXT NOT NULL,
    notice TEXT
)
"""


class StateInUse(RuntimeError):
    """Another process holds this state folder; two would do every request twice."""


class Notice(Value):
    """A notification that is due: told `copies` times, not before `not_before` (seconds since the epoch)."""

    seq: int
    endpoint: str
    inference_id: str
    topic: str
    message: str
    copies: int = 1
    not_before: float = 0.0


class Journal:
    """Not thread-safe: the event loop's thread alone uses it. A commit takes about 0.1 ms, so it may."""

    def __init__(self, folder: Path | None) -> None:
        """None keeps the journal in memory. Raises StateInUse when another process has the folder open."""
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / "sagemaker.sqlite3")
        # The app's loop may run in another thread than the one that opened the file.
        self._db = sqlite3.connect(path, isolation_level=None, timeout=0.5, check_same_thread=False)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(_SCHEMA)
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                message = f"{folder} is in use by another SageMaker stand-in: stop it or name another --state"
                raise StateInUse(message) from error
            raise

    def add(self, invocation: Invocation) -> int:
        """Record an accepted request; its number orders the queue after a restart."""
        cursor = self._db.execute("INSERT INTO request (invocation) VALUES (?)", (invocation.model_dump_json(),))
        if cursor.lastrowid is None:
            raise RuntimeError("SQLite gave no row id")
        return cursor.lastrowid

    def finish(self, notice: Notice) -> None:
        """The result is in S3; what remains is to tell. Safe to call again with a changed notice."""
        self._db.execute("UPDATE request SET notice = ? WHERE seq = ?", (notice.model_dump_json(), notice.seq))

    def remove(self, seq: int) -> None:
        self._db.execute("DELETE FROM request WHERE seq = ?", (seq,))

    def unfinished(self) -> list[tuple[int, Invocation]]:
        """Accepted requests without a result, oldest first."""
        rows = self._db.execute("SELECT seq, invocation FROM request WHERE notice IS NULL ORDER BY seq")
        return [(seq, Invocation.model_validate_json(text)) for seq, text in rows]

    def untold(self) -> list[Notice]:
        """Notifications that nobody has been told, oldest first."""
        rows = self._db.execute("SELECT notice FROM request WHERE notice IS NOT NULL ORDER BY seq")
        return [Notice.model_validate_json(text) for (text,) in rows]

    def close(self) -> None:
        self._db.close()
