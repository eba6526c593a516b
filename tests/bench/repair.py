"""What verification and repair are worth: many jobs with lettering, decided in this process, nothing painted.

    python -m tests.bench.repair --jobs 1000

THE MODEL IS A SIMULATION. Which render comes out misspelled is drawn by the sketch painter's own rule, whose rates are
the article's (18 % plain, 4 % masked, at guidance 7.5) and ours (2 % masked below strength 0.3, none typeset); so these
figures show what the policy's ladder makes of such a model, not how a real model spells. Seconds are nominal: those the
painter pretends to take. The verifier is taken to be right; `--paint N` paints N jobs for real and counts how often it
is. Exit status 1 when the ladder misses its goal.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain, count, islice, zip_longest
from typing import Any, Final

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from infra.inference.container.masks import Floats, Pixels
from infra.inference.container.sketch.misprint import USUAL_GUIDANCE, misprint
from infra.inference.container.sketch.model import (
    REFINE_STRENGTH,
    SketchModel,
    encode_png,
    sketch_fast,
    sketch_fine,
)
from infra.inference.container.sketch.paint import Sketch, paint
from shared.catalogue import Catalogue
from shared.masks import drawn
from shared.models import (
    Attempt,
    AttemptStatus,
    Box,
    ImageRef,
    Job,
    JobRequest,
    Recipe,
    SeedRecord,
    Stage,
    TextCheck,
    Tier,
    Verdict,
    Verification,
)
from shared.policy import Exhausted, Plan, Policy, plan, repair, repair_seed
from shared.typography import character_error_rate, verify
from tests.bench.typography import wilson

LADDER: Final = "the policy's ladder"
GOAL: Final = {"wrong": 0.02, "extra": 0.08}
ARTICLE: Final = {"without": 0.18, "repaired": 0.04, "extra": 0.12}

_POLICY: Final = Policy.load()
_CATALOGUE: Final = Catalogue.load()
_NOW: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
_MODELS: Final[Mapping[str, SketchModel]] = {model.name: model for model in (sketch_fast(), sketch_fine())}
_TEXTS: Final = (("SALE",), ("50% OFF",), ("Grand opening",), ("SUMMER SALE", "Shop now"), ("Fresh coffee", "$4.99"))
_PROMPTS: Final = ("Hero banner for a summer sale", "Poster of a mountain lake at dawn", "A city street in the rain")
_UNSEEN: Final[Pixels] = np.zeros((1, 1, 3), np.uint8)
"""Stands for the picture that a repair starts from where nothing is painted."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A render of the sketch model: what stands on it for each text, and its pixels where it was painted."""

    shown: Mapping[str, str]
    nominal_ms: int
    pixels: Pixels | None = None
    step: str | None = None
    """The repair that made it."""

    @property
    def wrong(self) -> bool:
        return any(text != drawn for text, drawn in self.shown.items())


