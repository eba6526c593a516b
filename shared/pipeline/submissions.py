"""From a request to an accepted job: settle every open question, write it down, queue it.

Whatever can be refused is refused here, before anything is promised.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from ulid import ULID

from shared import masks
from shared.allowances import Allowances
from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, ImageUnreadable, InvalidRequest, NotFound
from shared.images import Images, describe
from shared.ledger import Ledger, Once
from shared.models import (
    MAX_SEED,
    BatchRef,
    Door,
    Edit,
    ImageRef,
    IntakeMessage,
    Job,
    JobRequest,
    Principal,
    Size,
    Stage,
)
from shared.outlets import Announcer, Intake
from shared.pipeline.releases import Releases
from shared.pipeline.settling import settled, worded
from shared.policy import Policies
from shared.prompts import Templates
from shared.telemetry import logger
from shared.webhooks.destinations import Destinations
from shared.workflow import Workflow

_NO_DOOR: Final = Door()


def _draw_seed() -> int:
    return secrets.randbelow(MAX_SEED + 1)


@dataclass(frozen=True, kw_only=True)
class Submissions:
    """Both ends of the intake queue: `submit` and `dispatch`."""

    ledger: Ledger
    images: Images
    intake: Intake
    announcer: Announcer
    destinations: Destinations
    workflow: Workflow
    policies: Policies
    catalogue: Catalogue
    templates: Templates
    profile: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str] = field(default=lambda: str(ULID()))
    draw_seed: Callable[[], int] = _draw_seed
    allowances: Allowances | None = None
    """None: nobody is limited."""

    def submit(
        self,
        who: Principal,
        request: JobRequest,
        *,
        once: Once | None = None,
        door: Door = _NO_DOOR,
        job_id: str = "",
        batch: BatchRef | None = None,
    ) -> Job:
        """Accept a job. Raises InvalidRequest, NotFound or ModelRetired, naming the field, or QuotaExceeded.

        With `once`, the job this tenant was given under that key before, as it stands now, if there is one. With a
        `job_id` of the caller's, LedgerConflict says that the job is there already.

        A crash between the ledger and the queue loses nothing: sweep finds the job and queues it again.
        """
        job = self.settle(who, request, door=door)
        job = job.model_copy(update={"batch": batch} | ({"id": job_id} if job_id else {}))
        return self.enter(who, job, once=once)

    def enter(self, who: Principal, job: Job, *, once: Once | None = None) -> Job:
        """Write down and queue a job whose questions are settled. Raises QuotaExceeded or LedgerConflict."""
        if self.allowances:
            self.allowances.take_job(who.tenant, in_batch=job.batch is not None)
        asked, job = job, self.ledger.open(job, actor=who.name, data=_facts(job), once=once)
        if job.id != asked.id:
            logger.info("job_submitted_again", job_id=job.id)
            return job
        self.intake.send(job)
        logger.info(
            "job_submitted",
            job_id=job.id,
            use_case=job.use_case,
            drafts=job.request.drafts,
            finalize=job.request.finalize,
        )
        return job

    def settle(self, who: Principal, request: JobRequest, *, door: Door = _NO_DOOR) -> Job:
        """The job that this request would become. Raises what `submit` raises; promises nothing."""
        template = self._releases.template(request.template) if request.template else None
        policy = self._releases.policy()
        seed, seed_set = self._seed(request)
        edit, canvas = self._edit(who, request)
        job = settled(
            request,
            job_id=self.new_id(),
            tenant=who.tenant,
            template=template,
            policy=policy,
            seed=seed,
            seed_set=seed_set,
            edit=edit,
            canvas=canvas,
            door=door,
            aliases=self._moved(request.model),
            now=self.clock(),
        )
        # What no model can paint is refused now and not in the night.
        job = worded(job, template, policy=policy, catalogue=self.catalogue, profile=self.profile)
        if request.webhook:
            self.destinations.find(str(request.webhook))
        return job

    def _moved(self, name: str | None) -> dict[str, str]:
        """Where the name a job asks for was moved to on this stack; a model's own name never is."""
        if name is None or name in self.catalogue.models:
            return {}
        model = self.ledger.releases.aliases().get(name)
        if model is None:
            return {}
        if model not in self.catalogue.models:
            problem = f'alias "{name}" stands for model "{model}", which is not part of this deployment'
            raise ConfigurationError(problem)
        return {name: model}

    def typed(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with its template's variables as what they are declared: in a table everything is text."""
        reference, given = body.get("template"), body.get("variables")
        if not isinstance(reference, str) or not isinstance(given, dict):
            return body
        try:
            declared = self._releases.template(reference).variables
        except InvalidRequest:
            return body  # `settle` says what is wrong with it
        values = {name: declared[name].read(value) if name in declared else value for name, value in given.items()}
        return body | {"variables": values}

    def dispatch(self, body: str) -> None:
        """Start the workflow of the job a message names. Safe to repeat; a job canceled in the queue is left alone.

        What is no message of ours, or names no job, goes to the dead letters at once with the reason: no retry helps.
        """
        try:
            job = self.ledger.job(IntakeMessage.model_validate_json(body).job_id)
        except (ValidationError, NotFound) as error:
            self.intake.bury(body, reason=str(error))
            return
        if job.stage.terminal:
            return
        self.workflow.start(job)
        if job.stage is Stage.QUEUED:
            self.announcer.announce("job.started", job)

    @property
    def _releases(self) -> Releases:
        return Releases(ledger=self.ledger, templates=self.templates, policies=self.policies, clock=self.clock)

    def _edit(self, who: Principal, request: JobRequest) -> tuple[Edit | None, Size | None]:
        """The picture to start from and its size, which is the job's unless it asks for another."""
        if request.init_image is None:
            return None, None
        _, picture = self._owned(who, request.init_image, field="init_image")
        edit = Edit(init_image=request.init_image, strength=request.strength)
        canvas = _canvas(picture)
        if request.mask_image is None:
            return edit, canvas
        data, mask = self._owned(who, request.mask_image, field="mask_image")
        if (mask.width, mask.height) != (picture.width, picture.height):
            problem = (
                f"mask_image has {mask.width}x{mask.height} px and init_image {picture.width}x{picture.height}: "
                "a mask says of each pixel whether it may change, so both must have the same size"
            )
            raise InvalidRequest(problem, param="mask_image")
        if request.size and request.size != canvas:
            problem = f"size: with a mask the picture keeps the {canvas} px of init_image; leave size out"
            raise InvalidRequest(problem, param="size")
        if (box := masks.bounds(masks.from_client(data))) is None:
            problem = "mask_image lets nothing change: white is repainted, or what is transparent where anything is"
            raise InvalidRequest(problem, param="mask_image")
        return edit.model_copy(update={"mask": box, "mask_image": request.mask_image}), canvas

    def _owned(self, who: Principal, sha256: str, *, field: str) -> tuple[bytes, ImageRef]:
        """An image of the tenant's own. Raises NotFound naming the field, also for what another tenant has."""
        try:
            data = self.images.load(who.tenant, sha256)
            return data, describe(who.tenant, data)
        except NotFound as error:
            raise NotFound(
                f"{field}: no image {sha256[:12]}… of yours is stored; upload it first", param=field
            ) from error
        except ImageUnreadable as error:
            raise InvalidRequest(f"{field}: {error.message}", param=field) from error

    def _seed(self, request: JobRequest) -> tuple[int, str | None]:
        """The seed, and the seed set it came from."""
        if isinstance(request.seed, str):
            named = self.templates.seeds.find(request.seed)
            return named.seed, str(named)
        return (self.draw_seed() if request.seed is None else request.seed), None


def _canvas(picture: ImageRef) -> Size:
    try:
        return Size(width=picture.width, height=picture.height)
    except ValidationError as error:
        problem = f"init_image has {picture.width}x{picture.height} px; sides of 64 to 8192 px can be painted"
        raise InvalidRequest(problem, param="init_image") from error


def _facts(job: Job) -> dict[str, object]:
    """The request as accepted, for the chain: with it and the versions named here a job can be replayed."""
    settled = {"use_case", "policy_version", "prompt", "negative_prompt", "template", "expected_text", "text_box",
               "edit", "guidance", "steps", "seed", "seed_set", "size", "aliases"}  # fmt: skip
    facts = job.model_dump(mode="json", include=settled)
    facts |= {"request": job.request.model_dump(mode="json", exclude_defaults=True)}
    facts |= {"batch": job.batch.model_dump(mode="json")} if job.batch else {}
    return facts | ({"replay": job.replay.model_dump(mode="json", exclude_defaults=True)} if job.replay else {})
