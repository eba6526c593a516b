"""The repair ladder: which step follows a failed verification, and which cannot be taken, and why.

Hides the choice. A step answers to what failed, is taken once, must be possible with the models at hand and must fit
what attempts and money are left. Never raises guidance, and never repaints outside a client's own mask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from shared.errors import RequestError
from shared.models import Alias, Attempt, Box, Determinism, Name, SkippedStep, TextGuide, Tier, Value, Verification
from shared.policy.desk import Desk, Plan
from shared.policy.repair import asked_to_letter, in_words, lowered, region, repair_seed
from shared.policy.rulebook import defects, wrong_texts
from shared.policy.rules import RepairStep, Verify

_OF_THE_MASK: Final = frozenset({"seam", "outside_changed"})
"""What a repaint does to the picture around it. The picture before it was better: repairs go on from there."""


class Exhausted(Value):
    """No step is left: the job is rejected, its best attempt kept."""

    why: str
    skipped: tuple[SkippedStep, ...] = ()


def climb(desk: Desk, chosen: Plan, misprints: Sequence[Attempt], *, given_up: Mapping[str, str]) -> Plan | Exhausted:
    """The next step after `misprints`, oldest first, or why there is none.

    `chosen` is the final as it would be painted afresh; `given_up` are models that failed technically, with the code.
    """
    use, last = desk.use, misprints[-1]
    if len(misprints) >= use.attempts:
        plural = "s" if use.attempts > 1 else ""
        return Exhausted(why=f"the use case's budget of {use.attempts} attempt{plural} is used up")
    base = _before_the_mask(last, misprints)
    failed = what_failed(last, use.verify) | (what_failed(base, use.verify) if base is not last else set())
    rungs = _Rungs(desk=desk, chosen=chosen, misprints=tuple(misprints), base=base, given_up=given_up)
    told = {skipped for attempt in misprints for skipped in attempt.skipped}
    passed_over: list[SkippedStep] = []
    for name in _remaining(use.repair, misprints):
        step = desk.lineup.policy.repair_steps[name]
        if step.when and not _answers(step, failed, masked=base is not last):
            continue
        option = rungs.take(step)
        short = option if isinstance(option, str) else _too_dear(option, desk, misprints)
        if isinstance(option, Plan) and short is None:
            news = tuple(skipped for skipped in passed_over if skipped not in told)
            return option.model_copy(update={"step": name if step.when else None, "skipped": news})
        passed_over.append(SkippedStep(step=name, reason=short or ""))
    if passed_over:
        why = "; ".join(f"{skipped.step}: {skipped.reason}" for skipped in passed_over)
        return Exhausted(why=f"no step can be taken any more ({why})", skipped=tuple(passed_over))
    return Exhausted(why=f"every step for {' and '.join(sorted(failed)).replace('_', ' ')} was taken")


def what_failed(attempt: Attempt, rule: Verify) -> set[str]:
    """`missing`, `misspelled` or `unreadable` for the texts, and the kinds of the defects that count."""
    verification = attempt.verification
    if verification is None:
        return {"unreadable"}
    failed = {
        "unreadable" if check.verdict == "unreadable" else "misspelled" if check.recognized else "missing"
        for check in wrong_texts(verification, rule)
    }
    if rule.artifacts == "reject" or not verification.texts:
        failed |= {finding.kind for finding in defects(verification)}
    return failed or {"unreadable"}


def dollars(usd_micros: int) -> str:
    return f"${usd_micros / 1_000_000:.4f}"


class _Rungs(Value):
    """What every step starts from."""

    desk: Desk
    chosen: Plan
    misprints: tuple[Attempt, ...]
    base: Attempt
    given_up: Mapping[str, str]

    def take(self, step: RepairStep) -> Plan | str:
        """The plan of a step, or why it cannot be taken."""
        option = self._masked(step) if step.kind == "mask" else self._anew(step)
        # Policy 1 knew no `when`: where there was nothing to mask, it painted anew.
        return self._painted(self.chosen, step, anew=True) if isinstance(option, str) and not step.when else option

    def _anew(self, step: RepairStep) -> Plan | str:
        model = self.chosen.model
        if step.when and step.guidance_factor == 1.0 and model.seed is Determinism.NONE:
            return f'model "{model.name}" honours no seed'
        if step.when and step.guidance_factor < 1.0:
            if self.chosen.recipe.guidance_scale is None:
                return f'model "{model.name}" takes no guidance'
            if self._guidance(self.chosen, step) == self._guidance(self.chosen, None):
                return f"guidance is at its floor of {step.guidance_floor:g} already"
        return self._painted(self.chosen, step, anew=True)

    def _masked(self, step: RepairStep) -> Plan | str:
        verification, image = self.base.verification, self.base.image
        wrong = wrong_texts(verification, self.desk.use.verify) if verification else ()
        if image is None or verification is None or not (wrong if step.when else verification.missing):
            return "no words are wrong, so there are none to set"
        if step.when and any(finding.kind == "wrong_size" for finding in defects(verification)):
            return "the picture to repaint has not the size that was ordered"
        if step.sampler == "typeset" and not self.desk.use.typeset:
            return f'use case "{self.desk.job.use_case}" wants its words painted, not typeset'
        painter = self._painter(step)
        if isinstance(painter, str):
            return painter
        box, content = self._region(verification, step)
        edit = self.desk.job.edit
        mask = _shared(box, edit.mask) if edit and edit.mask else box
        text_box = self.desk.job.text_box
        changes: dict[str, object] = {
            "init_image": image.sha256,
            "mask": mask,
            "mask_image": None,
            "strength": step.strength,
        }
        if step.sampler in painter.model.samplers:
            changes["sampler"] = step.sampler
        if painter.model.text_guide:
            changes["text"] = TextGuide(content=content, box=text_box or mask)
        elif step.when:
            changes["prompt"] = asked_to_letter(content, self.desk.job.prompt)
        recipe = painter.recipe.model_copy(update=changes)
        painted = self._painted(painter.model_copy(update={"recipe": recipe}), step, anew=step.new_seed)
        return painted.model_copy(update={"feather": step.feather})

    def _region(self, verification: Verification, step: RepairStep) -> tuple[Box, tuple[str, ...]]:
        rule, job = self.desk.lineup.policy.text, self.desk.job
        return region(verification, step=step, text_box=job.text_box, rule=rule, size=job.size)

    def _painted(self, painter: Plan, step: RepairStep, *, anew: bool) -> Plan:
        """The painter's plan with the step's seed and guidance, and what it changes in words."""
        number = len(self.misprints)
        seed = repair_seed(self.chosen.recipe.seed, number) if anew else self.chosen.recipe.seed
        changes = {"seed": seed, "guidance_scale": self._guidance(painter, step)}
        recipe = painter.recipe.model_copy(update=changes)
        words = in_words(self.misprints[-1], recipe, step=step, before=self.misprints)
        return painter.model_copy(update={"recipe": recipe, "repair": words})

    def _guidance(self, painter: Plan, step: RepairStep | None) -> float | None:
        tried = [attempt.recipe.guidance_scale for attempt in self.misprints]
        return lowered(painter.recipe.guidance_scale, tried=tried, step=step)

    # ── who repaints ─────────────────────────────────────────────────────────────────────────────

    def _painter(self, step: RepairStep) -> Plan | str:
        """The plan of a model that can do the step: the chosen one, else the use case's; or why neither can."""
        if step.model:
            return self._hired(step.model, step, reason="the typography model repaints the lettering")
        if (unfit := self._unfit(self.chosen, step)) is None:
            return self.chosen
        hired = self._hired(self.desk.use.repair_model, step, reason=unfit)
        return hired if isinstance(hired, Plan) or hired == unfit else f"{unfit}; {hired}"

    def _hired(self, name: Name, step: RepairStep, *, reason: str) -> Plan | str:
        try:
            model, alias = self.desk.lineup.serving(name, Tier.FINAL)
            recipe = self.desk.recipe(model, seed=self.chosen.recipe.seed, obey=False)
        except RequestError as error:
            return error.message
        asked = self.chosen.alias.asked if self.chosen.alias else self.chosen.model.name
        if alias is None or not step.model:
            alias = Alias(asked=asked, served_by=model.name, reason=alias.reason if alias else reason)
        plan = Plan(recipe=recipe, model=model, alias=alias)
        return self._unfit(plan, step) or plan

    def _unfit(self, painter: Plan, step: RepairStep) -> str | None:
        model, size = painter.model, self.desk.job.size
        if not model.mask:
            return f'"{model.name}" cannot repaint a box of a picture'
        if not model.accepts(size):
            return f'"{model.name}" does not offer {size}'
        if step.when and not step.model and step.sampler not in model.samplers:
            return f'"{model.name}" has no {step.sampler} sampler'
        if code := self.given_up.get(model.name):
            return f'"{model.name}" answered {code}'
        return None


