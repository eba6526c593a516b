"""One job at one tier being planned: who may paint it, and from which recipe.

Hides how models are chosen, replaced and fed. Drafts come as near to the wishes as their model can; finals obey or
refuse. A replacement is always an explicit rule of the policy and is recorded as an alias.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from shared.catalogue import Model
from shared.errors import InvalidRequest, RequestError
from shared.models import Alias, Attempt, Box, Finalize, Job, Name, Recipe, SkippedStep, TextGuide, Tier, Value
from shared.policy.lineup import Lineup, fallback
from shared.policy.rules import TierRule, UseCase

Number = TypeVar("Number", int, float)


class Plan(Value):
    """What to render: the recipe, the model that takes it, and what was replaced or repaired on the way."""

    recipe: Recipe
    model: Model
    alias: Alias | None = None
    repair: str | None = None
    step: Name | None = None
    skipped: tuple[SkippedStep, ...] = ()
    feather: float = 0.0
    """Of the mask still to be drawn around `recipe.mask`: a fraction of the picture's shorter side."""

    @property
    def estimated_cost_usd_micros(self) -> int:
        return self.model.estimated_cost_usd_micros(self.recipe)


class Desk(Value):
    """One job at one tier, being planned."""

    lineup: Lineup
    job: Job
    tier: Tier
    use: UseCase

    @property
    def rule(self) -> TierRule:
        return self.use.tier(self.tier)

    # ── the model ────────────────────────────────────────────────────────────────────────────────

    def choose(self, *, seed: int, failures: Sequence[Attempt]) -> Plan:
        """With the model asked for by name, else the use case's, else the first fallback that can do the recipe."""
        given_up = self.given_up(failures)
        if asked := self._asked():
            return self._unless_hopeless(self._with(asked, seed=seed), given_up)
        errors: list[RequestError] = []
        last_resort: Plan | None = None
        reason = ""
        for name in (self.rule.model, *self.use.fallbacks):
            try:
                option = self._with(name, seed=seed)
            except RequestError as error:
                if not reason and error.param != "model":
                    raise  # the wish is wrong, not the model: no fallback hides that
                errors.append(error)
                reason = reason or error.message
                continue
            if reason:
                option = option.model_copy(update={"alias": fallback(self.rule.model, option.model, reason)})
            if option.model.name not in given_up:
                return option
            last_resort = last_resort or option
            reason = reason or f'model "{option.model.name}" answered {given_up[option.model.name]}'
        if last_resort:
            return self._unless_hopeless(last_resort, given_up)
        raise next((error for error in errors if error.param != "model"), errors[0])

    def _unless_hopeless(self, option: Plan, given_up: Mapping[str, str]) -> Plan:
        """The plan, unless its model gave an answer that asking again cannot change, such as a moderation refusal."""
        code = given_up.get(option.model.name)
        if code is not None and code not in self.lineup.policy.failures.retry:
            raise InvalidRequest(
                f'model "{option.model.name}" answered {code}, and no other may take over', param="model"
            )
        return option

    def _asked(self) -> str | None:
        """The model named by the job, where it decides this tier: the final, or a draft that no final follows."""
        decides = self.tier is Tier.FINAL or self.job.request.finalize is Finalize.DRAFT_ONLY
        return self.job.request.model if decides else None

    def given_up(self, failures: Sequence[Attempt]) -> Mapping[str, str]:
        """Models that failed as often as the rules allow -> the error code."""
        seen = [(attempt.model, attempt.error.code) for attempt in failures if attempt.error]
        limits = self.lineup.policy.failures.fallback
        return {model: code for model, code in seen if code in limits and seen.count((model, code)) >= limits[code]}

    # ── the recipe ───────────────────────────────────────────────────────────────────────────────

    def _with(self, name: str, *, seed: int) -> Plan:
        model, alias = self.lineup.serving(name, self.tier)
        asked = self.lineup.catalogue.find(name) if alias else None
        if self.job.edit and self.job.edit.mask and not model.mask:
            model, alias = self._repainter(name, model)
        if self.job.edit and not model.init_image:
            problem = f'model "{model.name}" cannot start from a picture; leave init_image out or name another model'
            raise InvalidRequest(problem, param="model", model=model.name)
        return Plan(recipe=self.recipe(model, seed=seed, asked=asked), model=model, alias=alias)

    def _repainter(self, asked: str, unable: Model) -> tuple[Model, Alias]:
        """Who repaints under the client's mask where the model asked for cannot."""
        model, _ = self.lineup.serving(self.use.repair_model, Tier.FINAL)
        reason = f'"{unable.name}" cannot repaint under a mask'
        if not model.mask:
            problem = f'{reason}, nor can "{model.name}"; leave mask_image out or name another model'
            raise InvalidRequest(problem, param="mask_image", model=unable.name)
        return model, Alias(asked=asked, served_by=model.name, reason=reason)

    def recipe(self, model: Model, *, seed: int, asked: Model | None = None, obey: bool = True) -> Recipe:
        """`obey` makes a final refuse what its model cannot do; without it, as for drafts, wishes are met half-way.

        Guidance and steps are those of the model `asked` for where another stands in, which comes as near as it can.
        """
        job = self.job
        final = self.tier is Tier.FINAL
        if final and obey:
            self._check(model, asked)
        prompt = job.prompt if model.text_guide else spell_out(job.prompt, job.expected_text)
        if len(prompt) > model.max_prompt_chars:
            problem = f'prompt has {len(prompt)} characters; model "{model.name}" takes {model.max_prompt_chars}'
            raise InvalidRequest(problem, param="prompt")
        guidance = job.guidance if job.guidance is not None else self.rule.guidance
        steps = job.steps if final and job.steps is not None else self.rule.steps
        guided = model.text_guide and job.expected_text
        edit = job.edit
        return Recipe(
            model=model.name,
            prompt=prompt,
            negative_prompt=(job.negative_prompt or self.use.negative_prompt) if model.negative_prompt else "",
            seed=seed,
            size=job.size if final else model.sizes.nearest(job.size),
            steps=within(steps, model.steps),
            guidance_scale=within(guidance, model.guidance_range),
            sampler=self.rule.sampler if self.rule.sampler in model.samplers else "default",
            template=job.template,
            text=TextGuide(content=job.expected_text, box=self._text_box) if guided else None,
            mask=edit.mask if edit else None,
            mask_image=edit.mask_image if edit else None,
            init_image=edit.init_image if edit else None,
            strength=edit.strength if edit else None,
        )

    @property
    def _text_box(self) -> Box | None:
        """Where the lettering goes; under a client's mask nowhere else, unless the job says so."""
        return self.job.text_box or (self.job.edit.mask if self.job.edit else None)

    def _check(self, model: Model, asked: Model | None) -> None:
        """Raise InvalidRequest for the first wish this model cannot fulfil."""
        job, request, rule = self.job, self.job.request, self.lineup.policy.text
        if not model.accepts(job.size):
            problem = f'model "{model.name}" does not offer {job.size}; it offers {model.sizes}'
            raise InvalidRequest(problem, param="size", model=model.name)
        # A stand-in is refused what the model it stands in for would refuse; the rest it does as near as it can.
        decides, lenient = asked or model, asked is not None
        _check_range("guidance", job.guidance, decides.guidance_range, model=decides.name, lenient=lenient)
        _check_range("steps", job.steps, decides.steps, model=decides.name, lenient=lenient)
        if request.negative_prompt and not model.negative_prompt:
            problem = f'model "{model.name}" takes no negative prompt; leave it out'
            raise InvalidRequest(problem, param="negative_prompt", model=model.name)
        box = self._text_box
        if not rule.fits(job.expected_text, size=job.size, box=box):
            letters, lines = rule.capacity(job.size, box)
            where = "its text_box" if job.text_box else "mask_image" if box else "the image"
            problem = (
                f"expected_text is longer than {where} can carry: "
                f"at {job.size}, {rule.letter_px} px letters fill {lines} lines of {letters}, broken between words"
            )
            raise InvalidRequest(problem, param="expected_text", lines=lines, letters=letters)

    # ── after the first attempt ──────────────────────────────────────────────────────────────────

    def anchor(self, chosen: Plan, draft: Attempt | None) -> Plan:
        """The final painted over its draft, where the use case wants that, the model can and the sizes agree."""
        if (
            self.use.anchor != "draft"
            or self.job.edit
            or draft is None
            or draft.image is None
            or not chosen.model.init_image
        ):
            return chosen
        if draft.recipe.size != chosen.recipe.size:
            return chosen
        over = {"init_image": draft.image.sha256, "strength": self.use.anchor_strength}
        return chosen.model_copy(update={"recipe": chosen.recipe.model_copy(update=over)})


