"""Keys come from one secret, are remembered for a while, and are never told."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from moto import mock_aws

from shared.errors import ConfigurationError, ProviderUnavailable
from shared.providers.secrets import Keyring

NAME = "presscheck/test/providers"


@pytest.fixture(scope="module")
def _account() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("secretsmanager")
        client.create_secret(Name=NAME, SecretString="{}")
        yield client


@pytest.fixture
def manager(_account: Any) -> Any:
    _account.put_secret_value(SecretId=NAME, SecretString='{"openai": "sk-old", "google": "AIza-1"}')
    return _account


def keyring(manager: Any, **overrides: Any) -> Keyring:
    return Keyring(SecretsProvider(boto3_client=manager), **{"name": NAME, **overrides})


def test_each_host_gets_its_own_key_and_hides_it(manager: Any) -> None:
    keys = keyring(manager)

    assert keys.key("openai").get_secret_value() == "sk-old"
    assert keys.of("google")().get_secret_value() == "AIza-1"
    assert "sk-old" not in f"{keys.key('openai')!r}{keys!r}{vars(keys)!r}"


def test_the_secret_is_read_once_and_a_rotation_is_taken_up_when_it_has_aged(manager: Any) -> None:
    remembering, forgetful = keyring(manager), keyring(manager, max_age_s=0)
    before = [keys.key("openai").get_secret_value() for keys in (remembering, forgetful)]

    manager.put_secret_value(SecretId=NAME, SecretString='{"openai": "sk-new"}')

    after = [keys.key("openai").get_secret_value() for keys in (remembering, forgetful)]
    assert (before, after) == (["sk-old", "sk-old"], ["sk-old", "sk-new"])


def test_the_environment_is_never_asked(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STABILITY_API_KEY", "stability", "PRESSCHECK_STABILITY"):
        monkeypatch.setenv(name, "sk-from-environment")

    with pytest.raises(ProviderUnavailable, match='holds no key of "stability"'):
        keyring(manager).key("stability")


@pytest.mark.parametrize("text", ['["sk-leak"]', "sk-leak", '{"openai": 7, "x": "sk-leak"}'])
def test_a_secret_in_the_wrong_shape_is_told_without_quoting_it(manager: Any, text: str) -> None:
    manager.put_secret_value(SecretId=NAME, SecretString=text)

    with pytest.raises(ConfigurationError) as caught:
        keyring(manager).key("openai")

    assert "sk-leak" not in "".join(traceback.format_exception(caught.value))


def test_a_blank_key_is_no_key(manager: Any) -> None:
    manager.put_secret_value(SecretId=NAME, SecretString='{"openai": " "}')

    with pytest.raises(ProviderUnavailable, match="holds no key"):
        keyring(manager).key("openai")


def test_without_a_name_there_is_no_key(manager: Any) -> None:
    with pytest.raises(ConfigurationError, match="no secret is named"):
        keyring(manager, name="").key("openai")


def test_a_secret_that_cannot_be_read_makes_the_host_unavailable(manager: Any) -> None:
    """So that a fallback at another host can still paint the job."""
    with pytest.raises(ProviderUnavailable):
        keyring(manager, name="presscheck/other").key("openai")
