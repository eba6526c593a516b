"""SD3.5 at its true size with random weights, our engine against the stock diffusers pipeline in the same run.

    python -m tests.bench.sd35 --out sd35.json --budget 540        # one NVIDIA GPU with 60 GB
    python -m tests.bench.sd35 --tiny                              # a CPU, a minute: does it run at all; no figures

Random weights cost the same time as trained ones and say nothing of quality; `difference` compares pictures of noise.
Stages write the JSON one by one and are skipped when the budget has no room for them; `--stages a,b` picks some, so
that several short runs make one long one. `of_matmul_rate` is the share of the bfloat16 rate this GPU reached in one
large matrix product minutes before. Nothing is downloaded; tokenizers are those of the tests.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import httpx
import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from infra.inference.container.sd35 import device as devices
from infra.inference.container.sd35.accelerate import Accelerated
from infra.inference.container.sd35.canvas import Canvas
from infra.inference.container.sd35.prompts import CLIP_TOKENS, T5_TOKENS, PromptEncoder
from infra.inference.container.sd35.sampling import Painted, Sampler
from infra.inference.container.sd35.speed import NEEDS_CUDA, PAYS_ON_CUDA, TIERS, Speed
from infra.inference.container.sd35.weights import Weights
from tests.inference.sd35 import tiny

CONTAINER: Final = Path(__file__).parents[2] / "infra" / "inference" / "container"
FINAL: Final = TIERS["final"]
VARIANTS: Final[Mapping[str, Speed]] = {
    "plain": Speed(),
    "together": FINAL,
    "compile+graphs+vae+cache": replace(FINAL, fp8=False, guidance_interval=1.0),
    "graphs": Speed(graphs=True),
    "guidance_interval": Speed(guidance_interval=FINAL.guidance_interval),
    "prompt_cache": Speed(prompt_cache=64),
    "without skip_unguided": Speed(skip_unguided=False),
    "vae": Speed(vae=True),
    "fp8": Speed(fp8=True),
    "compile": Speed(compile=True),
}
LARGE_STEPS, TURBO_STEPS, GUIDANCE = 28, 4, 4.5
# Stability AI's published configurations; Turbo is Large in other weights.
_LARGE: Final[dict[str, Any]] = {
    "sample_size": 128, "patch_size": 2, "in_channels": 16, "out_channels": 16, "num_layers": 38,
    "attention_head_dim": 64, "num_attention_heads": 38, "joint_attention_dim": 4096, "caption_projection_dim": 2432,
    "pooled_projection_dim": 2048, "pos_embed_max_size": 192, "qk_norm": "rms_norm", "dual_attention_layers": (),
}  # fmt: skip
_MEDIUM: Final[dict[str, Any]] = _LARGE | {
    "num_layers": 24, "num_attention_heads": 24, "caption_projection_dim": 1536, "pos_embed_max_size": 384,
    "dual_attention_layers": tuple(range(13)),
}  # fmt: skip
_CLIP_L: Final[dict[str, Any]] = {
    "vocab_size": 49408, "hidden_size": 768, "intermediate_size": 3072, "projection_dim": 768,
    "num_hidden_layers": 12, "num_attention_heads": 12, "max_position_embeddings": 77,
}  # fmt: skip
_CLIP_G: Final[dict[str, Any]] = _CLIP_L | {
    "hidden_size": 1280, "intermediate_size": 5120, "projection_dim": 1280,
    "num_hidden_layers": 32, "num_attention_heads": 20,
}  # fmt: skip
_T5_XXL: Final[dict[str, Any]] = {
    "vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64,
    "feed_forward_proj": "gated-gelu",
}  # fmt: skip
_VAE_CHANNELS: Final = (128, 256, 512, 512)


class Ledger:
    """The results so far, on disk after every stage, and the time that is left."""

    def __init__(self, out: Path, budget_s: float, chosen: frozenset[str]) -> None:
        self._out, self._budget_s, self._chosen, self._started = out, budget_s, chosen, time.monotonic()
        self._results: dict[str, Any] = json.loads(out.read_text()) if chosen and out.exists() else {"stages": {}}

    def note(self, **facts: object) -> None:
        self._results |= facts
        self._out.write_text(json.dumps(self._results, indent=1))

    @contextmanager
    def stage(self, name: str, *, needs_s: float) -> Iterator[dict[str, Any] | None]:
        """A dict for the stage's figures; None when it is not wanted or there is no time for it.

        A stage that fails is a result too: the next ones still run.
        """
        if self._chosen and name not in self._chosen:
            yield None
            return
        figures: dict[str, Any] = {}
        left_s = self._budget_s - (time.monotonic() - self._started)
        started = time.monotonic()
        try:
            if left_s < needs_s:
                figures["skipped"] = f"{left_s:.0f} s left, {needs_s:.0f} s needed"
                yield None
            else:
                yield figures
                figures["stage_s"] = round(time.monotonic() - started, 1)
        except Exception as error:
            figures["error"] = f"{type(error).__name__}: {str(error)[:500]}"
        finally:
            self._results["stages"][name] = figures
            self.note()
            print(f"{time.monotonic() - self._started:6.0f} s  {name}: {json.dumps(figures)}", flush=True)


@dataclass(frozen=True, eq=False)
class Studio:
    """Random weights at one scale on one device."""

    device: torch.device
    dtype: torch.dtype
    tiny: bool

    def transformer(self, medium: bool = False) -> Any:
        """The same weights each time it is asked."""
        if self.tiny:
            torch.manual_seed(1)
            return tiny.transformer(dual=(0,) if medium else ()).to(self.device, self.dtype).requires_grad_(False)
        return self._random(lambda: SD3Transformer2DModel(**(_MEDIUM if medium else _LARGE)))

    def parts(self) -> Weights:
        """Everything but the transformer, which is a placeholder."""
        clips = (tiny.clip_tokenizer(), tiny.clip_tokenizer())
        pieces = tiny.t5_tokenizer()
        if self.tiny:
            models = [tiny.vae(), tiny.clip(clips[0]), tiny.clip(clips[1]), tiny.t5(len(pieces))]
            made = [model.to(self.device, self.dtype).requires_grad_(False) for model in models]
        else:
            ends = {"bos_token_id": clips[0].bos_token_id, "eos_token_id": clips[0].eos_token_id}
            made = [
                self._random(lambda: tiny.vae(channels=_VAE_CHANNELS, layers=2, groups=32, side=1024)),
                self._random(lambda: CLIPTextModelWithProjection(CLIPTextConfig(**_CLIP_L, **ends))),
                self._random(lambda: CLIPTextModelWithProjection(CLIPTextConfig(**_CLIP_G, **ends))),
                self._random(lambda: T5EncoderModel(T5Config(**_T5_XXL))),
            ]
        return Weights(
            transformer=None,
            vae=made[0],
            scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
            tokenizers=(*clips, pieces),
            clips=(made[1], made[2]),
            t5=made[3],
            device=self.device,
            dtype=self.dtype,
        )

    def _random(self, build: Callable[[], Any]) -> Any:
        torch.manual_seed(0)
        torch.set_default_dtype(self.dtype)
        try:
            with torch.device(self.device):
                return build().eval().requires_grad_(False)
        finally:
            torch.set_default_dtype(torch.float32)


def stock_of(weights: Weights) -> StableDiffusion3Pipeline:
    pipeline = StableDiffusion3Pipeline(
        transformer=weights.transformer,
        scheduler=weights.scheduler,
        vae=weights.vae,
        text_encoder=weights.clips[0],
        tokenizer=weights.tokenizers[0],
        text_encoder_2=weights.clips[1],
        tokenizer_2=weights.tokenizers[1],
        text_encoder_3=weights.t5,
        tokenizer_3=weights.tokenizers[2],
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def canvas(side: int, *, steps: int, guidance: float, seed: int = 7) -> Canvas:
    return Canvas(
        prompt="a poster that says SALE",
        negative_prompt="",
        seed=seed,
        width=side,
        height=side,
        steps=steps,
        guidance_scale=guidance,
        init=None,
        mask=None,
        strength=1.0,
    )


class Bench:
    """Runs the stages on one studio."""

    def __init__(self, ledger: Ledger, studio: Studio, *, runs: int) -> None:
        self.ledger, self.studio, self.runs = ledger, studio, runs
        self.parts = studio.parts()
        self.side = tiny.SIDE_PX if studio.tiny else 1024
        self.steps = TURBO_STEPS if studio.tiny else LARGE_STEPS
        self.matmul_flops = 0.0
        self.plain: Painted | None = None

    def all(self) -> None:
        self.rate()
        self.stock("large", self.steps, GUIDANCE)
        self.stock("turbo", TURBO_STEPS, 1.0)
        for name, speed in VARIANTS.items():
            compiles = speed.compile or speed.vae
            with self.ledger.stage(name, needs_s=self.needs_s(180 if compiles else 45)) as figures:
                if figures is not None:
                    self.variant(figures, speed)
        for name in ("together", "plain"):
            with self.ledger.stage(f"medium {name}", needs_s=self.needs_s(120)) as figures:
                if figures is not None:
                    self.variant(figures, VARIANTS[name], medium=True)
        with self.ledger.stage("from idle to the first image", needs_s=self.needs_s(150)) as figures:
            if figures is not None:
                self.first_image(figures)

    def needs_s(self, true_size_s: float) -> float:
        """Seconds a stage may take at its true size (guesses until one has run); next to nothing when tiny."""
        return 1 if self.studio.tiny else true_size_s

    def rate(self) -> None:
        """The bfloat16 rate of one large product: what `of_matmul_rate` is a share of."""
        with self.ledger.stage("matmul", needs_s=10) as figures:
            if figures is None:
                return
            size = 256 if self.studio.tiny else 8192
            left = torch.randn(size, size, device=self.studio.device, dtype=torch.bfloat16)
            seconds = self.median(lambda: left @ left, runs=20)
            self.matmul_flops = 2 * size**3 / seconds
            figures["bf16_tflops"] = round(self.matmul_flops / 1e12, 2)

    def stock(self, name: str, steps: int, guidance: float) -> None:
        with self.ledger.stage(f"stock {name}", needs_s=self.needs_s(60)) as figures:
            if figures is None:
                return
            with self.fresh() as weights:
                pipeline = stock_of(weights)

                def paint(ran: int = steps) -> Any:
                    return pipeline(
                        "a poster that says SALE",
                        num_inference_steps=ran,
                        guidance_scale=guidance,
                        width=self.side,
                        height=self.side,
                        generator=torch.Generator("cpu").manual_seed(7),
                        output_type="np",
                    ).images[0]

                paint(2)
                figures["s"] = round(self.median(paint), 4)
                figures["memory_gb"] = self.memory_gb()
                figures.update(self.share(weights, figures["s"], steps * (2 if guidance > 1 else 1)))
                figures["run_to_run_equal"] = bool(np.array_equal(paint(), paint()))

    def variant(self, figures: dict[str, Any], speed: Speed, *, medium: bool = False) -> None:
        """Seconds, memory, equality and how far the picture is from the plain one's."""
        if self.studio.tiny:
            left_out = [flag for flag in (*NEEDS_CUDA, *PAYS_ON_CUDA) if getattr(speed, flag)]
            figures["left_out_on_a_cpu"] = left_out
            speed = replace(speed, **dict.fromkeys(left_out, False))
        with self.fresh(medium=medium) as weights:
            started = time.monotonic()
            accelerated = Accelerated(weights, speed)
            sampler = Sampler(
                weights,
                PromptEncoder(weights, keep=speed.prompt_cache),
                accelerated.velocity,
                guided_share=speed.guidance_interval,
                skip_unguided=speed.skip_unguided,
            )
            large = canvas(self.side, steps=self.steps, guidance=GUIDANCE)
            turbo = canvas(self.side, steps=TURBO_STEPS, guidance=1.0)
            crowd = [
                canvas(self.side // 2, steps=TURBO_STEPS, guidance=guidance, seed=seed)
                for seed, guidance in enumerate((GUIDANCE, 7.0, 2.0, GUIDANCE))
            ]
            for warming in ([replace(large, steps=4)], [turbo], crowd[:1]):
                sampler.paint(warming)
            accelerated.settle()
            devices.finish(self.studio.device)
            figures["warm_s"] = round(time.monotonic() - started, 1)

            figures["large_s"] = round(self.median(lambda: sampler.paint([large])), 4)
            painted = sampler.paint([large])[0]
            rows = self.steps + painted.guided_steps
            figures.update(self.share(weights, figures["large_s"], rows), rows=rows, phases_ms=painted.phases_ms)
            if not medium:
                figures["turbo_s"] = round(self.median(lambda: sampler.paint([turbo]), runs=self.runs + 1), 4)
            figures["memory_gb"] = self.memory_gb()
            figures["run_to_run_equal"] = _equal([painted], sampler.paint([large]))
            figures["neighbours_equal"] = self.undisturbed(sampler, crowd)
            figures["finite"] = bool(torch.isfinite(painted.latents).all())
            if speed == Speed() and not medium:
                self.plain = painted
            elif self.plain is not None and not medium:
                figures["difference"] = _difference(self.plain, painted)

    def undisturbed(self, sampler: Sampler, crowd: Sequence[Canvas]) -> bool:
        """Whether each image of a full bucket is what it is alone, to the bit, in its slot and turned about."""
        alone = [sampler.paint([one])[0] for one in crowd]
        together, turned = sampler.paint(crowd), sampler.paint(list(crowd)[::-1])[::-1]
        return _equal(alone, together) and _equal(alone, turned)

    def first_image(self, figures: dict[str, Any]) -> None:
        """From a stopped container to its first picture: the real server on SD3.5 Large's folder, page cache warm."""
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "weights"
            with self.fresh() as weights:
                stock_of(weights).save_pretrained(folder)
            for name in ("without a compile cache", "with it"):
                figures[name] = _served(Path(place), folder, self.side)
                if name.startswith("without"):
                    command = [sys.executable, "-m", "container", "warm", "--model", f"sd35-large={folder}"]
                    subprocess.run(command, cwd=place, env=_alone(), check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def fresh(self, *, medium: bool = False) -> Iterator[Weights]:
        """Weights with a transformer and VAE no flag has touched."""
        self.parts.vae._compiled_call_impl = None
        for half in (self.parts.vae.encoder, self.parts.vae.decoder):
            half._compiled_call_impl = None
        self.parts.vae.to(memory_format=torch.contiguous_format)
        if self.studio.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        try:
            yield replace(self.parts, transformer=self.studio.transformer(medium))
        finally:
            torch.compiler.reset()
            torch.compiler.set_stance("default")
            gc.collect()
            devices.release(self.studio.device)

    def median(self, work: Callable[[], object], *, runs: int | None = None) -> float:
        seconds = []
        for _ in range(runs or self.runs):
            devices.finish(self.studio.device)
            started = time.perf_counter()
            work()
            devices.finish(self.studio.device)
            seconds.append(time.perf_counter() - started)
        return sorted(seconds)[len(seconds) // 2]

    def share(self, weights: Weights, seconds: float, rows: int) -> dict[str, float]:
        """The forwards' operations against the measured matrix rate; encoders and VAE count as time only."""
        if not self.matmul_flops:
            return {}
        flops = _forward_flops(weights.transformer, self.side // weights.pixels_per_latent)
        return {
            "forward_tflop": round(flops / 1e12, 4),
            "of_matmul_rate": round(rows * flops / seconds / self.matmul_flops, 3),
        }

    def memory_gb(self) -> float | None:
        if self.studio.device.type != "cuda":
            return None
        return round(torch.cuda.max_memory_allocated() / 2**30, 1)


def _forward_flops(transformer: Any, side: int) -> int:
    """Multiplications and additions of one row, counted on a model without data."""
    config = transformer.config
    with torch.device("meta"):
        ghost = SD3Transformer2DModel.from_config(config)
        inputs = {
            "hidden_states": torch.empty(1, config.in_channels, side, side),
            "timestep": torch.empty(1),
            "encoder_hidden_states": torch.empty(1, CLIP_TOKENS + T5_TOKENS, config.joint_attention_dim),
            "pooled_projections": torch.empty(1, config.pooled_projection_dim),
        }
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            ghost(**inputs)
    return int(counter.get_total_flops())


def _equal(some: Sequence[Painted], others: Sequence[Painted]) -> bool:
    pairs = zip(some, others, strict=True)
    return all(torch.equal(a.latents, b.latents) and np.array_equal(a.pixels, b.pixels) for a, b in pairs)


def _difference(plain: Painted, other: Painted) -> dict[str, float]:
    """Relative error of the latents, and how many 8-bit values of the picture are others."""
    error = (other.latents - plain.latents).norm() / plain.latents.norm()
    return {
        "latents_relative": round(float(error), 6),
        "levels_changed": round(float(np.mean(plain.pixels != other.pixels)), 4),
        "mean_level_difference": round(float(np.abs(plain.pixels.astype(int) - other.pixels.astype(int)).mean()), 3),
    }


def _alone() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": "", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}


def _served(place: Path, folder: Path, side: int) -> dict[str, float]:
    """Seconds from starting the container until /ping says ready, and until the first picture is there."""
    link = place / "container"
    if not link.exists():
        link.symlink_to(CONTAINER, target_is_directory=True)
    started = time.monotonic()
    command = [sys.executable, "-m", "container", "serve", "--port", "0", "--model", f"sd35-large={folder}"]
    with subprocess.Popen(command, cwd=place, env=_alone(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            while (ping := httpx.get(f"{url}/ping")).status_code != 200:
                if "failed" in ping.json()["status"]:
                    raise RuntimeError(ping.json()["status"])
                time.sleep(0.1)
            ready_s = time.monotonic() - started
            request = {"version": "1", "request_id": "b", "model": "sd35-large", "prompt": "x", "seed": 1}
            httpx.post(
                f"{url}/invocations", json=request | {"width": side, "height": side}, timeout=300
            ).raise_for_status()
            return {"ready_s": round(ready_s, 1), "first_image_s": round(time.monotonic() - started, 1)}
        finally:
            process.terminate()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("sd35-bench.json"))
    parser.add_argument("--budget", type=float, default=540, metavar="S", help="start no stage that would pass it")
    parser.add_argument("--stages", default="", help="only these, by commas, added to --out where it exists")
    parser.add_argument("--runs", type=int, default=2, help="timed runs, of which the median counts")
    parser.add_argument("--tiny", action="store_true", help="tiny weights on the CPU: a smoke test, no figures")
    asked = parser.parse_args(arguments)
    device = torch.device("cpu") if asked.tiny else devices.pick("cuda")
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("no NVIDIA GPU here; --tiny is the smoke test for a CPU")
    devices.make_repeatable()
    if asked.tiny:
        torch.set_num_threads(1)
    ledger = Ledger(asked.out, asked.budget, frozenset(filter(None, asked.stages.split(","))))
    ledger.note(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        device=devices.describe(device).name,
        weights="tiny, random" if asked.tiny else "true size, random",
        versions={name: version(name) for name in ("torch", "diffusers", "transformers")}
        | {"cuda": torch.version.cuda},
    )
    bench = Bench(ledger, Studio(device, devices.precision(device), asked.tiny), runs=asked.runs)
    ledger.note(side_px=bench.side, steps={"large": bench.steps, "turbo": TURBO_STEPS, "guidance_scale": GUIDANCE})
    bench.all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
