"""The imitated hosts on one socket, the time that tests move by hand, and one case for each adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from pydantic import SecretStr
from starlette.applications import Starlette

from shared.models import AttemptId, Recipe, Size, Tier
from shared.providers import Order, Provider
from shared.providers.bedrock import Bedrock
from shared.providers.google import Google
from shared.providers.http import Network
from shared.providers.openai import OpenAI
from shared.providers.retries import Retries
from shared.providers.stability import Stability
from tests.providers import hosts
from tests.providers.hosting import serve


@dataclass
class Time:
    """A clock that only pauses move. `pauses` are the seconds slept, in order; the jitter is always the longest."""

    now: float = 1000.0
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def retries(self, **overrides: Any) -> Retries:
        plain = Retries(sleep=self.sleep, clock=self, draw=lambda _, highest: highest)
        return replace(plain, **overrides)


@dataclass
class World:
    """Every host, at one address."""

    url: str = ""
    openai: hosts.OpenAIHost = field(default_factory=hosts.OpenAIHost)
    azure: hosts.AzureHost = field(default_factory=hosts.AzureHost)
    gemini: hosts.GeminiHost = field(default_factory=hosts.GeminiHost)
    imagen: hosts.ImagenHost = field(default_factory=hosts.ImagenHost)
    stability: hosts.StabilityHost = field(default_factory=hosts.StabilityHost)
    bedrock: hosts.BedrockHost = field(default_factory=hosts.BedrockHost)

    def all(self) -> list[Any]:
        return [self.openai, self.azure, self.gemini, self.imagen, self.stability, self.bedrock]


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    world = World()
    app = Starlette(routes=[route for host in world.all() for route in host.routes()])
    with serve(app) as world.url:
        yield world


@pytest.fixture
def world(_world: World) -> World:
    for host in _world.all():
        host.reset()
    return _world


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(scope="session")
def _transport() -> Iterator[httpx.HTTPTransport]:
    """The real one, shared: a TLS context for each test would be most of the suite's time."""
    with httpx.HTTPTransport(trust_env=False) as transport:
        yield transport


@pytest.fixture
def network(time: Time, _transport: httpx.HTTPTransport) -> Network:
    return Network(retries=time.retries(), read_timeout_s=5.0, transport=_transport)


def key() -> SecretStr:
    return SecretStr(hosts.KEY)


def recipe(**overrides: Any) -> Recipe:
    fields = {"model": "m", "prompt": "A poster that says SALE", "seed": 42, "size": Size(width=1024, height=1024)}
    return Recipe.model_validate(fields | overrides)


def order(
    model: str,
    *,
    init_image: bytes | None = None,
    drawn_mask: bytes | None = None,
    options: dict[str, str] | None = None,
    **overrides: Any,
) -> Order:
    return Order(
        id=AttemptId(job_id="01J0000000000000000000000A", tier=Tier.FINAL, candidate=0, attempt=1),
        provider_model=model,
        recipe=recipe(**overrides),
        init_image=init_image,
        mask=drawn_mask,
        options=options or {},
    )


@dataclass(frozen=True)
class Case:
    """One adapter, its host and its model."""

    name: str
    model: str
    build: Callable[[str, Network], Provider]
    keyed: bool = True
    options: tuple[tuple[str, str], ...] = ()

    def host(self, world: World) -> Any:
        return getattr(world, self.name)

    def order(self, **overrides: Any) -> Order:
        return order(self.model, options=dict(self.options), **overrides)


def _azure(url: str, network: Network) -> Provider:
    return OpenAI.azure(
        endpoint=f"{url}/azure/",
        api_version="2025-04-01-preview",
        deployments={"gpt-image-2": "our-images"},
        key=key,
        network=network,
    )


def bedrock_client(url: str | None, *, read_timeout_s: float = 5.0) -> Any:
    config = Config(connect_timeout=2, read_timeout=read_timeout_s, retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", region_name="us-west-2", endpoint_url=url, config=config)


def _bedrock(url: str, network: Network) -> Provider:
    client = bedrock_client(url, read_timeout_s=network.read_timeout_s)
    return Bedrock(client, retries=network.retries, max_body_bytes=network.max_body_bytes)


CASES = [
    Case(
        "openai",
        "gpt-image-2",
        lambda url, network: OpenAI.direct(key=key, network=network, base_url=f"{url}/openai/v1"),
        options=(("quality", "high"),),
    ),
    Case("azure", "gpt-image-2", _azure, options=(("quality", "high"),)),
    Case(
        "gemini",
        "gemini-3.1-flash-image",
        lambda url, network: Google(key=key, network=network, base_url=f"{url}/google/v1beta"),
        options=(("thinking_level", "MINIMAL"),),
    ),
    Case(
        "imagen",
        "imagen-4.0-fast-generate-001",
        lambda url, network: Google(key=key, network=network, base_url=f"{url}/google/v1beta"),
    ),
    Case(
        "stability",
        "sd3.5-large",
        lambda url, network: Stability(key=key, network=network, base_url=f"{url}/stability/v2beta/stable-image"),
    ),
    Case("bedrock", "stability.sd3-5-large-v1:0", _bedrock, keyed=False),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    return request.param
