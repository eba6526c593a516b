"""`python -m shared.operator`: what comes before the first key, and above every tenant's own admins.

    key --tenant acme --name dana          a tenant's first key, with all scopes; further ones: `presscheck keys create`
    limits --tenant acme --burst 500 …     limits of its own instead of the stage's; without options they are shown

Reads the environment of the api function (`PRESSCHECK_*`) and acts with the AWS credentials it finds. Answers in JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from shared import wiring
from shared.models import Limits


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m shared.operator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    key = commands.add_parser("key")
    key.add_argument("--tenant", default="dev")
    key.add_argument("--name", default="dev")
    key.add_argument("--key", default=None, help="store this known key again")
    limits = commands.add_parser("limits")
    limits.add_argument("--tenant", required=True)
    for name in Limits.model_fields:
        limits.add_argument(f"--{name.replace('_', '-')}", type=float, default=None)
    asked = vars(parser.parse_args(arguments))
    answer = _key(**asked) if asked.pop("command") == "key" else _limits(**asked)
    json.dump(answer, sys.stdout)


def _key(*, tenant: str, name: str, key: str | None) -> dict[str, Any]:
    issued, _ = wiring.keys().issue(tenant, name, key=key)
    return {"tenant": tenant, "api_key": issued}


def _limits(*, tenant: str, **changes: float | None) -> dict[str, Any]:
    """Running functions notice within a minute."""
    known = wiring.allowances().of(tenant)
    wanted = {name: value for name, value in changes.items() if value is not None}
    limits = Limits.model_validate(known.model_dump() | wanted)
    if wanted:
        wiring.ledger().usage.put_limits(tenant, limits)
    return {"tenant": tenant, **limits.model_dump()}


if __name__ == "__main__":
    main()
