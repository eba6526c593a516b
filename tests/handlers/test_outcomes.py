"""What became of jobs, as the fine-tuning checklist reads it: through the real API, and the command that asks it."""

from __future__ import annotations

import json

import httpx
import pytest
from typer.testing import CliRunner

from shared import wiring
from shared.cli.main import app
from shared.cli.world import World
from shared.ledger import Amendment
from shared.models import (
    ArtifactFinding,
    Job,
    RatingRequest,
    Recipe,
    Stage,
    TextCheck,
    Tier,
    Verdict,
    Verification,
)
from tests.conftest import Clock
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.test_ledger import attempt_of
from tests.test_pipeline import Studio
from tests.world import DESIGNER, Resources, hero

URL = "https://api.example"


@pytest.fixture
def studio(deployed: Resources) -> Studio:
    """At the hour the API's own clock says: it looks back from there."""
    clock = Clock()
    clock.now = wiring.now()
    return Studio(deployed, clock)


def _over(studio: Studio, *verifications: Verification, prompt: str = "a poster with a ship") -> Job:
    """A job that is over, with a final for each of these verifications."""
    job = studio.submissions.submit(DESIGNER, hero(prompt=prompt))
    recipe = Recipe(model="sketch-fine", prompt=job.prompt, seed=1, size=job.size)
    finals = tuple(
        attempt_of(job, candidate=0, clock=studio.clock).model_copy(
            update={"tier": Tier.FINAL, "attempt": number, "recipe": recipe, "verification": seen}
        )
        for number, seen in enumerate(verifications, start=1)
    )
    changes = {"stage": Stage.DONE, "final_attempt": len(finals)}
    return studio.ledger.amend(job.id, lambda _: Amendment(event="t", actor="t", attempts=finals, changes=changes))


def _seen(*, read: str = "SALE", blur: float = 0.0) -> Verification:
    verdict = Verdict.PASS if read == "SALE" else Verdict.FAIL
    text = TextCheck(expected="SALE", recognized=read, verdict=verdict, cer=0.0, confidence=1.0)
    return Verification(
        verdict=verdict, texts=(text,), artifacts=(ArtifactFinding(kind="blur", score=blur, limit=0.5),)
    )


def _client() -> httpx.Client:
    transport = httpx.WSGITransport(Gateway(Context()))
    return httpx.Client(base_url=URL, transport=transport, headers={"authorization": f"Bearer {KEY}"})


def test_the_first_final_speaks_for_a_job_whatever_its_repairs_made_of_it(studio: Studio) -> None:
    _over(studio, _seen(read="SAIE", blur=0.9), _seen())

    (found,) = _client().get("/v1/outcomes", params={"days": 90}).json()["outcomes"]

    assert found["faults"] == ["blur", "text"]


def test_what_raters_named_counts_where_they_saw_that_very_final(studio: Studio) -> None:
    repaired, untouched = _over(studio, _seen(read="SAIE"), _seen()), _over(studio, _seen())
    for job in (repaired, untouched):
        studio.decisions.rate(DESIGNER, job.id, RatingRequest(stars=2, flaws=("hands",)))

    found = {each["job_id"]: each for each in _client().get("/v1/outcomes", params={"days": 90}).json()["outcomes"]}

    assert (found[repaired.id]["faults"], found[untouched.id]["faults"]) == (["text"], ["hands"])
    assert found[repaired.id]["stars"] == 2.0


def test_jobs_without_a_final_say_nothing(studio: Studio) -> None:
    studio.submit()
    _over(studio)

    assert _client().get("/v1/outcomes", params={"days": 90}).json()["outcomes"] == []


def _command(*options: str) -> tuple[int, str, str]:
    world = World(
        environ={"PRESSCHECK_API_URL": URL, "PRESSCHECK_API_KEY": KEY},
        open_http=lambda url: httpx.Client(base_url=url, transport=httpx.WSGITransport(Gateway(Context()))),
    )
    result = CliRunner().invoke(app, ["finetune", "check", "--days", "90", *options], obj=world)
    return result.exit_code, result.stdout, result.stderr


def test_the_command_gives_a_verdict_with_its_figures(studio: Studio) -> None:
    for number in range(6):
        _over(studio, _seen(blur=0.9 if number else 0.0), prompt=f"poster of item{number}")

    code, said, _ = _command("--min-jobs", "5")
    document = json.loads(_command("--min-jobs", "5", "--json")[1])

    assert code == 0
    assert "free prompts for default, 6 jobs: fine-tune" in said
    assert "blur: 5 of 6 (83%), recurs: from 10% and 5 jobs on" in said
    assert document["checks"][0]["verdict"] == "fine_tune"
    assert document["thresholds"]["min_jobs"] == 5


def test_nothing_to_check_is_said_in_one_line(studio: Studio) -> None:
    code, _, said = _command("--template", "poster")

    assert code == 1
    assert "no job of the last 90 days fits that and has a final" in said
