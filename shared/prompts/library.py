"""All templates of a directory: which versions there are, which is released, and that no released one changes.

Hides `<name>/<version>.toml` and `versions.lock`.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from shared.errors import ConfigurationError, InvalidRequest
from shared.models import TemplateRef, Value, sha256_hex
from shared.prompts.seeds import Seeds
from shared.prompts.template import Rendered, Template
from shared.prompts.variables import Scalar
from shared.versions import changed_since, read_lock, write_lock

DIRECTORY: Final = Path(__file__).parent.parent.parent / "templates"


class Templates(Value):
    """All versions of all templates of one directory, and its seed sets."""

    versions: Mapping[str, Mapping[int, Template]]
    releases: Mapping[str, int]
    """Where the ledger names none, the released version by name: the highest locked one, without a lock the highest.

    A name whose versions are all unreleased is absent.
    """
    seeds: Seeds = Seeds()

    @classmethod
    def load(cls, directory: Path = DIRECTORY) -> Templates:
        """Read every `<name>/<version>.toml`, `seeds.toml` and `versions.lock`, the last two where they exist.

        Raises ConfigurationError for a file that cannot be read, or that changed after its release. What only shows
        when a template is filled in is left to `check`: one bad template must not stop the jobs that use another.
        """
        if wrong := changed_since_release(directory):
            raise ConfigurationError("templates: " + "; ".join(wrong))
        versions: dict[str, dict[int, Template]] = {}
        for path in version_files(directory):
            template = read_version(path)
            versions.setdefault(template.ref.name, {})[template.ref.version] = template
        locked = read_lock(directory / _LOCK)
        released = {}
        for name, found in versions.items():
            candidates = [version for version in found if locked is None or f"{name}@{version}" in locked]
            if candidates:
                released[name] = max(candidates)
        return cls(versions=versions, releases=released, seeds=Seeds.load(directory))

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


def lock(directory: Path, references: Iterable[str]) -> None:
    """Release versions in the files, and every seed as it stands: from now on they may not change.

    Safe to repeat. Raises ConfigurationError for a version that is not there or something that changed since.
    """
    if wrong := changed_since_release(directory):
        raise ConfigurationError("templates: " + "; ".join(wrong))
    digests = _digests(directory)
    wanted = {*references, *Seeds.load(directory).digests()}
    if missing := sorted(wanted - set(digests)):
        raise ConfigurationError(f"templates: there is no {', '.join(missing)} in {directory}")
    locked = read_lock(directory / _LOCK) or {}
    write_lock(directory / _LOCK, locked | {reference: digests[reference] for reference in wanted})


def new_version(directory: Path, name: str) -> Path:
    """Write the next version of a template as a copy of the newest, or the first one to start from; where it lies."""
    there = [int(path.stem) for path in (directory / name).glob("*.toml") if _number(path.stem)]
    path = directory / name / f"{max(there, default=0) + 1}.toml"
    text = (directory / name / f"{max(there)}.toml").read_text(encoding="utf-8") if there else _SKELETON
    path.parent.mkdir(exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def changed_since_release(directory: Path) -> tuple[str, ...]:
    """One complaint for each released file or seed that is gone or was edited."""
    return changed_since(read_lock(directory / _LOCK) or {}, _digests(directory))


def version_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*/*.toml"))


def read_version(path: Path) -> Template:
    """One version's file. Raises ConfigurationError naming file and field."""
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


_LOCK: Final = "versions.lock"
_SKELETON: Final = """\
title = "What the picture is, in a few words"
use_cases = ["default"]
prompt = "{{ subject }}, in the house style"
negative_prompt = "text, watermark"
size = "1024x1024"

[variables.subject]
type = "string"
max_length = 120
description = "What is shown, in a few words"

[example]
subject = "a folded linen shirt"
"""


def _digests(directory: Path) -> dict[str, str]:
    files = {f"{path.parent.name}@{path.stem}": sha256_hex(path.read_bytes()) for path in version_files(directory)}
    return files | Seeds.load(directory).digests()


def _number(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() else 0
