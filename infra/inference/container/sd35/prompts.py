"""Prompts as the transformer wants them: CLIP-L, CLIP-bigG and T5, one prompt at a time.

Hides the three encoders, their padding and the cache. One prompt at a time, always: an embedding from the cache
equals a fresh one to the bit, and never depends on what else was asked.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import torch

from .weights import Weights

CLIP_TOKENS: Final = 77
T5_TOKENS: Final = 256


@dataclass(frozen=True, eq=False)
class Embedding:
    """`sequence` (tokens, joint_attention_dim), `pooled` (pooled_projection_dim).

    `truncated`: the longest-sighted encoder did not see all of the prompt.
    """

    sequence: torch.Tensor
    pooled: torch.Tensor
    truncated: bool


class PromptEncoder:
    """Not for several threads. `keep` is how many embeddings the cache holds; 0 encodes every time."""

    def __init__(self, weights: Weights, *, keep: int) -> None:
        self._weights, self._keep = weights, keep
        self._cache: OrderedDict[str, Embedding] = OrderedDict()

    def encode(self, prompt: str) -> Embedding:
        if prompt in self._cache:
            self._cache.move_to_end(prompt)
            return self._cache[prompt]
        made = self._encode(prompt)
        self._cache[prompt] = made
        while len(self._cache) > self._keep:
            self._cache.popitem(last=False)
        return made

    def _encode(self, prompt: str) -> Embedding:
        parts = self._weights
        clips = []
        for tokenizer, encoder in zip(parts.tokenizers[:2], parts.clips, strict=True):
            ids, clip_truncated = self._ids(tokenizer, prompt, CLIP_TOKENS)
            found = encoder(ids, output_hidden_states=True)
            clips.append((found.hidden_states[-2], found.text_embeds))
        both = torch.cat([hidden for hidden, _ in clips], dim=-1)
        long, truncated = self._t5(prompt)
        both = torch.nn.functional.pad(both, (0, long.shape[-1] - both.shape[-1]))
        return Embedding(
            sequence=torch.cat([both, long], dim=-2)[0].to(parts.dtype),
            pooled=torch.cat([pooled for _, pooled in clips], dim=-1)[0].to(parts.dtype),
            truncated=clip_truncated if parts.t5 is None else truncated,
        )

    def _t5(self, prompt: str) -> tuple[torch.Tensor, bool]:
        parts = self._weights
        if parts.t5 is None:
            width = parts.transformer.config.joint_attention_dim
            return torch.zeros(1, T5_TOKENS, width, device=parts.device, dtype=parts.dtype), False
        ids, truncated = self._ids(parts.tokenizers[2], prompt, T5_TOKENS)
        return parts.t5(ids)[0], truncated

    def _ids(self, tokenizer: Any, prompt: str, length: int) -> tuple[torch.Tensor, bool]:
        """Token ids (1, length) and whether the prompt was longer. No warning: the reply says it."""
        ids = tokenizer(prompt, padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        full = len(tokenizer(prompt, verbose=False).input_ids)
        return ids.to(self._weights.device), full > length
