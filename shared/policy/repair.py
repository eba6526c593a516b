"""The repair ladder's arithmetic: where to repaint, how far to lower guidance, which attempt was best.

Never raises guidance: the article's team did, and got oversaturated pictures and new artifacts for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from shared.models import Attempt, Box, Recipe, Size, TextCheck, Verification
from shared.policy.rulebook import defects
from shared.policy.rules import RepairStep, TextRule


def derived_seed(seed: int, label: str) -> int:
    """32 bits of sha256 over seed and label: the same everywhere, unrelated to its neighbours."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{label}".encode()).digest()[:4])


def repair_seed(seed: int, repair: int) -> int:
    """The fresh seed of the nth repair of a final whose seed was `seed`."""
    return derived_seed(seed, f"repair:{repair}")


def best_attempt(attempts: Sequence[Attempt]) -> Attempt | None:
    """The picture closest to what was asked: lowest mean error rate, fewest findings, earliest; None without one."""
    painted = [attempt for attempt in attempts if attempt.image is not None]
    return min(painted, key=_shortfall, default=None)


def region(
    verification: Verification, *, step: RepairStep, text_box: Box | None, rule: TextRule, size: Size
) -> tuple[Box, tuple[str, ...]]:
    """The box to repaint and the texts that belong into it.

    The job's own text box, else where the failed texts were read, grown by the step, else the rule's band. A text
    that is right but lies under the box joins it, for it will be painted over; a box too small for its texts (half a
    word was read) is widened to the band, then to all of the area for lettering.
    """
    if text_box:
        return _grown(text_box, step.grow), tuple(check.expected for check in verification.texts)
    wrong = verification.missing
    read = [_grown(box, step.grow) for check in wrong for box in check.boxes]
    found = all(check.boxes for check in wrong)
    for widened in ([], [rule.band], [rule.band, rule.area]):
        start = [*read, *widened] if found or widened else [*read, rule.band]
        box, texts = _covering(_hull(start), wrong, verification.texts, grow=step.grow)
        if rule.fits(texts, size=size, box=box):
            break
    return box, texts


def lowered(guidance: float | None, *, tried: Sequence[float | None], step: RepairStep | None) -> float | None:
    """The next attempt's guidance: the lowest tried, times the step's factor, not below its floor. None stays None."""
    if guidance is None:
        return None
    ceiling = min([guidance, *(value for value in tried if value is not None)])
    if step is None or step.guidance_factor == 1.0:
        return ceiling
    return min(ceiling, max(round(ceiling * step.guidance_factor, 2), step.guidance_floor))


def asked_to_letter(texts: Sequence[str], prompt: str) -> str:
    """The prompt for a masked edit by a model that takes its words from nowhere else."""
    words = " and ".join(f'"{" ".join(text.split())}"' for text in texts)
    return f"Redo only the lettering under the mask. It reads exactly {words} and nothing else. The picture: {prompt}"


def in_words(last: Attempt, recipe: Recipe, *, step: RepairStep, before: Sequence[Attempt]) -> str:
    """What the repair changed and why, as a designer reads it."""
    how = _how(recipe, step, before)
    if recipe.sampler == "typeset":
        return f"{how}: {_complaint(last.verification)}"
    changes = []
    if recipe.model != last.recipe.model:
        changes.append(f"by {recipe.model}")
    guidance, lower = last.recipe.guidance_scale, recipe.guidance_scale
    if lower is not None and lower != guidance:
        changes.append(f"guidance {f'{guidance:g} → ' if guidance is not None else ''}{lower:g}")
    if recipe.strength is not None and recipe.mask:
        changes.append(f"strength {recipe.strength:g}")
    if recipe.seed not in {attempt.recipe.seed for attempt in before}:
        changes.append("a fresh seed")
    return f"{', '.join([how, *changes])}: {_complaint(last.verification)}"


def _how(recipe: Recipe, step: RepairStep, before: Sequence[Attempt]) -> str:
    if recipe.mask is None or step.kind == "anew":
        return "Painted anew"
    if recipe.sampler == "typeset":
        return "The words were typeset, not painted"
    masks = [attempt.recipe.mask for attempt in before if attempt.step or attempt.repair]
    if step.when and masks and step.strength is not None:
        how = "Repainted the lettering under a stricter mask"
    elif any(masks) and not step.when:
        how = "Repainted a wider box around the lettering"
    else:
        how = "Repainted only the lettering"
    return f"{how} with the typography sampler" if recipe.sampler == "typography" else how


def _complaint(verification: Verification | None) -> str:
    if verification is None:
        return "the picture was not verified"
    wrong = [_misread(check) for check in verification.missing]
    seen = [f"{finding.kind.replace('_', ' ')} seen" for finding in defects(verification)]
    return "; ".join([*wrong, *seen]) or "the picture was turned down"


def _misread(check: TextCheck) -> str:
    if not check.recognized:
        return f'"{check.expected}" was not found'
    return f'"{check.recognized}" was read instead of "{check.expected}"'


def _shortfall(attempt: Attempt) -> tuple[float, int, int]:
    verification = attempt.verification
    if verification is None:
        return (float("inf"), 0, attempt.attempt)
    errors = [check.cer for check in verification.texts]
    return (sum(errors) / len(errors) if errors else 0.0, len(verification.artifacts), attempt.attempt)


def _covering(
    area: Box, wrong: Sequence[TextCheck], texts: Sequence[TextCheck], *, grow: float
) -> tuple[Box, tuple[str, ...]]:
    """The area, stretched over every text it touches, and those texts together with the wrong ones, in order."""
    inside = list(wrong)
    while touched := [
        check for check in texts if check not in inside and any(_overlap(area, box) for box in check.boxes)
    ]:
        inside += touched
        area = _hull([area, *(_grown(box, grow) for check in touched for box in check.boxes)])
    return area, tuple(check.expected for check in texts if check in inside)


def _hull(boxes: Sequence[Box]) -> Box:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return _rounded(left, top, right, bottom)


def _grown(box: Box, by: float) -> Box:
    x, y, w, h = box
    return _rounded(max(x - by, 0.0), max(y - by, 0.0), min(x + w + by, 1.0), min(y + h + by, 1.0))


def _rounded(left: float, top: float, right: float, bottom: float) -> Box:
    """Edges on a grid of 1/1000, so that noise in what was read does not make another recipe."""
    left, top, right, bottom = (round(edge, 3) for edge in (left, top, right, bottom))
    return left, top, round(right - left, 3), round(bottom - top, 3)


def _overlap(one: Box, other: Box) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )
