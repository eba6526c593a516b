"""The catalogue: names, lives, sizes and prices of models."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, InvalidRequest, ModelRetired
from shared.models import Determinism, Recipe, Size

CATALOGUE = Catalogue.load()
TODAY = date(2026, 11, 23)
SQUARE = Size(width=1024, height=1024)
ROW = """
version = 1
[models.a]
title = "A"
provider = "openai"
provider_model = "a-1"
tiers = ["final"]
seed = "none"
sizes.listed = ["1024x1024"]
active_from = 2026-01-01
[[models.a.prices]]
per = "image"
usd_micros = 40_000
source = "here"
on = 2026-01-01
"""


def recipe(model: str, size: Size = SQUARE) -> Recipe:
    return Recipe(model=model, prompt="p", seed=1, size=size)


@pytest.mark.parametrize(
    ("asked", "row"),
    [("sd3-large", "sd35-large"), ("nano-banana", "nano-banana-pro"), ("sd35-medium", "sd35-medium")],
)
def test_the_articles_short_names_are_answered(asked: str, row: str) -> None:
    assert CATALOGUE.model(asked, today=TODAY).name == row


def test_an_unknown_model_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidRequest, match="did you mean sd35-large") as refusal:
        CATALOGUE.model("sd35-larg", today=TODAY)

    assert refusal.value.param == "model"


@pytest.mark.parametrize("asked", ["dalle3-hd", "dalle3-std", "imagen-fast"])
def test_a_retired_model_is_refused_by_name_with_a_living_successor(asked: str) -> None:
    with pytest.raises(ModelRetired) as refusal:
        CATALOGUE.model(asked, today=TODAY)

    successor = CATALOGUE.model(refusal.value.context["successor"], today=TODAY)
    assert successor.name in refusal.value.message


def test_a_model_lives_until_the_day_of_its_shutdown() -> None:
    assert CATALOGUE.model("dalle3-hd", today=date(2026, 5, 11)).provider_model == "dall-e-3"

    with pytest.raises(ModelRetired):
        CATALOGUE.model("dalle3-hd", today=date(2026, 5, 12))


def test_a_host_has_its_own_date_of_shutdown() -> None:
    azure = CATALOGUE.find("dalle3-hd").hosted_by("azure_openai")

    assert (azure.provider, azure.shutdown_at) == ("azure_openai", date(2026, 3, 4))
    with pytest.raises(ConfigurationError, match="not offered by google"):
        azure.hosted_by("google")


def test_no_seed_is_claimed_where_the_provider_takes_none() -> None:
    openai = [model for model in CATALOGUE if model.provider == "openai"]

    assert {model.seed for model in openai} == {Determinism.NONE}
    assert {CATALOGUE.find(name).seed for name in ("sd35-large", "sketch-fine")} == {Determinism.EXACT}


@pytest.mark.parametrize(
    ("model", "size", "ms", "micros"),
    [
        ("gpt-image-2", "1024x1024", 190_000, 211_000),  # per image: time does not count
        ("gpt-image-2", "1536x1024", 0, 165_000),
        ("gpt-image-2", "2048x1024", 0, 422_157),  # 2.097152 megapixels x 0.2013, rounded up
        ("nano-banana-pro", "4096x4096", 0, 240_000),
        ("nano-banana-pro", "2048x2048", 0, 134_000),
        ("sd35-large", "1024x1024", 12_000, 9_348),  # 12 s x 779
        ("sd35-large", "1024x1024", 1, 1),  # rounded up, never free
        ("sketch-fine", "1024x1024", 12_000, 9_348),  # as the model it imitates
    ],
)
def test_costs(model: str, size: str, ms: int, micros: int) -> None:
    wanted = recipe(model, Size.model_validate(size))

    assert CATALOGUE.find(model).cost_usd_micros(wanted, inference_ms=ms) == micros


def test_simulations_say_so_in_their_row_and_their_price() -> None:
    simulated = [model for model in CATALOGUE if model.simulated]

    assert {model.name for model in simulated} == {"sketch-fast", "sketch-fine"}
    for model in simulated:
        assert all(price.estimate and model.priced_as in price.source for price in model.prices if model.priced_as)


def test_every_price_names_its_source_and_day() -> None:
    for model in CATALOGUE:
        for price in model.prices:
            assert price.source, model.name
            assert price.on <= TODAY, model.name


@given(st.sampled_from(sorted(CATALOGUE.models)), st.integers(64, 8192), st.integers(64, 8192))
def test_the_nearest_size_is_one_the_model_offers_and_has_a_price_for(name: str, width: int, height: int) -> None:
    model, wanted = CATALOGUE.find(name), Size(width=width, height=height)

    nearest = model.sizes.nearest(wanted)

    assert model.accepts(nearest)
    assert nearest == wanted or not model.accepts(wanted)
    assert model.cost_usd_micros(recipe(name, nearest), inference_ms=1000) > 0


def test_the_nearest_size_keeps_the_shape() -> None:
    assert str(CATALOGUE.find("sd35-large").sizes.nearest(Size(width=3840, height=2160))) == "1680x944"
    assert str(CATALOGUE.find("nano-banana-pro").sizes.nearest(Size(width=1920, height=1080))) == "1376x768"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("openai", "acme"), r"models\.a\.provider"),
        (("2026-01-01\n[[", "2026-01-01\nsuccesor = 'b'\n[["), r"models\.a\.succesor"),
        (("2026-01-01\n[[", "2026-01-01\nmask = true\n[["), r"models\.a: .*mask needs init_image"),
        (("2026-01-01\n[[", "2026-01-01\nshutdown_at = 2026-02-01\n[["), r"models\.a: .*successor"),
        (("40_000", "-1"), r"models\.a\.prices\.0\.usd_micros"),
        (("version = 1", "version = 1\naliases.b = 'c'"), r'aliases\.b: "c"'),
        (("version = 1", "version = "), r"models\.toml"),
    ],
)
def test_a_broken_catalogue_is_refused_naming_row_and_field(
    tmp_path: Path, change: tuple[str, str], names: str
) -> None:
    path = tmp_path / "models.toml"
    path.write_text(ROW.replace(*change))

    with pytest.raises(ConfigurationError, match=names):
        Catalogue.load(path)


def test_the_unbroken_row_loads(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(ROW)

    assert Catalogue.load(path).find("a").guidance is False


def test_a_deployment_with_azure_takes_openais_models_from_there() -> None:
    there = Catalogue.load().hosted_on("azure_openai")

    assert there.find("gpt-image-2").provider == "azure_openai"
    assert there.find("sd35-large").provider == "sagemaker"
    assert Catalogue.load().find("gpt-image-2").provider == "openai"
