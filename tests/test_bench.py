"""`presscheck bench`: what a request counts as, what a run reports, and what it refuses to compare."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.bench import comparing
from shared.bench.benchpage import bench_page
from shared.bench.load import Load
from shared.bench.report import Arm, BenchReport, Painter, StackFacts, SuiteFacts, figures
from shared.bench.samples import Sample, sample_of
from shared.bench.suite import Suite, requests
from shared.catalogue import Catalogue
from shared.models import Stage
from shared.pipeline.listings import model_list
from shared.policy import Policies
from shared.views import JobView
from tests.cli_stack import FakeStack, Terminal

EVENTS = Path(__file__).parent.parent / "events"
SUITES = (Path(__file__).parent / "bench" / "suite.toml", None)


# ── what a request counts as ─────────────────────────────────────────────────────────────────────


def _job(stage: Stage = Stage.DONE, **stack: Any) -> JobView:
    return JobView.model_validate(FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, stage), _step=2, **stack).view())


def _sample(job: JobView, **times: float) -> Sample:
    usual = {"intended_s": 1.0, "started_s": 1.5, "accepted_s": 1.75, "ended_s": 9.0}
    return sample_of(job, index=3, repeats=False, **usual | times)


def test_a_total_counts_from_the_intended_start_to_the_end_that_the_ledger_tells() -> None:
    """The job took 3 s in the ledger, accepting it ended 0.75 s after it should have left; we looked only at 9 s."""
    sample = _sample(_job())

    assert (sample.total_ms, sample.late_ms, sample.intended_ms) == (3750, 500, 1000)
    assert _sample(_job(), ended_s=4.0).total_ms == 3000


def test_a_repaired_job_was_mismatched_at_first_and_delivered_all_the_same() -> None:
    sample = _sample(_job(repaired=True))

    assert (sample.checked, sample.mismatched, sample.repairs, sample.rejected) == (True, True, 1, False)
    assert (sample.queue_ms, sample.inference_ms, sample.cost_usd_micros) == (30, 1200, 42_000)
    assert _sample(_job()).mismatched is False


def test_a_rejected_job_delivers_nothing_and_is_no_error_but_an_expired_one_is() -> None:
    rejected, expired = _sample(_job(Stage.FAILED)), _sample(_job(Stage.EXPIRED))

    assert (rejected.rejected, rejected.error, rejected.total_ms) == (True, None, None)
    assert (expired.rejected, expired.error, expired.total_ms) == (False, "expired", None)


def test_what_came_from_the_cache_was_not_painted() -> None:
    sample = _sample(_job(cached=True))

    assert (sample.cached, sample.inference_ms, sample.queue_ms) == (True, None, None)


def test_figures_count_errors_apart_from_wrong_words_and_price_a_thousand_jobs() -> None:
    samples = [
        Sample(index=0, intended_ms=0, late_ms=0, total_ms=100, cost_usd_micros=2000, checked=True),
        Sample(index=1, intended_ms=0, late_ms=7, total_ms=300, cost_usd_micros=4000, checked=True, mismatched=True),
        Sample(index=2, intended_ms=0, late_ms=0, error="timeout"),
        Sample(index=3, intended_ms=0, late_ms=0, total_ms=200, cost_usd_micros=0, cached=True),
    ]

    found = figures(samples, [0.5, 1.0, 1.5, 2.0], seed=1)

    assert found.total_ms and found.usd_per_1000 and found.per_s
    assert (found.total_ms.median.value, found.total_ms.of, found.delivered, found.late_ms) == (200, 3, 3, 7)
    assert (found.errors.hits, found.errors.of, found.error_codes) == (1, 4, {"timeout": 1})
    assert (found.mismatches.hits, found.mismatches.of) == (1, 2)
    assert (found.cached.hits, found.cached.of) == (1, 3)
    assert found.usd_per_1000.value == pytest.approx(2.0)
    assert found.per_s.value == 2.0


def test_nothing_measured_is_null_not_nought() -> None:
    found = figures([], [], seed=1)

    assert (found.total_ms, found.usd_per_1000, found.per_s, found.wall_s) == (None, None, None, 0.0)


# ── what is asked for ────────────────────────────────────────────────────────────────────────────


def _deal(arm: str, *, seed: int = 7, repeat_share: float = 0.0, count: int = 200) -> list[dict[str, Any]]:
    dealt = requests(Suite.load(), arm=arm, fields={"model": arm}, count=count, seed=seed, repeat_share=repeat_share)
    return [dict(each.body) for each in dealt]


def test_no_two_requests_are_equal_not_even_of_two_arms_unless_repeats_are_wanted() -> None:
    one, other = _deal("a"), _deal("b")

    assert len({body["seed"] for body in one + other}) == 400
    assert one == _deal("a") != _deal("a", seed=8)
    assert {body["model"] for body in one} == {"a"}


def test_repeats_are_word_for_word_and_about_as_many_as_asked_for() -> None:
    dealt = requests(Suite.load(), arm="a", fields={}, count=400, seed=7, repeat_share=0.25)

    again = [each for number, each in enumerate(dealt) if each.body in [b.body for b in dealt[:number]]]
    assert again == [each for each in dealt if each.repeats]
    assert 70 <= len(again) <= 130


@pytest.mark.parametrize("path", SUITES)
def test_the_suites_in_the_box_can_be_asked_for_and_hold_texts_to_read(path: Path | None) -> None:
    suite = Suite.load(path) if path else Suite.load()

    texts = [job for job in suite.jobs if "expected_text" in job]
    assert 0 < len(texts) < len(suite.jobs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('name = "x"\ntitle = ""\n[[jobs]]\nprompt = "a"\nsize = "8x8"\n', "job 1: size"),
        ('name = "x"\ntitle = ""\n[[jobs]]\nprompt = "a"\nseed = 4\n', "job 1: seed is the bench's to choose"),
        ('name = "x"\ntitle = ""\njobs = []\n', "jobs"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_suite_that_cannot_be_asked_for_is_refused_by_file_and_entry(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)

    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        Suite.load(path)

    assert str(path) in str(caught.value)


# ── comparing ────────────────────────────────────────────────────────────────────────────────────


def _report(totals: Sequence[int], *, name: str = "a", suite: str = "s" * 64, **changes: Any) -> BenchReport:
    samples = [
        Sample(index=n, intended_ms=0, late_ms=0, total_ms=total, cost_usd_micros=total)
        for n, total in enumerate(totals)
    ]
    painter = Painter(asked="a", model="a", provider="p", revision="r", simulated=True, renders=1)
    arm = Arm(
        name=name,
        field="model",
        painters=(painter,),
        figures=figures(samples, [float(n + 1) for n in range(len(samples))], seed=1),
        samples=tuple(samples),
    )
    known: dict[str, Any] = {
        "presscheck": "0",
        "made_at": datetime(2026, 11, 23, tzinfo=UTC),
        "stack": StackFacts(api_url="http://127.0.0.1:1", local=True, profile="simulated", policy_version=2),
        "suite": SuiteFacts(name="s", digest=suite, jobs=1),
        "load": Load(concurrency=4),
        "requests": len(samples),
        "warmup": 0,
        "seed": 1,
        "repeat_share": 0.0,
        "arms": (arm,),
    }
    return BenchReport(**known | changes)


def test_a_run_twice_as_fast_is_half_of_the_one_before() -> None:
    before, now = _report([100, 200, 300]), _report([50, 100, 150])

    (arm,) = comparing.compare(before, now, name="before.json").arms

    assert arm.median_total and arm.cost and arm.throughput
    assert arm.median_total.value == arm.cost.value == 0.5
    assert arm.median_total.low <= 0.5 <= arm.median_total.high
    assert arm.throughput.value == 1.0
    assert arm.median_draft is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"suite": "t" * 64}, "suite"),
        ({"load": Load(mode="open", rate_per_s=2)}, "4 at a time before, 2 a second now"),
        ({"repeat_share": 0.5}, "repeat share"),
        ({"name": "b"}, "models: a before, b now"),
        ({"interrupted": True}, "interrupted"),
        ({"stack": StackFacts(api_url="https://x/prod", local=False, profile="aws", policy_version=2)}, "stack"),
    ],
)
def test_what_makes_ratios_meaningless_is_told(changes: dict[str, Any], reason: str) -> None:
    reasons = comparing.differences(_report([1, 2]), _report([1, 2], **changes))

    assert len(reasons) == 1
    assert reason in reasons[0]


def test_another_port_of_the_local_stack_and_another_policy_are_what_people_compare() -> None:
    other = StackFacts(api_url="http://127.0.0.1:2", local=True, profile="simulated", policy_version=3)

    assert comparing.differences(_report([1, 2]), _report([1, 2], stack=other)) == ()


# ── the command ──────────────────────────────────────────────────────────────────────────────────


class Ready(FakeStack):
    """Every job is over as soon as it is asked for; the list of models is the local stack's."""

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/v1/models"):
            policies = Policies.load()
            view = model_list(
                policy=policies.at(policies.released),
                catalogue=Catalogue.load(),
                profile="simulated",
                today=datetime(2026, 11, 23, tzinfo=UTC).date(),
            )
            return httpx.Response(200, json=view.model_dump(mode="json"))
        return super()._answer(request)

    @property
    def asked(self) -> list[dict[str, Any]]:
        return [json.loads(each.content) for each in self.requests if each.method == "POST"]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path, stack=Ready(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.DONE), _step=2))


