"""One version of a template: its words, its variables, and how they become a prompt.

Hides what a version may say. A value reaches the prompt only as the text that its variable makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from shared.errors import ConfigurationError, InvalidRequest, PresscheckError
from shared.models import MAX_PROMPT_CHARS, Name, Size, TemplateRef, TextBox, Value
from shared.prompts.filling import fill, names_in
from shared.prompts.variables import Scalar, Variable, normalise


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
    """Texts that must be readable on the picture, as templates themselves: `["{{ headline }}"]`."""
    text_box: TextBox | None = None
    size: Size | None = None
    variables: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")], Variable] = Field(default_factory=dict)
    variants: Mapping[str, Variant] = Field(default_factory=dict)
    recipe: Overrides = Overrides()
    example: Mapping[str, Scalar] = Field(default_factory=dict)

    def render(self, variables: Mapping[str, Scalar], *, model: str | None = None) -> Rendered:
        """Fill in; `model` picks the variant of that model.

        Raises InvalidRequest for `variables.<name>`, ConfigurationError for a template that `problems` would refuse.
        """
        values = self._values(variables)
        texts = {name: self._text(name, value) for name, value in values.items()}
        texts |= {name: "" for name in self.variables if name not in texts}
        prompt, negative_prompt = (normalise(fill(words, texts)) for words in self._words(model))
        if len(prompt) > MAX_PROMPT_CHARS:
            problem = f"{self._here} makes a prompt of {len(prompt)} characters; at most {MAX_PROMPT_CHARS} are allowed"
            raise InvalidRequest(problem, param="variables")
        return Rendered(
            prompt=prompt,
            negative_prompt=negative_prompt,
            ref=self.ref,
            expected_text=tuple(text for line in self.expected_text if (text := normalise(fill(line, texts)))),
            text_box=self.text_box,
            size=self.size,
            use_cases=self.use_cases,
            recipe=self.recipe,
            variables=values,
        )

    def longest_prompt(self, *, model: str | None = None) -> int:
        """Characters of the prompt when every value is as long as it may be."""
        texts = {name: "W" * variable.longest() for name, variable in self.variables.items()}
        return len(fill(self._words(model)[0], texts))

    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, in words for its author: undeclared or unused variables, an example that fails."""
        try:
            return tuple(self._problems())
        except ConfigurationError as error:
            return (error.message,)

    def _problems(self) -> Iterator[str]:
        models = (None, *self.variants)
        texts = {*self.expected_text, *(words for model in models for words in self._words(model))}
        used = {name for text in texts for name in names_in(text)}
        if undeclared := sorted(used - set(self.variables)):
            yield f"undeclared variables: {', '.join(undeclared)}"
        if unused := sorted(set(self.variables) - used):
            yield f"unused variables: {', '.join(unused)}"
        if undeclared:
            return
        for model in models:
            if (longest := self.longest_prompt(model=model)) > MAX_PROMPT_CHARS:
                yield f"may render to {longest} characters; at most {MAX_PROMPT_CHARS} are allowed"
            try:
                self.render(self.example, model=model)
            except PresscheckError as error:
                yield f"example: {error.message}"

    def _words(self, model: str | None) -> tuple[str, str]:
        """Prompt and negative prompt, as templates, for a model."""
        variant = self.variants.get(model or "", Variant())
        return variant.prompt or self.prompt, variant.negative_prompt or self.negative_prompt

    @property
    def _here(self) -> str:
        return f'template "{self.ref.name}" version {self.ref.version}'

    def _values(self, given: Mapping[str, Scalar]) -> dict[str, Scalar]:
        for name in given:
            if name not in self.variables:
                known = ", ".join(self.variables) or "none"
                raise InvalidRequest(
                    f'{self._here} has no variable "{name}"; it has: {known}', param=f"variables.{name}"
                )
        values: dict[str, Scalar] = {}
        for name, variable in self.variables.items():
            value = given.get(name, variable.default)
            if value is not None:
                values[name] = value
            elif variable.required:
                raise InvalidRequest(f'{self._here} needs the variable "{name}"', param=f"variables.{name}")
        return values

    def _text(self, name: str, value: Scalar) -> str:
        try:
            return self.variables[name].text(value)
        except ValueError as error:
            raise InvalidRequest(f'variable "{name}" {error}', param=f"variables.{name}") from error
