"""The nouns of Presscheck as frozen values: request, job, recipe, render, verification.

Hides nothing and decides nothing: every edge (HTTP, SQS, state machine, TOML, ledger) parses into
these and every layer above passes them on. No AWS, no HTTP, no pixels.
"""

from __future__ import annotations

from shared.models.access import Allowance, ApiKey, Limits, Principal, Usage
from shared.models.attempt import (
    Alias,
    Attempt,
    AttemptId,
    AttemptStatus,
    Determinism,
    ErrorDetail,
    ImageRef,
    Latency,
    SeedRecord,
    Ticket,
)
from shared.models.job import TERMINAL_STAGES, Decision, Edit, Event, Job, JobPage, Stage
from shared.models.messages import IntakeMessage, RenderTask, StepReply
from shared.models.recipe import Recipe, Sampler, TemplateRef, TextGuide, Tier
from shared.models.request import Finalize, JobRequest
from shared.models.values import (
    MAX_DRAFTS,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    SEED_SET,
    Box,
    CleanText,
    ExpectedText,
    Fraction,
    Name,
    Prompt,
    Sha256,
    Size,
    Tag,
    TextBox,
    Value,
    canonical_json,
    sha256_hex,
)
from shared.models.verification import ArtifactFinding, Similarity, TextCheck, TextDifference, Verdict, Verification

__all__ = [
    "MAX_DRAFTS",
    "MAX_PROMPT_CHARS",
    "MAX_SEED",
    "SEED_SET",
    "TERMINAL_STAGES",
    "Alias",
    "Allowance",
    "ApiKey",
    "ArtifactFinding",
    "Attempt",
    "AttemptId",
    "AttemptStatus",
    "Box",
    "CleanText",
    "Decision",
    "Determinism",
    "Edit",
    "ErrorDetail",
    "Event",
    "ExpectedText",
    "Finalize",
    "Fraction",
    "ImageRef",
    "IntakeMessage",
    "Job",
    "JobPage",
    "JobRequest",
    "Latency",
    "Limits",
    "Name",
    "Principal",
    "Prompt",
    "Recipe",
    "RenderTask",
    "Sampler",
    "SeedRecord",
    "Sha256",
    "Similarity",
    "Size",
    "Stage",
    "StepReply",
    "Tag",
    "TemplateRef",
    "TextBox",
    "TextCheck",
    "TextDifference",
    "TextGuide",
    "Ticket",
    "Tier",
    "Usage",
    "Value",
    "Verdict",
    "Verification",
    "canonical_json",
    "sha256_hex",
]
