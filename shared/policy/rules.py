"""The rules of policy.toml as values: what a person may write there, checked when it is read.

Hides the shape of the file. Decides nothing about a job: see policy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared.models import Box, Name, Sampler, Size, TextBox, Tier, Value

Guidance = Annotated[float, Field(ge=0.0, le=30.0)]


class TierRule(Value):
    """What one tier of a use case is painted with; None leaves a setting to the model."""

    model: Name
    steps: int | None = Field(None, ge=1)
    guidance: Guidance | None = None
    sampler: Literal["default", "typography"] = "default"


class Verify(Value):
    """How strictly the final is judged."""

    max_cer: float = Field(0.0, ge=0.0, le=1.0)
    """Character error rate still accepted for every expected text; 0.0 wants each letter."""
    artifacts: Literal["reject", "note"] = "reject"
    """Whether a visible defect sends the picture to repair or is only noted on it."""


class Targets(Value):
    """What the team promised itself: milliseconds as the designer waits, millionths of a dollar an image."""

    draft_ms: int = Field(gt=0)
    final_ms: int = Field(gt=0)
    cost_usd_micros: int = Field(gt=0)


class Budget(Value):
    """What the finals of one job may come to, the first and its repairs: pictures judged, millionths of a dollar."""

    attempts: int = Field(ge=1)
    cost_usd_micros: int = Field(ge=1)


class UseCase(Value):
    """What an image is for, and how it is then made. The first size is the default."""

    title: str
    why: str
    sizes: tuple[Size, ...] = Field(min_length=1)
    draft: TierRule
    final: TierRule
    anchor: Literal["none", "draft"] = "none"
    """`draft`: the final starts from the chosen draft where the model can, so that it keeps its composition."""
    anchor_strength: float | None = Field(None, gt=0.0, le=1.0)
    negative_prompt: str = ""
    verify: Verify = Verify()
    repair: tuple[Name, ...] = ()
    """Repair steps by name: after a failed verification the first that answers to what failed and was not taken yet."""
    repair_model: Name
    """Repaints the lettering when the final's own model cannot."""
    typeset: bool = False
    """Whether the words may be typeset where no model gets them right: exact, but set and not painted."""
    budget: Budget | None = None
    """What the finals may cost; None, as in version 1, limits them to one for each step."""
    fallbacks: tuple[Name, ...] = ()
    """Models to take instead, in this order, when the final's host is down, throttled, filtering or gone."""
    targets: Targets

    def tier(self, tier: Tier) -> TierRule:
        return self.draft if tier is Tier.DRAFT else self.final

    @property
    def attempts(self) -> int:
        """Finals a job may have painted and judged, the first and its repairs."""
        return self.budget.attempts if self.budget else 1 + len(self.repair)


