"""Reads a folder of SD3.5 weights in diffusers' layout; nothing comes from the network.

Hides diffusers' and transformers' loading, and every way a folder can be wrong: each is a WeightsError that names
the file or the field. `adapter/pytorch_lora_weights.safetensors`, where it is there, is fused into the weights.
Without text_encoder_3 (T5) the prompt's T5 part is zeros, as in diffusers.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import torch

ADAPTER: Final = "adapter"
LORA_FILE: Final = "pytorch_lora_weights.safetensors"
_MODELS: Final = ("transformer", "vae", "text_encoder", "text_encoder_2")
_CONFIGS: Final = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer_2/tokenizer_config.json",
    *(f"{name}/config.json" for name in _MODELS),
)


class WeightsError(ValueError):
    """The folder cannot be served; the message names the file or the field."""


@dataclass(frozen=True, eq=False)
class Weights:
    """The parts of one model, in evaluation mode on their device. `t5` None: its part of a prompt is zeros."""

    transformer: Any
    vae: Any
    scheduler: Any
    tokenizers: tuple[Any, Any, Any | None]
    clips: tuple[Any, Any]
    t5: Any | None
    device: torch.device
    dtype: torch.dtype

    @property
    def pixels_per_latent(self) -> int:
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def side_step_px(self) -> int:
        """Width and height must be multiples of this: a patch of the transformer in pixels."""
        return self.pixels_per_latent * int(self.transformer.config.patch_size)

    @property
    def max_side_px(self) -> int:
        """As far as the transformer's position embedding reaches."""
        return int(self.transformer.config.pos_embed_max_size) * self.side_step_px

    @property
    def native_side_px(self) -> int:
        """The side of the square the model was trained at."""
        return int(self.transformer.config.sample_size) * self.pixels_per_latent


def check(folder: Path) -> None:
    """Raises WeightsError when a file or a field that loading needs is missing. Fast; imports no torch."""
    if missing := [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]:
        raise WeightsError(
            f"SD3.5 needs {' and '.join(missing)}, not installed here: pip install -r infra/locks/inference.txt"
        )
    if not folder.is_dir():
        raise WeightsError(f"{folder} is no folder; a folder in diffusers' layout is needed")
    for name in _CONFIGS:
        _json(folder, name)
    has_t5 = _has_t5(folder)
    for name in (*_MODELS, *(["text_encoder_3"] if has_t5 else [])):
        _check_tensors(folder, name)
    _check_fields(folder, has_t5=has_t5)


def load(folder: Path, *, device: torch.device, dtype: torch.dtype) -> Weights:
    """The weights of a checked folder, on the device. Raises WeightsError for tensors that are not there."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers.utils.logging as narrator
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5TokenizerFast

    narrator.disable_progress_bar()  # a server's log is no terminal

    def model(kind: Any, name: str) -> Any:
        made, info = kind.from_pretrained(
            folder / name, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        if missing := sorted(info["missing_keys"]):
            raise WeightsError(f"{folder / name}: lacks the tensor {missing[0]} and {len(missing) - 1} more")
        return made.eval().requires_grad_(False)

    def tokenizer(kind: Any, name: str) -> Any:
        return kind.from_pretrained(folder / name, local_files_only=True)

    has_t5 = _has_t5(folder)
    weights = Weights(
        transformer=model(SD3Transformer2DModel, "transformer"),
        vae=model(AutoencoderKL, "vae"),
        scheduler=FlowMatchEulerDiscreteScheduler.from_pretrained(folder / "scheduler", local_files_only=True),
        tokenizers=(
            tokenizer(CLIPTokenizer, "tokenizer"),
            tokenizer(CLIPTokenizer, "tokenizer_2"),
            tokenizer(T5TokenizerFast, "tokenizer_3") if has_t5 else None,
        ),
        clips=(
            model(CLIPTextModelWithProjection, "text_encoder"),
            model(CLIPTextModelWithProjection, "text_encoder_2"),
        ),
        t5=model(T5EncoderModel, "text_encoder_3") if has_t5 else None,
        device=device,
        dtype=dtype,
    )
    if (folder / ADAPTER / LORA_FILE).exists():
        _fuse_lora(weights, folder / ADAPTER)
    for part in (weights.transformer, weights.vae, *weights.clips, weights.t5):
        if part is not None:
            part.to(device)
    return weights


def _fuse_lora(weights: Weights, folder: Path) -> None:
    """Add the adapter to the transformer and both CLIPs for good: no cost per step, and compiled like the rest."""
    if find_spec("peft") is None:
        raise WeightsError(f"{folder}: a LoRA needs peft, not installed here: pip install -r infra/locks/inference.txt")
    from diffusers import StableDiffusion3Pipeline

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
    pipeline.load_lora_weights(folder, weight_name=LORA_FILE, local_files_only=True)
    pipeline.fuse_lora()
    pipeline.unload_lora_weights()


def _has_t5(folder: Path) -> bool:
    entry = _json(folder, "model_index.json").get("text_encoder_3")
    return bool(entry and entry[0])


def _check_tensors(folder: Path, name: str) -> None:
    """Every safetensors file of a part: the one, or all that its index names."""
    _json(folder, f"{name}/config.json")
    here = folder / name
    indexes = [path for path in here.glob("*.safetensors.index.json") if ".fp16." not in path.name]
    if not indexes and not any(".fp16." not in path.name for path in here.glob("*.safetensors")):
        raise WeightsError(f"{here}: holds no .safetensors file")
    for index in indexes:
        for shard in sorted(set(_json(folder, f"{name}/{index.name}")["weight_map"].values())):
            if not (here / shard).is_file():
                raise WeightsError(f"{here / shard} is missing; {index.name} names it")


def _check_fields(folder: Path, *, has_t5: bool) -> None:
    """The fields whose wrong value would only fail in the middle of a picture, or silently give another one."""
    transformer = _json(folder, "transformer/config.json")
    clips = [_json(folder, f"{name}/config.json") for name in ("text_encoder", "text_encoder_2")]
    wanted: list[tuple[str, str, object]] = [
        ("model_index.json", "_class_name", "StableDiffusion3Pipeline"),
        ("scheduler/scheduler_config.json", "_class_name", "FlowMatchEulerDiscreteScheduler"),
        ("scheduler/scheduler_config.json", "use_dynamic_shifting", False),
        ("scheduler/scheduler_config.json", "stochastic_sampling", False),
        ("transformer/config.json", "in_channels", _json(folder, "vae/config.json").get("latent_channels")),
        ("transformer/config.json", "pooled_projection_dim", sum(clip.get("projection_dim", 0) for clip in clips)),
    ]
    if has_t5:
        wanted.append(("text_encoder_3/config.json", "d_model", transformer.get("joint_attention_dim")))
        _json(folder, "tokenizer_3/tokenizer_config.json")
    for name, field, value in wanted:
        found = _json(folder, name).get(field, False)
        if found != value:
            raise WeightsError(f"{folder / name}: {field} is {found!r}; SD3.5 needs {value!r}")


def _json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise WeightsError(f"{path} is missing; a folder in diffusers' layout is needed") from error
    except ValueError as error:
        raise WeightsError(f"{path} is not JSON: {error}") from error
    return found
