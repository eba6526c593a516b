"""The speed flags: defaults by tier and device, and what is refused by name. No torch."""

from __future__ import annotations

import pytest

from infra.inference.container.sd35.speed import Device, Speed, SpeedError, choose

CPU = Device("cpu")
A10G = Device("NVIDIA A10G", (8, 6))
L40S = Device("NVIDIA L40S", (8, 9))


def test_a_gpu_that_can_do_all_of_it_gets_all_of_it() -> None:
    expected = Speed(compile=True, graphs=True, fp8=True, guidance_interval=0.6, prompt_cache=64, vae=True)

    assert choose("draft", L40S) == choose("final", L40S) == expected


def test_a_device_gets_by_default_only_what_it_can_do() -> None:
    assert not choose("final", A10G).fp8
    assert choose("final", A10G).graphs
    assert choose("final", CPU) == Speed(guidance_interval=0.6, prompt_cache=64)


def test_overrides_win_over_the_tier() -> None:
    speed = choose("final", L40S, "fp8=off, guidance_interval=0.8,prompt_cache=0")

    assert (speed.fp8, speed.guidance_interval, speed.prompt_cache, speed.graphs) == (False, 0.8, 0, True)


@pytest.mark.parametrize(
    ("device", "asked", "message"),
    [
        (CPU, "graphs=on", r'"graphs" needs an NVIDIA GPU \(CUDA\); this is cpu'),
        (CPU, "fp8=on", r'"fp8" needs an NVIDIA GPU \(CUDA\); this is cpu'),
        (A10G, "fp8=on", r'"fp8" needs compute capability 8.9.*this is NVIDIA A10G'),
        (L40S, "warp=on", '"warp" is unknown; there are compile, graphs'),
        (L40S, "fp8=maybe", '"fp8" is on or off, not "maybe"'),
        (L40S, "guidance_interval=1.5", '"guidance_interval" takes a share from 0 to 1'),
        (L40S, "prompt_cache=-1", '"prompt_cache" takes a whole number'),
    ],
)
def test_a_flag_that_cannot_be_had_is_refused_by_name(device: Device, asked: str, message: str) -> None:
    with pytest.raises(SpeedError, match=message):
        choose("final", device, asked)
