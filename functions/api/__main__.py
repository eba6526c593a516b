"""`python -m functions.api`: write events/openapi.json anew.

Names what would break clients and writes nothing then, unless told that this is meant. `--against FILE` compares with
another document, such as the one of the last release.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from functions.api.breaking import breaks
from functions.api.contract import document
from functions.api.handler import ROUTES

COMMITTED = Path(__file__).parents[2] / "events" / "openapi.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m functions.api", description=__doc__)
    parser.add_argument("--breaking", action="store_true", help="write it although clients may break")
    parser.add_argument("--against", type=Path, default=COMMITTED, help="what to compare with; the committed copy")
    asked = parser.parse_args()
    described = document([operation for module in ROUTES for operation in module.operations])
    broken = breaks(json.loads(asked.against.read_text(encoding="utf-8")), described) if asked.against.exists() else []
    for line in broken:
        sys.stderr.write(f"breaks clients: {line}\n")
    if broken and not asked.breaking:
        sys.stderr.write("nothing was written; if this is meant, move VERSION in contract.py and add --breaking\n")
        return 1
    COMMITTED.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
