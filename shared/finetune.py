"""When to fine-tune: the article's checklist as arithmetic over what became of jobs.

Hides how failures are counted and prompts grouped. Pure. Three signals, each with its threshold, its figure and its
examples: artifacts that recur, prompts that fail alike, a design language nobody has approved yet. The verdict is the
first rule of `_verdicts` that holds, in words; it decides nothing and trains nothing.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from shared.models import Value

FREE: Final = "-"
"""In place of a template: a free prompt."""
TEXT: Final = "text"
"""The kind of a final whose words were not what was expected."""
_EXAMPLES: Final = 3
_POOR: Final = 2.0

Verdict = Literal["fine_tune", "change_template", "leave"]


class Outcome(Value):
    """What became of one job, as far as the checklist asks: of its first final, before any repair."""

    job_id: str
    use_case: str
    template: str = Field(description="`poster@2`; `-` for a free prompt.")
    prompt: str
    faults: tuple[str, ...] = Field((), description="`text`, artifacts over their limit, and what raters named.")
    stars: float | None = None

    @property
    def failed(self) -> bool:
        """Something was wrong, or people did not like it."""
        return bool(self.faults) or (self.stars is not None and self.stars <= _POOR)


class OutcomePage(Value):
    """One page of jobs, newest first. Ask on with `cursor`."""

    since: datetime
    outcomes: tuple[Outcome, ...]
    cursor: str | None = None


class Thresholds(Value):
    """Shares run from 0 to 1. Chosen, not measured: judge them by your own history, and say so with the figures."""

    min_jobs: int = Field(20, ge=1)
    """Below, nothing is concluded."""
    artifact_share: float = Field(0.1, gt=0, le=1)
    """An artifact recurs where it is on so many of the first finals, and on `artifact_jobs` at least."""
    artifact_jobs: int = Field(5, ge=1)
    similarity: float = Field(0.5, gt=0, le=1)
    """Prompts are alike where so much of their words is common: see `alike`."""
    cluster_jobs: int = Field(5, ge=2)
    cluster_failing: float = Field(0.5, gt=0, le=1)
    """A failure mode: so many alike prompts failed, and so large a share of all alike."""
    cluster_weight: float = Field(0.5, gt=0, le=1)
    """The words are to blame where the failure modes hold so much of all failures."""
    good_stars: float = Field(4.0, ge=1, le=5)
    good_ratings: int = Field(20, ge=1)
    """A template version with fewer good ratings is a new design language."""
    new_share: float = Field(0.3, gt=0, le=1)


class Artifact(Value):
    kind: str
    jobs: int
    share: float
    recurs: bool
    examples: tuple[str, ...]


class FailureMode(Value):
    """Prompts that fail alike."""

    words: tuple[str, ...]
    """What they have in common, beyond what every prompt of the group says."""
    failed: int
    alike: int
    """All jobs with such a prompt, good ones too."""
    share: float
    examples: tuple[str, ...]


class NewLanguage(Value):
    """Template versions that few people have approved."""

    versions: Mapping[str, int]
    """Version -> good ratings so far."""
    jobs: int
    share: float
    poor: int
    """Of its jobs, how many were rated poorly."""
    is_new: bool


class Check(Value):
    """One template, or free prompts, in one use case."""

    template: str
    use_case: str
    jobs: int
    failed: int
    artifacts: tuple[Artifact, ...]
    failure_modes: tuple[FailureMode, ...]
    new_language: NewLanguage | None
    verdict: Verdict
    reason: str


class Checklist(Value):
    """What `presscheck finetune check --json` says: `events/finetune-check.schema.json`."""

    days: int
    jobs: int
    thresholds: Thresholds
    checks: tuple[Check, ...]


def check(outcomes: Iterable[Outcome], thresholds: Thresholds | None = None) -> tuple[Check, ...]:
    """The checklist for each template and use case, those that need something first."""
    limits = thresholds or Thresholds()
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for each in outcomes:
        groups[each.template.partition("@")[0], each.use_case].append(each)
    checks = [_checked(name, use_case, group, limits) for (name, use_case), group in groups.items()]
    order = {"fine_tune": 0, "change_template": 1, "leave": 2}
    return tuple(sorted(checks, key=lambda each: (order[each.verdict], -each.jobs, each.template, each.use_case)))


def tokens(prompt: str) -> frozenset[str]:
    """The words of a prompt, case-folded; single letters do not count."""
    return frozenset(word for word in re.findall(r"[\w%]+", prompt.casefold()) if len(word) > 1)


def alike(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard's index: words in common over words in either; 1.0 for two that say nothing of their own.

    P. Jaccard, The Distribution of the Flora in the Alpine Zone, New Phytologist 11(2), 1912.
    """
    return len(a & b) / len(a | b) if a | b else 1.0


def _checked(name: str, use_case: str, group: Sequence[Outcome], limits: Thresholds) -> Check:
    ordered = sorted(group, key=lambda each: each.job_id)
    artifacts = _artifacts(ordered, limits)
    modes = _failure_modes(ordered, limits)
    language = None if name == FREE else _language(ordered, limits)
    verdict, reason = next(_verdicts(ordered, artifacts, modes, language, limits))
    return Check(
        template=name,
        use_case=use_case,
        jobs=len(ordered),
        failed=sum(each.failed for each in ordered),
        artifacts=artifacts,
        failure_modes=modes,
        new_language=language,
        verdict=verdict,
        reason=reason,
    )


