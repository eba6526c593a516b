"""Start a render and collect it: from a task to an attempt in the ledger.

Plans the recipe, serves it from the cache or orders it from the provider, and later stores what came back.
Both steps may be repeated with the same task at any time: the attempt in the ledger says how far it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from shared.cache import Cache
from shared.catalogue import Catalogue, Model
from shared.errors import (
    ImageUnreadable,
    InvalidRequest,
    ModelRetired,
    NotFound,
    PresscheckError,
    ProviderError,
    RenderFailed,
    RenderLost,
)
from shared.images import Images
from shared.ledger import Amendment, Ledger
from shared.models import (
    Attempt,
    AttemptId,
    AttemptStatus,
    ErrorDetail,
    ImageRef,
    Job,
    Latency,
    RenderTask,
    ReplayOutcome,
    SeedRecord,
    Stage,
    StepReply,
    Ticket,
    Tier,
)
from shared.pipeline.masking import Masking
from shared.pipeline.reproduction import judged
from shared.pipeline.waits import Waits
from shared.pixels import difference
from shared.policy import Plan, Policies, follows_at_once, plan
from shared.providers import Painted, Provider
from shared.telemetry import logger, measure

_ACTOR = "render"


@dataclass(frozen=True, kw_only=True)
class Renders:
    """The render function's two steps, `start` and `collect`."""

    ledger: Ledger
    cache: Cache
    images: Images
    policies: Policies
    catalogue: Catalogue
    providers: Mapping[str, Provider]
    waits: Waits
    profile: str
    clock: Callable[[], datetime]

    def start(self, task: RenderTask) -> StepReply:
        """Begin the attempt: `continue` from the cache or a fast host, `await` a slow one, else `retry` or `fail`."""
        job = self.ledger.job(task.job_id)
        if known := self.ledger.attempt(task.id):
            return self._again(known)
        attempts = self.ledger.attempts(job.id)
        try:
            attempt, model = self._planned(job, task, attempts)
        except (InvalidRequest, ModelRetired, NotFound) as error:
            return self._refuse(job, error, failures=_failures(attempts, task.id))
        reply = self._paint(attempt, model, job=job)
        policy = self.policies.at(job.policy_version)
        if reply.next == "await" and task.tier is Tier.DRAFT and follows_at_once(job, policy=policy):
            self._head_start(job.id, draft=attempt)
        return reply

    def collect(self, task: RenderTask) -> StepReply:
        """Take the answer of an attempt that was waited for; without one the attempt is lost, and `retry` or `fail`."""
        attempt = self.ledger.attempt(task.id)
        if attempt is None:
            raise NotFound(f"attempt {task.id} was never started")
        if attempt.status is not AttemptStatus.PENDING or attempt.ticket is None:
            return self._again(attempt)
        model = self.catalogue.find(attempt.model)
        if attempt.waits_for:
            return self._paint(attempt, model)
        try:
            painted = self.providers[attempt.provider].collect(attempt.ticket)
        except ProviderError as error:
            return self._record(_failed(attempt, error, now=self.clock()), event="render.failed")
        return self._store(attempt, painted, model)

    def _head_start(self, job_id: str, *, draft: Attempt) -> None:
        """Order the final while its draft is painted: the workflow finds it begun when it comes there.

        Nothing is lost where it cannot be had: then the workflow's own step begins it, or says why not.
        """
        task = RenderTask(job_id=job_id, tier=Tier.FINAL, candidate=0, attempt=1)
        job, attempts = self.ledger.job(job_id), self.ledger.attempts(job_id)
        if any(each.tier is Tier.FINAL for each in attempts):
            return
        try:
            final, model = self._planned(job, task, attempts)
        except (InvalidRequest, ModelRetired, NotFound):
            return
        if self.providers[model.provider].repeatable and final.fingerprint != draft.fingerprint:
            self._paint(final, model, job=job)

    def _paint(self, attempt: Attempt, model: Model, *, job: Job | None = None) -> StepReply:
        """From the cache; else beside whoever paints the same recipe already; else by the provider.

        A fresh job takes the last way only, and so its attempts wait for nobody.
        """
        if job is None or not job.request.fresh:
            hit, attempt = self.cache.find_or_lead(attempt)
            if hit:
                return self._record(_from_cache(attempt, hit, now=self.clock()), event="render.cached", job=job)
            if attempt.waits_for:
                return self._record(attempt, event="render.joined", job=job)
        provider = self.providers[model.provider]
        if not provider.repeatable:
            self._write(attempt, event="render.started", job=job)
            job = None
        try:
            answer = provider.start(self._masking.order(attempt, model))
        except (ProviderError, NotFound, ModelRetired, ImageUnreadable) as error:
            return self._record(_failed(attempt, error, now=self.clock()), event="render.failed", job=job)
        if isinstance(answer, Ticket):
            return self._record(attempt.model_copy(update={"ticket": answer}), event="render.started", job=job)
        return self._store(attempt, answer, model)

    @property
    def _masking(self) -> Masking:
        return Masking(self.images)

    # ── planning ─────────────────────────────────────────────────────────────────────────────────

    def _planned(self, job: Job, task: RenderTask, attempts: Sequence[Attempt]) -> tuple[Attempt, Model]:
        """The attempt as it will be painted, and by whom. Raises InvalidRequest, ModelRetired and NotFound."""
        chosen = self._plan(job, task, attempts)
        mask = self._original(job.replay.of).mask if job.replay else None
        if job.replay is None:
            chosen, mask = self._masking.draw(job, chosen, attempts)
        return self._attempt(job, task, chosen, mask=mask), chosen.model

    def _plan(self, job: Job, task: RenderTask, attempts: Sequence[Attempt]) -> Plan:
        if job.replay:
            return self._as_recorded(self._original(job.replay.of))
        draft = next(
            (
                each
                for each in attempts
                if each.tier is Tier.DRAFT and each.candidate == job.chosen_draft and each.image
            ),
            None,
        )
        return plan(
            job,
            tier=task.tier,
            candidate=task.candidate if task.tier is Tier.DRAFT else job.chosen_draft or 1,
            misprints=[each for each in attempts if each.tier is Tier.FINAL and each.misprinted],
            failures=_failures(attempts, task.id),
            draft=draft,
            policy=self.policies.at(job.policy_version),
            catalogue=self.catalogue,
            profile=self.profile,
            today=self.clock().date(),
        )

    def _as_recorded(self, original: Attempt) -> Plan:
        """The recorded recipe as it stands, for the model that painted it: no rule of today's has a say.

        Raises ModelRetired, or InvalidRequest for a model that is unknown by now or hosted where this stage is not.
        """
        model = self.catalogue.model(original.model, today=self.clock().date())
        if model.provider not in self.policies.at(self.policies.released).profile(self.profile).providers:
            problem = f'model "{model.name}" is hosted by {model.provider}, which is not set up here'
            raise InvalidRequest(problem, param="model", provider=model.provider)
        return Plan(recipe=original.recipe, model=model, alias=original.alias, repair=original.repair)

    def _original(self, of: AttemptId) -> Attempt:
        """The render a replay is held to. Raises NotFound when the ledger has it no more."""
        original = self.ledger.attempt(of)
        if original is None:
            raise NotFound(f"render {of} is not on record")
        return original

    def _attempt(self, job: Job, task: RenderTask, chosen: Plan, *, mask: ImageRef | None) -> Attempt:
        return Attempt(
            job_id=job.id,
            tenant=job.tenant,
            tier=task.tier,
            candidate=task.candidate,
            attempt=task.attempt,
            status=AttemptStatus.PENDING,
            use_case=job.use_case,
            model=chosen.model.name,
            provider=chosen.model.provider,
            provider_model=chosen.model.provider_model,
            recipe=chosen.recipe,
            fingerprint=chosen.recipe.fingerprint(),
            seed=SeedRecord(requested=chosen.recipe.seed, determinism=chosen.model.seed),
            template=job.template,
            alias=chosen.alias,
            repair=chosen.repair,
            step=chosen.step,
            skipped=chosen.skipped,
            mask=mask,
            simulated=chosen.model.simulated,
            replays=job.replay.of if job.replay else None,
            started_at=self.clock(),
        )

    # ── recording ────────────────────────────────────────────────────────────────────────────────

    def _store(self, attempt: Attempt, painted: Painted, model: Model) -> StepReply:
        try:
            image = self.images.store(attempt.tenant, painted.data)
            laid = self._masking.lay(attempt, painted.data, model)
            host_image, image = (image, self.images.store(attempt.tenant, laid)) if laid else (None, image)
        except ImageUnreadable as error:
            failure = RenderFailed(f"the model's answer is no picture: {error}")
            return self._record(_failed(attempt, failure, now=self.clock()), event="render.failed")
        now = self.clock()
        rendered = attempt.model_copy(
            update={
                "status": AttemptStatus.RENDERED,
                "image": image,
                "host_image": host_image,
                "model_revision": painted.model_revision,
                "simulated": painted.simulated,
                "seed": attempt.seed.model_copy(update={"sent": painted.seed_sent, "reported": painted.seed_reported}),
                "latency_ms": Latency(queue=painted.queue_ms, inference=painted.inference_ms, total=_ms(attempt, now)),
                "provider_request_id": painted.provider_request_id,
                "prompt_effective": painted.prompt_effective,
                "usage": dict(painted.usage),
                "cost_usd_micros": model.cost_usd_micros(attempt.recipe, inference_ms=painted.billed_ms),
                "completed_at": now,
            }
        )
        return self._record(rendered, event="render.finished", outcome=self._reproduced(rendered))

    def _reproduced(self, again: Attempt) -> ReplayOutcome | None:
        """Whether a replay is what it replays; None for any other render."""
        if again.replays is None or again.image is None:
            return None
        original = self._original(again.replays)
        try:
            before, after = (
                self.images.load(each.tenant, each.image.sha256) for each in (original, again) if each.image
            )
        except NotFound:
            return judged(original, again, apart=None)
        return judged(original, again, apart=difference(before, after))

    def _record(
        self, attempt: Attempt, *, event: str, job: Job | None = None, outcome: ReplayOutcome | None = None
    ) -> StepReply:
        self._write(attempt, event=event, job=job, outcome=outcome)
        return self._again(attempt)

    def _write(
        self, attempt: Attempt, *, event: str, job: Job | None = None, outcome: ReplayOutcome | None = None
    ) -> None:
        def change(job: Job) -> Amendment:
            replayed: dict[str, Any] = {}
            if outcome and job.replay:
                replayed = {"replay": job.replay.model_copy(update={"outcome": outcome})}
            drafting = attempt.tier is Tier.DRAFT or (job.chosen_draft is None and job.replay is None)
            stage = Stage.DRAFTING if drafting else _final_stage(attempt)
            return Amendment(
                event=event,
                actor=_ACTOR,
                data=_facts(attempt) | ({"replay": outcome.model_dump(mode="json")} if outcome else {}),
                attempts=(attempt,),
                changes={
                    "stage": stage,
                    "started_at": job.started_at or attempt.started_at,
                    "cost_usd_micros": job.cost_usd_micros + attempt.cost_usd_micros,
                    **replayed,
                },
            )

        self.ledger.amend(job or attempt.job_id, change)
        logger.info(
            event.replace(".", "_"), attempt=str(attempt.id), model=attempt.model, latency_ms=attempt.latency_ms.total
        )
        _measure(attempt)

    def _again(self, attempt: Attempt) -> StepReply:
        """What follows from an attempt as it is on record; said once more when the step is repeated."""
        if attempt.status is AttemptStatus.PENDING and attempt.ticket is None:
            cut = RenderLost(f"the call to {attempt.provider} was cut off; whether it was paid is not known")
            return self._record(_failed(attempt, cut, now=self.clock()), event="render.failed")
        if attempt.status is not AttemptStatus.PENDING:
            for ticket in self.cache.share(attempt):
                self.waits.wake(ticket)
        return self._reply(attempt)

    def _reply(self, attempt: Attempt) -> StepReply:
        if attempt.status is AttemptStatus.RENDERED:
            return StepReply(next="continue", attempt=attempt.attempt)
        if attempt.ticket and attempt.status is AttemptStatus.PENDING:
            return StepReply(next="await", attempt=attempt.attempt, ticket=attempt.ticket.id)
        code = attempt.error.code if attempt.error else RenderFailed.code
        failures = len(_failures(self.ledger.attempts(attempt.job_id), attempt.id))
        policy = self.policies.at(self.ledger.job(attempt.job_id).policy_version)
        if policy.after_failure(code, attempt=attempt.attempt, failures=failures) == "retry":
            return StepReply(next="retry", attempt=attempt.attempt + 1)
        return StepReply(next="fail", attempt=attempt.attempt)

    def _refuse(self, job: Job, error: PresscheckError, *, failures: Sequence[Attempt]) -> StepReply:
        """No recipe can be planned any more. What the models answered explains it best; without that, we do."""
        reason = failures[0].error if failures and failures[0].error else _detail(error)

        def change(_: Job) -> Amendment:
            data = {"error": error.message, "reason": reason.message}
            return Amendment(event="render.refused", actor=_ACTOR, data=data, changes={"error": reason})

        self.ledger.amend(job, change)
        return StepReply(next="fail")


