"""One version of a template: its words, its variables, and how they become a prompt.

Hides the filling in. A template is text with `{name}` gaps and nothing else: no attributes, no indexes, no
expressions; a value is put in once and never read again, so customers' words cannot become template code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from shared.errors import InvalidRequest
from shared.models import MAX_PROMPT_CHARS, Name, Size, TemplateRef, TextBox, Value
from shared.prompts.variables import Scalar, Variable, normalise

_GAP: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[{}]")


class Variant(Value):
    """Other words for one model."""

    prompt: str | None = None
    negative_prompt: str | None = None


class Overrides(Value):
    """What the template asks of the recipe where the job does not."""

    guidance: float | None = Field(None, ge=0.0, le=30.0)
    steps: int | None = Field(None, ge=1, le=150)


class Rendered(Value):
    """A template filled in, or a free prompt in its place: what a job takes over from it."""

    prompt: str
    negative_prompt: str = ""
    ref: TemplateRef | None = None
    expected_text: tuple[str, ...] = ()
    text_box: TextBox | None = None
    size: Size | None = None
    use_cases: tuple[str, ...] = ()
    recipe: Overrides = Overrides()
    variables: Mapping[str, Scalar] = Field(default_factory=dict)
    """All variables with their defaults filled in."""


class Template(Value):
    """One version of a template."""

    ref: TemplateRef
    title: str
    use_cases: tuple[Name, ...] = ()
    prompt: str = Field(min_length=1)
    negative_prompt: str = ""
    expected_text: tuple[str, ...] = Field((), max_length=8)
    """Texts that must be readable on the picture, as templates themselves: `["{headline}"]`."""
    text_box: TextBox | None = None
    size: Size | None = None
    variables: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Variable] = Field(default_factory=dict)
    variants: Mapping[str, Variant] = Field(default_factory=dict)
    recipe: Overrides = Overrides()
    example: Mapping[str, Scalar] = Field(default_factory=dict)

    def render(self, variables: Mapping[str, Scalar], *, model: str | None = None) -> Rendered:
        """Fill in; `model` picks the variant of that model. Raises InvalidRequest for `variables.<name>`."""
        values = self._values(variables)
        texts = {name: self._text(name, value) for name, value in values.items()}
        texts |= {name: "" for name in self.variables if name not in texts}
        variant = self.variants.get(model or "", Variant())
        return Rendered(
            prompt=normalise(_fill(variant.prompt or self.prompt, texts)),
            negative_prompt=normalise(_fill(variant.negative_prompt or self.negative_prompt, texts)),
            ref=self.ref,
            expected_text=tuple(text for line in self.expected_text if (text := normalise(_fill(line, texts)))),
            text_box=self.text_box,
            size=self.size,
            use_cases=self.use_cases,
            recipe=self.recipe,
            variables=values,
        )

    def _values(self, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
        here = f'template "{self.ref.name}" version {self.ref.version}'
        for name in given:
            if name not in self.variables:
                known = ", ".join(self.variables) or "none"
                raise InvalidRequest(f'{here} has no variable "{name}"; it has: {known}', param=f"variables.{name}")
        values: dict[str, Scalar] = {}
        for name, variable in self.variables.items():
            value = given.get(name, variable.default)
            if value is not None:
                values[name] = value
            elif variable.required:
                raise InvalidRequest(f'{here} needs the variable "{name}"', param=f"variables.{name}")
        return values

    def _text(self, name: str, value: Scalar) -> str:
        try:
            return self.variables[name].text(value)
        except ValueError as error:
            raise InvalidRequest(f'variable "{name}" {error}', param=f"variables.{name}") from error

    @model_validator(mode="after")
    def _sound(self) -> Self:
        """Every gap is declared, every variable used, the longest prompt allowed, and the example renders."""
        variants = [text for variant in self.variants.values() for text in (variant.prompt, variant.negative_prompt)]
        texts = [self.prompt, self.negative_prompt, *self.expected_text, *(text for text in variants if text)]
        used = {name for text in texts for name in _gaps(text)}
        if undeclared := sorted(used - set(self.variables)):
            raise ValueError(f"undeclared variables: {', '.join(undeclared)}")
        if unused := sorted(set(self.variables) - used):
            raise ValueError(f"unused variables: {', '.join(unused)}")
        longest = max(len(text) + sum(self.variables[name].longest() for name in _gaps(text)) for text in texts)
        if longest > MAX_PROMPT_CHARS:
            raise ValueError(f"may render to {longest} characters; at most {MAX_PROMPT_CHARS} are allowed")
        try:
            self.render(self.example)
        except InvalidRequest as error:
            raise ValueError(f"example: {error.message}") from error
        return self


def _gaps(text: str) -> list[str]:
    """Names of the gaps in order. Raises ValueError for a brace that is neither a gap nor doubled."""
    names = []
    for match in _GAP.finditer(text):
        if match[1]:
            names.append(match[1])
        elif match[0] in "{}":
            here = text[match.start() : match.start() + 20]
            raise ValueError(f'"{here}": write {{name}} for a variable and {{{{ for a brace')
    return names


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _GAP.sub(lambda match: values[match[1]] if match[1] else match[0][0], text)
