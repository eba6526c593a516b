"""Releases: which version of a template or of the policy, and which model under a name, a running stack uses; and every
move of those pointers.

Hides how moves are chained and what a rollback goes back to. Pure: the ledger stores them, the pipeline makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from shared.models import Value, canonical_json, sha256_hex

POLICY: Final = "policy"
_GENESIS: Final = "0" * 64


def template_subject(name: str) -> str:
    """What a template's releases are kept under; the policy's are under `POLICY`."""
    return f"template:{name}"


def alias_subject(alias: str) -> str:
    """What the moves of a model's other name are kept under."""
    return f"alias:{alias}"


class Release(Value):
    """One move of a pointer: who let which version take over from which, when and why.

    `digest` covers every other field and `prev` is the move before it, as in a job's audit chain.
    """

    subject: str
    seq: int
    kind: Literal["release", "rollback"]
    from_version: int | None
    """None when nothing of it was released before."""
    version: int
    file_digest: str
    """sha256 of the version's file: a deployment that carries another file under this number must not use it."""
    by: str
    at: datetime
    reason: str
    prev: str
    target: str | None = None
    """The model, where a model's other name was moved."""
    digest: str = ""

    def computed_digest(self) -> str:
        """sha256 over the canonical JSON of all fields but `digest`, and but `target` where there is none."""
        left_out = {"digest"} if self.target is not None else {"digest", "target"}
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude=left_out)))


def next_release(
    current: Release | None,
    *,
    subject: str,
    kind: Literal["release", "rollback"],
    from_version: int | None,
    version: int,
    file_digest: str,
    by: str,
    at: datetime,
    reason: str,
    target: str | None = None,
) -> Release:
    """The move that follows `current`, chained to it."""
    move = Release(
        subject=subject,
        seq=current.seq + 1 if current else 1,
        kind=kind,
        from_version=from_version,
        version=version,
        file_digest=file_digest,
        by=by,
        at=at,
        reason=reason,
        prev=current.digest if current else _GENESIS,
        target=target,
    )
    return move.model_copy(update={"digest": move.computed_digest()})


def history_problem(current: Release | None, history: Sequence[Release]) -> str | None:
    """None when the history, oldest first, is whole and ends at `current`, else what is wrong and at which move."""
    previous = _GENESIS
    for number, move in enumerate(history, start=1):
        if move.seq != number:
            return f"move {number} is missing or out of order (found {move.seq})"
        if move.prev != previous:
            return f"move {number} does not point to the one before it"
        if move.computed_digest() != move.digest:
            return f"move {number} was altered"
        previous = move.digest
    last = history[-1] if history else None
    return None if last == current else "the last move is not the one in force"


def rollback_target(history: Sequence[Release], *, current: int, versions: Iterable[int]) -> int | None:
    """The version a rollback goes back to; None when there is none.

    What was in force before the current version: rolling back twice goes back two releases, not to and fro. Where the
    history does not reach that far, the next lower of `versions`, those there are.
    """
    in_force: list[int] = []
    for move in history:
        if not in_force and move.from_version is not None:
            in_force = [move.from_version]
        if move.kind == "rollback":
            in_force = in_force[:-1] if in_force[-2:-1] == [move.version] else [move.version]
        elif in_force[-1:] != [move.version]:
            in_force.append(move.version)
    if in_force[-1:] == [current] and len(in_force) > 1:
        return in_force[-2]
    return max((version for version in versions if version < current), default=None)
