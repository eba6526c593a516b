"""Goldens: what every released template version looked like when somebody last said yes, as files beside it.

Hides `<name>/golden/<version>.json` and the small pictures beside it. Knows no pixels: who compares brings the figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError

from shared.errors import ConfigurationError
from shared.models import ImageRef, JobRequest, Name, Recipe, Sha256, Size, Tier, Value, sha256_hex
from shared.versions import read_lock

SEED: Final = 42
THUMBNAIL_PX: Final = 256

Reference = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*@[1-9]\d*$")]


class Tolerance(Value):
    """How far a picture may be from its reference and still be the same to a viewer.

    The distance is of 64-bit perceptual hashes; SSIM is of luma at 256 px. Sketches saved as JPEG of quality 60, made
    brighter by 3 % or scaled to a half and back stay within; another seed never does: tests/golden, November 2026.
    """

    phash_distance: int = Field(8, ge=0, le=64)
    ssim: float = Field(0.9, ge=0.0, le=1.0)

    def allows(self, *, phash_distance: int, ssim: float) -> bool:
        return phash_distance <= self.phash_distance and ssim >= self.ssim


class Look(Value):
    """What one model made of a golden."""

    tier: Tier
    compare: Literal["pixels", "perceptual"]
    """Pixel for pixel where the way to the picture is ours alone; else within the golden's tolerance."""
    pixels: Sha256
    """sha256 of its size and decoded pixels: see shared.pixels.pixel_digest."""
    phash: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    revision: str
    """Of the model that painted it; for whoever asks why another picture came out."""
    recipe: Recipe


class Golden(Value):
    """One template version, filled in once and for all, and what each model made of it."""

    template: Reference
    digest: Sha256
    """Of the template's file."""
    use_case: Name
    variables: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    expected_text: tuple[str, ...] = ()
    seed: int = SEED
    size: Size
    tolerance: Tolerance = Tolerance()
    looks: Mapping[Name, Look] = Field(default_factory=dict)
    """By the name of the model."""

    def request(self, *, model: str | None = None) -> JobRequest:
        """The job that paints it; `model` in place of the policy's choice."""
        return JobRequest(
            template=self.template,
            variables=dict(self.variables),
            use_case=self.use_case,
            model=model,
            expected_text=self.expected_text,
            seed=self.seed,
            size=self.size,
            fresh=True,
        )

    def with_look(self, model: str, look: Look, *, digest: str) -> Self:
        """The same golden of the template's file `digest` with another look of one model."""
        return self.model_copy(update={"digest": digest, "looks": {**self.looks, model: look}})


class Sighting(Value):
    """One render of a golden on a running stack, and how it compares with the one the stack remembers."""

    model: str
    template: str
    fingerprint: str
    job_id: str
    render: str
    """`d1-1` or `f-1`."""
    revision: str
    image: ImageRef
    at: datetime
    word: Literal["first", "same", "alike", "drifted", "revised", "unseeded"]
    """`drifted`: another picture, and the model said nothing. `revised`: another picture of a model that says it is
    another. `unseeded`: it takes no seed, so no two of its pictures can be alike."""
    against: str = ""
    """The job that painted what it was held against."""
    against_revision: str = ""
    phash_distance: int | None = None
    ssim: float | None = None


def load_goldens(directory: Path) -> dict[str, Golden]:
    """Every golden of a directory of templates, by reference. Raises ConfigurationError naming file and field."""
    return {golden.template: golden for golden in map(_read, sorted(directory.glob("*/golden/*.json")))}


def write_golden(directory: Path, golden: Golden, thumbnails: Mapping[str, bytes]) -> Path:
    """Keep a golden, and the WebP thumbnails of the looks that are new; where it lies."""
    path = _path(directory, golden.template)
    path.parent.mkdir(parents=True, exist_ok=True)
    for model, thumbnail in thumbnails.items():
        thumbnail_path(directory, golden.template, model).write_bytes(thumbnail)
    looks = golden.model_dump(mode="json", include={"looks"}, exclude_defaults=True)
    document = golden.model_dump(mode="json", exclude={"looks"}) | looks
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def thumbnail_path(directory: Path, reference: str, model: str) -> Path:
    """Where the small picture of a look lies."""
    path = _path(directory, reference)
    return path.with_name(f"{path.stem}.{model}.webp")


def released(directory: Path) -> tuple[str, ...]:
    """Every template version the lock names."""
    return tuple(name for name in read_lock(directory / "versions.lock") or {} if not name.startswith("seeds."))


def golden_problems(directory: Path) -> tuple[str, ...]:
    """One complaint for each released version without a golden, and for each golden that fits no version."""
    try:
        return tuple(_problems(directory, load_goldens(directory)))
    except ConfigurationError as error:
        return (error.message,)


def _problems(directory: Path, goldens: Mapping[str, Golden]) -> Iterator[str]:
    for reference in released(directory):
        if reference not in goldens:
            yield f"{reference} was released without a golden; make it: presscheck golden update --template {reference}"
    for reference, golden in goldens.items():
        where = _path(directory, reference).relative_to(directory).as_posix()
        name, _, version = reference.partition("@")
        file = directory / name / f"{version}.toml"
        if not file.is_file():
            yield f"{where}: there is no {name}/{version}.toml"
        elif sha256_hex(file.read_bytes()) != golden.digest:
            yield f"{where}: {reference} was edited since; look again: presscheck golden update --template {reference}"
        if not golden.looks:
            yield f"{where}: it holds no picture yet: presscheck golden update --template {reference}"
        for model in golden.looks:
            if not (thumbnail := thumbnail_path(directory, reference, model)).is_file():
                yield f"{where}: {thumbnail.name} is gone; restore it from version control"


def _path(directory: Path, reference: str) -> Path:
    name, _, version = reference.partition("@")
    return directory / name / "golden" / f"{version}.json"


def _read(path: Path) -> Golden:
    where = f"{path.parent.parent.name}/golden/{path.name}"
    try:
        golden = Golden.model_validate_json(path.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"templates: {where}: {wrong}") from error
    if golden.template != f"{path.parent.parent.name}@{path.stem}":
        raise ConfigurationError(f"templates: {where}: it is of {golden.template}, not of what it is named after")
    return golden
