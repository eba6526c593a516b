"""A corpus on the disk: its plan, its pictures and their metadata, in the ImageFolder layout of Hugging Face.

Hides the files. The plan is written first, the metadata last: an export that was interrupted goes on with its plan, and
none that is unfinished looks like a data set. Layout: https://huggingface.co/docs/datasets/image_dataset (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from shared.cli.api import Api
from shared.cli.errors import CliError
from shared.corpus import Candidate, Split
from shared.models import Value, sha256_hex
from shared.views import JobView

PLAN: Final = "export.json"
SUMS: Final = "sha256sums.txt"
CAPTION: Final = "text"
_VERSION: Final = 1
_AT_ONCE: Final = 4
_SUFFIXES: Final = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


class Plan(Value):
    """What an export is: how it was asked for, what was drawn, what was left out and why."""

    version: int = _VERSION
    arguments: Mapping[str, Any]
    train: tuple[Candidate, ...]
    test: tuple[Candidate, ...]
    strata: tuple[tuple[str, str, str, str, int, int], ...]
    """Use case, model, verdict, rating, renders there were, renders drawn."""
    excluded: Mapping[str, int]
    looked_at: int

    def members(self) -> Iterator[tuple[Split, Candidate]]:
        yield from (("train", candidate) for candidate in self.train)
        yield from (("test", candidate) for candidate in self.test)


class Row(Value):
    """One line of metadata.jsonl: flat, and the same types in every line, so that any reader infers one schema."""

    file_name: str
    text: str
    """The caption: the prompt as the model was given it."""
    sha256: str
    job_id: str
    fingerprint: str
    use_case: str
    template: str
    provider: str
    model: str
    model_revision: str
    simulated: bool
    seed: int
    width: int
    height: int
    expected_text: str
    """One a line."""
    verdict: str
    stars: float
    """0.0 where nobody rated it."""
    artifacts: str
    """What the checks found over its limit, by commas."""
    flaws: str
    """What raters saw, by commas."""


class Corpus:
    """One folder. Raises CliError for one that holds something else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plan(self, arguments: Mapping[str, Any]) -> Plan | None:
        """The plan of an earlier try with the same arguments; None in a folder that is empty or not there."""
        path = self.folder / PLAN
        if not path.is_file():
            if self.folder.is_dir() and any(self.folder.iterdir()):
                raise CliError(
                    f"{self.folder} holds something else", hint="name an empty folder with --out", code="not_empty"
                )
            return None
        try:
            known = Plan.model_validate_json(path.read_bytes())
        except ValueError as error:
            raise CliError(f"{path} cannot be read: {error}", hint="name another folder", code="no_export") from error
        # "7d" is another moment each time it is said: an export keeps the one it began with.
        begun = {**arguments, "since": known.arguments.get("since") if arguments.get("since") else None}
        if known.arguments != begun:
            asked = [f"{name} {value}" for name, value in known.arguments.items() if value is not None]
            raise CliError(
                f"{self.folder} is an export asked for otherwise: {', '.join(asked)}",
                hint="ask for the same to go on with it, or name another folder",
                code="other_export",
            )
        return known

    def keep(self, plan: Plan) -> None:
        with _writing(self.folder):
            for split in ("train", "test"):
                (self.folder / split).mkdir(parents=True, exist_ok=True)
            (self.folder / PLAN).write_text(plan.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def fetch(self, api: Api, plan: Plan, *, told: Callable[[bool], None]) -> list[tuple[Split, Row]]:
        """Every picture of the plan, checked against its digest; `told` hears of each whether it was there already."""

        rows: list[tuple[Split, Row]] = []
        members = list(plan.members())
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda member: self._fetched(api, *member), members)
            for (split, _), (row, there) in zip(members, found, strict=True):
                told(there)
                rows.append((split, row))
        return rows

    def finish(self, rows: Sequence[tuple[Split, Row]], datasheet: str) -> None:
        """Write the metadata, the digests and the datasheet: now it is a data set."""
        lines: dict[Split, list[str]] = {}
        for split, row in rows:
            lines.setdefault(split, []).append(json.dumps(row.model_dump(mode="json"), ensure_ascii=False))
        with _writing(self.folder):
            sums = sorted(f"{row.sha256}  {split}/{row.file_name}\n" for split, row in rows)
            (self.folder / SUMS).write_text("".join(sums), encoding="utf-8")
            (self.folder / "README.md").write_text(datasheet, encoding="utf-8")
            for name, each in lines.items():
                (self.folder / name / "metadata.jsonl").write_text("\n".join(each) + "\n", encoding="utf-8")

    def _fetched(self, api: Api, split: Split, candidate: Candidate) -> tuple[Row, bool]:
        job = api.job(candidate.job_id).view  # now: its links live for minutes
        if job.final is None or job.final.image is None or job.final.image.sha256 != candidate.sha256:
            raise CliError(
                f"job {job.id} has another final than when it was drawn",
                hint=f"begin anew: remove {self.folder}",
                code="plan_outdated",
            )
        row = _row(job)
        path = self.folder / split / row.file_name
        with _writing(self.folder):
            if path.is_file() and sha256_hex(path.read_bytes()) == row.sha256:
                return row, True
            part = path.with_suffix(".part")
            part.write_bytes(api.picture(job.final.image))
            part.replace(path)
        return row, False


def _row(job: JobView) -> Row:
    final = job.final
    assert final is not None and final.image is not None  # noqa: S101 - looked at just before
    image = final.image
    flaws = sorted({flaw.value for rating in job.ratings for flaw in rating.flaws})
    stars = [rating.stars for rating in job.ratings]
    found = final.verification.artifacts if final.verification else ()
    return Row(
        file_name=image.sha256 + _SUFFIXES.get(image.mime, ".png"),
        text=" ".join(final.recipe.prompt.split()),
        sha256=image.sha256,
        job_id=job.id,
        fingerprint=final.fingerprint,
        use_case=job.use_case,
        template=f"{job.template.name}@{job.template.version}" if job.template else "",
        provider=final.provider,
        model=final.model,
        model_revision=final.model_revision,
        simulated=final.simulated,
        seed=final.recipe.seed,
        width=image.width,
        height=image.height,
        expected_text="\n".join(job.expected_text),
        verdict=final.verification.verdict.value if final.verification else "none",
        stars=round(sum(stars) / len(stars), 2) if stars else 0.0,
        artifacts=",".join(sorted({finding.kind for finding in found if finding.score >= finding.limit})),
        flaws=",".join(flaws),
    )


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """A full disk, or a missing right, as a sentence."""
    try:
        yield
    except OSError as error:
        raise CliError(
            f"cannot write to {folder}: {error.strerror}",
            hint="the same command goes on where this one ended",
            code="cannot_write",
        ) from error
