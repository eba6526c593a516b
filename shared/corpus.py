"""Which renders a fine-tuning corpus is made of: who may be in it, a fair sample, and what is kept for judging.

Hides the strata, the draw and the split. Pure, and without a clock or a die: the same renders give the same corpus, and
a render that is new moves no other from one split to the other.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from shared.models import Value, sha256_hex

Split = Literal["train", "test"]

TEST_SHARE: Final = 0.1
_SPLIT_SALT: Final = "presscheck-split-1"
_TEST_SALT: Final = "presscheck-test-1"
"""The sample kept for judging does not follow --seed: figures of two exports are about the same pictures."""

_EMAIL: Final = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+\.[A-Za-z]{2,}")
_PHONE: Final = re.compile(r"(?<!\w)\+?\d[\d ()/.-]{7,}\d(?!\w)")
_PHONE_DIGITS: Final = range(9, 16)


class Candidate(Value):
    """A final that may be drawn."""

    job_id: str
    fingerprint: str
    sha256: str
    use_case: str
    model: str
    verdict: str
    """`pass`, `fail`, `unreadable`, or `none` where nobody looked."""
    stars: float | None

    @property
    def stratum(self) -> tuple[str, str, str, str]:
        return (self.use_case, self.model, self.verdict, rating_band(self.stars))

    @property
    def split(self) -> Split:
        return split_of(self.fingerprint)


class Drawn(Value):
    """A corpus: its renders in a fixed order, and how many of each stratum there were and are in it."""

    train: tuple[Candidate, ...]
    test: tuple[Candidate, ...]
    strata: Mapping[tuple[str, str, str, str], tuple[int, int]]
    """Stratum -> renders there were, renders drawn."""


class StratumCount(Value):
    use_case: str
    model: str
    verdict: str
    rating: str
    available: int
    drawn: int


class CorpusReport(Value):
    """What `presscheck corpus export --json` says: `events/corpus-export.schema.json`."""

    out: str
    train: int
    test: int
    looked_at: int
    """Jobs."""
    already_there: int
    """Pictures that an earlier try of this export had fetched."""
    excluded: Mapping[str, int]
    """Reason -> jobs."""
    strata: tuple[StratumCount, ...]
    arguments: Mapping[str, int | float | str | bool | None]


def split_of(fingerprint: str) -> Split:
    """Where a render belongs, for ever: one in ten is for judging and never for training."""
    return "test" if _fraction(_SPLIT_SALT, fingerprint) < TEST_SHARE else "train"


def rating_band(stars: float | None) -> str:
    """`unrated`, `1-2`, `3`, `4-5`: mean stars, a half rounded up."""
    if stars is None:
        return "unrated"
    rounded = int(stars + 0.5)
    return "1-2" if rounded <= 2 else "3" if rounded == 3 else "4-5"  # noqa: PLR2004  # stars


def personal(text: str) -> str | None:
    """What in a text looks like personal data: `an e-mail address`, `a telephone number`, or nothing."""
    if _EMAIL.search(text):
        return "an e-mail address"
    if any(len(re.sub(r"\D", "", found)) in _PHONE_DIGITS for found in _PHONE.findall(text)):
        return "a telephone number"
    return None


def draw(candidates: Iterable[Candidate], *, n: int, seed: int) -> Drawn:
    """A sample of `n`, a tenth of it for judging, each stratum with its share and none that is there left out.

    Within a stratum those with the lowest hash are taken, so that new renders move few others.
    """
    pools: dict[Split, list[Candidate]] = {"train": [], "test": []}
    for candidate in unique(candidates):
        pools[candidate.split].append(candidate)
    wanted = round(n * TEST_SHARE)
    test = _sample(pools["test"], wanted, salt=_TEST_SALT)
    train = _sample(pools["train"], n - wanted, salt=str(seed))
    there = Counter(each.stratum for pool in pools.values() for each in pool)
    taken = Counter(each.stratum for each in (*train, *test))
    return Drawn(
        train=train, test=test, strata={stratum: (there[stratum], taken[stratum]) for stratum in sorted(there)}
    )


def unique(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """One candidate for each picture: the best rated, then the earliest; job ids sort by time."""
    best: dict[str, Candidate] = {}
    for each in sorted(candidates, key=lambda each: (-(each.stars or 0), each.job_id)):
        best.setdefault(each.sha256, each)
    return tuple(best.values())


def _sample(pool: Sequence[Candidate], wanted: int, *, salt: str) -> tuple[Candidate, ...]:
    groups: dict[tuple[str, str, str, str], list[Candidate]] = defaultdict(list)
    for each in pool:
        groups[each.stratum].append(each)
    taken: list[Candidate] = []
    for stratum, quota in _quotas({name: len(group) for name, group in groups.items()}, wanted).items():
        ranked = sorted(groups[stratum], key=lambda each: sha256_hex(f"{salt}:{each.fingerprint}:{each.sha256}"))
        taken += ranked[:quota]
    return tuple(sorted(taken, key=lambda each: each.sha256))


def _quotas(sizes: Mapping[tuple[str, str, str, str], int], wanted: int) -> dict[tuple[str, str, str, str], int]:
    """How many of each: in proportion by largest remainder, at least one of each while there is room."""
    total = sum(sizes.values())
    wanted = min(wanted, total)
    if not wanted:
        return {}
    names = sorted(sizes, key=lambda name: (-sizes[name], name))
    if wanted <= len(names):
        return dict.fromkeys(names[:wanted], 1)
    shares = {name: sizes[name] * wanted / total for name in names}
    quotas = {name: max(1, int(shares[name])) for name in names}
    by_need = sorted(names, key=lambda name: (quotas[name] - shares[name], name))
    while (missing := wanted - sum(quotas.values())) != 0:
        step = 1 if missing > 0 else -1
        able = [name for name in by_need if (quotas[name] < sizes[name] if step > 0 else quotas[name] > 1)]
        name = min(able, key=lambda name: (step * (quotas[name] - shares[name]), name))
        quotas[name] += step
    return quotas


def _fraction(salt: str, text: str) -> float:
    return int(sha256_hex(f"{salt}:{text}")[:12], 16) / 16**12
