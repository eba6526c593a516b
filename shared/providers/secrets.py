"""The hosts' API keys: one secret in Secrets Manager, a JSON object of host -> key.

Hides Powertools parameters and its cache. Keys are SecretStr from here on; never from the environment, never in a
message. A rotated key is taken up within five minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aws_lambda_powertools.utilities.parameters import SecretsProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from pydantic import SecretStr, TypeAdapter, ValidationError

from shared.errors import ConfigurationError, ProviderUnavailable

_MAX_AGE_S: Final = 300
_KEYS: Final = TypeAdapter(dict[str, SecretStr])


class Keyring:
    """Reads keys when they are needed. `name`: the secret's name or ARN."""

    def __init__(self, secrets: SecretsProvider, *, name: str, max_age_s: int = _MAX_AGE_S) -> None:
        self._secrets = secrets
        self._name = name
        self._max_age_s = max_age_s

    def key(self, host: str) -> SecretStr:
        """The key of a host. Raises ProviderUnavailable without one, so that a fallback may serve meanwhile.

        Raises ConfigurationError for a secret that is not what it should be.
        """
        if not self._name:
            raise ConfigurationError(f'no secret is named that could hold the key of "{host}"')
        try:
            text = self._secrets.get(self._name, max_age=self._max_age_s)
        except GetParameterError as error:
            problem = f'the key of "{host}" cannot be read from secret {self._name}'
            raise ProviderUnavailable(problem, reason="account") from error
        try:
            key = _KEYS.validate_json(text if isinstance(text, str) else "").get(host)
        except ValidationError:
            # Without its cause: pydantic quotes what it was given, and that is every key we have.
            raise ConfigurationError(f"secret {self._name} is not a JSON object of host -> key") from None
        if not key or not key.get_secret_value().strip():
            problem = f'secret {self._name} holds no key of "{host}"; put it there to use its models'
            raise ProviderUnavailable(problem, reason="account")
        return key

    def of(self, host: str) -> Callable[[], SecretStr]:
        """The key of a host, read anew for each call."""
        return lambda: self.key(host)
