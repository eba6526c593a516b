"""The nouns of Presscheck as frozen values: request, job, recipe, render, verification.

Hides nothing and decides nothing: every edge (HTTP, SQS, state machine, TOML, ledger) parses into
these and every layer above passes them on. No AWS, no HTTP, no pixels.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StrictInt,
    field_validator,
    model_serializer,
    model_validator,
)

MAX_PROMPT_CHARS: Final = 4_000
MAX_SEED: Final = 2**32 - 1
MAX_DRAFTS: Final = 8
SEED_SET: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}(@[1-9]\d{0,8})?")
"""A seed by name: `brand@3`, or `brand` for its latest version."""


class Value(BaseModel):
    """Base of every value: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, protected_namespaces=())


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces, UTF-8; what digests and fingerprints hash."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_hex(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


# ── sizes and boxes ──────────────────────────────────────────────────────────────────────────────


class Size(Value):
    """Width and height in pixels; reads `"1024x1024"` and writes it back."""

    width: int = Field(ge=64, le=8192)
    height: int = Field(ge=64, le=8192)

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            if not (match := re.fullmatch(r"(\d{2,5})x(\d{2,5})", value)):
                raise ValueError(f'size must look like "1024x1024", not "{value[:40]}"')
            return {"width": int(match[1]), "height": int(match[2])}
        return value

    @model_serializer
    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Box = tuple[Fraction, Fraction, Fraction, Fraction]
"""`[x, y, w, h]` in fractions of the image, origin top left."""


def _inside_image(box: Box) -> Box:
    x, y, w, h = box
    if w <= 0 or h <= 0:
        raise ValueError("text_box needs a width and a height above 0")
    if x + w > 1.0 + 1e-9 or y + h > 1.0 + 1e-9:
        raise ValueError("text_box must lie inside the image: x + w and y + h at most 1")
    return box


TextBox = Annotated[Box, AfterValidator(_inside_image)]


# ── the request ──────────────────────────────────────────────────────────────────────────────────


