"""The API key of the local stack. The ledger alone knows how a key is stored, so it is asked to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping


class KeyIssueError(RuntimeError):
    """The development key could not be stored; the message holds what was said."""


def development_key(environ: Mapping[str, str], *, again: str | None) -> str:
    """A key for the tenant `dev`; `again` stores that same key once more, so that users keep theirs.

    `environ` holds what the functions get and may write the ledger. Raises KeyIssueError.
    """
    command = [sys.executable, "-P", "-m", "shared.operator", "key", *(["--key", again] if again else [])]
    run = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
    if run.returncode:
        raise KeyIssueError(f"`python -m shared.operator key` failed:\n{run.stderr[-2000:]}")
    return str(json.loads(run.stdout)["api_key"])
