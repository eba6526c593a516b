"""The inspection: which checks a picture undergoes, and what of their findings counts.

Hides which check needs what: the file alone, the mask and the picture before the repaint, or the approved draft.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.artifacts.banding import banding
from shared.artifacts.colour import colour_shift, oversaturated
from shared.artifacts.frame import Frame
from shared.artifacts.likeness import composition_change
from shared.artifacts.mask import outside_changed, seam
from shared.artifacts.repeats import pattern_wanted, repeated
from shared.artifacts.surface import blank, blur, noise
from shared.models import ArtifactFinding, Box, Recipe, Size
from shared.pictures import Picture

_MODES: Final = frozenset({"RGB", "RGBA", "L", "LA"})
_TRANSPARENT_LIMIT: Final = 0.005


def check(
    image: bytes,
    *,
    expected_size: Size,
    recipe: Recipe | None = None,
    original: bytes | None = None,
    mask: Box | None = None,
    reference: bytes | None = None,
) -> tuple[ArtifactFinding, ...]:
    """The defects of `image`: every finding of `measure` that reaches its limit, each with what is wrong in words.

    Takes what measure takes and raises what it raises.
    """
    findings = measure(
        image, expected_size=expected_size, recipe=recipe, original=original, mask=mask, reference=reference
    )
    return tuple(finding for finding in findings if finding.score >= finding.limit)


def measure(
    image: bytes,
    *,
    expected_size: Size,
    recipe: Recipe | None = None,
    original: bytes | None = None,
    mask: Box | None = None,
    reference: bytes | None = None,
) -> tuple[ArtifactFinding, ...]:
    """Every figure of `image` beside its limit, in a fixed order; `detail` is empty below the limit.

    `mask` (else the recipe's) is the box a repair painted over `original`. `reference` is the approved draft: give
    it only where the final is meant to keep its composition. Raises ImageUnreadable where any of the three files is
    no still picture.
    """
    mask = mask or (recipe.mask if recipe else None)
    frame = Frame.of(image)
    before = Frame.of(original) if original is not None else None
    draft = Frame.of(reference) if reference is not None else None
    findings = _findings(frame, expected_size, recipe=recipe, mask=mask, before=before, draft=draft)
    return tuple(
        finding if finding.score >= finding.limit else finding.model_copy(update={"detail": "", "box": None})
        for finding in findings
    )


def _findings(
    frame: Frame,
    expected_size: Size,
    *,
    recipe: Recipe | None,
    mask: Box | None,
    before: Frame | None,
    draft: Frame | None,
) -> Iterator[ArtifactFinding]:
    yield _wrong_size(frame.picture, expected_size)
    yield _wrong_mode(frame.picture)
    yield blank(frame)
    yield noise(frame)
    yield blur(frame)
    yield oversaturated(frame, guidance=recipe.guidance_scale if recipe else None)
    yield banding(frame)
    if recipe is None or not pattern_wanted(recipe.prompt):
        yield repeated(frame)
    if mask is not None:
        yield seam(frame, mask, original=before)
        if before is not None:
            yield outside_changed(frame, before, mask)
    if draft is not None:
        yield colour_shift(frame, draft)
        yield composition_change(frame, draft)


def _wrong_size(picture: Picture, expected: Size) -> ArtifactFinding:
    """Pixels by which the worse side is off; one is one too many."""
    off = max(abs(picture.width - expected.width), abs(picture.height - expected.height))
    return ArtifactFinding(
        kind="wrong_size",
        score=off,
        limit=0.5,
        detail=f"the picture is {picture.width}x{picture.height} px; {expected} was ordered",
    )


def _wrong_mode(picture: Picture) -> ArtifactFinding:
    """1.0 for a file that browsers show in other colours or tones than it was painted in, or that is see-through."""
    detail, wrong = "", 0.0
    if picture.mode not in _MODES:
        detail, wrong = f"the file is stored as {picture.mode}, not as RGB with 8 bits a channel", 1.0
    elif picture.transparent > _TRANSPARENT_LIMIT:
        detail, wrong = f"{picture.transparent:.0%} of the picture is transparent", 1.0
    return ArtifactFinding(kind="wrong_mode", score=wrong, limit=0.5, detail=detail)
