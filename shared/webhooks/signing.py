"""Standard Webhooks: the secret a tenant's receivers know, and the headers that prove who sent a body.

Hides the scheme (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md). Never stores a secret.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

_SECRET_BYTES: Final = 32  # the specification asks for 24 to 64


def new_secret() -> str:
    """`whsec_` and standard base64: it has no further `_`, at which Replicate's client would split it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(delivery_id: str, body: str, *, at: datetime, with_secrets: Sequence[str]) -> dict[str, str]:
    """The three headers; one signature a secret, so that receivers may change over while two are valid.

    `at` is the time of this try, not of the event: receivers refuse what is more than five minutes old.
    """
    signatures = [Webhook(secret).sign(delivery_id, at, body) for secret in with_secrets]
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
