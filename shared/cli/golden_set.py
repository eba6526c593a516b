"""Goldens painted again and held against what is stored.

Hides which goldens are meant, who paints them and how two pictures are compared. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from shared.catalogue import Catalogue
from shared.cli.errors import CliError
from shared.cli.painter import Painter
from shared.errors import ConfigurationError, RequestError
from shared.goldens import (
    THUMBNAIL_PX,
    Golden,
    Look,
    load_goldens,
    released,
    thumbnail_path,
)
from shared.images import describe, shrunk
from shared.models import Recipe, Size, Tier
from shared.pipeline.rehearsals import golden_plans
from shared.pixels import difference, pixel_digest
from shared.policy import Plan, Policies
from shared.prompts import Template, Templates

PROFILE: Final = "simulated"
_DEFAULT_SIZE: Final = Size(width=1024, height=1024)
_AT_ONCE: Final = 2

Word = Literal["same", "alike", "changed", "recipe", "new", "missing"]
FINE: Final[frozenset[Word]] = frozenset({"same", "alike"})


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One golden painted by one model, and how it compares."""

    golden: Golden
    model: str
    word: Word
    """`same`: not a pixel differs. `alike`: within the tolerance. `changed`: beyond it. `recipe`: it was asked for
    something else. `new`: nothing is stored. `missing`: no look of this model is."""
    look: Look
    picture: bytes
    thumbnail: bytes
    before: bytes | None = None
    """The stored thumbnail."""
    phash_distance: int | None = None
    ssim: float | None = None
    asked: tuple[str, ...] = ()
    """How the recipe differs, in words."""

    @property
    def fine(self) -> bool:
        return self.word in FINE

    @property
    def stored(self) -> Look | None:
        return self.golden.looks.get(self.model)


def chosen(directory: Path, templates: Templates, wanted: Sequence[str]) -> list[Golden]:
    """The goldens meant: of the versions named, else of every released one. One that is not stored yet is begun.

    Raises CliError for a reference that does not exist, or files that cannot be read.
    """
    try:
        stored = load_goldens(directory)
        references = [_full(templates, each) for each in wanted] or sorted({*released(directory), *stored})
        found = [templates.find(reference) for reference in references]
    except ConfigurationError as error:
        raise CliError(error.message, hint="see all of it: presscheck templates check", code=error.code) from error
    except RequestError as error:
        raise CliError(error.message, code="not_found") from error
    return [stored.get(reference) or _begun(template) for reference, template in zip(references, found, strict=True)]


def recipes(
    goldens: Sequence[Golden], templates: Templates, *, model: str | None, now: datetime
) -> tuple[list[tuple[Golden, Plan, Tier]], dict[str, str]]:
    """What is to be painted: of each golden its draft and its final, or what `model` makes of it; and why not the rest.

    Raises CliError where nothing can be painted.
    """
    policies, catalogue = Policies.load(), Catalogue.load()
    if model:
        policies = policies.with_endpoints([model])
    policy = policies.at(policies.released)
    wanted: list[tuple[Golden, Plan, Tier]] = []
    left_out: dict[str, str] = {}
    for golden in goldens:
        template = templates.find(golden.template)
        try:
            plans = golden_plans(
                golden, template, policy=policy, catalogue=catalogue, profile=PROFILE, now=now, model=model
            )
        except RequestError as error:
            left_out[golden.template] = error.message
            continue
        wanted += [(golden, plan, tier) for tier, plan in plans.items()]
    if not wanted:
        reference, why = next(iter(left_out.items()))
        raise CliError(f"{reference}: {why}", hint="see what there is: presscheck models", code="not_painted")
    return wanted, left_out


