"""Artifact checks: does the picture look broken, and is it still the one that was approved?

Hides how each defect is measured and where its limit comes from. Never reads text (see typography) and never
decides what happens next (see policy).
"""

from __future__ import annotations

from shared.artifacts.inspection import check, measure
from shared.artifacts.likeness import similarity

__all__ = ["check", "measure", "similarity"]
