"""Our sampling loop: each image as the stock pipeline alone would paint it, and never touched by its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: infra/locks/inference-test.txt")

from diffusers import (
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3InpaintPipeline,
    StableDiffusion3Pipeline,
)
from PIL import Image

from infra.inference.container.sd35.accelerate import Accelerated
from infra.inference.container.sd35.canvas import Canvas
from infra.inference.container.sd35.prompts import PromptEncoder
from infra.inference.container.sd35.sampling import Sampler, batch_key
from infra.inference.container.sd35.speed import Speed

WIDTH, HEIGHT, STEPS = 128, 96, 5
TOLERANCE = 1e-4
"""Of latents in float32, which are about 1: the last bits of other batch shapes."""
INIT = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
MASK = np.zeros((HEIGHT, WIDTH), np.float32)
MASK[20:60, 30:99] = 1


def canvas(prompt: str = "poster SALE", **changes: Any) -> Canvas:
    values: dict[str, Any] = {
        "prompt": prompt,
        "negative_prompt": "",
        "seed": 1,
        "width": WIDTH,
        "height": HEIGHT,
        "steps": STEPS,
        "guidance_scale": 4.5,
        "init": None,
        "mask": None,
        "strength": 0.6,
    }
    return Canvas(**values | changes)


MIXED = [
    canvas("red cat", negative_prompt="blue", seed=2, guidance_scale=7.0),
    canvas("dog", seed=3, guidance_scale=1.0),
    canvas("", seed=4, guidance_scale=2.5),
]
MODES: dict[str, dict[str, Any]] = {
    "text": {},
    "picture": {"init": INIT},
    "mask": {"init": INIT, "mask": MASK},
}


@pytest.fixture(scope="module")
def sampler(weights: Any) -> Sampler:
    return sampler_of(weights)


def sampler_of(weights: Any, **options: Any) -> Sampler:
    return Sampler(weights, PromptEncoder(weights, keep=8), Accelerated(weights, Speed()).velocity, **options)


@pytest.fixture(scope="module")
def stock(folder: Path) -> Callable[[Canvas], Any]:
    """Latents of a canvas, painted by diffusers' own pipeline for its mode."""
    pipes = {"text": StableDiffusion3Pipeline.from_pretrained(folder, local_files_only=True, dtype=torch.float32)}
    pipes["picture"] = StableDiffusion3Img2ImgPipeline.from_pipe(pipes["text"])
    pipes["mask"] = StableDiffusion3InpaintPipeline.from_pipe(pipes["text"])

    def paint(asked: Canvas) -> Any:
        mode = str(batch_key(asked)[-1])
        extra: dict[str, Any] = {}
        if asked.init is not None:
            extra = {"image": Image.fromarray(asked.init), "strength": asked.strength}
        if asked.mask is not None:
            extra["mask_image"] = Image.fromarray((asked.mask * 255).astype(np.uint8))
        pipe = pipes[mode]
        pipe.set_progress_bar_config(disable=True)
        return pipe(
            asked.prompt,
            negative_prompt=asked.negative_prompt,
            num_inference_steps=asked.steps,
            guidance_scale=asked.guidance_scale,
            width=asked.width,
            height=asked.height,
            generator=torch.Generator("cpu").manual_seed(asked.seed),
            # The stock inpainting pipeline forgets the VAE's shift when it decodes (0.42): its latents are right.
            output_type="latent",
            **extra,
        ).images[0]

    return paint


def test_each_of_a_mixed_batch_equals_the_stock_pipeline_alone(
    sampler: Sampler, stock: Callable[[Canvas], Any]
) -> None:
    batch = [canvas(), *MIXED]

    painted = sampler.paint(batch)

    for asked, done in zip(batch, painted, strict=True):
        torch.testing.assert_close(done.latents, stock(asked), atol=TOLERANCE, rtol=0)
    assert [done.guided_steps for done in painted] == [STEPS, STEPS, 0, STEPS]


@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("mode", ["picture", "mask"])
def test_an_initial_picture_is_used_as_the_stock_pipelines_use_it(
    sampler: Sampler, stock: Callable[[Canvas], Any], mode: str, strength: float
) -> None:
    asked = canvas(seed=5, strength=strength, **MODES[mode])

    (done,) = sampler.paint([asked])

    torch.testing.assert_close(done.latents, stock(asked), atol=TOLERANCE, rtol=0)
    assert done.steps == {0.5: 3, 1.0: 5}[strength]


