"""The painter keeps its promises: reproducible to the byte, steered by the prompt, exact around a mask."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from infra.inference.container.lettering.faces import FACES, FONTS, TextDoesNotFit
from infra.inference.container.lettering.setting import set_lines
from infra.inference.container.masks import pixel_box
from infra.inference.container.protocol import InvalidRequest, InvocationRequest, Lettering, Sampler
from infra.inference.container.sketch.composition import compose
from infra.inference.container.sketch.misprint import misprint
from infra.inference.container.sketch.model import NOTE_KEY, sketch_fast, sketch_fine
from infra.inference.container.sketch.paint import Painted, Sketch, paint

HERO = "Hero banner for a summer sale, sun over calm ocean, bold headline"
COAST = Sketch("sketch-fine", HERO, 42, 192, 128, text=("SALE",))
CITY = Sketch("sketch-fast", "city at night, neon", 7, 128, 128, text=("Café 50%", "only today"), rough=True)
SPACE = Sketch("sketch-fine", "a ringed planet in space", 3, 96, 160, guidance=14.0, steps=12)
# sha256 of the pixels. A change here changes every picture: it is a new model_revision, to be made on purpose.
GOLDEN = {
    "COAST": "26070a83f373321b7598836378686dffead20b134ca5f952561597521fb52749",
    "CITY": "2acf420afebf2eebb382c0e978d57842ad9e6eaa4cd50698628bb9156fcd2846",
    "SPACE": "5d7e37717657597f9346174bd7071876471b5e0a3ee7572c96bb0ece981f82c2",
}


def digest(painted: Painted) -> str:
    return hashlib.sha256(painted.pixels.tobytes()).hexdigest()


def digests() -> dict[str, str]:
    return {"COAST": digest(paint(COAST)), "CITY": digest(paint(CITY)), "SPACE": digest(paint(SPACE))}


def test_golden_recipes_give_the_same_pixels_on_every_machine() -> None:
    assert digests() == GOLDEN


def test_pixels_depend_neither_on_the_process_nor_on_the_processor() -> None:
    """Another process, another hash seed, and numpy without the vector instructions of this machine."""
    plain = os.environ | {"PYTHONHASHSEED": "1", "NPY_DISABLE_CPU_FEATURES": _vector_features()}

    result = subprocess.run([sys.executable, __file__], env=plain, capture_output=True, text=True, check=True)

    assert result.stdout.strip() == str(GOLDEN)


def _vector_features() -> str:
    """What numpy chose at run time beyond its baseline, as its own switch wants it."""
    simd = np.lib.introspect.opt_func_info()
    targets = {target["current"] for signatures in simd.values() for target in signatures.values()}
    return " ".join(sorted(t for t in targets if t and not t.startswith("baseline")))


@pytest.mark.parametrize(
    "other",
    [
        replace(COAST, prompt="city at night, neon"),
        replace(COAST, prompt=HERO + " and gulls"),
        replace(COAST, seed=43),
        replace(COAST, width=128),
        replace(COAST, model="sketch-fast", rough=True),
        replace(COAST, text=("SOLD",)),
    ],
)
def test_a_different_recipe_is_a_clearly_different_picture(other: Sketch) -> None:
    one, two = (np.asarray(Image.fromarray(paint(sketch).pixels).resize((64, 64)), int) for sketch in (COAST, other))

    assert np.abs(one - two).mean() > 2


def test_a_draft_and_its_final_share_the_composition() -> None:
    final = paint(Sketch("sketch-fine", HERO, 5, 256, 256))
    draft = paint(Sketch("sketch-fast", HERO, 5, 256, 256, rough=True))
    elsewhere = paint(Sketch("sketch-fine", HERO, 6, 256, 256))

    assert draft.composition == final.composition
    near, far = (_apart(final, other) for other in (draft, elsewhere))
    assert near < 14
    assert near < far / 2
    assert _roughness(draft) < _roughness(final) / 2


def _apart(one: Painted, other: Painted) -> float:
    small = [np.asarray(Image.fromarray(p.pixels).resize((32, 32), Image.Resampling.BOX), int) for p in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


def _roughness(painted: Painted) -> float:
    """Mean step between neighbouring pixels: detail and grain."""
    return float(np.abs(np.diff(painted.pixels.astype(int), axis=1)).mean())


@pytest.mark.parametrize(
    ("prompt", "scene", "palette"),
    [
        (HERO, "coast", "summer"),
        ("city skyline, neon", "city", "neon"),
        ("a cup of coffee, product shot", "product", "coffee"),
        ("snowy mountains in winter", "mountains", "winter"),
        ("dunes of the desert", "desert", "desert"),
        ("minimal geometric design", "geometry", "minimal"),
    ],
)
def test_words_steer_scene_and_palette(prompt: str, scene: str, palette: str) -> None:
    comp = compose(prompt, negative_prompt="", seed=1, aspect=1.0)

    assert (comp.scene, comp.palette.name) == (scene, palette)


def test_a_negative_prompt_takes_words_away() -> None:
    comp = compose("a city by the ocean", negative_prompt="city", seed=1, aspect=1.0)

    assert comp.scene == "coast"


def test_a_masked_pass_leaves_every_other_pixel_alone_and_renews_the_words() -> None:
    first = paint(replace(COAST, width=256, height=256))
    mask = (0.05, 0.05, 0.9, 0.3)
    left, top, right, bottom = pixel_box(mask, 256, 256)

    second = paint(
        replace(COAST, width=256, height=256, sampler="typography", mask=mask, init=first.pixels, text=("SOLD",))
    )

    changed = (first.pixels != second.pixels).any(axis=2)
    assert changed[top:bottom, left:right].any()
    changed[top:bottom, left:right] = False
    assert not changed.any()
    assert second.text_box is not None
    assert left <= second.text_box[0] and second.text_box[2] <= right


def test_a_mask_image_decides_pixel_by_pixel_what_is_renewed() -> None:
    first = paint(replace(COAST, width=256, height=256))
    weights = np.zeros((256, 256), np.float32)
    weights[30:90, 30:220] = 0.5
    weights[40:80, 40:210] = 1

    second = paint(
        replace(
            COAST, width=256, height=256, sampler="typeset", mask=(0.1, 0.1, 0.8, 0.3), weights=weights,
            init=first.pixels, text=("SOLD",),
        )
    )  # fmt: skip

    changed = (first.pixels != second.pixels).any(axis=2)
    assert changed[40:80, 40:210].any()
    assert not changed[weights == 0].any()
    assert second.text_box is not None
    assert second.text_box[0] >= 40 and second.text_box[3] <= 80
    assert second.spelling is not None
    assert second.spelling.probability == 0


@pytest.mark.parametrize(
    ("sampler", "strength", "mode"),
    [
        ("default", None, "plain"),
        ("typography", None, "masked"),
        ("typography", 0.3, "masked"),
        ("typography", 0.29, "strict"),
        ("typeset", None, "typeset"),
    ],
)
def test_sampler_and_strength_decide_how_likely_a_masked_pass_misprints(
    sampler: Sampler, strength: float | None, mode: str
) -> None:
    reply = sketch_fast().generate(
        _masked_request(sampler=sampler, strength=strength, text=Lettering(content=("SALE",)))
    )

    lettering = reply.detail["lettering"]
    assert isinstance(lettering, dict)
    assert lettering["mode"] == mode


def _masked_request(**changes: Any) -> InvocationRequest:
    """A request that repaints the upper half of a blank picture of 96 x 96."""
    values = {"version": "1", "request_id": "r", "model": "m", "prompt": "x", "seed": 1, "width": 96, "height": 96}
    half = {"mask": (0, 0, 1, 0.5), "init_image": _png(Image.new("RGB", (96, 96), "navy"))}
    return InvocationRequest.model_validate(values | half | changes)


def _png(image: Image.Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_masked_pass_takes_old_letters_away_without_a_trace() -> None:
    """Over its own picture the cleaned ground is what a picture without words shows there."""
    night = replace(CITY, model="sketch-fine", rough=False, text=("NEON",))
    wordless, lettered = paint(replace(night, text=())), paint(night)

    cleaned = paint(replace(night, text=(), mask=(0.02, 0.02, 0.96, 0.38), init=lettered.pixels))

    assert np.abs(wordless.pixels.astype(int) - lettered.pixels).mean() > 4
    assert np.abs(wordless.pixels.astype(int) - cleaned.pixels).mean() < 1


def test_high_guidance_burns_the_colours_out() -> None:
    usual, burnt = (paint(replace(COAST, text=(), guidance=guidance)).pixels for guidance in (7.5, 18.0))

    assert ((burnt == 0) | (burnt == 255)).mean() > 4 * ((usual == 0) | (usual == 255)).mean()


def test_png_bytes_are_reproducible_and_say_that_they_are_simulated() -> None:
    request = InvocationRequest(
        version="1", request_id="r", model="sketch-fine", prompt=HERO, seed=1, width=96, height=96
    )

    first, second = sketch_fine().generate(request).png, sketch_fine().generate(request).png

    assert first == second
    with Image.open(io.BytesIO(first)) as image:
        assert "simulation" in image.info[NOTE_KEY]


def test_nominal_time_follows_pixels_steps_and_mask() -> None:
    whole = Sketch("sketch-fine", HERO, 1, 1024, 1024)

    assert sketch_fine().nominal_ms(whole) == 14_000
    assert sketch_fast().nominal_ms(replace(whole, steps=4)) == 1_800
    assert sketch_fine().nominal_ms(replace(whole, steps=14, width=512)) == 3_500
    assert sketch_fine().nominal_ms(replace(whole, mask=(0, 0, 1, 1))) == 1_680
    assert sketch_fine().nominal_ms(replace(whole, mask=(0, 0, 1, 1), sampler="typeset")) == 560


@pytest.mark.parametrize(
    ("content", "param"),
    [(("日本",), "text.content"), (("word " * 90,), "text.content")],
)
def test_words_that_cannot_be_set_are_refused_by_name(content: tuple[str, ...], param: str) -> None:
    text = Lettering(content=content, box=(0.1, 0.1, 0.2, 0.05))
    request = InvocationRequest(
        version="1", request_id="r", model="m", prompt="x", seed=1, width=128, height=128, text=text
    )

    with pytest.raises(InvalidRequest) as caught:
        sketch_fast().generate(request)

    assert caught.value.param == param


@pytest.mark.parametrize("face", sorted(FACES))
def test_letters_stay_inside_their_box(face: str) -> None:
    for content in (("SALE",), ("Crème brûlée €4", "now £3.50", "50% off"), ("a\nb\nc",), ("W" * 40,)):
        box = (20, 30, 420, 180)

        lines = set_lines(content, box, face=face, centred=True)

        assert "".join("".join(line.text.split()) for line in lines) == "".join("".join(content).split())
        assert all(line.x >= box[0] and box[1] < line.baseline <= box[3] for line in lines)


def test_a_box_too_small_for_readable_letters_is_refused() -> None:
    with pytest.raises(TextDoesNotFit):
        set_lines(("a rather long headline",), (0, 0, 30, 10), face="modern", centred=True)


def test_every_font_carries_its_licence() -> None:
    for file in FACES.values():
        licence = FONTS / f"{file.partition('-')[0]}-OFL.txt"
        assert "SIL Open Font License" in licence.read_text()


def test_a_misprint_in_the_picture_is_the_one_that_was_drawn_by_lot() -> None:
    painted = paint(replace(COAST, seed=_unlucky_seed()))

    assert painted.spelling is not None
    assert painted.spelling.wrong
    assert painted.spelling.content != ("SALE",)


def _unlucky_seed() -> int:
    return next(
        seed
        for seed in range(1000)
        if misprint(("SALE",), seed=seed, prompt=HERO, model="sketch-fine", mode="plain", guidance=7.5).wrong
    )


if __name__ == "__main__":
    print(digests())