@dataclass(frozen=True, slots=True)
class Figures:
    """One way of working over all jobs. Shares are 0..1, seconds nominal; `extra` is relative to the first renders."""

    way: str
    guidance: float
    wrong: float
    wrong_ci95: tuple[float, float]
    renders_per_job: float
    extra_s_per_job: float
    extra: float
    steps: Mapping[str, int]
    """Repairs by name: how often each was taken."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--use-case", default=_POLICY.default_use_case, choices=sorted(_POLICY.use_cases))
    parser.add_argument("--seed", type=int, default=1, help="another one draws other jobs")
    parser.add_argument("--paint", type=int, default=0, metavar="N", help="paint and verify N of the jobs for real")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    asked = parser.parse_args()
    rows = [
        figures
        for guidance in (USUAL_GUIDANCE, None)  # the article's, and whatever the policy takes by itself
        for figures in _simulate(list(islice(_jobs(asked.seed, asked.use_case, guidance), asked.jobs)))
    ]
    painted = _paint_some(asked.paint, seed=asked.seed, use_case=asked.use_case) if asked.paint else None
    if asked.json:
        document = {"simulation": True, "jobs": asked.jobs, "article": ARTICLE, "ways": [asdict(row) for row in rows]}
        print(json.dumps(document | {"painted": painted}, indent=2))
    else:
        _show(rows, asked.jobs, painted)
    ladders = [row for row in rows if row.way == LADDER]
    sys.exit(any(row.wrong > GOAL["wrong"] or row.extra > GOAL["extra"] for row in ladders))


def _simulate(jobs: Sequence[Job]) -> list[Figures]:
    """The three ways of working over the same jobs, whose first renders are the same."""
    ways: Mapping[str, Callable[[Job], list[Picture]]] = {
        "without verification": lambda job: [_render(_plan(job, ()).recipe, None)],
        "retry alone": _retry,
        LADDER: lambda job: list(_climb(job)),
    }
    guidance = _plan(jobs[0], ()).recipe.guidance_scale
    return [_figures(way, guidance or USUAL_GUIDANCE, [run(job) for job in jobs]) for way, run in ways.items()]


def _figures(way: str, guidance: float, runs: Sequence[Sequence[Picture]]) -> Figures:
    first_ms = sum(run[0].nominal_ms for run in runs)
    extra_ms = sum(picture.nominal_ms for run in runs for picture in run[1:])
    wrong = sum(run[-1].wrong for run in runs)
    return Figures(
        way=way,
        guidance=guidance,
        wrong=wrong / len(runs),
        wrong_ci95=wilson(wrong, len(runs)),
        renders_per_job=sum(map(len, runs)) / len(runs),
        extra_s_per_job=extra_ms / len(runs) / 1000,
        extra=extra_ms / first_ms,
        steps=Counter(picture.step for run in runs for picture in run if picture.step),
    )


# ── the ways of working ───────────────────────────────────────────────────────────────────────────────────────────


def _retry(job: Job) -> list[Picture]:
    """The same recipe under fresh seeds, as often as the ladder would try, until the words are right."""
    recipe = _plan(job, ()).recipe
    pictures = [_render(recipe, None)]
    while pictures[-1].wrong and len(pictures) < _POLICY.use_case(job.use_case).attempts:
        fresh = recipe.model_copy(update={"seed": repair_seed(recipe.seed, len(pictures))})
        pictures.append(_render(fresh, None))
    return pictures


def _climb(job: Job, *, painting: bool = False, verified: list[tuple[bool, bool]] | None = None) -> Iterator[Picture]:
    """Every render of a job as the policy plans and judges them.

    When `painting`, each picture is painted and the real verifier decides; `verified` takes a pair for each of its
    texts: whether it is right, and whether it passed.
    """
    misprints: list[Attempt] = []
    picture: Picture | None = None
    while True:
        made = _plan(job, misprints)
        picture = _render(made.recipe, picture, painting=painting, feather=made.feather)
        picture = replace(picture, step=made.step)
        yield picture
        seen = _verify(picture) if picture.pixels is not None else _believe(picture)
        if verified is not None:
            verified += [(picture.shown[each.expected] == each.expected, each.verdict is Verdict.PASS) for each in seen]
        verdict = Verdict.PASS if all(each.verdict is Verdict.PASS for each in seen) else Verdict.FAIL
        verification = Verification(verdict=verdict, texts=seen)
        misprints.append(_attempt(job, made, len(misprints) + 1, verification))
        if _POLICY.accepts(verification, use_case=job.use_case) or _ended(job, misprints):
            return


def _render(recipe: Recipe, before: Picture | None, *, painting: bool = False, feather: float = 0.0) -> Picture:
    """What the painter would draw for a recipe; `before` is the picture a repair repaints in part."""
    init = None
    if recipe.init_image and before:
        init = before.pixels if before.pixels is not None else _UNSEEN
    model = _MODELS[recipe.model]
    content = recipe.text.content if recipe.text else ()
    sketch = Sketch(
        model=recipe.model,
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
        seed=recipe.seed,
        width=recipe.size.width,
        height=recipe.size.height,
        rough=model.rough,
        guidance=USUAL_GUIDANCE if recipe.guidance_scale is None else recipe.guidance_scale,
        steps=recipe.steps or model.usual_steps,
        sampler=recipe.sampler,
        text=content,
        text_box=recipe.text.box if recipe.text else None,
        mask=recipe.mask,
        weights=_weights(recipe, feather) if painting and recipe.mask else None,
        init=init,
        strength=REFINE_STRENGTH if recipe.strength is None else recipe.strength,
    )
    shown = misprint(
        content, seed=sketch.seed, prompt=sketch.prompt, model=sketch.model, mode=sketch.mode, guidance=sketch.guidance
    ).content
    kept = before.shown if before and recipe.mask else {}
    pixels = paint(sketch).pixels if painting else None
    return Picture({**kept, **dict(zip(content, shown, strict=True))}, model.nominal_ms(sketch), pixels)


def _weights(recipe: Recipe, feather: float) -> Floats:
    """The mask as the render function draws it for our endpoints."""
    assert recipe.mask is not None
    mask = drawn(recipe.mask, width=recipe.size.width, height=recipe.size.height, feather=feather)
    with Image.open(io.BytesIO(mask)) as image:
        return np.asarray(image, np.float32) / np.float32(255)


def _verify(picture: Picture) -> tuple[TextCheck, ...]:
    assert picture.pixels is not None
    return verify(encode_png(picture.pixels, model="sketch-fine"), tuple(picture.shown)).texts


def _believe(picture: Picture) -> tuple[TextCheck, ...]:
    """What a verifier that makes no mistakes would say; the texts stand one below the other."""
    return tuple(
        TextCheck(
            expected=text,
            recognized=drawn,
            verdict=Verdict.PASS if text == drawn else Verdict.FAIL,
            cer=character_error_rate(text, drawn),
            confidence=1.0,
            boxes=(_line(index),),
        )
        for index, (text, drawn) in enumerate(picture.shown.items())
    )


def _line(index: int) -> Box:
    return 0.15, round(0.25 + 0.2 * index, 2), 0.7, 0.12


# ── jobs and attempts as the policy sees them ─────────────────────────────────────────────────────────────────────


def _jobs(seed: int, use_case: str, guidance: float | None) -> Iterator[Job]:
    for number in count():
        draw = repair_seed(seed, number)
        request = JobRequest(
            prompt=_PROMPTS[draw % len(_PROMPTS)],
            use_case=use_case,
            seed=draw,
            guidance=guidance,
            expected_text=_TEXTS[draw % len(_TEXTS)],
        )
        yield Job(
            id=f"{number:026d}",
            tenant="bench",
            stage=Stage.FINALIZING,
            seq=0,
            head="",
            request=request,
            use_case=use_case,
            policy_version=_POLICY.version,
            prompt=request.prompt or "",
            expected_text=request.expected_text,
            guidance=guidance,
            seed=draw,
            size=_POLICY.default_size(use_case),
            rounds=(1,),
            created_at=_NOW,
            updated_at=_NOW,
        )


def _plan(job: Job, misprints: Sequence[Attempt]) -> Plan:
    return plan(
        job,
        tier=Tier.FINAL,
        candidate=1,
        misprints=misprints,
        policy=_POLICY,
        catalogue=_CATALOGUE,
        profile="simulated",
        today=_NOW.date(),
    )


def _ended(job: Job, misprints: Sequence[Attempt]) -> bool:
    step = repair(
        job,
        misprints=misprints,
        candidate=1,
        policy=_POLICY,
        catalogue=_CATALOGUE,
        profile="simulated",
        today=_NOW.date(),
    )
    return isinstance(step, Exhausted)


def _attempt(job: Job, made: Plan, number: int, verification: Verification) -> Attempt:
    size = made.recipe.size
    fingerprint = made.recipe.fingerprint()
    return Attempt(
        job_id=job.id,
        tenant=job.tenant,
        tier=Tier.FINAL,
        candidate=1,
        attempt=number,
        status=AttemptStatus.RENDERED,
        use_case=job.use_case,
        model=made.model.name,
        provider=made.model.provider,
        provider_model=made.model.provider_model,
        recipe=made.recipe,
        fingerprint=fingerprint,
        seed=SeedRecord(requested=made.recipe.seed),
        image=ImageRef(
            key="unseen",
            sha256=fingerprint,
            phash="0" * 16,
            width=size.width,
            height=size.height,
            mime="image/png",
            size_bytes=1,
        ),
        repair=made.repair,
        step=made.step,
        skipped=made.skipped,
        cost_usd_micros=made.estimated_cost_usd_micros,
        simulated=True,
        verification=verification,
        started_at=_NOW,
    )


# ── painted for real ──────────────────────────────────────────────────────────────────────────────────────────────


def _paint_some(number: int, *, seed: int, use_case: str) -> dict[str, Any]:
    """The ladder with real pictures and the real verifier, half of the jobs chosen because they start out wrong."""
    jobs = list(islice(_jobs(seed, use_case, USUAL_GUIDANCE), 20 * number))
    first_wrong = {job.id: _render(_plan(job, ()).recipe, None).wrong for job in jobs}
    sides = ([job for job in jobs if first_wrong[job.id] is side] for side in (True, False))
    chosen = [job for job in chain.from_iterable(zip_longest(*sides)) if job][:number]
    verified: list[tuple[bool, bool]] = []
    runs = [list(_climb(job, painting=True, verified=verified)) for job in chosen]
    return {
        "jobs": len(runs),
        "wrong_at_first": sum(run[0].wrong for run in runs),
        "wrong_at_last": sum(run[-1].wrong for run in runs),
        "pictures": sum(map(len, runs)),
        "texts": len(verified),
        "agreed": sum(right == passed for right, passed in verified),
        "false_accepts": sum(passed and not right for right, passed in verified),
        "false_rejects": sum(right and not passed for right, passed in verified),
    }


# ── the report ────────────────────────────────────────────────────────────────────────────────────────────────────


def _show(rows: Sequence[Figures], jobs: int, painted: Mapping[str, Any] | None) -> None:
    table = Table(title=f"{jobs:,} jobs with expected text on the sketch model (a simulation)")
    for name in ("way of working", "guidance"):
        table.add_column(name)
    for name in ("wrong at the end (95 %)", "renders a job", "extra s a job", "extra inference"):
        table.add_column(name, justify="right")
    for row in rows:
        low, high = row.wrong_ci95
        numbers = (f"{row.renders_per_job:.3f}", f"{row.extra_s_per_job:.2f}", f"{row.extra:+.1%}")
        wrong = f"{row.wrong:.1%} ({low:.1%} to {high:.1%})"
        table.add_row(row.way, f"{row.guidance:g}", wrong, *numbers, end_section=row.way == LADDER)
    table.add_row("the article, before", f"{USUAL_GUIDANCE:g}", f"{ARTICLE['without']:.1%}")
    repaired = (f"{ARTICLE['repaired']:.1%}", "", "", f"{ARTICLE['extra']:+.1%}")
    table.add_row("the article, mask and pass", f"{USUAL_GUIDANCE:g}", *repaired)
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)
    console.print(
        "The model is a simulation: its error rates are the article's own and its seconds nominal, so this measures "
        "the policy's ladder, not a model. A job that is wrong at the end is rejected with its best picture kept: "
        "a viewer sees it only where a person lets it pass."
    )
    for row in rows:
        if row.steps:
            taken = ", ".join(f"{name} {times}" for name, times in row.steps.items())
            console.print(f"Repairs at guidance {row.guidance:g}: {taken}.")
    if painted:
        console.print(f"Painted and verified for real: {json.dumps(painted)}")


if __name__ == "__main__":
    main()