class RepairStep(Value):
    """What the next attempt changes after a failed verification. Guidance only ever falls.

    `mask` repaints the lettering over the failed picture, `anew` paints everything again.
    """

    kind: Literal["mask", "anew"]
    when: tuple[Name, ...] = ()
    """What it answers to: `missing`, `misspelled` or `unreadable` text, a defect by its kind, or `artifact` for any but
    what a mask of ours did to the picture around it (`seam`, `outside_changed`). Empty, as in version 1: whatever
    failed, and a mask step paints anew where there is nothing to mask."""
    model: Name | None = None
    """Paints this step, whoever painted before."""
    guidance_factor: float = Field(1.0, gt=0.0, le=1.0)
    guidance_floor: Guidance = 1.0
    new_seed: bool = False
    grow: float = Field(0.0, ge=0.0, le=0.5)
    """How far the mask reaches beyond the lettering on each side, as a fraction of the image."""
    feather: float = Field(0.02, ge=0.0, le=0.2)
    """How wide the mask fades in on each side, as a fraction of the picture's shorter side."""
    sampler: Sampler = "typography"
    strength: float | None = Field(None, gt=0.0, le=1.0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "mask" and self.feather > self.grow:
            raise ValueError("feather must not exceed grow: the mask would fade over the lettering itself")
        if self.kind == "anew" and self.model:
            raise ValueError("model is for masks: another picture altogether is no repair")
        return self


class TextRule(Value):
    """How much lettering an image can carry: letters of at least `letter_px` in the box they are given."""

    letter_px: int = Field(gt=0)
    letter_width: float = Field(gt=0.0)
    """Mean advance of a letter, as a fraction of its height."""
    line_height: float = Field(ge=1.0)
    area: TextBox
    """Where lettering may stand when the job names no box."""
    band: TextBox
    """Where a repair repaints when nothing was read that would say where the lettering is."""

    def capacity(self, size: Size, box: Box | None) -> tuple[int, int]:
        """Letters a line and lines that fit."""
        _, _, width, height = box or self.area
        letters = math.floor(width * size.width / (self.letter_px * self.letter_width))
        return letters, math.floor(height * size.height / (self.letter_px * self.line_height))

    def fits(self, texts: Sequence[str], *, size: Size, box: Box | None) -> bool:
        """Whether all texts, each on lines of its own and broken between words only, can be set in the box."""
        letters, lines = self.capacity(size, box)
        needed = 0
        for text in texts:
            room = 0
            for word in text.split():
                if len(word) > letters:
                    return False
                if room < len(word):
                    needed, room = needed + 1, letters
                room -= len(word) + 1
        return needed <= lines


class Failures(Value):
    """Technical failures: what is tried again, how often, and when another model takes over."""

    retry: tuple[Name, ...]
    max_attempts: int = Field(ge=1)
    """Attempts in a row that may fail before the job fails."""
    fallback: Mapping[str, int] = Field(default_factory=dict)
    """Error code -> after how many failures in a row the use case's fallbacks are tried."""


class Window(Value):
    """A time of day in UTC; one that ends at or before its start runs into the next day."""

    start: time
    end: time

    def on(self, day: datetime) -> tuple[datetime, datetime]:
        start = datetime.combine(day.date(), self.start, UTC)
        end = datetime.combine(day.date(), self.end, UTC)
        return start, end if end > start else end + timedelta(days=1)


class OffPeak(Value):
    """When heavy work may run. A window belongs to the day on which it starts."""

    weekdays: tuple[Window, ...] = Field(min_length=1)
    weekends: tuple[Window, ...] = ()

    def next_start(self, now: datetime) -> datetime:
        """`now` itself inside a window, else the start of the next one. UTC. Raises ValueError for a naive time."""
        return max(now, self.next_window(now)[0])

    def next_window(self, now: datetime) -> tuple[datetime, datetime]:
        """Start and end of the window that is open, else of the next one. UTC. Raises ValueError as above."""
        if now.tzinfo is None:
            raise ValueError("off-peak windows need a time with a time zone")
        today = now.astimezone(UTC)
        for day in (today + timedelta(days=offset) for offset in range(-1, 8)):
            windows = self.weekends if day.isoweekday() >= 6 else self.weekdays  # noqa: PLR2004  # Saturday is 6
            for start, end in sorted(window.on(day) for window in windows):
                if now < end:
                    return start, end
        raise ValueError("no off-peak window within a week")  # unreachable: weekdays has at least one window


class StandIn(Value):
    """An explicit alias of a profile: who serves instead of the models named, and why."""

    models: tuple[Name, ...] = Field(min_length=1)
    draft: Name
    final: Name
    reason: str

    def serving(self, tier: Tier) -> str:
        return self.draft if tier is Tier.DRAFT else self.final


class Profile(Value):
    """What one kind of deployment has: the providers that are set up, and its stand-ins."""

    providers: tuple[Name, ...] = Field(min_length=1)
    stand_ins: tuple[StandIn, ...] = ()

    def stand_in(self, model: str) -> StandIn | None:
        return next((entry for entry in self.stand_ins if model in entry.models), None)

    def with_endpoints(self, models: Collection[str]) -> Self:
        """The same profile where models with an endpoint of their own answer for themselves."""
        painters = {name for entry in self.stand_ins for name in (entry.draft, entry.final)}
        own = set(models) - painters
        kept = ((entry, tuple(name for name in entry.models if name not in own)) for entry in self.stand_ins)
        entries = tuple(entry.model_copy(update={"models": names}) for entry, names in kept if names)
        return self.model_copy(update={"stand_ins": entries})

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        named = [model for entry in self.stand_ins for model in entry.models]
        if twice := sorted({model for model in named if named.count(model) > 1}):
            raise ValueError(f"stand_ins: {', '.join(twice)} named twice")
        return self
