"""What looks broken is found and named, what is well made passes, and no file brings the inspection down."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from infra.inference.container.sketch.paint import Sketch, paint
from shared.artifacts import check, measure, similarity
from shared.errors import ImageUnreadable
from shared.models import Box, Recipe, Size

SIDE = 384
SIZE = Size(width=SIDE, height=SIDE)
MASK: Box = (0.25, 0.25, 0.5, 0.25)


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def scene(seed: int = 1) -> Image.Image:
    """A sky that fades, a sun, hills, a house with windows, and a little grain: 384 x 384 px."""
    dice = np.random.default_rng(seed)
    fade = np.linspace(0, 1, SIDE)[:, None, None]
    sky = np.broadcast_to((1 - fade) * (70, 120, 180) + fade * (235, 190, 150), (SIDE, SIDE, 3))
    picture = Image.fromarray(sky.astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    x, y = (int(at) for at in dice.integers(60, 320, 2))
    pen.ellipse((x - 40, y - 40, x + 40, y + 40), fill=(250, 225, 140))
    hills = [(at, int(260 + 40 * np.sin(at / dice.integers(30, 60)))) for at in range(0, SIDE + 8, 8)]
    pen.polygon([(0, SIDE), *hills, (SIDE, SIDE)], fill=(70, 110, 80))
    left = int(dice.integers(20, 260))
    pen.rectangle((left, 230, left + 100, 340), fill=(190, 100, 70))
    for column in range(3):
        pen.rectangle((left + 10 + 30 * column, 250, left + 28 + 30 * column, 280), fill=(60, 50, 60))
    grain = dice.normal(0, 1.5, (SIDE, SIDE, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def grainy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 20, (*picture.size[::-1], 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def tiled(picture: Image.Image) -> Image.Image:
    tile = picture.resize((SIDE // 2, SIDE // 2))
    whole = Image.new("RGB", picture.size)
    for corner in ((0, 0), (SIDE // 2, 0), (0, SIDE // 2), (SIDE // 2, SIDE // 2)):
        whole.paste(tile, corner)
    return whole


def burnt(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(ImageEnhance.Color(picture).enhance(2.5)).enhance(1.5)


def pasted(over: Image.Image, patch: Image.Image, *, feather: int = 0) -> Image.Image:
    """`patch` laid over MASK, with a hard edge or one that fades within `feather` pixels."""
    left, top, right, bottom = (round(at * SIDE) for at in (0.25, 0.25, 0.75, 0.5))
    cover = Image.new("L", over.size)
    ImageDraw.Draw(cover).rectangle(
        (left + 2 * feather, top + 2 * feather, right - 1 - 2 * feather, bottom - 1 - 2 * feather), fill=255
    )
    return Image.composite(patch, over, cover.filter(ImageFilter.GaussianBlur(feather)))


def kinds(image: bytes, **given_: object) -> set[str]:
    return {finding.kind for finding in check(image, expected_size=SIZE, **given_)}  # type: ignore[arg-type]


def test_a_good_picture_has_no_finding() -> None:
    assert kinds(encoded(scene())) == set()
    assert kinds(encoded(scene(), "JPEG", quality=85)) == set()


@pytest.mark.parametrize(
    ("damage", "kind", "words"),
    [
        pytest.param(lambda _: Image.new("RGB", (SIDE, SIDE), (9, 40, 80)), "blank", "almost one colour", id="blank"),
        pytest.param(lambda good: good.point(lambda tone: tone // 10), "blank", "of 255 levels", id="almost black"),
        pytest.param(grainy, "noise", "grainy all over", id="noise"),
        pytest.param(
            lambda good: good.filter(ImageFilter.GaussianBlur(4)), "blur", "nothing in it is sharp", id="blur"
        ),
        pytest.param(burnt, "oversaturated", "burnt out", id="burnt colours"),
        pytest.param(lambda good: ImageOps.posterize(good, 4), "banding", "16 levels of 255 apart", id="banding"),
        pytest.param(tiled, "repeated", "repeats itself", id="tiles"),
    ],
)
def test_each_damage_is_found_by_its_name_in_plain_words(
    damage: Callable[[Image.Image], Image.Image], kind: str, words: str
) -> None:
    findings = check(encoded(damage(scene())), expected_size=SIZE)

    found = {finding.kind: finding for finding in findings}
    assert kind in found
    assert words in found[kind].detail
    assert found[kind].score >= found[kind].limit


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("a seamless pattern of leaves", set()),
        ("pink and white Polka dots", set()),
        ("a patterned scarf", {"repeated"}),
    ],
)
def test_repetition_is_no_defect_where_the_prompt_asks_for_a_pattern(prompt: str, found: set[str]) -> None:
    recipe = Recipe(model="m", prompt=prompt, seed=1, size=SIZE)

    assert kinds(encoded(tiled(scene())), recipe=recipe) == found


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(Image.new("RGB", (SIDE, SIDE), "white"), id="a black square on white"),
        pytest.param(Image.new("RGB", (SIDE, SIDE), "red"), id="a black square on pure red"),
    ],
)
def test_flat_artwork_is_no_defect(picture: Image.Image) -> None:
    art = picture.copy()
    ImageDraw.Draw(art).rectangle((150, 150, 230, 230), fill="black")

    assert kinds(encoded(art)) == set()


@pytest.mark.parametrize("prompt", ["a hero banner, sun over a calm ocean", "coffee product shot, studio light"])
def test_a_sketch_passes_at_usual_guidance_and_is_burnt_out_far_above_it(prompt: str) -> None:
    def sketched(guidance: float, *, rough: bool = False) -> bytes:
        sketch = Sketch("sketch", prompt, 42, SIDE, SIDE, text=("SALE",), guidance=guidance, rough=rough)
        return encoded(Image.fromarray(paint(sketch).pixels))

    assert kinds(sketched(8.0)) == set()
    assert kinds(sketched(8.0), reference=sketched(2.0, rough=True)) == set()
    assert {"oversaturated", "colour_shift"} <= kinds(sketched(22.0), reference=sketched(8.0))


def test_the_finding_on_burnt_colours_names_the_guidance_that_caused_them() -> None:
    recipe = Recipe(model="m", prompt="p", seed=1, size=SIZE, guidance_scale=14)

    findings = check(encoded(burnt(scene())), expected_size=SIZE, recipe=recipe)

    assert "guidance 14" in next(finding.detail for finding in findings if finding.kind == "oversaturated")


# ── the file ─────────────────────────────────────────────────────────────────────────────────────


def test_one_pixel_too_few_is_a_wrong_size() -> None:
    cut = scene().crop((0, 0, SIDE, SIDE - 1))

    (finding,) = check(encoded(cut), expected_size=SIZE)

    assert (finding.kind, finding.score) == ("wrong_size", 1.0)
    assert finding.detail == "the picture is 384x383 px; 384x384 was ordered"


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param(encoded(scene().convert("CMYK"), "JPEG", quality=95), "stored as CMYK", id="CMYK"),
        pytest.param(encoded(scene().quantize(200)), "stored as P", id="a palette"),
        pytest.param(
            encoded(Image.merge("RGBA", (*scene().split(), Image.new("L", (SIDE, SIDE), 128)))),
            "100% of the picture is transparent",
            id="see-through",
        ),
    ],
)
def test_a_file_that_shows_differently_elsewhere_has_the_wrong_mode(image: bytes, words: str) -> None:
    found = {finding.kind: finding.detail for finding in check(image, expected_size=SIZE)}

    assert words in found["wrong_mode"]


def test_the_size_is_that_of_the_picture_stood_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the camera was turned a quarter clockwise
    sideways = encoded(scene().resize((SIDE, 256)), "JPEG", exif=exif, quality=95)

    assert check(sideways, expected_size=Size(width=256, height=SIDE)) == ()


def test_more_pixels_than_any_final_are_refused_before_they_are_decoded() -> None:
    small = encoded(Image.new("1", (8, 8)))
    header = small[12:16] + (12_000).to_bytes(4) * 2 + small[24:29]
    bomb = small[:12] + header + zlib.crc32(header).to_bytes(4) + small[33:]

    with pytest.raises(ImageUnreadable, match="12000 x 12000 px"):
        check(bomb, expected_size=SIZE)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (40, 33), (4000, 3000)])
def test_any_size_of_picture_is_measured(size: tuple[int, int]) -> None:
    image = encoded(Image.effect_mandelbrot(size, (-2, -1, 1, 1), 20).convert("RGB"), "JPEG")

    findings = measure(image, expected_size=SIZE, original=image, reference=image, mask=MASK)

    assert {"wrong_size", "blank", "repeated", "outside_changed", "composition_change"} <= {
        finding.kind for finding in findings
    }
    assert all(np.isfinite(finding.score) for finding in findings)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(1, 2000), edits=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=8))
def test_damaged_files_are_measured_or_refused_with_the_typed_error(cut: int, edits: list[tuple[int, int]]) -> None:
    image = bytearray(_small_file())
    for position, value in edits:
        image[position % len(image)] = value

    try:
        findings = measure(bytes(image[:-cut]), expected_size=SIZE)
    except ImageUnreadable:
        return

    assert all(np.isfinite(finding.score) for finding in findings)


@cache
def _small_file() -> bytes:
    return encoded(scene().resize((64, 64)), "JPEG")


@pytest.mark.parametrize("role", ["image", "original", "reference"])
def test_whichever_file_is_broken_the_error_is_the_same(role: str) -> None:
    files = {"image": encoded(scene()), "original": encoded(scene()), "reference": encoded(scene())}
    files[role] = b"<html>503</html>"

    with pytest.raises(ImageUnreadable):
        check(files.pop("image"), expected_size=SIZE, mask=MASK, **files)  # type: ignore[arg-type]


# ── under a mask ─────────────────────────────────────────────────────────────────────────────────


def test_a_patch_with_a_hard_edge_leaves_a_seam_and_a_feathered_one_does_not() -> None:
    darker = ImageEnhance.Brightness(scene()).enhance(0.8)

    hard = check(encoded(pasted(scene(), darker)), expected_size=SIZE, mask=MASK, original=encoded(scene()))
    soft = kinds(encoded(pasted(scene(), darker, feather=6)), mask=MASK, original=encoded(scene()))

    assert [(finding.kind, finding.box) for finding in hard] == [("seam", MASK)]
    assert soft == set()


def test_a_seam_is_seen_without_the_original_too_and_the_recipe_knows_the_mask() -> None:
    recipe = Recipe(model="m", prompt="p", seed=1, size=SIZE, mask=MASK)
    patched = pasted(scene(), ImageEnhance.Brightness(scene()).enhance(0.8))

    assert "seam" in kinds(encoded(patched), recipe=recipe)


def test_an_edge_that_was_there_before_the_repaint_is_no_seam() -> None:
    framed = scene().copy()
    left, top, right, bottom = (round(at * SIDE) for at in (0.25, 0.25, 0.75, 0.5))
    ImageDraw.Draw(framed).rectangle((left, top, right - 1, bottom - 1), fill=(240, 240, 240))
    lettered = framed.copy()
    ImageDraw.Draw(lettered).text((150, 130), "SALE", fill="black")

    assert kinds(encoded(lettered), mask=MASK, original=encoded(framed)) == set()


def test_a_change_outside_the_mask_is_found_and_located() -> None:
    touched = scene().copy()
    touched.paste((255, 0, 255), (304, 24, 336, 64))

    (finding,) = check(encoded(touched), expected_size=SIZE, mask=MASK, original=encoded(scene()))

    assert finding.kind == "outside_changed"
    assert finding.box == pytest.approx((304 / SIDE, 24 / SIDE, 32 / SIDE, 40 / SIDE), abs=1e-3)


def test_storing_as_jpeg_is_no_change_outside_the_mask() -> None:
    stored = encoded(scene(), "JPEG", quality=90)

    assert kinds(stored, mask=MASK, original=encoded(scene())) == set()


def test_an_original_of_another_size_cannot_have_kept_its_pixels() -> None:
    found = {
        finding.kind: finding.detail
        for finding in check(
            encoded(scene()), expected_size=SIZE, mask=MASK, original=encoded(scene().resize((192, 192)))
        )
    }

    assert "192 x 192" in found["outside_changed"]


# ── against the approved draft ───────────────────────────────────────────────────────────────────


def test_the_same_picture_sharper_and_larger_keeps_the_drafts_colours_and_composition() -> None:
    draft = encoded(scene().resize((192, 192)), "JPEG", quality=60)

    assert kinds(encoded(scene()), reference=draft) == set()


def test_other_colours_and_another_composition_are_told_apart() -> None:
    draft = encoded(scene())
    warmer = Image.fromarray(np.clip(np.asarray(scene()) * (1.2, 1.0, 0.8), 0, 255).astype(np.uint8))

    assert kinds(encoded(warmer), reference=draft) == {"colour_shift"}
    assert kinds(encoded(scene().rotate(90)), reference=draft) == {"composition_change"}


def test_a_colour_shift_says_which_way_the_colours_went() -> None:
    grey = encoded(ImageOps.grayscale(scene()).convert("RGB"))

    (finding,) = check(grey, expected_size=SIZE, reference=encoded(scene()))

    assert "duller" in finding.detail


def test_similarity_is_total_for_the_same_picture_and_falls_with_every_difference() -> None:
    same = similarity(encoded(scene()), encoded(scene()))
    softer = similarity(encoded(scene()), encoded(scene().filter(ImageFilter.GaussianBlur(2))))
    other = similarity(encoded(scene()), encoded(scene().rotate(90)))

    assert (same.phash_distance, same.ssim, same.colour_shift) == (0, 1.0, 0.0)
    assert same.ssim > softer.ssim > other.ssim
    assert softer.phash_distance <= 8 < other.phash_distance


def test_ssim_is_that_of_its_formula() -> None:
    """Two flat pictures: only the luminance term is left, (2ab + c1) / (a² + b² + c1) with c1 = 6.5025."""
    dark, bright = (encoded(Image.new("RGB", (64, 64), (tone, tone, tone))) for tone in (100, 150))

    expected = (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)

    assert similarity(dark, bright).ssim == pytest.approx(expected, abs=1e-4)
