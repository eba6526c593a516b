"""Training on tiny networks, and what is exported from it. Needs torch, which the README's environment has not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("onnx", reason="onnx is not installed")

import torch

from infra.inference.container.mini import networks
from infra.inference.container.mini.vocabulary import SLOTS, TOLD
from infra.inference.container.models import offer
from infra.inference.container.protocol import InvocationRequest
from infra.inference.mini import distilling, examples, judging, painting, refining
from infra.inference.mini.exporting import export
from infra.inference.mini.judging import Judge
from infra.inference.mini.network import Painter, Shape
from infra.inference.mini.refining import Refiner
from infra.inference.mini.training import Plan, Run, averaged, train

TINY = Shape(fine=8, coarse=64, depth=1, up=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(examples, "SIZES", ((32, 32),))


COURSE = painting.Course("test", batch=4, composing=100)


def _painter() -> Painter:
    torch.manual_seed(0)
    return Painter(TINY)


def _trained(run: Run, steps: int) -> dict[str, torch.Tensor]:
    painter = _painter()
    assert train(painter, painting.lessons(painter, COURSE), run, Plan(steps=steps, cooling=0))
    averaged(run, painter)
    return painter.state_dict()


def test_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    _trained(Run(tmp_path / "stopped"), 3)

    resumed, whole = _trained(Run(tmp_path / "stopped"), 6), _trained(Run(tmp_path / "whole"), 6)

    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_pause_file_saves_and_ends(tmp_path: Path) -> None:
    run, painter = Run(tmp_path / "painter"), _painter()
    (tmp_path / "PAUSE").touch()

    assert not train(painter, painting.lessons(painter, COURSE), run, Plan(steps=5))
    assert averaged(run, painter) == 0


def test_the_painter_learns_a_lesson_said_often(tmp_path: Path) -> None:
    painter = _painter()
    learn = painting.lessons(painter, replace(COURSE, batch=8))
    untrained = learn(0).item()

    train(painter, lambda _: learn(0), Run(tmp_path / "p"), Plan(steps=30, warm_up=1, adam_rate=1e-2, cooling=0))

    assert learn(0).item() < 0.85 * untrained


def test_large_pictures_are_lessons_of_their_own() -> None:
    small, large = (examples.batch("large", 1, 2, times=times) for times in (1, 2))

    assert large.pictures.shape[2:] == tuple(2 * side for side in small.pictures.shape[2:])
    halved = large.pictures.reshape(*small.pictures.shape[:2], 32, 2, 32, 2).mean((3, 5))
    assert np.abs(halved - small.pictures).mean() < 0.02, "the same posters"
    assert painting.lessons(_painter(), replace(COURSE, times=2))(0).isfinite()


def test_the_refiner_doubles_and_learns_a_lesson_said_often(tmp_path: Path) -> None:
    torch.manual_seed(0)
    refiner = Refiner(8, 1)
    learn = refining.lessons(refiner, batch=4)
    untrained = learn(0).item()

    train(refiner, lambda _: learn(0), Run(tmp_path / "r"), Plan(steps=30, warm_up=1, adam_rate=3e-3, cooling=0))

    assert refiner(torch.zeros(1, 3, 16, 24), torch.zeros(1, 1, 32, 48)).shape == (1, 3, 32, 48)
    assert learn(0).item() < 0.95 * untrained


def test_the_student_learns_from_the_painter_alone(tmp_path: Path) -> None:
    painter, student = _painter(), _painter()
    torch.nn.init.normal_(painter.exit.weight, std=0.05)
    taught = {name: value.clone() for name, value in painter.state_dict().items()}
    learn = distilling.lessons(student, painter, batch=4)
    untrained = learn(0).item()

    train(student, lambda _: learn(0), Run(tmp_path / "s"), Plan(steps=12, warm_up=1, adam_rate=1e-2, cooling=0))

    assert learn(0).item() < 0.8 * untrained
    assert all(torch.equal(value, taught[name]) for name, value in painter.state_dict().items())


def test_the_judge_names_a_word_of_every_slot_and_learns_a_lesson_said_often(tmp_path: Path) -> None:
    torch.manual_seed(0)
    judge = Judge(4)
    learn = judging.lessons(judge, batch=4)
    untrained = learn(0).item()

    train(judge, lambda _: learn(0), Run(tmp_path / "j"), Plan(steps=12, warm_up=1, adam_rate=3e-3, cooling=0))
    averaged(Run(tmp_path / "j"), kept := Judge(4))

    assert all(torch.equal(value, dict(judge.named_buffers())[name]) for name, value in kept.named_buffers())
    assert learn(0).item() < 0.7 * untrained
    seen = kept.eval().verdict(np.zeros((96, 96, 3), np.uint8))
    assert all(seen[slot] in SLOTS[slot] for slot in judging.JUDGED)


def test_what_the_judge_learns_from_is_spoiled_alike_each_time_and_still_the_picture() -> None:
    halves = torch.ones(2, 3, judging.SIDE, judging.SIDE)
    halves[..., : judging.SIDE // 2] = -1

    spoiled, again, other = (judging.spoiled(halves, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))

    assert torch.equal(spoiled, again)
    assert not torch.allclose(spoiled, other, atol=0.1)
    assert not torch.allclose(spoiled[0], spoiled[1], atol=0.1), "each picture by its own measure"
    left, right = spoiled.mean((1, 2)).split(judging.SIDE // 2, 1)
    assert (left[:, :24].mean() < -0.9) and (right[:, 8:].mean() > 0.9)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Painter, Refiner, Path]:
    """Networks with random weights everywhere, and their files."""
    torch.manual_seed(1)
    painter, refiner = Painter(TINY).eval(), Refiner(8, 1).eval()
    for parameter in [*painter.parameters(), *refiner.parameters()]:
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    folder = tmp_path_factory.mktemp("weights")
    export(painter, painter, refiner, folder)
    return painter, refiner, folder


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 80)])
def test_what_is_exported_paints_like_what_was_trained(
    exported: tuple[Painter, Refiner, Path], height: int, width: int
) -> None:
    painter, refiner, folder = exported
    nets = networks.load(networks.STUDENT, folder)
    noisy, condition = torch.randn(2, 3, height, width), torch.rand(2, 5, height, width)
    level, codes = torch.tensor([0.3, 0.9]), torch.tensor([[1, 2, 0, 4, 0, 2, 7, 3, 1], [0] * len(TOLD)])
    frames = torch.tensor([[[0.4, 0.6, 3.0, 1.0], [0.5, 0.5, 4.0, 0.0]], [[0.0] * 4] * 2])
    picture, glyph = torch.rand(3, height, width), torch.rand(2 * height, 2 * width)

    painted = nets.denoise(*(part.numpy() for part in (noisy, condition, level, codes, frames)))
    doubled = nets.double(picture.numpy(), glyph.numpy())

    with torch.inference_mode():
        assert painted == pytest.approx(painter(noisy, condition, level, codes, frames).numpy(), abs=0.02)
        assert doubled == pytest.approx(refiner(picture[None], glyph[None, None])[0].numpy(), abs=0.02)


def test_a_folder_of_exported_networks_is_a_model_and_repeats_to_the_byte(
    exported: tuple[Painter, Refiner, Path],
) -> None:
    request = InvocationRequest(
        version="1", request_id="r", model="mini", prompt="red stripes", seed=3, width=256, height=256, steps=2
    )

    pngs = []
    for _ in range(2):
        model = offer([f"mini={exported[2]}"])["mini"]
        model.warm()
        pngs.append(model.generate(request).png)

    assert pngs[0] == pngs[1]
    assert model.revision.startswith("mini-")
    assert not model.simulated


def test_the_number_of_threads_changes_no_bit(exported: tuple[Painter, Refiner, Path]) -> None:
    inputs = (
        np.random.default_rng(0).standard_normal((2, 3, 96, 96), np.float32),
        np.random.default_rng(1).random((2, 5, 96, 96), np.float32),
        np.array([0.5, 0.5], np.float32),
        np.ones((2, len(TOLD)), np.int64),
        np.ones((2, 2, 4), np.float32),
    )

    one, two = (networks.load(networks.PAINTER, exported[2], threads=count).denoise(*inputs) for count in (1, 2))

    assert np.array_equal(one, two)
