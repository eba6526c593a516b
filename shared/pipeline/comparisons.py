"""Two renders held against each other: how far the pictures are apart, what differs in how they were made.

Hides what counts as a cause. Says what is on record, never that one thing brought the other about: that two renders
differ in a template version only is a fact, and enough for whoever looks for a regression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import InvalidRequest, NotFound
from shared.images import Images
from shared.ledger import Ledger
from shared.models import Attempt, ImageRef, Job, Principal, Value, Verdict
from shared.pixels import PixelDifference, difference
from shared.views import Link, RenderView, render_view

_NAME: Final = re.compile(r"(?P<job>[0-9A-Za-z][0-9A-Za-z_-]{0,63}):(?P<render>(?:d[1-9]\d?|f)-[1-9]\d?)")

# From what is changed on purpose to what follows from it; the first that differ are what the headline names.
_CAUSES: Final = (
    "template", "policy", "model", "model_revision", "prompt", "negative_prompt", "seed", "steps", "guidance_scale",
    "sampler", "size", "text", "mask", "mask_image", "init_image", "strength",
)  # fmt: skip
_NAMED: Final = 3


class Side(Value):
    """One of the two."""

    job_id: str
    name: str
    """`d2-1` is the first attempt at draft 2, `f-3` the third final."""
    use_case: str
    policy_version: int
    render: RenderView


class Change(Value):
    """A field of how the renders were made, and its two values."""

    field: str
    left: Any
    right: Any


class Comparison(Value):
    """What differs between two renders."""

    left: Side
    right: Side
    headline: str
    """One sentence: what changed for the better or worse, and what it came with."""
    changes: tuple[Change, ...]
    """In the order in which they explain."""
    pixels: PixelDifference
    phash_distance: int
    """Bits of 64 by which the perceptual hashes differ; up to 8 the pictures look alike."""


@dataclass(frozen=True, kw_only=True)
class Comparisons:
    """Renders of other tenants are NotFound."""

    ledger: Ledger
    images: Images

    def of(self, who: Principal, left: str, right: str, *, link: Link) -> Comparison:
        """Compare two renders, named `<job id>:<render>`."""
        sides = [self._find(who, name, param=param) for name, param in ((left, "left"), (right, "right"))]
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda side: self.images.load(who.tenant, _image(side[1]).sha256), sides)
        (job, one), (other_job, other) = sides
        changes = tuple(_changes(job, one, other_job, other))
        apart = int(_image(one).phash, 16) ^ int(_image(other).phash, 16)
        pixels = difference(first, second)
        return Comparison(
            left=_side(job, one, link=link),
            right=_side(other_job, other, link=link),
            headline=headline(one, other, changes, identical=pixels.identical),
            changes=changes,
            pixels=pixels,
            phash_distance=apart.bit_count(),
        )

    def _find(self, who: Principal, name: str, *, param: str) -> tuple[Job, Attempt]:
        match = _NAME.fullmatch(name)
        if match is None:
            raise InvalidRequest(
                f'{param} must name a render as <job id>:<render>, such as "01J…:f-1" or "01J…:d2-1"', param=param
            )
        job = self.ledger.job(match["job"], tenant=who.tenant)
        for attempt in self.ledger.attempts(job.id):
            if render_name(attempt) == match["render"] and attempt.image:
                return job, attempt
        raise NotFound(f"job {job.id} has no picture {match['render']}", param=param)


def render_name(attempt: Attempt) -> str:
    """`d2-1` for the first attempt at draft 2, `f-3` for the third final."""
    return str(attempt.id).removeprefix(f"{attempt.job_id}-")


def headline(left: Attempt, right: Attempt, changes: tuple[Change, ...], *, identical: bool) -> str:
    """What became of it and what it came with, in one sentence."""
    outcome = _outcome(left, right)
    if not changes:
        if identical:
            return "The same recipe, the same picture."
        return f"The same recipe, another picture: {_unsteady(right)}."
    came_with = _listed([_spelled(change) for change in changes[:_NAMED]], more=len(changes) - _NAMED)
    if identical:
        return f"The same picture, though it came with {came_with}."
    return f"{outcome} came with {came_with}."


def _outcome(left: Attempt, right: Attempt) -> str:
    before, after = (_passed(attempt) for attempt in (left, right))
    if before is True and after is False:
        return "The regression"
    if before is False and after is True:
        return "The improvement"
    return "The change"


def _listed(parts: list[str], *, more: int) -> str:
    parts = [*parts, f"{more} more"] if more > 0 else parts
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _passed(attempt: Attempt) -> bool | None:
    return None if attempt.verification is None else attempt.verification.verdict is Verdict.PASS


def _unsteady(render: Attempt) -> str:
    if render.seed.sent is None:
        return "its host takes no seed"
    return "its host does not keep to the seed" if render.seed.determinism != "exact" else "the bytes should be equal"


def _spelled(change: Change) -> str:
    value = change.right
    if change.field == "template":
        return str(value) if value else "a free prompt"
    if change.field in {"prompt", "negative_prompt", "text", "mask", "mask_image", "init_image"}:
        return f"another {change.field.replace('_', ' ')}"
    return f"{change.field.replace('_', ' ')} {value}"


def _changes(job: Job, left: Attempt, other: Job, right: Attempt) -> Iterator[Change]:
    facts = [_facts(job, left), _facts(other, right)]
    for field in _CAUSES:
        if facts[0][field] != facts[1][field]:
            yield Change(field=field, left=facts[0][field], right=facts[1][field])


def _facts(job: Job, render: Attempt) -> dict[str, Any]:
    template = render.template or render.recipe.template
    return render.recipe.model_dump(mode="json") | {
        "template": f"{template.name}@{template.version}" if template else None,
        "policy": job.policy_version,
        "model": render.model,
        "model_revision": render.model_revision,
    }


def _image(attempt: Attempt) -> ImageRef:
    if attempt.image is None:
        raise NotFound(f"{attempt.id} has no picture")
    return attempt.image


def _side(job: Job, render: Attempt, *, link: Link) -> Side:
    return Side(
        job_id=job.id,
        name=render_name(render),
        use_case=job.use_case,
        policy_version=job.policy_version,
        render=render_view(render, link=link),
    )