def _failures(attempts: Sequence[Attempt], until: AttemptId) -> list[Attempt]:
    """The failed tries in a row up to this one, newest first: at the same tier, of the same draft."""
    tries = [
        each
        for each in attempts
        if (each.tier, each.candidate) == (until.tier, until.candidate) and each.attempt <= until.attempt
    ]
    return list(takewhile(lambda each: each.status is AttemptStatus.FAILED, reversed(tries)))


def _final_stage(attempt: Attempt) -> Stage:
    if attempt.status is AttemptStatus.RENDERED:
        return Stage.VERIFYING
    return Stage.REPAIRING if attempt.repair else Stage.FINALIZING


def _from_cache(attempt: Attempt, hit: Attempt, *, now: datetime) -> Attempt:
    """The earlier picture under this attempt's name: it costs nothing, and its latency is ours, not the model's."""
    return attempt.model_copy(
        update={
            "status": AttemptStatus.RENDERED,
            "ticket": None,
            "image": hit.image,
            "host_image": hit.host_image,
            "cached": True,
            "simulated": hit.simulated,
            "model_revision": hit.model_revision,
            "seed": hit.seed,
            "latency_ms": Latency(total=_ms(attempt, now)),
            "completed_at": now,
        }
    )


def _failed(attempt: Attempt, error: PresscheckError, *, now: datetime) -> Attempt:
    return attempt.model_copy(
        update={
            "status": AttemptStatus.FAILED,
            "error": _detail(error),
            "latency_ms": Latency(total=_ms(attempt, now)),
            "completed_at": now,
        }
    )


