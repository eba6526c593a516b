"""Is it the same picture? The verdict on a recorded render and its replay, and the likeliest cause of a difference.

Hides the thresholds and the order of the causes. Pure: it is given both records and how far the pictures are apart.
"""

from __future__ import annotations

from typing import Final

from shared.models import (
    Attempt,
    Determinism,
    ErrorDetail,
    ImageRef,
    Likeness,
    ReplayOutcome,
    ReplayVerdict,
)
from shared.pixels import PixelDifference

SSIM_AT_LEAST: Final = 0.95
"""A choice of ours: the same picture as a JPEG of quality 90 stays above it (tests/test_replays.py)."""
PHASH_AT_MOST: Final = 8
"""The distance up to which shared.images calls pictures alike."""


def likeness(original: ImageRef, again: ImageRef, apart: PixelDifference) -> Likeness:
    distance = (int(original.phash, 16) ^ int(again.phash, 16)).bit_count()
    return Likeness(
        ssim=apart.ssim,
        ssim_at_least=SSIM_AT_LEAST,
        phash_distance=distance,
        phash_distance_at_most=PHASH_AT_MOST,
        mean=apart.mean,
        changed=apart.changed,
    )


def judged(original: Attempt, again: Attempt, *, apart: PixelDifference | None) -> ReplayOutcome:
    """The verdict on a replay that painted. `apart` None: the original picture is no longer stored."""
    before, after = _picture(original), _picture(again)
    measured = likeness(before, after, apart) if apart else None
    digests = {"original_sha256": before.sha256, "replay_sha256": after.sha256, "likeness": measured}
    if before.sha256 == after.sha256:
        said = "the recorded recipe paints the same file, byte for byte"
        return ReplayOutcome(verdict=ReplayVerdict.BIT_EXACT, said=said, **digests)
    if measured and measured.equal:
        said = (
            f"another file of the same picture: SSIM {measured.ssim:.4f} (at least {SSIM_AT_LEAST}), "
            f"{measured.phash_distance} of 64 hash bits differ (at most {PHASH_AT_MOST})"
        )
        return ReplayOutcome(verdict=ReplayVerdict.PERCEPTUALLY_EQUAL, said=said, **digests)
    why, because = _cause(original, again, compared=measured is not None)
    said = f"another picture: {because}"
    if measured:
        said += f" (SSIM {measured.ssim:.4f}, {measured.phash_distance} of 64 hash bits differ)"
    return ReplayOutcome(verdict=ReplayVerdict.NOT_REPRODUCIBLE, why=why, said=said, **digests)


def unpainted(original: Attempt, error: ErrorDetail) -> ReplayOutcome:
    """The verdict where no model painted it again."""
    return ReplayOutcome(
        verdict=ReplayVerdict.NOT_REPRODUCIBLE,
        why=error.code,
        said=f"it was not painted again: {error.message}",
        original_sha256=_picture(original).sha256,
    )


def _cause(original: Attempt, again: Attempt, *, compared: bool) -> tuple[str, str]:
    """The first of the known reasons that holds, from the surest to the vaguest."""
    if not compared:
        return "original_gone", "the original is no longer stored, and its digest is not that of the replay"
    if original.provider_model != again.provider_model:
        return "model_revision_changed", f"{again.model} was {original.provider_model} and is {again.provider_model}"
    if original.model_revision != again.model_revision:
        was, now = original.model_revision or "not told", again.model_revision or "not told"
        return "model_revision_changed", f"the revision of {again.model} was {was} and is {now}"
    if again.seed.sent is None:
        return "seed_not_sent", f"{again.provider} takes no seed for {again.model}, so no two renders are alike"
    if again.seed.determinism is not Determinism.EXACT or again.seed.reported not in {None, again.seed.sent}:
        return "seed_not_honoured", f"{again.provider} was sent the seed and does not keep to it"
    return "unexplained", "model, revision and seed are those on record; look at the container image and its hardware"


def _picture(attempt: Attempt) -> ImageRef:
    assert attempt.image is not None  # noqa: S101 - only renders are replayed
    return attempt.image
