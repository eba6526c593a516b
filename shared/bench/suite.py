"""What a bench asks for: a suite of jobs from a file, dealt out as requests that no cache can answer unless meant to.

Hides the file's form and how seeds are drawn. The same suite, seed and name give the same requests.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError, field_validator

from shared.models import JobRequest, Name, Value, canonical_json, sha256_hex
from shared.policy.repair import derived_seed

BUILT_IN: Final = Path(__file__).with_name("suite.toml")
_OURS: Final = frozenset({"seed", "model", "use_case", "webhook", "webhook_events"})


class Suite(Value):
    """Jobs without a seed or a model of their own: those are what a bench varies."""

    name: Name
    title: str
    jobs: tuple[Mapping[str, Any], ...] = Field(min_length=1)

    @field_validator("jobs")
    @classmethod
    def _can_be_asked_for(cls, jobs: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
        for number, job in enumerate(jobs, start=1):
            if ours := sorted(_OURS & job.keys()):
                raise ValueError(f"job {number}: {', '.join(ours)} is the bench's to choose")
            try:
                JobRequest.model_validate(dict(job))
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"])) or "job"
                raise ValueError(f"job {number}: {where}: {first['msg']}") from error
        return jobs

    @classmethod
    def load(cls, path: Path = BUILT_IN) -> Suite:
        """Raises ValueError that names the file and every wrong entry; OSError where it cannot be read."""
        try:
            return cls.model_validate(tomllib.loads(path.read_text("utf-8")))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ValueError(f"{path}: {wrong}") from error
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    @property
    def digest(self) -> str:
        """sha256 of what is asked for: suites of the same digest can be compared."""
        return sha256_hex(canonical_json([dict(job) for job in self.jobs]))


class Asked(Value):
    """One request of a bench: the body of `POST /v1/jobs`."""

    body: Mapping[str, Any]
    repeats: bool = False
    """Equal to an earlier request of the same arm, so the cache may answer."""


def requests(
    suite: Suite, *, arm: str, fields: Mapping[str, Any], count: int, seed: int, repeat_share: float = 0.0
) -> list[Asked]:
    """`count` requests, the suite's jobs in turn, each under a seed of its own; `fields` go into every one.

    About `repeat_share` of them (0..1) repeat an earlier one of this arm word for word.
    """
    dice = random.Random(derived_seed(seed, arm))  # noqa: S311 - a draw of requests, no secret
    dealt: list[Asked] = []
    for index in range(count):
        if dealt and dice.random() < repeat_share:
            dealt.append(Asked(body=dice.choice(dealt).body, repeats=True))
            continue
        job = suite.jobs[index % len(suite.jobs)]
        dealt.append(Asked(body={**job, **fields, "seed": derived_seed(seed, f"{arm}:{index}")}))
    return dealt
