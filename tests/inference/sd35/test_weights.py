"""Loading: a folder that is not right is refused by file or field, and a changed byte is another revision."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: infra/locks/inference-test.txt")

from safetensors.torch import load_file, save_file

from infra.inference.container.models import offer
from infra.inference.container.protocol import InvalidRequest, InvocationRequest
from infra.inference.container.sd35 import fp8
from infra.inference.container.sd35.prompts import T5_TOKENS, PromptEncoder
from infra.inference.container.sd35.revision import digest
from infra.inference.container.sd35.weights import WeightsError, check, load

from . import tiny

TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"
CPU, FP32 = torch.device("cpu"), torch.float32


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(folder, tmp_path / "weights"))


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda own: (own / "vae/config.json").unlink(), r"vae/config\.json is missing"),
        (lambda own: (own / TRANSFORMER).unlink(), r"transformer: holds no \.safetensors file"),
        (lambda own: (own / "model_index.json").write_text("{"), r"model_index\.json is not JSON"),
        (
            lambda own: (own / "tokenizer_3/tokenizer_config.json").unlink(),
            r"tokenizer_3/tokenizer_config\.json is miss",
        ),
        (lambda own: change(own / "transformer/config.json", in_channels=33), "in_channels is 33; SD3.5 needs 16"),
        (lambda own: change(own / "text_encoder_3/config.json", d_model=63), "d_model is 63; SD3.5 needs 64"),
        (
            lambda own: change(own / "scheduler/scheduler_config.json", use_dynamic_shifting=True),
            "use_dynamic_shifting is True; SD3.5 needs False",
        ),
        (
            lambda own: (own / f"{TRANSFORMER}.index.json").write_text('{"weight_map": {"a": "part-2.safetensors"}}'),
            r"part-2\.safetensors is missing; diffusion_pytorch_model\.safetensors\.index\.json names it",
        ),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused_by_file_or_field(
    own: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(own)

    with pytest.raises(WeightsError, match=message):
        check(own)


def test_a_missing_tensor_is_named(own: Path) -> None:
    tensors = load_file(own / TRANSFORMER)
    del tensors["context_embedder.weight"]
    save_file(tensors, own / TRANSFORMER, metadata={"format": "pt"})

    with pytest.raises(WeightsError, match=r"transformer: lacks the tensor context_embedder\.weight"):
        load(own, device=CPU, dtype=FP32)


def test_weights_are_refused_with_the_models_name_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r'model "sd35-large": .*model_index\.json is missing'):
        offer([f"sd35-large={tmp_path}"])
    with pytest.raises(InvalidRequest, match="is no folder"):
        offer([f"sd35-large={tmp_path / 'nowhere'}"])


def test_without_t5_its_part_of_a_prompt_is_zeros(tmp_path: Path) -> None:
    folder = tiny.save(tmp_path / "weights", with_t5=False)
    check(folder)

    made = PromptEncoder(load(folder, device=CPU, dtype=FP32), keep=0).encode("poster")

    assert made.sequence.shape == (77 + T5_TOKENS, tiny.JOINT)
    assert not made.sequence[77:].any()
    assert made.sequence[:77].any()


def test_the_digest_follows_every_loaded_byte_and_nothing_else(own: Path) -> None:
    before = digest(own)

    (own / "README.md").write_text("a poster")
    (own / "sd3.5_large.safetensors").write_bytes(b"a single-file copy")
    assert digest(own) == before

    weights = bytearray((own / TRANSFORMER).read_bytes())
    weights[-1] ^= 1
    (own / TRANSFORMER).write_bytes(weights)
    assert digest(own) != before


def test_an_adapter_beside_the_weights_changes_the_picture_and_the_revision(own: Path) -> None:
    plain = painted(own)
    rank, width = 2, 64
    generator = torch.Generator().manual_seed(0)
    adapter = {
        f"transformer.transformer_blocks.{block}.attn.to_q.lora_{side}.weight": torch.randn(shape, generator=generator)
        for block in (0, 1)
        for side, shape in (("A", (rank, width)), ("B", (width, rank)))
    }
    (own / "adapter").mkdir()
    save_file(adapter, own / "adapter" / "pytorch_lora_weights.safetensors", metadata={"format": "pt"})

    adapted = painted(own)

    assert adapted[0] != plain[0]
    assert adapted[1] != plain[1]


def painted(folder: Path) -> tuple[bytes, str]:
    (model,) = offer([f"sd35-large-turbo={folder}"]).values()
    model.warm()
    request = InvocationRequest(
        version="1", request_id="r", model=model.name, prompt="poster", seed=1, width=64, height=64, steps=2
    )
    return model.generate(request).png, model.revision


def test_an_eight_bit_linear_is_close_and_sees_each_row_alone() -> None:
    torch.manual_seed(0)
    source = torch.nn.Linear(64, 32)
    inputs = torch.randn(5, 64)
    layer = fp8.Fp8Linear(source)

    found, wanted = layer(inputs).float(), source(inputs)

    assert (found - wanted).norm() / wanted.norm() < 0.06  # e4m3 has 3 bits of mantissa
    assert found.shape == wanted.shape
    for row in range(5):
        others = torch.randn(5, 64) * 100
        others[row] = inputs[row]
        assert torch.equal(layer(others).float()[row], found[row])


def test_the_modulation_stays_as_it_is(folder: Path) -> None:
    blocks = load(folder, device=CPU, dtype=FP32).transformer.transformer_blocks

    replaced = fp8.quantise(blocks)

    kept = [name for name, layer in blocks.named_modules() if isinstance(layer, torch.nn.Linear)]
    made = [name for name, layer in blocks.named_modules() if isinstance(layer, fp8.Fp8Linear)]
    assert replaced == len(made) > 10
    assert kept
    assert all("norm" in name for name in kept)
    assert not any("norm" in name for name in made)
