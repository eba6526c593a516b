"""All templates of a directory: which versions there are, which is released, and that no released one changes.

Hides `<name>/<version>.toml`, `versions.lock` and `released.toml`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from shared.errors import ConfigurationError, InvalidRequest
from shared.models import TemplateRef, Value, sha256_hex
from shared.prompts.template import Rendered, Template
from shared.prompts.variables import Scalar

DIRECTORY: Final = Path(__file__).parent.parent.parent / "templates"


class Templates(Value):
    """All versions of all templates of one directory."""

    versions: Mapping[str, Mapping[int, Template]]
    releases: Mapping[str, int]
    """Released version by name; a name whose versions are all unreleased is absent."""

    @classmethod
    def load(cls, directory: Path = DIRECTORY) -> Templates:
        """Read `<name>/<version>.toml`, `versions.lock` and `released.toml`, the last two where they exist.

        Released is what `released.toml` says, else the highest locked version; without a lock the highest of all.
        Raises ConfigurationError for a file that is not sound, or that changed after its release.
        """
        check_lock(directory)
        versions: dict[str, dict[int, Template]] = {}
        for path in sorted(directory.glob("*/*.toml")):
            template = _read(path)
            versions.setdefault(template.ref.name, {})[template.ref.version] = template
        released = _marked(directory, versions)
        locked = _lock(directory)
        for name, found in versions.items():
            candidates = [version for version in found if locked is None or f"{name}@{version}" in locked]
            if candidates:
                released.setdefault(name, max(candidates))
        return cls(versions=versions, releases=released)

    def released(self, name: str) -> int:
        """The version that a reference without one means. Raises InvalidRequest listing near names."""
        if name in self.releases:
            return self.releases[name]
        if name in self.versions:
            raise InvalidRequest(f'template "{name}" has no released version; pin one', param="template")
        near = difflib.get_close_matches(name, self.versions, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are: {', '.join(sorted(self.versions))}"
        raise InvalidRequest(f'there is no template "{name}"; {hint}', param="template", near=near)

    def find(self, reference: str) -> Template:
        """The template of `poster@3` or, released, of `poster`. Raises InvalidRequest naming what there is."""
        name, _, pinned = reference.partition("@")
        version = self.released(name) if not pinned or name not in self.versions else _number(pinned)
        found = self.versions[name]
        if version not in found:
            offered = ", ".join(map(str, sorted(found)))
            raise InvalidRequest(f'template "{name}" has versions {offered}, not {pinned}', param="template")
        return found[version]

    def render(self, reference: str, variables: Mapping[str, Scalar], *, model: str | None = None) -> Rendered:
        """Fill in the version that `reference` names. Raises InvalidRequest for `template` or `variables.<name>`."""
        return self.find(reference).render(variables, model=model)


def check_lock(directory: Path = DIRECTORY) -> None:
    """Raise ConfigurationError naming every released file that is gone or has another digest than at its release."""
    wrong = []
    for reference, digest in (_lock(directory) or {}).items():
        path = _path(directory, reference)
        if not path.is_file():
            wrong.append(f"{reference} was released and is gone")
        elif sha256_hex(path.read_bytes()) != digest:
            wrong.append(f"{reference} was released and then edited; put the change into a new version")
    if wrong:
        raise ConfigurationError("templates: " + "; ".join(wrong))


def lock(directory: Path, references: Sequence[str]) -> None:
    """Release versions: add their digests to versions.lock. Safe to repeat; refuses to touch what changed since."""
    check_lock(directory)
    locked = _lock(directory) or {}
    for reference in references:
        locked[reference] = sha256_hex(_path(directory, reference).read_bytes())
    lines = [f"{reference} {digest}\n" for reference, digest in sorted(locked.items())]
    (directory / "versions.lock").write_text("".join(lines), encoding="utf-8")


def _lock(directory: Path) -> dict[str, str] | None:
    """Released reference -> sha256 of its file; None where nothing was ever released."""
    path = directory / "versions.lock"
    if not path.is_file():
        return None
    entries: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.fullmatch(r"([a-z0-9][a-z0-9_-]*@[1-9]\d*) ([0-9a-f]{64})", line)
        if not match or match[1] in entries:
            raise ConfigurationError(f'templates: versions.lock: cannot read "{line}"')
        entries[match[1]] = match[2]
    return entries


def _path(directory: Path, reference: str) -> Path:
    name, _, version = reference.partition("@")
    return directory / name / f"{version}.toml"


def _marked(directory: Path, versions: Mapping[str, Mapping[int, Template]]) -> dict[str, int]:
    path = directory / "released.toml"
    if not path.is_file():
        return {}
    try:
        marked = TypeAdapter(dict[str, int]).validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ConfigurationError(f"templates: released.toml: {error}") from error
    for name, version in marked.items():
        if version not in versions.get(name, {}):
            raise ConfigurationError(f"templates: released.toml: {name}@{version} does not exist")
    return marked


def _read(path: Path) -> Template:
    data = path.read_bytes()
    where = f"{path.parent.name}/{path.name}"
    if not re.fullmatch(r"[1-9]\d*", path.stem) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", path.parent.name):
        raise ConfigurationError(f"templates: {where}: a version's file is named like poster/3.toml")
    ref = TemplateRef(name=path.parent.name, version=int(path.stem), digest=sha256_hex(data))
    try:
        return Template.model_validate({**tomllib.loads(data.decode()), "ref": ref})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"templates: {where}: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"templates: {where}: {wrong}") from error


def _number(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() else 0