def _clean_text(text: str) -> str:
    """NFC, line ends as \\n, no control characters: what may reach a model or a log."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
    for char in text:
        if unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t":
            raise ValueError(f"must not contain control characters (found U+{ord(char):04X})")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


CleanText = Annotated[str, AfterValidator(_clean_text)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_clean_text)]
ExpectedText = Annotated[
    str, Field(min_length=1, max_length=120), AfterValidator(_clean_text), AfterValidator(_not_blank)
]


class Finalize(StrEnum):
    """When the final follows the draft."""

    AUTO = "auto"
    ON_APPROVAL = "on_approval"
    OFF_PEAK = "off_peak"
    DRAFT_ONLY = "draft_only"


class JobRequest(Value):
    """What a client asks for: the body of `POST /v1/jobs`."""

    use_case: Name | None = Field(None, description="What the image is for; the policy picks the models.")
    model: Name | None = Field(None, description="A model by catalogue name or alias, instead of the policy's choice.")
    template: Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*(@[1-9]\d*)?$")] | None = Field(
        None, description="`poster@3` pins a version, `poster` takes the released one."
    )
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict, max_length=50)
    prompt: (
        Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(_clean_text), AfterValidator(_not_blank)]
        | None
    ) = None
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARS), AfterValidator(_clean_text)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | Annotated[str, Field(pattern=rf"^{SEED_SET.pattern}$")] | None = (
        Field(None, description="A number, or a seed set: `brand@3`, or `brand` for its latest version.")
    )
    size: Size | None = None
    guidance: Annotated[float, Field(ge=0.0, le=30.0, allow_inf_nan=False)] | None = Field(
        None, validation_alias=AliasChoices("guidance", "guidance_scale")
    )
    steps: Annotated[StrictInt, Field(ge=1, le=150)] | None = None
    expected_text: tuple[ExpectedText, ...] = Field(
        (), max_length=8, description="A string or a list of strings that must be readable."
    )
    text_box: TextBox | None = Field(
        None, description="Where the text belongs: `[x, y, w, h]` in fractions of the image."
    )
    drafts: Annotated[StrictInt, Field(ge=1, le=MAX_DRAFTS)] = 1
    finalize: Finalize = Finalize.AUTO
    webhook: HttpUrl | None = None
    webhook_events: tuple[Name, ...] = Field((), max_length=16)
    metadata: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]] = Field(
        default_factory=dict, max_length=16
    )
    tags: tuple[Tag, ...] = Field((), max_length=16)

    @field_validator("seed", mode="before")
    @classmethod
    def _number_or_name(cls, value: Any) -> Any:
        if value is None or (type(value) is int and 0 <= value <= MAX_SEED):
            return value  # a bool is no int here
        if isinstance(value, str) and SEED_SET.fullmatch(value):
            return value
        raise ValueError(f'must be a whole number from 0 to {MAX_SEED}, or a seed set such as "brand@3"')

    @field_validator("expected_text", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else () if value is None else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.prompt is not None and self.template is not None:
            raise ValueError("give either prompt or template, not both")
        if self.prompt is None and self.template is None:
            raise ValueError("give a prompt, or a template with its variables")
        if self.variables and self.template is None:
            raise ValueError("variables need a template")
        if self.text_box is not None and not self.expected_text:
            raise ValueError("text_box needs expected_text")
        return self


# ── the recipe: all that determines an image ─────────────────────────────────────────────────────


class Tier(StrEnum):
    DRAFT = "draft"
    FINAL = "final"


class TemplateRef(Value):
    """The template version a prompt came from; `digest` is the sha256 of its file."""

    name: str
    version: int
    digest: str


class TextGuide(Value):
    """The lettering the model is asked for. `box` None lets the model place it."""

    content: tuple[str, ...]
    box: Box | None = None


class Recipe(Value):
    """All that determines an image. Two equal recipes are the same picture and are paid for once."""

    model: str
    prompt: str
    negative_prompt: str = ""
    seed: int
    size: Size
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: Literal["default", "typography"] = "default"
    template: TemplateRef | None = None
    text: TextGuide | None = None
    mask: Box | None = None
    """Only this box is repainted, over `init_image`; fractions of the image."""
    init_image: str | None = None
    """sha256 of the picture the render starts from; None paints from noise."""
    strength: float | None = None

    def fingerprint(self) -> str:
        """sha256 of the canonical JSON of what determines pixels: the cache key.

        The template is where the words came from, not what they are: another version that renders the same prompt is
        the same picture. A new field must default to what was meant before it.
        """
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude_defaults=True, exclude={"template"})))


# ── verification ─────────────────────────────────────────────────────────────────────────────────


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNREADABLE = "unreadable"


class TextDifference(Value):
    """One edit between what was expected and what was read; `op` names it from the expected side."""

    op: Literal["substitute", "missing", "extra"]
    position: int
    expected: str = ""
    recognized: str = ""


class TextCheck(Value):
    """One expected string: what was read for it, where, and how far off."""

    expected: str
    recognized: str
    verdict: Verdict
    cer: float
    """Character error rate: edit distance / length of the expected text; 0.0 is equal."""
    confidence: float
    boxes: tuple[Box, ...] = ()
    differences: tuple[TextDifference, ...] = ()
    engine: str = ""


class ArtifactFinding(Value):
    """One visible defect; `score` runs from 0.0 (clean) to 1.0 and beyond, `limit` is where it fails."""

    kind: Name
    score: float
    limit: float
    box: Box | None = None
    detail: str = ""


class Similarity(Value):
    """How like two pictures are."""

    phash_distance: int = Field(ge=0, le=64)
    """Bits by which their perceptual hashes differ; up to 8 they look alike."""
    ssim: float = Field(ge=-1.0, le=1.0)
    """Structural similarity of their luma at 256 px: 1.0 is the same picture."""
    colour_shift: float = Field(ge=0.0)
    """How far their colours are apart, in CIELAB units and wherever they stand: 2 can just be seen, 10 is plain."""


class Verification(Value):
    """Does the image say what was asked, and does it look broken? All checks of one image."""

    verdict: Verdict
    texts: tuple[TextCheck, ...] = ()
    artifacts: tuple[ArtifactFinding, ...] = ()
    recognized: str = ""
    """Everything read on the picture, in reading order."""
    similarity: Similarity | None = None
    """How like the chosen draft the final came out; None without a draft to compare with."""
    engine: str = ""
    elapsed_ms: int = 0

    @property
    def missing(self) -> tuple[TextCheck, ...]:
        """The expected strings that did not pass."""
        return tuple(check for check in self.texts if check.verdict is not Verdict.PASS)


# ── renders and attempts ─────────────────────────────────────────────────────────────────────────


class Determinism(StrEnum):
    EXACT = "exact"
    BEST_EFFORT = "best_effort"
    NONE = "none"


class SeedRecord(Value):
    """What became of the seed: asked for, sent to the provider, reported back; never a claim beyond that."""

    requested: int
    sent: int | None = None
    reported: int | None = None
    determinism: Determinism = Determinism.NONE


class ImageRef(Value):
    """A stored image. `key` is its content-addressed S3 key."""

    key: str
    sha256: str
    phash: str
    """64-bit perceptual hash, 16 hex digits; pictures within a Hamming distance of 8 look alike."""
    width: int
    height: int
    mime: str
    size_bytes: int


class Latency(Value):
    """Milliseconds: waiting at the provider, painting, and both as the pipeline saw them."""

    queue: int = 0
    inference: int = 0
    total: int = 0


class Alias(Value):
    """An explicit, recorded replacement of one model by another."""

    asked: str
    served_by: str
    reason: str


class ErrorDetail(Value):
    """A failure as the client sees it: the `error` object of the error body."""

    code: str
    message: str
    param: str | None = None
    context: dict[str, Any] = Field(default_factory=dict)


class AttemptId(Value):
    """One try at a tier. `candidate` numbers the drafts from 1 and is 0 for a final."""

    job_id: str
    tier: Tier
    candidate: int = Field(ge=0)
    attempt: int = Field(ge=1)

    def __str__(self) -> str:
        """Short enough for a SageMaker InferenceId (64) and safe in S3 keys: `01J…-d2-1`, `01J…-f-3`."""
        where = f"d{self.candidate}" if self.tier is Tier.DRAFT else "f"
        return f"{self.job_id}-{where}-{self.attempt}"


class Ticket(Value):
    """Handle of a render still running at a provider: where its answer will appear."""

    id: str
    output_location: str
    failure_location: str
    submitted_at: datetime


class AttemptStatus(StrEnum):
    PENDING = "pending"
    RENDERED = "rendered"
    FAILED = "failed"


class Attempt(Value):
    """One try at a tier, successful or not: what the ledger stores. With an image it is a render."""

    job_id: str
    tenant: str
    tier: Tier
    candidate: int
    attempt: int
    status: AttemptStatus
    use_case: str
    model: str
    provider: str
    provider_model: str
    model_revision: str = ""
    recipe: Recipe
    fingerprint: str
    seed: SeedRecord
    template: TemplateRef | None = None
    alias: Alias | None = None
    repair: str | None = None
    """What a repair changed against the attempt before it, in words a designer reads."""
    image: ImageRef | None = None
    cached: bool = False
    simulated: bool = False
    """True when the picture comes from the painter of the local stack, not from a generative model."""
    latency_ms: Latency = Latency()
    cost_usd_micros: int = 0
    verification: Verification | None = None
    error: ErrorDetail | None = None
    ticket: Ticket | None = None
    provider_request_id: str = ""
    prompt_effective: str = ""
    """The prompt as the host rewrote it; empty where it painted ours or does not tell."""
    usage: dict[str, int] = Field(default_factory=dict)
    waits_for: str | None = None
    """The attempt that paints this very recipe already; its picture will serve both."""
    started_at: datetime
    completed_at: datetime | None = None

    @property
    def id(self) -> AttemptId:
        return AttemptId(job_id=self.job_id, tier=self.tier, candidate=self.candidate, attempt=self.attempt)

    @property
    def misprinted(self) -> bool:
        """Verified, and it did not pass."""
        return self.verification is not None and self.verification.verdict is not Verdict.PASS


# ── the job ──────────────────────────────────────────────────────────────────────────────────────


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
    """What a person decided about the drafts of one round."""

    word: Literal["approve", "reject", "more"]
    by: str
    at: datetime
    draft: int | None = None
    off_peak: bool = False
    more: int = 0
    reason: str = ""


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
    use_case: str
    policy_version: int
    prompt: str
    negative_prompt: str = ""
    template: TemplateRef | None = None
    expected_text: tuple[str, ...] = ()
    """From the request, else from the template, as are the next three: what every final must say."""
    text_box: TextBox | None = None
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
    redrives: int = 0
    """How often sweep had to start the workflow again."""
    cost_usd_micros: int = 0
    error: ErrorDetail | None = None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None

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
    digest: str = ""

    def computed_digest(self) -> str:
        """sha256 over the canonical JSON of all fields but `digest`."""
        return sha256_hex(canonical_json(self.model_dump(mode="json", exclude={"digest"})))


class JobPage(Value):
    """One page of jobs, newest first; `cursor` is None on the last page."""

    jobs: tuple[Job, ...]
    cursor: str | None = None


# ── messages of the workflow ─────────────────────────────────────────────────────────────────────


class IntakeMessage(Value):
    """SQS body between submit and dispatch."""

    job_id: str
    submitted_at: datetime


class RenderTask(Value):
    """Input of the render function, for `Render …` and `Collect …` alike."""

    job_id: str
    tier: Tier
    candidate: int = Field(ge=0)
    attempt: int = Field(ge=1)

    @property
    def id(self) -> AttemptId:
        return AttemptId(job_id=self.job_id, tier=self.tier, candidate=self.candidate, attempt=self.attempt)


class StepReply(Value):
    """What a workflow step answers: one word for the Choice that follows, and its operands."""

    next: Literal[
        "await",
        "continue",
        "retry",
        "fail",  # render, collect
        "accept",
        "repair",
        "reject",  # verify
        "drafts",
        "approval",
        "off_peak",
        "finalize",
        "conclude",  # settle
    ]
    attempt: int = 0
    ticket: str = ""
    candidates: tuple[int, ...] = ()
    resume_at: datetime | None = None
    outcome: str = ""


class ApiKey(Value):
    """An API key as stored: its sha256 only, never the key."""

    key_hash: str
    tenant: str
    name: str
    scopes: tuple[Literal["render", "approve", "audit", "admin"], ...]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Principal(Value):
    """Who is asking: what the authorizer vouches for."""

    tenant: str
    name: str
    scopes: tuple[str, ...]
