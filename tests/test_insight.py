"""Looking back: two renders held against each other, and what all of them come to."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageFilter

from shared import artifacts
from shared.errors import InvalidRequest, NotFound
from shared.models import ImageRef, Job
from shared.pipeline.comparisons import Comparison, Comparisons, render_name
from shared.pipeline.insight import Cell, Insight, InsightPage, added, bucket
from shared.pixels import difference
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources


@pytest.fixture
def studio(aws: Resources, clock: Clock) -> Studio:
    return Studio(aws, clock)


@pytest.fixture
def compare(studio: Studio) -> Callable[..., Comparison]:
    comparisons = Comparisons(ledger=studio.ledger, images=studio.images)

    def of(left: str, right: str, who: Any = DESIGNER) -> Comparison:
        return comparisons.of(who, left, right, link=lambda image, **_: f"https://pictures/{image.sha256}")

    return of


def final(studio: Studio, job: Job) -> str:
    return f"{job.id}:{render_name(studio.finals(job)[-1])}"


# ── two renders ──────────────────────────────────────────────────────────────────────────────────


def test_a_regression_is_pinned_to_the_template_version_it_came_with(
    studio: Studio, compare: Callable[..., Comparison]
) -> None:
    """`brief`: the UI lets PMs trace regressions. The first reading passes, all later ones do not."""
    asked: dict[str, Any] = {"prompt": None, "variables": {"headline": "SALE"}, "model": None, "guidance": None}
    before = studio.run(template="poster@1", **asked)
    studio.reader.readings = ["SAIE"] * 9
    after = studio.run(template="poster@2", **asked)

    found = compare(final(studio, before), f"{after.id}:f-1")

    assert found.headline.startswith("The regression came with poster@2")
    assert (found.changes[0].field, found.changes[0].left, found.changes[0].right) == (
        "template",
        "poster@1",
        "poster@2",
    )
    assert compare(f"{after.id}:f-1", final(studio, before)).headline.startswith("The improvement came with poster@1")


def test_the_same_recipe_again_is_the_same_picture(studio: Studio, compare: Callable[..., Comparison]) -> None:
    one, two = studio.run(), studio.run()

    found = compare(final(studio, one), final(studio, two))

    assert found.headline == "The same recipe, the same picture."
    assert (found.changes, found.pixels.identical, found.phash_distance) == ((), True, 0)


def test_another_seed_is_named_and_its_pixels_counted(studio: Studio, compare: Callable[..., Comparison]) -> None:
    one, two = studio.run(), studio.run(seed=43)

    found = compare(final(studio, one), final(studio, two))

    assert found.headline == "The change came with seed 43."
    assert found.pixels.changed > 0.1
    assert found.left.render.image is not None and found.left.render.image.url.startswith("https://pictures/")


def test_renders_that_are_not_yours_or_not_there_are_not_found(
    studio: Studio, compare: Callable[..., Comparison]
) -> None:
    job = studio.run()

    for left, who in ((final(studio, job), STRANGER), (f"{job.id}:f-9", DESIGNER), ("nobody:f-1", DESIGNER)):
        with pytest.raises(NotFound):
            compare(left, final(studio, job), who)
    with pytest.raises(InvalidRequest, match="<job id>:<render>"):
        compare("rubbish", final(studio, job))


# ── pixels ───────────────────────────────────────────────────────────────────────────────────────


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


SCENE = Image.effect_mandelbrot((320, 240), (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB")


@pytest.mark.parametrize(
    "other", [SCENE, SCENE.filter(ImageFilter.GaussianBlur(2)), SCENE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
)
def test_structure_is_as_the_verifying_function_sees_it(other: Image.Image) -> None:
    """Two implementations, one of them without numpy."""
    assert difference(png(SCENE), png(other)).ssim == pytest.approx(
        artifacts.similarity(png(SCENE), png(other)).ssim, abs=0.04
    )


def test_changed_pixels_are_counted_and_unseen_ones_are_not() -> None:
    patched = SCENE.copy()
    patched.paste((255, 0, 0), (0, 0, 160, 120))
    faint = SCENE.point(lambda value: min(value + 4, 255))

    assert difference(png(SCENE), png(patched)).changed == pytest.approx(0.25, abs=0.01)
    assert difference(png(SCENE), png(faint)).changed == 0.0
    assert not difference(png(SCENE), png(faint)).identical


def test_pictures_of_two_sizes_are_compared_at_the_smaller_one() -> None:
    assert difference(png(SCENE), png(SCENE.resize((640, 480)))).ssim > 0.97


# ── many jobs ────────────────────────────────────────────────────────────────────────────────────


def everything(studio: Studio, **asked: Any) -> tuple[list[InsightPage], dict[str, Cell]]:
    """All pages, and one cell a kind."""
    insight = Insight(ledger=studio.ledger, clock=studio.clock)
    pages = [insight.page(DESIGNER, **{"days": 14, "limit": 2, **asked})]
    while pages[-1].cursor:
        pages.append(insight.page(DESIGNER, cursor=pages[-1].cursor, **{"days": 14, "limit": 2, **asked}))
    kinds: dict[str, list[Cell]] = {}
    for page in pages:
        for cell in page.cells:
            alike = cell.model_copy(update={"model": "", "use_case": "", "template": "", "simulated": False})
            kinds.setdefault(cell.kind, []).append(alike)
    return pages, {kind: added(cells)[0] for kind, cells in kinds.items()}


def test_the_pages_of_a_window_add_up_to_what_happened(studio: Studio) -> None:
    """Five jobs: one misprinted and repaired, one from the cache, one failed; on three pages."""
    studio.run(seed=1)
    studio.reader.readings = ["SAIE"]
    studio.run(seed=2)
    studio.run(seed=1)
    studio.reader.readings = ["SAIE"] * 9
    lost = studio.run(seed=3)
    studio.reader.readings = []
    studio.submit(seed=4)

    pages, kinds = everything(studio)

    assert [page.jobs for page in pages] == [2, 2, 1]
    assert (kinds["job"].count, kinds["job"].failed, kinds["job"].misprints) == (4, 1, 1)
    assert (kinds["first_final"].count, kinds["first_final"].misprints, kinds["first_final"].cached) == (4, 2, 1)
    assert kinds["repair"].count == 1 + len(studio.finals(lost)) - 1
    assert sum(kinds["draft"].latency.values()) == kinds["draft"].count - kinds["draft"].cached
    assert kinds["job"].cost_usd_micros == sum(
        kinds[kind].cost_usd_micros for kind in ("draft", "first_final", "repair")
    )


def test_what_is_older_than_the_window_is_not_read_on(studio: Studio) -> None:
    studio.run(seed=1)
    studio.clock.forward(days=10)
    studio.run(seed=2)

    pages, kinds = everything(studio, days=7)

    assert kinds["job"].count == 1
    assert pages[-1].cursor is None


def test_nobody_sees_the_figures_of_another_tenant(studio: Studio) -> None:
    studio.run()

    assert Insight(ledger=studio.ledger, clock=studio.clock).page(STRANGER, days=14, limit=50).cells == ()


@pytest.mark.parametrize(("milliseconds", "number"), [(0, 0), (1, 0), (2, 4), (1000, 40), (1025, 41), (21_000, 58)])
def test_a_latency_is_known_to_within_a_fifth(milliseconds: int, number: int) -> None:
    assert bucket(milliseconds) == number
    assert 2 ** ((number - 1) / 4) < max(milliseconds, 1) <= 2 ** (number / 4)


def test_links_are_made_by_whoever_may_sign_them(studio: Studio, compare: Callable[..., Comparison]) -> None:
    job = studio.run()
    seen: list[ImageRef] = []

    Comparisons(ledger=studio.ledger, images=studio.images).of(
        DESIGNER,
        f"{job.id}:d1-1",
        final(studio, job),
        link=lambda image, thumbnail=False: ("" if thumbnail else seen.append(image)) or "https://x",  # type: ignore[func-returns-value]
    )

    assert [image.sha256 for image in seen] == [
        attempt.image.sha256 for attempt in studio.ledger.attempts(job.id) if attempt.image
    ]
