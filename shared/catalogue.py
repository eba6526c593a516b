"""The catalogue: every model by name, what it can do, what it costs and how long it lives.

Hides catalogue.toml and its validation. Never picks a model for a job: that is the policy's.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from shared.errors import ConfigurationError, InvalidRequest, ModelRetired
from shared.models import MAX_PROMPT_CHARS, Determinism, Name, Recipe, Sampler, Size, Tier, Value

_PACKAGED: Final = Path(__file__).with_name("catalogue.toml")

ProviderName = Literal["sagemaker", "openai", "azure_openai", "google", "stability", "bedrock"]


class SizeRule(Value):
    """Which sizes a model paints: a list, or any that keeps the rule. Pixels; `max_ratio` is long side / short side."""

    listed: tuple[Size, ...] = ()
    multiple_of: int = Field(1, ge=1)
    min_side: int = Field(64, ge=64)
    max_side: int = Field(8192, le=8192)
    min_pixels: int = 0
    max_pixels: int = 8192 * 8192
    max_ratio: float = Field(16.0, ge=1.0)

    def accepts(self, size: Size) -> bool:
        if self.listed:
            return size in self.listed
        sides = (size.width, size.height)
        return (
            all(self.min_side <= side <= self.max_side and side % self.multiple_of == 0 for side in sides)
            and self.min_pixels <= size.width * size.height <= self.max_pixels
            and max(sides) / min(sides) <= self.max_ratio
        )

    def nearest(self, size: Size) -> Size:
        """The size itself where it is offered, else the offered one closest in shape, then in area."""
        if self.accepts(size):
            return size
        return min(self.listed or self._candidates(size), key=lambda other: _distance(size, other))

    def __str__(self) -> str:
        """What to ask for instead, as an error message says it."""
        if self.listed:
            return ", ".join(str(size) for size in self.listed)
        rule = f"sides of {self.min_side} to {self.max_side} px in steps of {self.multiple_of}"
        if self.max_pixels < self.max_side**2:
            rule += f", at most {self.max_pixels / 1e6:.1f} megapixels"
        if self.min_pixels > self.min_side**2:
            rule += f", at least {self.min_pixels / 1e6:.2f} megapixels"
        return rule + f", at most {self.max_ratio:g}:1"

    def _candidates(self, size: Size) -> Iterator[Size]:
        """Sizes of nearly the same shape that keep the rule."""
        ratio = min(max(size.width / size.height, 1 / self.max_ratio), self.max_ratio)
        step = self.multiple_of
        for width in range(-(-self.min_side // step) * step, self.max_side + 1, step):
            for height in (math.floor(width / ratio / step) * step, math.ceil(width / ratio / step) * step):
                if self.min_side <= height <= self.max_side:
                    candidate = Size(width=width, height=height)
                    if self.accepts(candidate):
                        yield candidate


class Price(Value):
    """One price in millionths of a dollar, with where and when it was read.

    Per `image` of the listed sizes or of any, per `megapixel`, or per `gpu_second` of painting.
    """

    per: Literal["image", "megapixel", "gpu_second"]
    usd_micros: int = Field(ge=0)
    sizes: tuple[Size, ...] = ()
    quality: str = ""
    source: str = Field(min_length=1)
    on: date
    estimate: bool = False
    """True where the source states no price for exactly this; the source says how it was derived."""


class Host(Value):
    """The same model at another provider, chosen by a setting of the deployment."""

    provider: ProviderName
    provider_model: str
    shutdown_at: date | None = None
    source: str = ""


class Model(Value):
    """One row: what paints, who hosts it, what it can do."""

    name: Name
    title: str
    provider: ProviderName
    provider_model: str
    tiers: tuple[Tier, ...] = Field(min_length=1)
    seed: Determinism
    """Whether the same seed gives the same picture; a claim we make only where it was measured or documented."""
    guidance_range: tuple[float, float] | None = None
    steps: tuple[int, int] | None = None
    negative_prompt: bool = False
    mask: bool = False
    """Repaints a box of a given picture and leaves the rest alone."""
    repaints_whole: bool = False
    """Takes a mask for a hint and redraws the rest a little as well: its picture is laid into the original."""
    init_image: bool = False
    text_guide: bool = False
    """Takes the lettering as data beside the prompt, so the prompt need not spell it."""
    samplers: tuple[Sampler, ...] = ("default",)
    sizes: SizeRule
    max_prompt_chars: int = Field(MAX_PROMPT_CHARS, ge=1)
    options: Mapping[str, str] = Field(default_factory=dict)
    """Fixed parameters of the provider's own that make this row, e.g. quality; part of what the name stands for."""
    prices: tuple[Price, ...] = ()
    ms_per_step: int | None = Field(None, ge=1)
    """Milliseconds a step and megapixel, where GPU seconds are sold: for estimates."""
    masked_share: float = Field(1.0, gt=0.0)
    """What a masked pass takes against a whole render of as many steps: for estimates."""
    hosts: tuple[Host, ...] = ()
    active_from: date
    deprecated_at: date | None = None
    shutdown_at: date | None = None
    successor: str | None = None
    lifecycle_source: str = ""
    simulated: bool = False
    priced_as: str | None = None
    """A simulation costs nothing to run; it is priced as the seconds of the model it imitates would be."""

    @property
    def guidance(self) -> bool:
        """Whether the model takes a guidance scale at all."""
        return self.guidance_range is not None

    def accepts(self, size: Size) -> bool:
        return self.sizes.accepts(size)

    def retired(self, today: date) -> bool:
        """True from the day of the shutdown on: providers name the first day on which calls may fail."""
        return self.shutdown_at is not None and today >= self.shutdown_at

    def price(self, size: Size) -> Price:
        """The price of a picture of this size: the first that fits. Raises ConfigurationError without one."""
        for price in self.prices:
            if not price.sizes or size in price.sizes:
                return price
        raise ConfigurationError(f'catalogue: model "{self.name}" has no price for {size}')

    def cost_usd_micros(self, recipe: Recipe, *, inference_ms: int) -> int:
        """Cost of one render in millionths of a dollar, rounded up; `inference_ms` counts where seconds are sold."""
        price = self.price(recipe.size)
        if price.per == "gpu_second":
            return -(-price.usd_micros * inference_ms // 1000)
        if price.per == "megapixel":
            return -(-price.usd_micros * recipe.size.width * recipe.size.height // 1_000_000)
        return price.usd_micros

    def estimated_cost_usd_micros(self, recipe: Recipe) -> int:
        """What a render should cost, before it is made. Steps left to the model count as the most it takes."""
        steps = recipe.steps or (self.steps[1] if self.steps else 1)
        share = 1.0
        if recipe.mask:
            share = self.masked_share
        elif recipe.init_image and recipe.strength is not None:
            share = recipe.strength
        megapixels = recipe.size.width * recipe.size.height / 1_000_000
        inference_ms = math.ceil((self.ms_per_step or 0) * steps * megapixels * share)
        return self.cost_usd_micros(recipe, inference_ms=inference_ms)

    def hosted_by(self, provider: str) -> Model:
        """The same row at another of its providers. Raises ConfigurationError when it is not offered there."""
        if provider == self.provider:
            return self
        for host in self.hosts:
            if host.provider == provider:
                return self.model_copy(update=host.model_dump(include={"provider", "provider_model", "shutdown_at"}))
        raise ConfigurationError(f'catalogue: model "{self.name}" is not offered by {provider}')

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mask and not self.init_image:
            raise ValueError("mask needs init_image: there is nothing to repaint without a picture")
        if self.guidance_range and self.guidance_range[0] > self.guidance_range[1]:
            raise ValueError("guidance_range must rise")
        if self.steps and not 1 <= self.steps[0] <= self.steps[1]:
            raise ValueError("steps must rise from 1 or more")
        if not self.prices and not self.priced_as:
            raise ValueError("prices: a model needs at least one, or priced_as")
        if self.ms_per_step is None and any(price.per == "gpu_second" for price in self.prices):
            raise ValueError("a price per gpu_second needs ms_per_step: nothing could be estimated")
        if self.shutdown_at and not (self.successor and self.lifecycle_source):
            raise ValueError("shutdown_at needs a successor and a lifecycle_source")
        return self


class Catalogue(Value):
    """All models by name, and the other names they answer to."""

    version: int = Field(ge=1)
    aliases: Mapping[str, str] = Field(default_factory=dict)
    models: Mapping[str, Model]

    @classmethod
    def load(cls, path: Path | None = None) -> Catalogue:
        """Read and check a catalogue, the packaged one by default. Raises ConfigurationError naming row and field."""
        path = path or _PACKAGED
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{path.name}: {error}") from error
        try:
            return cls.model_validate(_with_names(raw))
        except ValidationError as error:
            raise ConfigurationError(f"{path.name}: {_complaints(error)}") from error

    def hosted_on(self, provider: ProviderName) -> Catalogue:
        """The same catalogue with every model that this provider hosts too taken from there."""
        there = {
            name: model.hosted_by(provider)
            for name, model in self.models.items()
            if any(host.provider == provider for host in model.hosts)
        }
        return self.model_copy(update={"models": {**self.models, **there}})

    def with_aliases(self, moved: Mapping[str, str]) -> Catalogue:
        """The same catalogue where names of models were moved, as a job recorded them."""
        return self.model_copy(update={"aliases": {**self.aliases, **moved}}) if moved else self

    def find(self, name: str) -> Model:
        """The row of a name or alias, alive or retired. Raises InvalidRequest listing near names."""
        if model := self.models.get(self.aliases.get(name, name)):
            return model
        known = sorted({*self.models, *self.aliases})
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(known)}"
        raise InvalidRequest(f'model "{name}" is not in the catalogue; {hint}', param="model", near=near)

    def model(self, name: str, *, today: date) -> Model:
        """The living model of a name or alias. Raises InvalidRequest, or ModelRetired with `context["successor"]`."""
        model = self.find(name)
        if model.retired(today):
            raise ModelRetired(
                f'model "{name}" was shut down on {model.shutdown_at}; ask for "{model.successor}" instead',
                param="model",
                model=model.name,
                successor=model.successor,
                shutdown_at=str(model.shutdown_at),
            )
        return model

    def __iter__(self) -> Iterator[Model]:  # type: ignore[override]  # the rows, not pydantic's (field, value) pairs
        return iter(self.models.values())

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        for alias, name in self.aliases.items():
            if name not in self.models or alias in self.models:
                raise ValueError(f'aliases.{alias}: "{name}" must be a model and "{alias}" must not be')
        for model in self.models.values():
            for field in ("successor", "priced_as"):
                name = getattr(model, field)
                if name is not None and name not in self.models:
                    raise ValueError(f'models.{model.name}.{field}: "{name}" is not in the catalogue')
            if model.priced_as and not model.prices:
                raise ValueError(f"models.{model.name}.priced_as: {model.priced_as} has no price of its own")
        return self


def _with_names(raw: dict[str, Any]) -> dict[str, Any]:
    """Each row learns its name from its table; a simulation takes over the prices of the model it imitates."""
    rows: dict[str, Any] = raw.get("models", {})
    for name, row in rows.items():
        row["name"] = name
        imitated = rows.get(row.get("priced_as", ""), {})
        if "ms_per_step" in imitated:
            row.setdefault("ms_per_step", imitated["ms_per_step"])
        if "prices" not in row and "prices" in imitated:
            why = f"as {row['priced_as']} would cost: "
            row["prices"] = [old | {"source": why + old["source"], "estimate": True} for old in imitated["prices"]]
    return raw


def _complaints(error: ValidationError) -> str:
    """`models.sd35-large.steps: Input should be a valid tuple; …`, one part for each mistake."""
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())


def _distance(wanted: Size, offered: Size) -> tuple[float, float]:
    shape = abs(math.log(wanted.width / wanted.height) - math.log(offered.width / offered.height))
    area = abs(math.log(wanted.width * wanted.height) - math.log(offered.width * offered.height))
    return round(shape, 2), area
