"""versions.lock: the digest of everything that was released, so that none of it changes afterwards.

Hides the file's form. Knows nothing of what is locked: templates, seeds and policies bring names and digests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from shared.errors import ConfigurationError


def read_lock(path: Path) -> dict[str, str] | None:
    """Released reference (`poster@3`) -> sha256 of what was released; None where nothing ever was."""
    if not path.is_file():
        return None
    locked: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([a-z0-9][a-z0-9._-]*@[1-9]\d*) ([0-9a-f]{64})", line)
        if not match or match[1] in locked:
            raise ConfigurationError(f'{path.name}: cannot read "{line[:80]}"')
        locked[match[1]] = match[2]
    return locked


def changed_since(locked: Mapping[str, str], digests: Mapping[str, str]) -> tuple[str, ...]:
    """One complaint for each locked reference that is gone or has another digest now."""
    return tuple(
        f"{reference} was released and is gone"
        if reference not in digests
        else f"{reference} was released and then edited; put the change into a new version"
        for reference, digest in locked.items()
        if digests.get(reference) != digest
    )


def write_lock(path: Path, locked: Mapping[str, str]) -> None:
    """Keep these and nothing else. A file that says so already is left alone."""
    if read_lock(path) == locked:
        return
    lines = [f"{reference} {digest}\n" for reference, digest in sorted(locked.items())]
    path.write_text("".join(lines), encoding="utf-8")
