"""The job and its audit chain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from shared.models.attempt import ErrorDetail
from shared.models.batch import BatchRef
from shared.models.glimpse import Glimpse, Stars
from shared.models.recipe import TemplateRef
from shared.models.replay import Replay
from shared.models.request import Door, JobRequest
from shared.models.values import Box, Sha256, Size, TextBox, Value, canonical_json, sha256_hex


class Stage(StrEnum):
    QUEUED = "queued"
    DRAFTING = "drafting"
    AWAITING_APPROVAL = "awaiting_approval"
    WAITING_OFF_PEAK = "waiting_off_peak"
    FINALIZING = "finalizing"
    VERIFYING = "verifying"
    REPAIRING = "repairing"
    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        return self in TERMINAL_STAGES

    @property
    def status(self) -> Literal["starting", "processing", "succeeded", "failed", "canceled"]:
        """Replicate's closed list; clients written for it must never see another word."""
        return _STATUS.get(self, "processing")


TERMINAL_STAGES: Final = frozenset({Stage.DONE, Stage.REJECTED, Stage.FAILED, Stage.CANCELED, Stage.EXPIRED})
_STATUS: Final[Mapping[Stage, Literal["starting", "processing", "succeeded", "failed", "canceled"]]] = {
    Stage.QUEUED: "starting",
    Stage.DONE: "succeeded",
    Stage.REJECTED: "canceled",
    Stage.FAILED: "failed",
    Stage.CANCELED: "canceled",
    Stage.EXPIRED: "canceled",
}


class Decision(Value):
    """What a person decided about the drafts of one round, or about a final that verification turned down."""

    word: Literal["approve", "reject", "more", "accept", "restore"]
    by: str
    at: datetime
    draft: int | None = None
    attempt: int | None = None
    """The final that was accepted, or put back."""
    off_peak: bool = False
    more: int = 0
    reason: str = ""


class Edit(Value):
    """The client's own picture that draft and final start from."""

    init_image: Sha256
    mask: Box | None = None
    """The box around all of `mask_image` that may change."""
    mask_image: Sha256 | None = None
    strength: float | None = None


class Job(Value):
    """One user request and its life: the current state, as the ledger holds it."""

    id: str
    tenant: str
    stage: Stage
    seq: int
    """Number of the last event in the audit chain; every change of the job adds one."""
    head: str
    """Digest of that event: the next one points back to it."""
    request: JobRequest
    door: Door = Door()
    use_case: str
    policy_version: int
    aliases: dict[str, str] = Field(default_factory=dict)
    """Models' other names as they were moved on this stack when the job was accepted; empty where it uses none."""
    prompt: str
    negative_prompt: str = ""
    template: TemplateRef | None = None
    expected_text: tuple[str, ...] = ()
    """From the request, else from the template, as are the next three: what every final must say."""
    text_box: TextBox | None = None
    edit: Edit | None = None
    guidance: float | None = None
    steps: int | None = None
    seed: int
    seed_set: str | None = None
    """The seed set and version the seed came from: `brand@3`."""
    size: Size
    rounds: tuple[int, ...]
    """How many drafts each round asked for; more than one entry after "more drafts"."""
    decision: Decision | None = None
    """The answer to the current round; cleared when a new round opens."""
    chosen_draft: int | None = None
    final_attempt: int | None = None
    """The accepted final, or the best attempt of a failed job."""
    batch: BatchRef | None = None
    """The batch and row it came from; such a job takes the bulk lane."""
    replay: Replay | None = None
    """The recorded render this job paints again, and nothing else."""
    redrives: int = 0
    """How often sweep had to start the workflow again."""
    cost_usd_micros: int = 0
    error: ErrorDetail | None = None
    pictures: tuple[Glimpse, ...] = ()
    """The newest drafts and every final, as lists show them; the attempts themselves say more."""
    stars: Stars = Stars()
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def deadline(self) -> datetime | None:
        """When the job is canceled if it has not concluded; None for never."""
        patience = self.request.cancel_after_s
        return None if patience is None else self.created_at + timedelta(seconds=patience)

    @property
    def candidates(self) -> tuple[int, ...]:
        """Numbers of the current round's drafts; drafts are numbered on through all rounds."""
        last = sum(self.rounds)
        return tuple(range(last - self.rounds[-1] + 1, last + 1))


class Event(Value):
    """One link of a job's audit chain. `digest` covers every other field, `prev` is the link before it."""

    job_id: str
    seq: int
    type: str
    at: datetime
    actor: str
    data: dict[str, Any]
    prev: str
    covers: dict[str, str] = Field(
        default_factory=dict,
        description="Digests of what was written with it, by sort key: the job's state, attempts, a rating.",
    )
    digest: str = ""

    def computed_digest(self) -> str:
        """sha256 over the canonical JSON of all fields but `digest`, and but `covers` where an event has none."""
        left_out = {"digest"} if self.covers else {"digest", "covers"}
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude=left_out)))


class JobFilter(Value):
    """Which jobs to list; what is not said does not matter."""

    stage: Stage | None = None
    use_case: Annotated[str, Field(max_length=64)] | None = None
    model: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="Asked for by name, or painted one of the pictures."
    )
    template: Annotated[str, Field(max_length=80)] | None = Field(
        None, description="`poster`, or one version of it: `poster@2`."
    )
    tag: Annotated[str, Field(max_length=64)] | None = None
    q: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="Words of the prompt, the expected text or the tags: all of them."
    )

    @property
    def empty(self) -> bool:
        return not self.model_dump(exclude_none=True)


class JobPage(Value):
    """One page of jobs, newest first; `cursor` is None on the last page."""

    jobs: tuple[Job, ...]
    cursor: str | None = None
