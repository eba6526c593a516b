"""`python -m shared.devkey`: the local stack's tenant and its key, as JSON on standard output.

Reads the same environment as the functions. With `--key` it stores a given key again, so that a stack
that comes back keeps the key its users have.
"""

from __future__ import annotations

import argparse
import json
import sys

from shared.wiring import keys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenant", default="dev")
    parser.add_argument("--name", default="dev")
    parser.add_argument("--key", default=None)
    asked = parser.parse_args()
    key = keys().issue(asked.tenant, asked.name, key=asked.key)
    json.dump({"tenant": asked.tenant, "api_key": key}, sys.stdout)


if __name__ == "__main__":
    main()
