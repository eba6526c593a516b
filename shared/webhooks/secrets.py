"""Each tenant's signing secret: made when first needed, rotated with a day of grace, kept encrypted in the ledger.

Hides KMS. Not in Secrets Manager: that is 40 cents a month for each tenant, or one secret that two writers can
overwrite; a ledger item has a condition, and one key serves all. A tenant's name is part of the encryption
(its context), so a ciphertext moved to another tenant's item opens nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from shared.ledger import Ledger
from shared.ledger.signing import SealedSecret
from shared.models import SigningSecret
from shared.webhooks.signing import new_secret

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

GRACE: Final = timedelta(hours=24)


class SigningSecrets:
    """`key`: id or ARN of the KMS key."""

    def __init__(self, ledger: Ledger, client: KMSClient, *, key: str, clock: Callable[[], datetime]) -> None:
        self._store = ledger.signing
        self._client = client
        self._key = key
        self._clock = clock
        self._opened: dict[tuple[str, str], str] = {}

    def current(self, tenant: str) -> SigningSecret:
        """What receivers should check with; the first call makes it."""
        return self._shown(tenant, self._sealed(tenant))

    def signing(self, tenant: str) -> tuple[str, ...]:
        """Every secret to sign with now: the current one, and the one before while its grace lasts."""
        sealed = self._sealed(tenant)
        secrets = [self._open(tenant, sealed.current)]
        if sealed.previous and sealed.previous_until and self._clock() < sealed.previous_until:
            secrets.append(self._open(tenant, sealed.previous))
        return tuple(secrets)

    def rotate(self, tenant: str) -> SigningSecret:
        """A new secret; the one before it signs beside it for another day, the one before that no more.

        Raises LedgerConflict when somebody else rotated at the same time.
        """
        before, now = self._sealed(tenant), self._clock()
        after = SealedSecret(
            version=before.version + 1,
            current=self._seal(tenant, new_secret()),
            created_at=now,
            previous=before.current,
            previous_until=now + GRACE,
        )
        self._store.replace(tenant, after)
        return self._shown(tenant, after)

    def _sealed(self, tenant: str) -> SealedSecret:
        found = self._store.find(tenant)
        if found:
            return found
        fresh = SealedSecret(version=1, current=self._seal(tenant, new_secret()), created_at=self._clock())
        return self._store.create(tenant, fresh)

    def _shown(self, tenant: str, sealed: SealedSecret) -> SigningSecret:
        until = sealed.previous_until if sealed.previous_until and self._clock() < sealed.previous_until else None
        return SigningSecret(
            secret=self._open(tenant, sealed.current), created_at=sealed.created_at, previous_until=until
        )

    def _seal(self, tenant: str, secret: str) -> str:
        reply = self._client.encrypt(KeyId=self._key, Plaintext=secret.encode(), EncryptionContext=_context(tenant))
        return base64.b64encode(reply["CiphertextBlob"]).decode()

    def _open(self, tenant: str, sealed: str) -> str:
        """One ciphertext has one plaintext for ever, so a process asks KMS once for each."""
        if (tenant, sealed) not in self._opened:
            reply = self._client.decrypt(
                KeyId=self._key, CiphertextBlob=base64.b64decode(sealed), EncryptionContext=_context(tenant)
            )
            self._opened[tenant, sealed] = reply["Plaintext"].decode()
        return self._opened[tenant, sealed]


def _context(tenant: str) -> dict[str, str]:
    return {"tenant": tenant, "purpose": "webhook-signing"}
