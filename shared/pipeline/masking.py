"""The pictures a render starts from: the original, the mask over it, and the result laid back into its surroundings.

Hides who draws a mask (the repair step, the client, or both) and that some models redraw what it leaves uncovered, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared import masks
from shared.catalogue import Model
from shared.images import Images, describe
from shared.models import Attempt, ImageRef, Job
from shared.policy import Plan
from shared.providers import Order


@dataclass(frozen=True)
class Masking:
    """Masks and originals of one image store."""

    images: Images

    def draw(self, job: Job, chosen: Plan, attempts: Sequence[Attempt]) -> tuple[Plan, ImageRef | None]:
        """The plan with its mask drawn and stored, so that the fingerprint covers every pixel of it."""
        recipe, edit = chosen.recipe, job.edit
        if recipe.mask is None:
            return chosen, None
        theirs = self.images.load(job.tenant, edit.mask_image) if edit and edit.mask_image else None
        if recipe.mask_image and theirs is not None:
            return chosen, describe(job.tenant, theirs)
        start = next(each.image for each in attempts if each.image and each.image.sha256 == recipe.init_image)
        mask = masks.drawn(recipe.mask, width=start.width, height=start.height, feather=chosen.feather)
        if theirs is not None and edit is not None:
            theirs = masks.from_client(theirs)
            both = masks.within(mask, theirs)
            mask, recipe = (both, recipe) if both else (theirs, recipe.model_copy(update={"mask": edit.mask}))
        stored = self.images.store(job.tenant, mask)
        recipe = recipe.model_copy(update={"mask_image": stored.sha256})
        return chosen.model_copy(update={"recipe": recipe}), stored

    def order(self, attempt: Attempt, model: Model) -> Order:
        """What the provider is sent. Raises NotFound or ImageUnreadable for a picture that is gone or spoiled."""
        recipe = attempt.recipe
        image = self.images.load(attempt.tenant, recipe.init_image) if recipe.init_image else None
        mask = self.images.load(attempt.tenant, recipe.mask_image) if recipe.mask_image else None
        return Order(
            id=attempt.id,
            provider_model=attempt.provider_model,
            recipe=recipe,
            init_image=image,
            mask=masks.from_client(mask) if mask is not None else None,
            options=model.options,
        )

    def lay(self, attempt: Attempt, painted: bytes, model: Model) -> bytes | None:
        """The picture under the mask in the original around it, for a model that redraws everything: see shared.masks.

        None where there is no mask, or the model minds it.
        """
        recipe = attempt.recipe
        if not model.repaints_whole or recipe.init_image is None or recipe.mask_image is None:
            return None
        original, mask = (self.images.load(attempt.tenant, each) for each in (recipe.init_image, recipe.mask_image))
        return masks.laid_into(original, painted, masks.from_client(mask))