def _artifacts(group: Sequence[Outcome], limits: Thresholds) -> tuple[Artifact, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    for each in group:
        for kind in set(each.faults):
            found[kind].append(each.job_id)
    return tuple(
        Artifact(
            kind=kind,
            jobs=len(jobs),
            share=round(len(jobs) / len(group), 4),
            recurs=len(jobs) >= limits.artifact_jobs and len(jobs) / len(group) >= limits.artifact_share,
            examples=tuple(jobs[-_EXAMPLES:]),
        )
        for kind, jobs in sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _failure_modes(group: Sequence[Outcome], limits: Thresholds) -> tuple[FailureMode, ...]:
    """Every failing prompt joins the first cluster whose first prompt it is like, else it begins one."""
    said = [tokens(each.prompt) for each in group]
    everywhere = _common(said)
    own = [words - everywhere for words in said]
    clusters: list[tuple[frozenset[str], list[int]]] = []
    for number, each in enumerate(group):
        if each.failed:
            home = next((members for lead, members in clusters if alike(lead, own[number]) >= limits.similarity), None)
            if home is None:
                clusters.append((own[number], [number]))
            else:
                home.append(number)
    modes = []
    for lead, members in clusters:
        like = sum(alike(lead, words) >= limits.similarity for words in own)
        share = len(members) / max(like, len(members))
        if len(members) >= limits.cluster_jobs and share >= limits.cluster_failing:
            modes.append(
                FailureMode(
                    words=tuple(sorted(frozenset.intersection(*(own[number] for number in members)) or lead)),
                    failed=len(members),
                    alike=max(like, len(members)),
                    share=round(share, 4),
                    examples=tuple(group[number].job_id for number in members[-_EXAMPLES:]),
                )
            )
    return tuple(sorted(modes, key=lambda mode: (-mode.failed, mode.words)))


_EVERYWHERE: Final = 0.8


def _common(said: Sequence[frozenset[str]]) -> frozenset[str]:
    """The words that most prompts say, such as a template's own: they tell no prompt from another.

    None in a single group of equal prompts: there, all they say is what they have in common.
    """
    counts = Counter(word for words in said for word in words)
    common = frozenset(word for word, count in counts.items() if count >= _EVERYWHERE * len(said))
    return common if any(words - common for words in said) else frozenset()


def _language(group: Sequence[Outcome], limits: Thresholds) -> NewLanguage:
    good: Counter[str] = Counter({each.template: 0 for each in group})
    good.update(each.template for each in group if each.stars is not None and each.stars >= limits.good_stars)
    versions = {version: count for version, count in sorted(good.items()) if count < limits.good_ratings}
    jobs = [each for each in group if each.template in versions]
    return NewLanguage(
        versions=versions,
        jobs=len(jobs),
        share=round(len(jobs) / len(group), 4),
        poor=sum(each.stars is not None and each.stars <= _POOR for each in jobs),
        is_new=len(jobs) / len(group) >= limits.new_share,
    )


def _verdicts(
    group: Sequence[Outcome],
    artifacts: Sequence[Artifact],
    modes: Sequence[FailureMode],
    language: NewLanguage | None,
    limits: Thresholds,
) -> Iterator[tuple[Verdict, str]]:
    """Every rule that holds, the cheapest remedy first: words can be changed in an hour, weights cannot."""
    failed = sum(each.failed for each in group)
    if len(group) < limits.min_jobs:
        yield "leave", f"{len(group)} jobs are too few to conclude anything; {limits.min_jobs} are needed"
    if worse := _worse_version(group, limits):
        yield "change_template", worse
    in_modes = sum(mode.failed for mode in modes)
    if modes and in_modes >= limits.cluster_weight * failed:
        spoken = ", ".join(modes[0].words[:6])
        yield "change_template", f"{in_modes} of {failed} failures are prompts that fail alike ({spoken})"
    if recurring := [each for each in artifacts if each.recurs]:
        named = ", ".join(f"{each.kind} on {each.share:.0%}" for each in recurring[:3])
        yield "fine_tune", f"{named} of the first finals, whatever the prompt"
    if language and language.is_new:
        if language.poor >= limits.artifact_jobs:
            named = ", ".join(language.versions)
            yield "fine_tune", f"{named} is new to the model: {language.poor} of its jobs were rated poorly"
        named = ", ".join(f"{version} has {good}" for version, good in language.versions.items())
        yield "leave", f"too few good ratings to tell ({named}; {limits.good_ratings} are needed): rate more of them"
    yield "leave", f"{failed} of {len(group)} failed, and nothing recurs"


def _worse_version(group: Sequence[Outcome], limits: Thresholds) -> str | None:
    """The version that fails twice as often as another, where both have been used enough to say so."""
    by_version: dict[str, list[Outcome]] = defaultdict(list)
    for each in group:
        by_version[each.template].append(each)
    rates = {
        version: sum(each.failed for each in jobs) / len(jobs)
        for version, jobs in by_version.items()
        if len(jobs) >= limits.min_jobs
    }
    if len(rates) < 2:  # noqa: PLR2004  # two to compare
        return None
    best, worst = min(rates, key=lambda version: (rates[version], version)), max(rates, key=lambda v: (rates[v], v))
    often = rates[worst] * len(by_version[worst]) >= limits.artifact_jobs and rates[worst] >= limits.artifact_share
    if not often or rates[worst] < 2 * rates[best]:
        return None
    return f"{worst} fails on {rates[worst]:.0%} of its jobs, {best} on {rates[best]:.0%}"