BENCH = ("bench", "--models", "dalle3-hd,sd3-large", "--requests", "5", "--warmup", "2", "--concurrency", "1")


def test_each_model_is_warmed_up_and_asked_as_often_as_wanted(terminal: Terminal) -> None:
    result = terminal(*BENCH, "--seed", "4", "--json")

    assert result.exit_code == 0, result.stderr
    report = BenchReport.model_validate_json(result.stdout)
    assert isinstance(terminal.stack, Ready)
    assert [body["model"] for body in terminal.stack.asked] == ["dalle3-hd"] * 7 + ["sd3-large"] * 7
    assert [(arm.name, arm.figures.requests, arm.figures.delivered) for arm in report.arms] == [
        ("dalle3-hd", 5, 5),
        ("sd3-large", 5, 5),
    ]
    assert report.arms[0].figures.usd_per_1000 and report.arms[0].figures.usd_per_1000.value == pytest.approx(42.0)
    assert (report.seed, report.suite.name, report.simulated) == (4, "article", True)
    assert any("simulator" in note for note in report.notes)


def test_the_table_tells_what_painted_and_that_it_is_a_simulation(terminal: Terminal) -> None:
    result = terminal(*BENCH)

    assert "sketch-fine (simulated) for dalle3-hd" in result.stdout
    assert "simulator" in result.stdout
    assert "5 of 5" in result.stderr