def examine(
    directory: Path,
    wanted: Sequence[tuple[Golden, Plan, Tier]],
    *,
    painter: Painter,
    told: Callable[[Finding], None],
) -> list[Finding]:
    """Paint each and compare; `told` hears of each as soon as it is known, in order."""

    def look(each: tuple[Golden, Plan, Tier]) -> Finding:
        golden, plan, tier = each
        return _examined(directory, golden, plan, tier, painter=painter)

    findings = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for finding in pool.map(look, wanted):
            told(finding)
            findings.append(finding)
    return findings


def updated(findings: Sequence[Finding], templates: Templates) -> Iterator[tuple[Golden, dict[str, bytes]]]:
    """Each golden that is not as stored, as it would be, with its new thumbnails."""
    by_reference: dict[str, tuple[Golden, dict[str, bytes]]] = {}
    for finding in findings:
        reference = finding.golden.template
        golden, thumbnails = by_reference.get(reference, (finding.golden, {}))
        digest = templates.find(reference).ref.digest
        if finding.fine and golden.digest == digest:
            continue
        if not finding.fine:
            golden = golden.with_look(finding.model, finding.look, digest=digest)
            thumbnails = {**thumbnails, finding.model: finding.thumbnail}
        by_reference[reference] = golden.model_copy(update={"digest": digest}), thumbnails
    yield from by_reference.values()


def _examined(directory: Path, golden: Golden, plan: Plan, tier: Tier, *, painter: Painter) -> Finding:
    painted = painter.paint(plan.recipe)
    model = plan.recipe.model
    look = Look(
        tier=tier,
        compare="pixels" if painted.simulated else "perceptual",
        pixels=pixel_digest(painted.data),
        phash=describe(golden.template, painted.data).phash,
        revision=painted.model_revision,
        recipe=plan.recipe,
    )
    thumbnail = shrunk(painted.data, side=THUMBNAIL_PX)
    finding = Finding(golden=golden, model=model, word="new", look=look, picture=painted.data, thumbnail=thumbnail)
    stored = golden.looks.get(model)
    if stored is None:
        return finding if not golden.looks else _as(finding, "missing")
    file = thumbnail_path(directory, golden.template, model)
    before = file.read_bytes() if file.is_file() else None
    distance = (int(stored.phash, 16) ^ int(look.phash, 16)).bit_count()
    ssim = difference(before, thumbnail).ssim if before else None
    asked = _differences(stored.recipe, look.recipe)
    return _as(
        finding,
        _word(golden, stored, look, asked=asked, distance=distance, ssim=ssim),
        before=before,
        phash_distance=distance,
        ssim=ssim,
        asked=asked,
    )


def _word(
    golden: Golden, stored: Look, look: Look, *, asked: tuple[str, ...], distance: int, ssim: float | None
) -> Word:
    if asked:
        return "recipe"
    if stored.pixels == look.pixels:
        return "same"
    if stored.compare == "perceptual" and ssim is not None:
        return "alike" if golden.tolerance.allows(phash_distance=distance, ssim=ssim) else "changed"
    return "changed"


def _as(finding: Finding, word: Word, **more: object) -> Finding:
    return Finding(**{**vars(finding), "word": word, **more})


def _differences(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """`steps 28 -> 30`, for every field that determines pixels."""
    if before.fingerprint() == after.fingerprint():
        return ()
    old, new = (each.model_dump(mode="json", exclude={"template"}) for each in (before, after))
    return tuple(f"{name} {old[name]} -> {new[name]}" for name in old if old[name] != new[name])


def _full(templates: Templates, reference: str) -> str:
    return reference if "@" in reference else f"{reference}@{templates.released(reference)}"


def _begun(template: Template) -> Golden:
    """A golden of a version that has none: its own example, its own size."""
    filled = template.render(template.example)
    return Golden(
        template=f"{template.ref.name}@{template.ref.version}",
        digest=template.ref.digest,
        use_case=filled.use_cases[0] if filled.use_cases else "default",
        variables=filled.variables,
        expected_text=filled.expected_text,
        size=filled.size or _DEFAULT_SIZE,
    )
