"""The nouns: what a request may say, and which recipes are the same picture."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.models import MAX_SEED, JobRequest, Recipe, TemplateRef, TextGuide


@pytest.mark.parametrize("seed", [0, 42, MAX_SEED, "brand", "brand@3", "summer-sale_26@12", None])
def test_a_seed_is_a_number_or_the_name_of_a_seed_set(seed: Any) -> None:
    assert JobRequest.model_validate({"prompt": "x", "seed": seed}).seed == seed


@pytest.mark.parametrize(
    "seed", [True, False, 4.0, -1, MAX_SEED + 1, "42", "4e1", "", "brand@", "brand@0", "brand@03", "Brand", "a b", [1]]
)
def test_anything_else_is_refused_by_name_and_never_read_as_a_seed(seed: Any) -> None:
    with pytest.raises(ValidationError, match="seed set such as") as refusal:
        JobRequest.model_validate({"prompt": "x", "seed": seed})

    assert [error["loc"] for error in refusal.value.errors()] == [("seed",)]


def _recipe(**changes: Any) -> Recipe:
    fields: dict[str, Any] = {"model": "sketch-fine", "prompt": "a poster", "seed": 42, "size": "1024x1024"}
    return Recipe.model_validate(fields | changes)


def test_the_template_a_prompt_came_from_does_not_determine_pixels() -> None:
    """A new template version that renders the same prompt is served from the cache."""
    versions = [TemplateRef(name="poster", version=version, digest=str(version)) for version in (1, 2)]

    assert {_recipe(template=ref).fingerprint() for ref in (None, *versions)} == {_recipe().fingerprint()}


@pytest.mark.parametrize(
    "change",
    [
        {"model": "sketch-fast"},
        {"prompt": "a card"},
        {"negative_prompt": "blur"},
        {"seed": 43},
        {"size": "1024x768"},
        {"steps": 28},
        {"guidance_scale": 4.5},
        {"sampler": "typography"},
        {"text": TextGuide(content=("SALE",))},
        {"mask": (0.0, 0.0, 0.5, 0.5)},
        {"mask_image": "0" * 64},
        {"init_image": "0" * 64},
        {"strength": 0.5},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_else_of_a_recipe_does(change: dict[str, Any]) -> None:
    assert _recipe(**change).fingerprint() != _recipe().fingerprint()


def test_every_field_of_a_recipe_is_accounted_for() -> None:
    """A new field must be put on one side: it determines pixels, or it is where the recipe came from."""
    pixels = {"model", "prompt", "negative_prompt", "seed", "size", "steps", "guidance_scale", "sampler", "text",
              "mask", "mask_image", "init_image", "strength"}  # fmt: skip

    assert set(Recipe.model_fields) == pixels | {"template"}


def test_a_whole_number_of_guidance_is_the_same_recipe_however_it_is_written() -> None:
    assert _recipe(guidance_scale=7).fingerprint() == _recipe(guidance_scale=7.0).fingerprint()
