"""A tiny SD3.5 of random weights, saved as the real ones are: `python -m tests.inference.sd35.tiny DIR`.

Its parts are real diffusers and transformers classes and its tokenizers are made here, so that loading, batching and
sampling run as in production, in seconds on a CPU. What it paints is noise. Trained at 128 px.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5TokenizerFast,
)

SIDE_PX = 128
JOINT = 64


def save(folder: Path, *, with_t5: bool = True, seed: int = 0) -> Path:
    """The pipeline's folder, about 2 MB. The same seed is the same weights."""
    torch.manual_seed(seed)
    clips = [clip_tokenizer(), clip_tokenizer()]
    pieces = t5_tokenizer()
    StableDiffusion3Pipeline(
        transformer=transformer(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(),
        text_encoder=clip(clips[0]),
        tokenizer=clips[0],
        text_encoder_2=clip(clips[1]),
        tokenizer_2=clips[1],
        text_encoder_3=t5(len(pieces)) if with_t5 else None,
        tokenizer_3=pieces if with_t5 else None,
    ).save_pretrained(folder)
    return folder


def transformer(dual: tuple[int, ...] = (0,)) -> SD3Transformer2DModel:
    """Two blocks, those of `dual` with the second attention of SD3.5 Medium."""
    return SD3Transformer2DModel(
        sample_size=SIDE_PX // 8,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        num_attention_heads=4,
        attention_head_dim=16,
        joint_attention_dim=JOINT,
        caption_projection_dim=64,
        pooled_projection_dim=64,
        pos_embed_max_size=24,
        qk_norm="rms_norm",
        dual_attention_layers=dual,
    ).eval()


def vae(
    channels: tuple[int, ...] = (8, 16, 16, 16), layers: int = 1, groups: int = 4, side: int = SIDE_PX
) -> AutoencoderKL:
    return AutoencoderKL(
        latent_channels=16,
        block_out_channels=channels,
        layers_per_block=layers,
        norm_num_groups=groups,
        sample_size=side,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        scaling_factor=1.5305,
        shift_factor=0.0609,
    ).eval()


def clip(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        projection_dim=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModelWithProjection(config).eval()


def t5(vocabulary: int) -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            vocab_size=vocabulary,
            d_model=JOINT,
            d_kv=8,
            d_ff=96,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
        )
    ).eval()


def clip_tokenizer() -> CLIPTokenizer:
    """Byte by byte: CLIP's alphabet of printable stand-ins, and no merges."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(code) for code in printable]
    alphabet += [chr(256 + extra) for extra in range(256 - len(printable))]
    words = [*alphabet, *(letter + "</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: index for index, word in enumerate(words)}, merges=[], model_max_length=77)


def t5_tokenizer() -> T5TokenizerFast:
    """Character by character."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5TokenizerFast(
        vocab=special + [(chr(code), -3.0) for code in range(33, 127)], extra_ids=0, model_max_length=256
    )


if __name__ == "__main__":
    print(save(Path(sys.argv[1])))
