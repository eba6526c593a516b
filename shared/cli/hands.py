"""The two ways of doing a job that the evidence compares: straight from the model server, and by the stack.

Hides the API, the endpoints and where a job's figures come from. What a person does by hand is shared.bench.adhoc's;
nothing here judges a picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.bench.adhoc import Habits, recipe
from shared.bench.model_server import ModelServer
from shared.bench.samples import sample_of
from shared.bench.trial import Render
from shared.bench.workload import Item
from shared.catalogue import Catalogue, Model
from shared.cli.api import Api
from shared.cli.errors import CliError
from shared.cli.outcome import needs_nobody
from shared.errors import ConfigurationError, ProviderError
from shared.models import AttemptStatus, Tier
from shared.views import JobView, RenderView


@dataclass(frozen=True, kw_only=True)
class TwoHands:
    """Both ways. A failure of either is an answer, by its code."""

    api: Api
    server: ModelServer
    catalogue: Catalogue
    flagship: Model
    habits: Habits
    clock: Callable[[], float]
    timeout_s: float

    def by_hand(self, item: Item, *, complaints: int) -> Render:
        wanted = recipe(item, self.flagship, complaints=complaints, habits=self.habits)
        try:
            painted, waited_s = self.server.paint(wanted, self.flagship, number=item.number, attempt=complaints + 1)
        except ProviderError as error:
            return Render(error=error.code)
        except ConfigurationError as error:
            hint = "are the bucket, the endpoint prefix and your AWS credentials this stack's?"
            raise CliError(error.message, hint=hint, code="no_model_server") from error
        waited_ms = round(waited_s * 1000)
        sells_seconds = self.flagship.price(item.size).per == "gpu_second"
        short_ms = painted.billed_ms - painted.inference_ms if sells_seconds else None
        return Render(
            picture=painted.data,
            first_ms=waited_ms,
            total_ms=waited_ms,
            cost_usd_micros=self.flagship.cost_usd_micros(wanted, inference_ms=painted.billed_ms),
            server_ms=painted.billed_ms if sells_seconds else None,
            painting_ms=painted.inference_ms,
            short_ms=short_ms,
            first_short_ms=short_ms,
            renders=1,
            painters=((self.flagship.name, painted.model_revision, painted.simulated),),
        )

    def by_policy(self, item: Item) -> Render:
        body = item.model_dump(mode="json", include={"use_case", "prompt", "size", "seed", "expected_text"})
        began = self.clock()
        try:
            document = self.api.submit(body)
            accepting_s = self.clock() - began
            for latest in self.api.follow(document, until=needs_nobody, timeout_s=self.timeout_s):
                document = latest
            took_s = self.clock() - began
            job = document.view
            picture = self.api.picture(job.final.image) if job.output and job.final and job.final.image else None
        except CliError as error:
            return Render(error=error.code)
        return self._of_job(job, picture, accepting_s=accepting_s, took_s=took_s)

    def _of_job(self, job: JobView, picture: bytes | None, *, accepting_s: float, took_s: float) -> Render:
        sample = sample_of(
            job, index=0, intended_s=0, started_s=0, accepted_s=accepting_s, ended_s=took_s, repeats=False
        )
        fresh = [each for each in job.attempts if each.status is AttemptStatus.RENDERED and not each.cached]
        finals = sorted((each for each in fresh if each.tier is Tier.FINAL), key=lambda each: each.attempt)
        drafts = [each for each in fresh if each.tier is Tier.DRAFT]
        masked = [each for each in finals if each.recipe.mask is not None]
        whole = finals[0] if finals and finals[0].recipe.mask is None else None
        return Render(
            picture=picture,
            first_ms=sample.draft_ms,
            total_ms=sample.total_ms or round(took_s * 1000),
            cost_usd_micros=job.cost_usd_micros,
            server_ms=self._billed_ms(fresh),
            painting_ms=sum(each.latency_ms.inference for each in fresh),
            short_ms=self._short_way_ms(finals, drafts),
            first_short_ms=self._short_ms(drafts[:1]),
            renders=len(fresh),
            cached=sample.cached,
            repaired_whole_usd_micros=whole.cost_usd_micros if whole and masked else 0,
            masked_usd_micros=sum(each.cost_usd_micros for each in masked),
            painters=tuple((each.model, each.model_revision, each.simulated) for each in fresh),
            error=sample.error or "",
            rejected=sample.rejected,
        )

    def _short_way_ms(self, finals: Sequence[RenderView], drafts: Sequence[RenderView]) -> int | None:
        """Of the finals, one after the other; and of a draft as far as the first of them had to wait for it."""
        final, first, draft = (self._short_ms(renders) for renders in (finals, finals[:1], drafts[:1]))
        if final is None or first is None or draft is None:
            return None
        done = drafts[0].completed_at if drafts else None
        beside = bool(finals and done and finals[0].started_at < done)
        return final + (max(0, draft - first) if beside else draft)

    def _short_ms(self, renders: Sequence[RenderView]) -> int | None:
        billed = self._billed_ms(renders)
        return None if billed is None else billed - sum(each.latency_ms.inference for each in renders)

    def _billed_ms(self, renders: Sequence[RenderView]) -> int | None:
        """The time behind the money, where seconds are sold: the API tells what a render cost, not what was billed."""
        total = 0.0
        for render in renders:
            price = self.catalogue.find(render.model).price(render.recipe.size)
            if price.per != "gpu_second":
                return None
            total += render.cost_usd_micros * 1000 / price.usd_micros
        return round(total)
