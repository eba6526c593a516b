"""What makes a model fast, each measure a flag: what it does to the picture, and which tier has it on.

Hides the defaults and how a person overrides them. Applies nothing and imports no torch: see accelerate.py.

| flag | needs | against the stock pipeline in bf16 |
| --- | --- | --- |
| compile | a GPU (a C++ compiler on a CPU) | other last bits, the same each time |
| graphs | a GPU | the same bits |
| fp8 | compute capability 8.9: L40S, H100, H200 | another picture, the same each time |
| guidance_interval | - | another picture, the same each time; fewer rows |
| prompt_cache | - | the same bits: prompts are encoded one by one, cached or not |
| vae | a GPU | other last bits, the same each time |
| skip_unguided | - | other last bits: at a guidance of 1 or less the unconditional row is never run |

All of them repeat to the byte on the same GPU type, torch, weights, precision and bucket, so the final tier may
have them all. Never used: kernels chosen by timing at start (another choice is another picture), step caches (their
threshold looks at the whole batch) and fused QKV projections (diffusers 0.42 drops the QK norm of SD3.5).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Final, Literal

Tier = Literal["draft", "final"]
NEEDS_CUDA: Final = ("graphs", "fp8")
PAYS_ON_CUDA: Final = ("compile", "vae")
"""Run on a CPU too, where a C++ compiler is; by default only where compiling pays."""
FP8_CAPABILITY: Final = (8, 9)
_SWITCH: Final = {"on": True, "off": False}


class SpeedError(ValueError):
    """A flag that does not exist, a value it cannot take, or a device that cannot do it."""


@dataclass(frozen=True)
class Speed:
    """`guidance_interval`: share of the steps, from the first, that run with guidance; 1.0 is all of them.

    `prompt_cache`: embeddings kept on the device; one of SD3.5 Large takes 2.7 MB in bf16.
    """

    compile: bool = False
    graphs: bool = False
    fp8: bool = False
    guidance_interval: float = 1.0
    prompt_cache: int = 0
    vae: bool = False
    skip_unguided: bool = True

    def words(self) -> dict[str, bool | float | int]:
        """For the record in every reply."""
        return asdict(self)

    def arithmetic(self) -> str:
        """What of it changes bits, for the model revision."""
        bits = ("compile", "fp8", "guidance_interval", "vae", "skip_unguided")
        return " ".join(f"{flag}={getattr(self, flag)}" for flag in bits)


PLAIN: Final = Speed()
"""What any device can do and the stock pipeline's bits."""
_FULL: Final = Speed(compile=True, graphs=True, fp8=True, guidance_interval=0.6, prompt_cache=64, vae=True)
TIERS: Final[dict[Tier, Speed]] = {"draft": _FULL, "final": _FULL}
"""Draft: the fastest there is. Final: the fastest that repeats to the byte, which by design is the same set;
tests/bench/sd35.py checks it, and a flag that fails there goes off here."""


@dataclass(frozen=True)
class Device:
    """What the flags depend on. `capability` is CUDA's compute capability, None for a CPU."""

    name: str
    capability: tuple[int, int] | None = None


def choose(tier: Tier, device: Device, overrides: str = "") -> Speed:
    """The tier's flags as far as the device goes, then the overrides: `fp8=off,guidance_interval=0.8`.

    Raises SpeedError for an unknown flag or value, or one asked for by name that this device cannot do.
    """
    asked = _parsed(overrides)
    default = TIERS[tier]
    idle = [flag for flag in NEEDS_CUDA if _missing(flag, device)]
    idle += PAYS_ON_CUDA if device.capability is None else ()
    defaults = replace(default, **dict.fromkeys(idle, False))
    for flag, value in asked.items():
        if value is True and (missing := _missing(flag, device)):
            raise SpeedError(f'speed flag "{flag}" needs {missing}; this is {device.name}: leave it off')
    return replace(defaults, **asked)  # type: ignore[arg-type]  # _parsed has checked each value against its flag


def _missing(flag: str, device: Device) -> str:
    """What the device lacks for a flag; empty when nothing."""
    if flag not in NEEDS_CUDA:
        return ""
    if device.capability is None:
        return "an NVIDIA GPU (CUDA)"
    if flag == "fp8" and device.capability < FP8_CAPABILITY:
        return "compute capability 8.9 or newer (L40S, H100, H200)"
    return ""


def _parsed(text: str) -> dict[str, bool | float | int]:
    known = {field.name: field.type for field in fields(Speed)}
    asked: dict[str, bool | float | int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        flag, _, value = part.partition("=")
        if flag not in known:
            raise SpeedError(f'speed flag "{flag}" is unknown; there are {", ".join(known)}')
        asked[flag] = _value(flag, known[flag], value)
    return asked


def _value(flag: str, kind: object, text: str) -> bool | float | int:
    """`kind` is the annotation as written."""
    if kind == "bool":
        if text not in _SWITCH:
            raise SpeedError(f'speed flag "{flag}" is on or off, not "{text}"')
        return _SWITCH[text]
    if kind == "int":
        if not text.isdecimal():
            raise SpeedError(f'speed flag "{flag}" takes a whole number, not "{text}"')
        return int(text)
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise SpeedError(f'speed flag "{flag}" takes a share from 0 to 1, not "{text}"')
    return share
