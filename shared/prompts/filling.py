"""Filling in a template: Jinja2, kept on a short leash.

Hides the template language. Values are put in once, as text, and never read again: customers' words cannot become
template code. The sandbox lets a template reach nothing but its values; what would differ from run to run is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import ImmutableSandboxedEnvironment

_FAILURES = (TypeError, ValueError, LookupError, ArithmeticError)
"""What an expression of a template may raise beside Jinja's own errors: adding a number to a text, and so on."""


def fill(source: str, values: Mapping[str, str]) -> str:
    """The text with its values. Raises ConfigurationError for a template that does not work with them."""
    from jinja2 import TemplateError

    try:
        return str(_compiled(source).render(values))
    except (TemplateError, *_FAILURES) as error:
        raise ConfigurationError(f"{_excerpt(source)}: {error}") from error


def names_in(source: str) -> frozenset[str]:
    """The variables a template looks up. Raises ConfigurationError for one that cannot be parsed."""
    from jinja2 import TemplateSyntaxError, meta

    try:
        return frozenset(meta.find_undeclared_variables(_environment().parse(source)))
    except TemplateSyntaxError as error:
        raise ConfigurationError(f"{_excerpt(source)}: {error}") from error


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Imported late: 60 ms that only a job with a template should pay for on a cold start.
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # a prompt is no HTML
    environment.globals.clear()  # lipsum is random, and the rest no prompt needs
    del environment.filters["random"]
    return environment


def _excerpt(source: str) -> str:
    return f'"{source[:40]}…"' if len(source) > 40 else f'"{source}"'  # noqa: PLR2004
