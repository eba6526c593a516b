"""Seed sets: names for the seeds a team agreed on, in versions like everything else.

Hides seeds.toml. A number once given to a version stays: a change is the next version.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictInt, ValidationError

from shared.errors import ConfigurationError, InvalidRequest
from shared.models import MAX_SEED, Value, sha256_hex

_SetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
_Version = Annotated[int, Field(ge=1)]
_Seed = Annotated[StrictInt, Field(ge=0, le=MAX_SEED)]


class NamedSeed(Value):
    """A seed, and where it came from."""

    name: str
    version: int
    seed: int

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class Seeds(Value):
    """All seed sets: name -> version -> seed."""

    sets: Mapping[_SetName, Annotated[Mapping[_Version, _Seed], Field(min_length=1)]] = Field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path) -> Seeds:
        """Read `seeds.toml`, where there is one. Raises ConfigurationError naming set and version."""
        path = directory / "seeds.toml"
        if not path.is_file():
            return cls()
        try:
            return cls(sets=tomllib.loads(path.read_text(encoding="utf-8")))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"templates: seeds.toml: {error}") from error
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"templates: seeds.toml: {wrong}") from error

    def find(self, reference: str) -> NamedSeed:
        """The seed of `brand@3` or, the latest, of `brand`. Raises InvalidRequest naming what there is."""
        name, _, pinned = reference.partition("@")
        if name not in self.sets:
            near = difflib.get_close_matches(name, self.sets, n=3)
            known = ", ".join(sorted(self.sets)) or "none"
            hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {known}"
            raise InvalidRequest(f'there is no seed set "{name}"; {hint}', param="seed", near=near)
        versions = self.sets[name]
        version = int(pinned) if pinned else max(versions)
        if version not in versions:
            offered = ", ".join(map(str, sorted(versions)))
            raise InvalidRequest(f'seed set "{name}" has versions {offered}, not {pinned}', param="seed")
        return NamedSeed(name=name, version=version, seed=versions[version])

    def digests(self) -> dict[str, str]:
        """What versions.lock holds of each: `seeds.brand@3` -> sha256 of its number."""
        return {
            f"seeds.{name}@{version}": sha256_hex(str(seed))
            for name, versions in self.sets.items()
            for version, seed in versions.items()
        }