def test_a_stack_that_refuses_is_a_share_of_errors_by_code(terminal: Terminal) -> None:
    models = terminal.stack._answer
    terminal.stack.answers = [models, *([lambda _: httpx.Response(429, json={})] * 2)]

    result = terminal("bench", "-u", "hero", "-n", "4", "--warmup", "0", "-c", "1", "--json")

    (arm,) = BenchReport.model_validate_json(result.stdout).arms
    assert (arm.figures.error_codes, arm.figures.errors.of) == ({"throttled": 2}, 4)


def test_the_csv_has_a_row_and_the_page_a_chart_for_everything_and_loads_nothing(
    terminal: Terminal, tmp_path: Path
) -> None:
    sheet, saved = tmp_path / "a.csv", tmp_path / "a.html"

    terminal(*BENCH, "--csv", str(sheet), "--html", str(saved))

    rows = list(csv.DictReader(sheet.open()))
    assert [(row["arm"], row["index"]) for row in rows[:6]] == [("dalle3-hd", str(n)) for n in range(5)] + [
        ("sd3-large", "0")
    ]
    html = saved.read_text()
    assert html.count("<svg") == 6
    assert not re.findall(r"(?:src|href|url\()\s*=?\s*[\"']?(?:https?:)?//", html)
    assert "prefers-color-scheme: dark" in html


def test_names_from_outside_cannot_write_into_the_page() -> None:
    name = "<script>alert(1)</script>"
    report = _report([1, 2], name=name)

    html = bench_page(report.model_copy(update={"comparison": comparing.compare(report, report, name="<b>.json")}))

    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


def test_a_comparison_is_refused_before_any_load_and_made_when_insisted_on(terminal: Terminal, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    before.write_text(terminal(*BENCH, "--json").stdout)
    done = len(terminal.stack.requests)

    refused = terminal(*BENCH, "--concurrency", "2", "--compare", str(before))

    assert refused.exit_code == 2
    assert "load: 1 at a time before, 2 at a time now" in refused.stderr
    assert [each.method for each in terminal.stack.requests[done:]] == ["GET"]
    insisted = terminal(*BENCH, "--concurrency", "2", "--compare", str(before), "--anyway", "--json")
    report = BenchReport.model_validate_json(insisted.stdout)
    assert report.comparison and report.comparison.differs == ("load: 1 at a time before, 2 at a time now",)
    same = terminal(*BENCH, "--compare", str(before))
    assert "dalle3-hd: now over before.json" in same.stdout


def test_ctrl_c_keeps_what_was_measured(terminal: Terminal) -> None:
    """The 4th request of the second model presses it."""
    asked = 0

    class Pressing(Ready):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            nonlocal asked
            asked += request.method == "POST"
            if asked == 9:
                asked += 1
                os.kill(os.getpid(), signal.SIGINT)
            return super()._answer(request)

    terminal.stack = Pressing(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.DONE), _step=2)

    result = terminal(*BENCH, "--warmup", "0", "--json")

    assert result.exit_code == 130
    report = BenchReport.model_validate_json(result.stdout)
    assert report.interrupted
    assert report.arms[0].figures.requests == 5
    assert report.arms[1].figures.requests <= 4
    assert any("interrupted" in note for note in report.notes)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--models", "a,a"), "each name once"),
        (("--models", ","), "give it as a,b,c"),
        (("--models", "a", "--use-case", "hero,feed"), "only one"),
        (("--suite", "nowhere.toml"), "nowhere.toml"),
        (("--compare", "nowhere.json"), "nowhere.json"),
    ],
)
def test_wrong_options_are_named_and_no_job_is_asked_for(
    terminal: Terminal, arguments: tuple[str, ...], says: str
) -> None:
    result = terminal("bench", *arguments)

    assert result.exit_code == 2
    assert says in result.stderr
    assert not [each for each in terminal.stack.requests if each.method == "POST"]


def test_the_json_schema_in_events_is_that_of_the_code() -> None:
    """Write it anew with `python tests/test_bench.py`."""
    assert json.loads((EVENTS / "bench.schema.json").read_text()) == schema()


def schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **BenchReport.model_json_schema(mode="serialization"),
    }


if __name__ == "__main__":
    (EVENTS / "bench.schema.json").write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