@pytest.mark.parametrize("mode", MODES)
def test_an_images_bytes_do_not_depend_on_its_neighbours_nor_on_its_slot(sampler: Sampler, mode: str) -> None:
    mine = canvas(seed=11, **MODES[mode])
    plain = canvas("plain", seed=12, guidance_scale=0.5, **MODES[mode])
    others = [replace(other, **MODES[mode]) for other in MIXED]
    alone, plain_alone = sampler.paint([mine])[0], sampler.paint([plain])[0]

    for slot in range(4):
        neighbours = others[slot:] + others[:slot]
        batch = [*neighbours[:slot], mine, *neighbours[slot:]]
        shared = sampler.paint(batch)[slot]
        assert np.array_equal(shared.pixels, alone.pixels)
        assert torch.equal(shared.latents, alone.latents)
    assert torch.equal(sampler.paint([mine, others[1], plain])[2].latents, plain_alone.latents)


def test_outside_the_mask_the_latents_stay_the_originals(sampler: Sampler) -> None:
    (whole,) = sampler.paint([canvas(seed=5, init=INIT, mask=np.ones_like(MASK))])
    (none,) = sampler.paint([canvas(seed=5, init=INIT, mask=np.zeros_like(MASK))])
    (part,) = sampler.paint([canvas(seed=5, init=INIT, mask=MASK)])

    inside = torch.from_numpy(MASK[::8, ::8] >= 0.5)
    assert torch.equal(part.latents[:, ~inside], none.latents[:, ~inside])
    assert not torch.equal(part.latents[:, inside], none.latents[:, inside])
    assert not torch.equal(whole.latents, part.latents)


class Counting:
    """A velocity that notes how many rows each forward had."""

    def __init__(self, velocity: Any) -> None:
        self.velocity, self.rows = velocity, list[int]()

    def __call__(self, latents: Any, *rest: Any) -> Any:
        self.rows.append(len(latents))
        return self.velocity(latents, *rest)


@pytest.mark.parametrize(
    ("guidances", "share", "skip", "rows"),
    [
        ([4.5], 1.0, True, [4, 4, 4, 4, 4]),
        ([1.0], 1.0, True, [2, 2, 2, 2, 2]),
        ([1.0], 1.0, False, [4, 4, 4, 4, 4]),
        ([4.5], 0.6, True, [4, 4, 4, 2, 2]),
        ([4.5, 1.0], 0.2, True, [4, 2, 2, 2, 2, 2]),
        ([4.5, 4.5, 4.5], 0.0, True, [2, 2] * 5),
    ],
)
def test_every_forward_is_a_full_bucket_and_no_row_is_run_for_nothing(
    weights: Any, guidances: list[float], share: float, skip: bool, rows: list[int]
) -> None:
    counting = Counting(Accelerated(weights, Speed()).velocity)
    sampler = Sampler(
        weights, PromptEncoder(weights, keep=8), counting, bucket=2, guided_share=share, skip_unguided=skip
    )

    sampler.paint([canvas(seed=seed, guidance_scale=guidance) for seed, guidance in enumerate(guidances)])

    assert counting.rows == rows


def test_small_images_share_a_forward_and_large_ones_have_it_alone(sampler: Sampler) -> None:
    sizes = {(512, 512): 4, (768, 768): 1, (704, 704): 2, (1024, 1024): 1, (1536, 1024): 1, (128, 96): 4}

    assert {size: sampler.bucket_of(canvas(width=size[0], height=size[1])) for size in sizes} == sizes


def test_a_cached_prompt_is_the_same_to_the_bit_and_the_oldest_goes(weights: Any) -> None:
    fresh, cached = PromptEncoder(weights, keep=0), PromptEncoder(weights, keep=2)
    first = cached.encode("one")

    assert cached.encode("one") is first
    assert torch.equal(fresh.encode("one").sequence, first.sequence)
    assert fresh.encode("one") is not fresh.encode("one")
    cached.encode("two")
    cached.encode("three")
    assert cached.encode("one") is not first


def test_a_prompt_longer_than_the_encoders_is_marked(weights: Any) -> None:
    prompts = PromptEncoder(weights, keep=0)

    assert not prompts.encode("x" * 200).truncated
    assert prompts.encode("x" * 300).truncated
