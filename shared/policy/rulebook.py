"""One version of the policy: read, checked, and asked what follows from what was seen.

Hides policy.toml. Decides from values alone: no clock, no store, no network; recipes are planned in planning.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from shared.catalogue import Catalogue, Model
from shared.errors import ConfigurationError, InvalidRequest
from shared.models import ArtifactFinding, JobRequest, Name, Size, TextCheck, Tier, Value, Verdict, Verification
from shared.policy.rules import Failures, OffPeak, Profile, RepairStep, TextRule, UseCase, Verify

_PACKAGED: Final = Path(__file__).parent.parent / "policy.toml"


class Policy(Value):
    """All rules of one version."""

    version: int = Field(ge=1)
    default_use_case: Name
    use_cases: Mapping[str, UseCase]
    repair_steps: Mapping[str, RepairStep]
    text: TextRule
    failures: Failures
    off_peak: OffPeak
    profiles: Mapping[str, Profile]

    @classmethod
    def load(cls, path: Path | None = None) -> Policy:
        """Read and check a policy, the packaged one by default. Raises ConfigurationError naming rule and field."""
        path = path or _PACKAGED
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{path.name}: {error}") from error
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"{path.name}: {wrong}") from error

    def settle(self, request: JobRequest) -> str:
        """The use case a request falls under. Raises InvalidRequest listing the known ones."""
        if request.use_case is None:
            return self.default_use_case
        if request.use_case in self.use_cases:
            return request.use_case
        known = sorted(self.use_cases)
        near = difflib.get_close_matches(request.use_case, known, n=1)
        hint = f"did you mean {near[0]}? Known" if near else "known"
        raise InvalidRequest(
            f'use case "{request.use_case}" is not in the policy; {hint} are: {", ".join(known)}',
            param="use_case",
            known=known,
        )

    def use_case(self, name: str) -> UseCase:
        """The rules of a use case. Raises ConfigurationError for one that a job holds but this version has not."""
        if name not in self.use_cases:
            raise ConfigurationError(f'policy version {self.version} has no use case "{name}"')
        return self.use_cases[name]

    def default_size(self, use_case: str) -> Size:
        """The size of a job that asks for none."""
        return self.use_case(use_case).sizes[0]

    def profile(self, name: str) -> Profile:
        if name not in self.profiles:
            raise ConfigurationError(f'policy version {self.version} has no profile "{name}"')
        return self.profiles[name]

    def with_endpoints(self, models: Collection[str]) -> Self:
        """The same rules in a deployment that has endpoints for these models: no stand-in serves for them."""
        profiles = {name: profile.with_endpoints(models) for name, profile in self.profiles.items()}
        return self.model_copy(update={"profiles": profiles})

    def accepts(self, verification: Verification, *, use_case: str) -> bool:
        """Whether a picture is good enough for this use case: more lenient than the verifier where the rules say so."""
        if verification.verdict is Verdict.PASS:
            return True
        if verification.verdict is Verdict.UNREADABLE and not verification.texts:
            return False  # nobody could look at it: there is nothing to be lenient about
        rule = self.use_case(use_case).verify
        texts_pass = not wrong_texts(verification, rule)
        looks_pass = rule.artifacts == "note" or not defects(verification)
        return texts_pass and looks_pass and bool(verification.texts or verification.artifacts)

    def after_failure(self, error_code: str, *, attempt: int, failures: int | None = None) -> Literal["retry", "fail"]:
        """What follows from a failed attempt; `failures` counts those in a row, without it every attempt counts.

        `retry` may well mean another model: planning takes a fallback where the rules name the code.
        """
        row = attempt if failures is None else failures
        again = error_code in self.failures.retry or error_code in self.failures.fallback
        return "retry" if again and row < self.failures.max_attempts else "fail"

    def off_peak_start(self, now: datetime) -> datetime:
        """When heavy work may start: `now` inside a window, else the start of the next. Needs a time zone."""
        return self.off_peak.next_start(now)

    def off_peak_spread(self, now: datetime, *, share: float) -> datetime:
        """When the heavy work of one of many may start: `share` (0.0 to 1.0) says where in the next window.

        Before a window it is a moment in its first three quarters, so that a thousand do not start at its first
        second; inside one it is `now`.
        """
        start, end = self.off_peak.next_window(now)
        return now if start <= now else start + 0.75 * share * (end - start)

    def check(self, catalogue: Catalogue) -> None:
        """Raise ConfigurationError where a rule names a model that is not in the catalogue or cannot do its part."""
        for name, use in self.use_cases.items():
            for tier in Tier:
                model = _row(catalogue, use.tier(tier).model, where=f"use_cases.{name}.{tier}.model")
                if tier not in model.tiers:
                    raise ConfigurationError(f'policy: use_cases.{name}.{tier}: "{model.name}" serves no {tier}s')
            for index, other in enumerate((*use.fallbacks, use.repair_model)):
                _row(catalogue, other, where=f"use_cases.{name}.fallbacks.{index}")
        for name, step in self.repair_steps.items():
            if step.model and not _row(catalogue, step.model, where=f"repair_steps.{name}.model").mask:
                raise ConfigurationError(f'policy: repair_steps.{name}.model: "{step.model}" takes no mask')
        for name, profile in self.profiles.items():
            for entry in profile.stand_ins:
                for model_name in (*entry.models, entry.draft, entry.final):
                    _row(catalogue, model_name, where=f"profiles.{name}.stand_ins")

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        if self.default_use_case not in self.use_cases:
            raise ValueError(f'default_use_case: "{self.default_use_case}" is not a use case')
        for name, use in self.use_cases.items():
            if unknown := [step for step in use.repair if step not in self.repair_steps]:
                raise ValueError(f"use_cases.{name}.repair: {', '.join(unknown)} not in repair_steps")
        return self


def defects(verification: Verification) -> tuple[ArtifactFinding, ...]:
    """The findings that reach their limit; lesser ones are notes."""
    return tuple(finding for finding in verification.artifacts if finding.score >= finding.limit)


def wrong_texts(verification: Verification, rule: Verify) -> tuple[TextCheck, ...]:
    """The expected strings that are further off than the rule allows."""
    return tuple(check for check in verification.missing if check.cer > rule.max_cer)


def _row(catalogue: Catalogue, name: str, *, where: str) -> Model:
    try:
        return catalogue.find(name)
    except InvalidRequest as error:
        raise ConfigurationError(f"policy: {where}: {error.message}") from error