def _before_the_mask(last: Attempt, misprints: Sequence[Attempt]) -> Attempt:
    """The attempt to go on from: the last, or, where its mask did harm, the one it repainted."""
    pictures = {attempt.image.sha256: attempt for attempt in misprints if attempt.image}
    base = last
    while base.verification and _OF_THE_MASK & {finding.kind for finding in defects(base.verification)}:
        if (before := pictures.get(base.recipe.init_image or "")) is None:
            break
        base = before
    return base


def _remaining(repair: Sequence[Name], misprints: Sequence[Attempt]) -> list[Name]:
    """The steps not taken yet, in order. Repairs of policy 1 bear no name: they took the first ones."""
    unnamed = sum(1 for attempt in misprints if attempt.repair and not attempt.step)
    taken = Counter(attempt.step for attempt in misprints if attempt.step)
    remaining = []
    for name in repair[unnamed:]:
        if taken[name]:
            taken[name] -= 1
        else:
            remaining.append(name)
    return remaining


def _answers(step: RepairStep, failed: set[str], *, masked: bool) -> bool:
    """Whether a step is meant for what failed; `masked`: harm around a mask of ours is for those that name it."""
    texts = {"missing", "misspelled", "unreadable"}
    any_defect = "artifact" in step.when and failed - texts - (_OF_THE_MASK if masked else set())
    return bool(failed & set(step.when) or any_defect)


def _too_dear(option: Plan, desk: Desk, misprints: Sequence[Attempt]) -> str | None:
    """Why the money left does not pay for a step; None where it does."""
    job, budget = desk.job, desk.use.budget
    purses: list[tuple[int, str]] = []
    if budget:
        spent = sum(attempt.cost_usd_micros for attempt in misprints)
        purses.append((budget.cost_usd_micros - spent, "the use case's budget for finals"))
    if job.request.max_cost_usd_micros is not None:
        purses.append((job.request.max_cost_usd_micros - job.cost_usd_micros, "the job's max_cost_usd_micros"))
    cost = option.estimated_cost_usd_micros
    left, whose = min(purses, default=(cost, ""))
    return f"costs about {dollars(cost)}, and {dollars(max(left, 0))} of {whose} is left" if cost > left else None


def _shared(box: Box, mask: Box) -> Box:
    """What both boxes cover; the mask's where they do not meet."""
    left, top = max(box[0], mask[0]), max(box[1], mask[1])
    right, bottom = min(box[0] + box[2], mask[0] + mask[2]), min(box[1] + box[3], mask[1] + mask[3])
    return (left, top, round(right - left, 6), round(bottom - top, 6)) if right > left and bottom > top else mask