def spell_out(prompt: str, texts: Sequence[str]) -> str:
    """The prompt with the expected texts it does not contain yet: `…, with the words "SALE" and "50% OFF"`."""
    spoken = " ".join(prompt.split()).casefold()
    absent = [text for text in texts if " ".join(text.split()).casefold() not in spoken]
    if not absent:
        return prompt
    return f"{prompt.rstrip(' .,;')}, with the words {quoted(absent)}"


def quoted(texts: Sequence[str]) -> str:
    """`"SALE" and "50% OFF"`, on one line."""
    return " and ".join(f'"{" ".join(text.split())}"' for text in texts)


def within(value: Number | None, bounds: tuple[Number, Number] | None) -> Number | None:
    """The nearest value the model takes; None where it takes none or is left its own choice."""
    return None if value is None or bounds is None else min(max(value, bounds[0]), bounds[1])


def _check_range(
    field: str, value: float | None, bounds: tuple[float, float] | None, *, model: str, lenient: bool
) -> None:
    """`lenient` lets a value pass where the model takes none."""
    if value is None or (bounds is None and lenient):
        return
    if bounds is None:
        raise InvalidRequest(f'model "{model}" takes no {field}; leave it out', param=field, model=model)
    if not bounds[0] <= value <= bounds[1]:
        problem = f'{field} of model "{model}" runs from {bounds[0]:g} to {bounds[1]:g}, not {value:g}'
        raise InvalidRequest(problem, param=field, model=model)
