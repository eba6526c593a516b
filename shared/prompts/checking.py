"""What must hold before a template is released: everything a job would stumble over, said to its author instead.

Hides nothing of its own: asks each template, the lock and the models it may meet. Reads files only.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, InvalidRequest
from shared.models import Tier
from shared.policy import Policy
from shared.prompts.library import changed_since_release, read_version, version_files
from shared.prompts.seeds import Seeds
from shared.prompts.template import Template


def check(directory: Path, *, policy: Policy, catalogue: Catalogue) -> tuple[str, ...]:
    """Every complaint about the templates and seeds of a directory, each naming its file; empty when all is well."""
    return tuple(_complaints(directory, policy, catalogue))


def _complaints(directory: Path, policy: Policy, catalogue: Catalogue) -> Iterator[str]:
    try:
        Seeds.load(directory)
        yield from changed_since_release(directory)
    except ConfigurationError as error:
        yield error.message
    for path in version_files(directory):
        try:
            template = read_version(path)
        except ConfigurationError as error:
            yield error.message.removeprefix("templates: ")
            continue
        problems = template.problems() or tuple(_misfits(template, policy, catalogue))
        yield from (f"{path.parent.name}/{path.name}: {problem}" for problem in problems)


def _misfits(template: Template, policy: Policy, catalogue: Catalogue) -> Iterator[str]:
    """Use cases the policy has not, variants for no model, prompts too long for a model they may meet."""
    for name in template.use_cases:
        if name not in policy.use_cases:
            yield f'use_cases: "{name}" is not in the policy; known are: {", ".join(sorted(policy.use_cases))}'
    for name in (*template.variants, *_may_meet(template, policy)):
        try:
            model = catalogue.find(name)
        except InvalidRequest as error:
            yield f"variants.{name}: {error.message}"
            continue
        if name in template.variants and model.name != name:
            yield f'variants.{name}: write the model\'s own name, "{model.name}"'
        longest = template.longest_prompt(model=name)
        if longest > model.max_prompt_chars:
            yield f'may render to {longest} characters; model "{name}" takes {model.max_prompt_chars}'


def _may_meet(template: Template, policy: Policy) -> list[str]:
    """The models the policy may pick for the template's use cases, other than those with a variant."""
    uses = [policy.use_cases[name] for name in template.use_cases or policy.use_cases if name in policy.use_cases]
    named = {
        name for use in uses for name in (*(use.tier(tier).model for tier in Tier), *use.fallbacks, use.repair_model)
    }
    return sorted(named - set(template.variants))
