"""Which change moved the rate of defects or of wrong words: every first appearance, before against after.

Hides what counts as a change, what is compared with what, and when the data says nothing. Pure: from observations to
suspects, ranked. It names what a move coincided with, never a cause: two changes that came together are told as one.

A change is the first appearance of a template's version, a policy's version, a model, or a model's revision (which a
serving container changes with its weights and with whatever else of it could give another picture), where something of
its kind was there before. Compared are the first finals around it, up to the changes next to it where there are enough,
among the use cases that both sides have. Only first finals count: what a repair makes depends on what it repairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from shared.models import Attempt, Job, Tier, Value, Verdict
from shared.pipeline.statistics import Rate, Shift, corrected, rate, shift

ENOUGH: Final = 20
"""Renders a side, below which nothing is said: with fewer, a rate of 5 % is one picture."""
SIGNIFICANT: Final = 0.05
_EXAMPLES: Final = 5

By = Literal["artifact", "mismatch"]
Kind = Literal["template", "policy", "model_revision", "model"]
_KINDS: Final[tuple[Kind, ...]] = ("template", "policy", "model_revision", "model")
"""From what people change to what follows from it: of changes that came together the first is named."""


class Observation(Value):
    """One first final as it was painted, and what was found."""

    render: str
    """`<job id>:f-1`."""
    at: datetime
    use_case: str
    template: str | None
    template_version: int | None
    policy: int
    model: str
    model_revision: str
    artifact: bool
    mismatch: bool


class Suspect(Value):
    """One change, and the rates on both sides of it."""

    kind: Kind
    value: str = Field(description="`poster@3`, `policy@2`, a model, or `model revision`.")
    instead_of: str = Field(description="What was there last before it.")
    first_seen: datetime
    first_render: str
    before: Rate
    after: Rate
    shift: Shift
    p_corrected: float = Field(description="Fisher's exact p, corrected for the number of changes (Holm).")
    verdict: Literal["worse", "better", "unmoved", "too_thin"]
    came_with: tuple[str, ...] = Field((), description="Changes that appeared in the same render.")
    examples: tuple[str, ...] = Field((), description="Renders after it that were found bad.")


class Trace(Value):
    """What moved the rate, if anything did."""

    by: By
    since: datetime
    template: str | None
    use_case: str | None
    overall: Rate
    complete: bool = Field(True, description="False where there were more jobs than were looked at; the newest were.")
    verdict: Literal["worse", "better", "nothing_moved", "too_thin", "nothing_changed"]
    said: str
    likeliest: Suspect | None
    suspects: tuple[Suspect, ...] = Field(description="Every change, the likeliest first.")


def observation(job: Job, attempts: Iterable[Attempt]) -> Observation | None:
    """The first final of a job, where it was painted for it and looked at."""
    if job.replay:
        return None
    for attempt in attempts:
        seen = attempt.verification
        if attempt.tier is Tier.FINAL and attempt.attempt == 1 and seen and not attempt.cached:
            return Observation(
                render=f"{job.id}:f-1",
                at=attempt.started_at,
                use_case=job.use_case,
                template=job.template.name if job.template else None,
                template_version=job.template.version if job.template else None,
                policy=job.policy_version,
                model=attempt.model,
                model_revision=attempt.model_revision,
                artifact=any(finding.score >= finding.limit for finding in seen.artifacts),
                mismatch=any(text.verdict is not Verdict.PASS for text in seen.texts),
            )
    return None


def trace(
    observations: Iterable[Observation],
    *,
    by: By,
    since: datetime,
    template: str | None = None,
    use_case: str | None = None,
    complete: bool = True,
) -> Trace:
    """Rank the changes among the observations by how surely the rate moved with them."""
    seen = sorted(observations, key=lambda each: (each.at, each.render))
    suspects = _ranked([_suspect(change, seen, by) for change in _merged(_changes(seen))])
    overall = _rate(seen, by)
    likeliest = next((each for each in suspects if each.verdict in {"worse", "better"}), None)
    verdict, said = _summary(overall, suspects, likeliest, by)
    return Trace(
        by=by,
        since=since,
        template=template,
        use_case=use_case,
        overall=overall,
        complete=complete,
        verdict=verdict,
        said=said,
        likeliest=likeliest,
        suspects=tuple(suspects),
    )


# ── changes ──────────────────────────────────────────────────────────────────────────────────────


class _Change(Value):
    kind: Kind
    value: str
    instead_of: str
    first: Observation
    came_with: tuple[str, ...] = ()
    boundaries: tuple[datetime, ...] = ()


def _names(each: Observation) -> dict[Kind, tuple[str, str]]:
    """What was in force: for each kind the family within which it changes, and the value."""
    names: dict[Kind, tuple[str, str]] = {
        "policy": ("", f"policy@{each.policy}"),
        "model_revision": (each.model, f"{each.model} {each.model_revision}"),
        "model": (each.use_case, each.model),
    }
    if each.template:
        names["template"] = (each.template, f"{each.template}@{each.template_version}")
    return names


def _changes(seen: Sequence[Observation]) -> list[_Change]:
    """Every first appearance after something else of its family, in the order of time."""
    last: dict[tuple[Kind, str], str] = {}
    known: set[tuple[Kind, str, str]] = set()
    found: list[_Change] = []
    for each in seen:
        names = _names(each)
        for kind in _KINDS:
            if kind not in names:
                continue
            family, value = names[kind]
            before = last.get((kind, family))
            if before is not None and (kind, family, value) not in known:
                found.append(_Change(kind=kind, value=value, instead_of=before, first=each))
            known.add((kind, family, value))
            last[kind, family] = value
    return found


def _merged(changes: Sequence[_Change]) -> list[_Change]:
    """Changes that came in one render as one, named by the first of their kinds; each knows when the others were."""
    boundaries = tuple(sorted({each.first.at for each in changes}))
    together: dict[str, list[_Change]] = {}
    for each in changes:
        together.setdefault(each.first.render, []).append(each)
    merged = []
    for group in together.values():
        first, *others = sorted(group, key=lambda each: _KINDS.index(each.kind))
        others_named = tuple(dict.fromkeys(other.value for other in others))
        merged.append(first.model_copy(update={"came_with": others_named, "boundaries": boundaries}))
    return merged


# ── before against after ─────────────────────────────────────────────────────────────────────────


def _suspect(change: _Change, seen: Sequence[Observation], by: By) -> Suspect:
    family = _names(change.first)[change.kind][0]

    def carries(each: Observation) -> bool:
        return _names(each).get(change.kind) == (family, change.value)

    def related(each: Observation) -> bool:
        return _names(each).get(change.kind, ("",))[0] == family

    start = change.first.at
    earlier = [each for each in seen if each.at < start and related(each) and not carries(each)]
    later = [each for each in seen if each.at >= start and carries(each)]
    shared = {each.use_case for each in earlier} & {each.use_case for each in later}
    earlier = [each for each in earlier if each.use_case in shared]
    later = [each for each in later if each.use_case in shared]
    before = _near(earlier[::-1], [each for each in change.boundaries[::-1] if each < start], lambda at, end: at >= end)
    after = _near(later, [each for each in change.boundaries if each > start], lambda at, end: at < end)
    old, new = _rate(before, by), _rate(after, by)
    examples = [each.render for each in after if _bad(each, by)]
    return Suspect(
        kind=change.kind,
        value=change.value,
        instead_of=change.instead_of,
        first_seen=start,
        first_render=change.first.render,
        before=old,
        after=new,
        shift=shift(old, new),
        p_corrected=1.0,
        verdict="too_thin" if min(old.of, new.of) < ENOUGH else "unmoved",
        came_with=change.came_with,
        examples=tuple(examples[:_EXAMPLES]),
    )


def _near(
    ordered: Sequence[Observation], boundaries: Sequence[datetime], within: Callable[[datetime, datetime], bool]
) -> list[Observation]:
    """Observations up to the nearest other change; up to the one behind it where those are too few."""
    for boundary in boundaries:
        close = [each for each in ordered if within(each.at, boundary)]
        if len(close) >= ENOUGH:
            return close
    return list(ordered)


def _ranked(suspects: Sequence[Suspect]) -> list[Suspect]:
    """With their corrected p and verdict, the surest move first and the thin ones last."""
    chances = {number: each.shift.p for number, each in enumerate(suspects) if each.verdict != "too_thin"}
    for_all = corrected(chances)
    judged = [each if number not in for_all else _judged(each, for_all[number]) for number, each in enumerate(suspects)]
    thin = ("worse", "better", "unmoved", "too_thin")
    return sorted(
        judged, key=lambda each: (thin.index(each.verdict) // 2, each.p_corrected, -abs(each.shift.difference))
    )


def _judged(suspect: Suspect, p: float) -> Suspect:
    moved = p < SIGNIFICANT and not suspect.shift.low <= 0.0 <= suspect.shift.high
    verdict = ("worse" if suspect.shift.difference > 0 else "better") if moved else "unmoved"
    return suspect.model_copy(update={"p_corrected": p, "verdict": verdict})


# ── in words ─────────────────────────────────────────────────────────────────────────────────────


def _summary(
    overall: Rate, suspects: Sequence[Suspect], likeliest: Suspect | None, by: By
) -> tuple[Literal["worse", "better", "nothing_moved", "too_thin", "nothing_changed"], str]:
    what = "defects" if by == "artifact" else "wrong words"
    base = f"{overall.bad} of {overall.of} first finals with {what} ({overall.share:.1%})"
    if likeliest:
        word: Literal["worse", "better"] = "worse" if likeliest.verdict == "worse" else "better"
        old, new = likeliest.before, likeliest.after
        together = f", which came with {' and '.join(likeliest.came_with)}" if likeliest.came_with else ""
        said = (
            f"{likeliest.value} instead of {likeliest.instead_of}{together}: {what} went from {old.share:.1%} of "
            f"{old.of} to {new.share:.1%} of {new.of} (95 % interval of the difference {likeliest.shift.low:+.1%} to "
            f"{likeliest.shift.high:+.1%}, p {likeliest.p_corrected:.2g})"
        )
        return word, said
    if not suspects:
        return "nothing_changed", f"nothing changed in that time: {base}"
    if all(each.verdict == "too_thin" for each in suspects):
        return "too_thin", f"too few renders around each change to tell, {ENOUGH} a side are needed: {base}"
    return "nothing_moved", f"no change moved the rate beyond chance: {base}"


def _rate(observations: Sequence[Observation], by: By) -> Rate:
    return rate(sum(_bad(each, by) for each in observations), len(observations))


def _bad(each: Observation, by: By) -> bool:
    return each.artifact if by == "artifact" else each.mismatch
