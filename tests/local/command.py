"""`python -m infra.local` as a test calls it: in a home of its own, so that no two stacks meet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Command:
    """The command line of one home; every call is a process, as for a user."""

    def __init__(self, home: Path, *, cache: Path) -> None:
        self.home = home
        self.env = {**os.environ, "PRESSCHECK_HOME": str(home), "PRESSCHECK_CACHE": str(cache)}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.local", *map(str, arguments)],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: object) -> dict[str, Any]:
        """The last JSON document the command wrote: `ready`, `status`, `down` or `error`."""
        process = self.start(*arguments, "--json")
        said, complained = process.communicate(timeout=240)
        lines = said.strip().splitlines()
        assert lines, f"it said nothing: {complained}"
        return dict(json.loads(lines[-1]))
