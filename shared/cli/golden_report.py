"""What `presscheck golden … --json` says: `events/golden-check.schema.json` and `golden-update.schema.json`.

Hides nothing. A field that goes, or means something else, breaks scripts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.cli.golden_set import Finding, Word
from shared.goldens import Tolerance
from shared.models import Tier, Value


class Compared(Value):
    """One golden painted by one model."""

    template: str
    model: str
    tier: Tier
    result: Word = Field(
        description="same: not a pixel differs; alike: within the tolerance; changed: beyond it; recipe: the model was "
        "asked for something else; new: nothing is stored; missing: nothing of this model is."
    )
    compare: Literal["pixels", "perceptual"]
    stored_pixels: str | None = Field(description="sha256 of size and decoded pixels.")
    pixels: str
    phash_distance: int | None = Field(description="Bits of 64 that differ.")
    ssim: float | None = Field(description="Of the thumbnails: 1.0 is the same picture.")
    tolerance: Tolerance
    recipe_changes: tuple[str, ...]
    stored_revision: str | None
    revision: str
    side_by_side: str | None = Field(description="The file that shows both, where they differ.")

    @classmethod
    def of(cls, finding: Finding, sheet: Path | None) -> Compared:
        stored = finding.stored
        return cls(
            template=finding.golden.template,
            model=finding.model,
            tier=finding.look.tier,
            result=finding.word,
            compare=finding.look.compare,
            stored_pixels=stored.pixels if stored else None,
            pixels=finding.look.pixels,
            phash_distance=finding.phash_distance,
            ssim=finding.ssim,
            tolerance=finding.golden.tolerance,
            recipe_changes=finding.asked,
            stored_revision=stored.revision if stored else None,
            revision=finding.look.revision,
            side_by_side=str(sheet) if sheet else None,
        )


class GoldenCheck(Value):
    ok: bool
    directory: str
    findings: tuple[Compared, ...]


class GoldenUpdate(Value):
    changed: tuple[Compared, ...]
    would_write: int = Field(description="Files that are not as they should be.")
    written: tuple[str, ...] = Field(description="Files written; none without --yes.")