def _detail(error: PresscheckError) -> ErrorDetail:
    return ErrorDetail(code=error.code, message=error.message, param=error.param, context=error.context)


def _measure(attempt: Attempt) -> None:
    tier, model = attempt.tier.value, attempt.model
    if attempt.error:
        measure("RenderFailures", 1, tier=tier, model=model, code=attempt.error.code)
    elif attempt.cached:
        measure("CacheHits", 1, tier=tier, model=model)
    elif attempt.image:
        measure("RenderLatency", attempt.latency_ms.total, unit="ms", tier=tier, model=model)
        measure("RenderCost", attempt.cost_usd_micros, unit="usd_micros", tier=tier, model=model)


def _facts(attempt: Attempt) -> dict[str, Any]:
    """What the audit chain keeps of an attempt: enough to replay it, nothing that can be looked up by digest."""
    facts = attempt.model_dump(
        mode="json",
        include={
            "tier", "candidate", "attempt", "model", "provider", "provider_model", "model_revision", "fingerprint",
            "seed", "template", "alias", "repair", "step", "skipped",
            "cached", "waits_for", "provider_request_id", "usage", "simulated",
            "latency_ms", "cost_usd_micros", "error",
        },
    )  # fmt: skip
    pictures = {"image": attempt.image, "host_image": attempt.host_image, "mask": attempt.mask}
    digests = {f"{name}_sha256": ref.sha256 for name, ref in pictures.items() if ref}
    return facts | {"image_sha256": None} | digests


def _ms(attempt: Attempt, now: datetime) -> int:
    return round((now - attempt.started_at).total_seconds() * 1000)
