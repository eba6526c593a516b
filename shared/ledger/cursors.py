"""Where a page ended, as a text for clients.

Hides that it is a key of the table. A cursor of one partition opens no other: nobody pages through another tenant.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from shared.errors import InvalidRequest
from shared.models import canonical_json

_FIELDS: Final = {"pk", "sk", "tenant_pk", "tenant_sk"}


def seal_cursor(key: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(canonical_json(key).encode()).decode()


def open_cursor(cursor: str, *, partition: str) -> dict[str, Any]:
    """The key. Raises InvalidRequest for what we did not give out for this partition."""
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if isinstance(key, dict) and set(key) == _FIELDS and key["tenant_pk"] == partition:
            return key
    except (ValueError, KeyError) as error:
        raise InvalidRequest("cursor is not one this API gave out", param="cursor") from error
    raise InvalidRequest("cursor is not one this API gave out", param="cursor")
