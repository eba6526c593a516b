"""`presscheck evidence`: the workload, the ad-hoc way as it is spelled out, the order of work, and the rows."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.bench import adhoc, evidence, grids, workload
from shared.bench.adhoc import Habits, recipe
from shared.bench.evidencepage import evidence_page
from shared.bench.load import Halt, Load
from shared.bench.model_server import ModelServer, Whereabouts
from shared.bench.report import StackFacts
from shared.bench.rows import Row, rows
from shared.bench.trial import Pair, Render, Side, Trial
from shared.bench.viewer import Impression, Viewer
from shared.bench.workload import Item
from shared.catalogue import Catalogue
from shared.cli.api import Api
from shared.cli.hands import TwoHands
from shared.cli.world import World
from shared.errors import ConfigurationError
from shared.models import ArtifactFinding, Job, JobRequest, Size, Stage, TextCheck, Tier, Verdict, Verification
from shared.policy import Policy, plan
from tests import hostile
from tests.bench import workload as drawing
from tests.cli_stack import FINAL, KEY, URL, FakeStack, Terminal
from tests.test_bench import Ready

EVENTS = Path(__file__).parent.parent / "events"
MIX = {"thumbnail": 8, "feed": 5, "hero": 3, "banner": 4}


# ── the workload ─────────────────────────────────────────────────────────────────────────────────


def test_the_workload_is_what_its_script_draws() -> None:
    """Written anew with `python -m tests.bench.workload`."""
    assert workload.FILE.read_text("utf-8") == drawing.workload()


def test_every_block_is_the_whole_mix_with_15_percent_repeats() -> None:
    items = workload.load()

    assert [item.number for item in items] == list(range(1, 501))
    for block in workload.blocks(items, jobs=500, seed=1):
        assert Counter(item.use_case for item in block) == MIX
        repeats = [item for item in block if item.repeats]
        assert len(repeats) == 3
        known = {item.number: item for item in block}
        for item in repeats:
            assert item.repeats and item.repeats < item.number
            assert item.model_copy(update={"number": 0, "repeats": None}) == known[item.repeats].model_copy(
                update={"number": 0}
            )
    assert sum(bool(item.expected_text) for item in items) == 25 * (1 + 2 + 4)


def test_a_subset_is_drawn_by_seed_and_no_two_runs_ask_for_the_same_pictures() -> None:
    items = workload.load()
    one, again, other = (workload.blocks(items, jobs=50, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert [len(block) for block in one] == [20, 20, 10]
    assert [item.number for item in one[0]] != [item.number for item in other[0]]
    everything = [
        {item.seed for block in workload.blocks(items, jobs=500, seed=seed) for item in block} for seed in (1, 2)
    ]
    assert len(everything[0]) == len(everything[1]) == 500 - 75
    assert not everything[0] & everything[1]


@pytest.mark.parametrize("profile", ["aws", "local", "simulated"])
def test_the_policy_can_plan_every_job_of_the_workload(profile: str) -> None:
    policy, catalogue = Policy.load(), Catalogue.load()

    for item in workload.load():
        made = plan(
            _job(item),
            tier=Tier.FINAL,
            candidate=1,
            misprints=(),
            policy=policy,
            catalogue=catalogue,
            profile=profile,
            today=date(2026, 11, 23),
        )
        assert made.recipe.size == item.size


def _job(item: Item) -> Job:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Job(
        id="1",
        tenant="t",
        stage=Stage.FINALIZING,
        seq=0,
        head="",
        request=JobRequest(prompt=item.prompt, use_case=item.use_case),
        use_case=item.use_case,
        policy_version=2,
        prompt=item.prompt,
        expected_text=item.expected_text,
        seed=item.seed,
        size=item.size,
        rounds=(1,),
        created_at=now,
        updated_at=now,
    )


# ── the ad-hoc way ───────────────────────────────────────────────────────────────────────────────

LETTERED = Item(
    number=1, use_case="banner", prompt="A beach", size=Size(width=512, height=512), seed=7, expected_text=("SALE",)
)


def test_a_complaint_raises_the_guidance_and_rolls_the_dice_again() -> None:
    flagship = Catalogue.load().find("sd35-large")

    tries = [recipe(LETTERED, flagship, complaints=number) for number in range(3)]

    assert [each.guidance_scale for each in tries] == [7.5, 9.5, 11.5]
    assert len({each.seed for each in tries}) == 3
    assert tries[0].seed == LETTERED.seed
    assert {each.size for each in tries} == {LETTERED.size}
    assert all(each.mask is None and each.sampler == "default" and each.negative_prompt == "" for each in tries)
    assert all(each.text and each.text.content == ("SALE",) for each in tries)


def test_guidance_and_steps_stay_in_the_models_range_and_words_go_where_it_takes_them() -> None:
    catalogue = Catalogue.load()
    hosted = recipe(LETTERED, catalogue.find("gpt-image-2"), complaints=2)
    high = recipe(LETTERED, catalogue.find("sd35-large"), complaints=2, habits=Habits(raised_by=50))

    assert (hosted.guidance_scale, hosted.steps, hosted.text) == (None, None, None)
    assert hosted.prompt == 'A beach, with the words "SALE"'
    assert high.guidance_scale == 20.0
    small = recipe(LETTERED, catalogue.find("mini"), complaints=2)
    assert (small.guidance_scale, small.steps) == (2.0, 8)


def test_what_a_person_does_is_told() -> None:
    words = adhoc.in_words(Habits(guidance=6, raised_by=1.5, complaints=3))

    assert all(part in words for part in ("guidance 6 ", "1.5 more guidance", "at most 3 times", "fresh seed"))


# ── the viewer ───────────────────────────────────────────────────────────────────────────────────


def _viewer(
    says: dict[bytes, str], defects: dict[bytes, str] | None = None, looked: list[bytes] | None = None
) -> Viewer:
    """Reads from the picture what `says` says."""

    def read(image: bytes, texts: Any) -> Verification:
        if looked is not None:
            looked.append(image)
        seen = says.get(image, "")
        checks = tuple(
            TextCheck(
                expected=text,
                recognized=seen,
                verdict=Verdict.PASS if text == seen else Verdict.FAIL,
                cer=0.0,
                confidence=1.0,
            )
            for text in texts
        )
        return Verification(verdict=Verdict.PASS, texts=checks)

    def inspect(image: bytes, _: Size) -> tuple[ArtifactFinding, ...]:
        kind = (defects or {}).get(image)
        return (ArtifactFinding(kind=kind, score=1, limit=0.5),) if kind else ()

    return Viewer(read, inspect)


def test_the_viewer_tells_wrong_words_from_defects_and_looks_at_a_picture_once() -> None:
    looked: list[bytes] = []
    viewer = _viewer({b"a": "SAIE", b"b": "SALE"}, {b"b": "banding"}, looked)
    size = Size(width=64, height=64)

    wrong, right = (viewer.look(image, texts=["SALE"], size=size) for image in (b"a", b"b"))
    again, mute = viewer.look(b"a", texts=["SALE"], size=size), viewer.look(b"a", texts=[], size=size)

    assert (wrong.misread, wrong.defects, wrong.wrong) == (("SAIE",), (), True)
    assert (right.misread, right.defects, right.wrong) == ((), ("banding",), True)
    assert again == wrong and not mute.wrong
    assert looked == [b"a", b"b"]


@pytest.mark.xdist_group("typography")
def test_the_real_viewer_reads_words_and_sees_a_wrong_size() -> None:
    picture = hostile.encoded(hostile.poster(random.Random(2), side=512, text="SUMMER SALE"), "PNG")
    viewer = Viewer.with_open_eyes()

    right = viewer.look(picture, texts=["SUMMER SALE"], size=Size(width=512, height=512))
    wrong = viewer.look(picture, texts=["WINTER SALE"], size=Size(width=512, height=256))

    assert right.misread == ()
    assert len(wrong.misread) == 1
    assert "wrong_size" in wrong.defects


# ── the order of work ────────────────────────────────────────────────────────────────────────────


class Scripted:
    """Hands whose ad-hoc pictures come out as `tries` says, try by try; the policy's are always right."""

    def __init__(self, tries: list[bytes | None]) -> None:
        self.tries = tries
        self.log: list[str] = []
        self.lock = threading.Lock()

    def by_hand(self, item: Item, *, complaints: int) -> Render:
        with self.lock:
            self.log.append(f"hand {item.number}" + "!" * complaints)
        picture = self.tries[complaints]
        if picture is None:
            return Render(error="render_failed")
        painter = (("flagship", "r1", True),)
        return Render(
            picture=picture, first_ms=100, total_ms=100, cost_usd_micros=10, server_ms=1000, painting_ms=50,
            short_ms=950, first_short_ms=950, renders=1, painters=painter,
        )  # fmt: skip

    def by_policy(self, item: Item) -> Render:
        with self.lock:
            self.log.append(f"policy {item.number}")
        return Render(
            picture=b"right", first_ms=40, total_ms=90, cost_usd_micros=7, server_ms=700, painting_ms=60, short_ms=640,
            first_short_ms=0, renders=2, painters=(("draft", "r1", True), ("final", "r1", True)),
        )  # fmt: skip


def _trial(hands: Scripted, **habits: Any) -> Trial:
    viewer = _viewer({b"right": "SALE", b"wrong": "SAIE", b"worse": "S"})
    return Trial(hands, viewer, load=Load(concurrency=1), habits=Habits(**habits), clock=time.monotonic, halt=Halt())


def _run(tries: list[bytes | None], **habits: Any) -> tuple[Side, Trial]:
    trial = _trial(Scripted(tries), **habits)
    trial.run([[LETTERED]], lambda _: None)
    return trial.pairs[0].before, trial


def test_a_right_picture_is_delivered_once() -> None:
    side, trial = _run([b"right", b"wrong"])

    assert (side.complaints, side.renders, side.total_ms, side.billed_total_ms) == (0, 1, 100, 1050)
    assert side.at_first == side.in_the_end == Impression()
    assert trial.painters["before"] == {("flagship", "r1", True): 1}
    assert trial.painters["after"] == {("draft", "r1", True): 1, ("final", "r1", True): 1}


def test_a_wrong_one_is_painted_anew_until_right_and_the_viewer_saw_the_first() -> None:
    side, _ = _run([b"wrong", b"right", b"worse"])

    assert (side.complaints, side.renders, side.cost_usd_micros, side.total_ms, side.server_ms) == (1, 2, 20, 200, 2000)
    assert side.at_first and side.at_first.misread == ("SAIE",)
    assert side.in_the_end and not side.in_the_end.wrong


def test_after_the_last_complaint_the_picture_is_shipped_as_it_is() -> None:
    side, trial = _run([b"wrong", b"worse", b"worse", b"right"], complaints=2)

    assert (side.complaints, side.renders) == (2, 3)
    assert side.in_the_end and side.in_the_end.misread == ("S",)
    assert isinstance(trial, Trial)


def test_a_repaint_that_fails_leaves_the_picture_there_was() -> None:
    side, _ = _run([b"wrong", None, b"right"])

    assert side.delivered
    assert side.in_the_end and side.in_the_end.misread == ("SAIE",)
    assert side.server_ms is None


def test_blocks_take_turns_in_which_way_comes_first_and_neither_meets_the_other() -> None:
    hands = Scripted([b"right"])
    one, two = ([LETTERED.model_copy(update={"number": n}) for n in numbers] for numbers in ((1, 2), (3, 4)))

    trial = _trial(hands, complaints=0)
    trial.run([one, two], lambda _: None)

    assert hands.log == ["hand 1", "hand 2", "policy 1", "policy 2", "policy 3", "policy 4", "hand 3", "hand 4"]
    assert [pair.number for pair in trial.pairs] == [1, 2, 3, 4]


def test_a_trial_that_is_broken_off_keeps_its_whole_blocks() -> None:
    hands = Scripted([b"right"])
    trial = _trial(hands, complaints=0)
    blocks = [[LETTERED.model_copy(update={"number": n})] for n in range(1, 6)]

    def stop(_: Render) -> None:
        if len(hands.log) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trial.run(blocks, stop)

    assert [pair.number for pair in trial.pairs] == [1, 2]


# ── the model server ─────────────────────────────────────────────────────────────────────────────


def test_a_bucket_that_is_not_ours_ends_the_trial_and_does_not_count_as_500_errors() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(403)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{http.server_port}"
        where = Whereabouts(bucket="b", endpoint_prefix="p-", s3_url=url, runtime_url=url)
        server = ModelServer(where, run="r", clock=time.monotonic, sleep=time.sleep)
        flagship = Catalogue.load().find("sketch-fine")

        with pytest.raises(ConfigurationError, match="cannot be called"):
            server.paint(recipe(LETTERED, flagship, complaints=0), flagship, number=1, attempt=1)
        http.shutdown()


# ── both hands ───────────────────────────────────────────────────────────────────────────────────


def _hands(tmp_path: Path, stack: FakeStack) -> TwoHands:
    """By the policy only: the model server is not asked."""
    world = World(
        environ={},
        open_http=lambda url: httpx.Client(base_url=url, transport=httpx.MockTransport(stack)),
        sleep=lambda _: None,
        clock=lambda: 0.0,
    )
    nowhere = Whereabouts(
        bucket="b", endpoint_prefix="p-", s3_url="http://127.0.0.1:1", runtime_url="http://127.0.0.1:1"
    )
    catalogue = Catalogue.load()
    return TwoHands(
        api=Api(URL, KEY, world=world),
        server=ModelServer(nowhere, run="r", clock=lambda: 0.0, sleep=lambda _: None),
        catalogue=catalogue,
        flagship=catalogue.find("sketch-fine"),
        habits=Habits(),
        clock=lambda: 0.0,
        timeout_s=60,
    )


def test_a_job_by_the_policy_is_asked_for_as_the_workload_says_and_its_final_is_what_was_delivered(
    tmp_path: Path,
) -> None:
    stack = FakeStack(repaired=True)

    render = _hands(tmp_path, stack).by_policy(LETTERED)

    assert stack.request == {
        "use_case": "banner",
        "prompt": "A beach",
        "size": "512x512",
        "seed": 7,
        "expected_text": ["SALE"],
    }
    assert render.picture == stack.pictures[FINAL]
    assert (render.renders, render.cost_usd_micros, render.painting_ms) == (3, 42_000, 1200)
    assert render.server_ms == round(2 * 42_000 * 1000 / 779), "seconds of the GPU that the catalogue's price is for"
    assert (render.rejected, render.error, render.cached) == (False, "", False)


def test_a_draft_painted_beside_its_final_is_on_nobodys_way(tmp_path: Path) -> None:
    apart, beside = (
        _hands(tmp_path, FakeStack(repaired=True, beside=beside)).by_policy(LETTERED) for beside in (False, True)
    )

    assert apart.server_ms is not None and apart.short_ms is not None and beside.short_ms is not None
    assert apart.short_ms == apart.server_ms - apart.painting_ms
    assert beside.short_ms == apart.short_ms + 400, "the draft's 400 ms that cost nothing no longer count"


def test_a_job_that_the_stack_withholds_delivers_nothing_and_says_so(tmp_path: Path) -> None:
    withheld = _hands(tmp_path, FakeStack(stages=(Stage.QUEUED, Stage.DRAFTING, Stage.FAILED))).by_policy(LETTERED)
    refused = FakeStack(answers=[lambda _: httpx.Response(429, json={})])

    assert (withheld.picture, withheld.rejected, withheld.error) == (None, True, "")
    assert _hands(tmp_path, refused).by_policy(LETTERED).error == "throttled"


# ── the rows ─────────────────────────────────────────────────────────────────────────────────────


def _side(**changes: Any) -> Side:
    usual: dict[str, Any] = {
        "delivered": True,
        "first_ms": 100,
        "total_ms": 1000,
        "renders": 1,
        "cost_usd_micros": 10_000,
        "server_ms": 14_000,
        "painting_ms": 14_000,
        "short_ms": 0,
        "first_short_ms": 0,
        "at_first": Impression(),
        "in_the_end": Impression(),
    }
    return Side(**usual | changes)


def _pairs() -> list[Pair]:
    """Ten heroes with words: before every fifth is wrong at first, after none; after costs half and takes 0.8."""
    wrong = Impression(misread=("SAIE",))
    return [
        Pair(
            number=number,
            use_case="hero",
            lettered=True,
            repeats=False,
            before=_side(at_first=wrong if number % 5 == 0 else Impression(), total_ms=1000 + number),
            after=_side(
                total_ms=0.8 * (1000 + number),
                cost_usd_micros=5_000,
                cached=number == 0,
                masked_usd_micros=600 if number == 5 else 0,
                repaired_whole_usd_micros=5_000 if number == 5 else 0,
            ),
        )
        for number in range(0, 100, 10 // 2)
    ]


def _row(pairs: list[Pair], name: str) -> Row:
    return next(row for row in rows(pairs, seed=1) if row.name.startswith(name))


def test_every_row_is_ours_beside_the_articles_with_its_ratio() -> None:
    pairs = _pairs()

    hero, cost, words = (_row(pairs, name) for name in ("hero image, median", "cost of", "wrong words, as"))

    assert hero.ratio and cost.ratio and hero.ratio.low == pytest.approx(0.8, abs=0.002)
    assert [hero.ratio.value, cost.ratio.value] == pytest.approx([0.8, 0.5])
    assert [hero.article_ratio, cost.article_ratio, words.article_ratio] == pytest.approx([21 / 27, 29 / 42, 4 / 18])
    assert (words.before_of, words.after_of) == ((20, 20), (0, 20))
    assert words.ratio is None, "of no hit at all there is no ratio to trust"
    assert cost.before and cost.before.value == pytest.approx(10.0)


def test_the_masked_pass_is_measured_against_the_first_final_of_the_jobs_that_took_it() -> None:
    masked = _row(_pairs(), "extra compute")

    assert masked.after and masked.after.value == pytest.approx(0.12)
    assert masked.after_of == (1, 20)


def test_a_painter_in_a_hurry_gets_rows_that_put_its_time_back_and_a_real_one_does_not() -> None:
    real = [row.name for row in rows(_pairs(), seed=1)]
    quick = {"painting_ms": 400, "short_ms": 13_600}
    hurried = [
        pair.model_copy(
            update={
                "before": pair.before.model_copy(update=quick | {"first_short_ms": 13_600}),
                "after": pair.after.model_copy(update=quick | {"first_short_ms": 1_750}),
            }
        )
        for pair in _pairs()
    ]

    hero, look = (_row(hurried, name) for name in ("hero image, at billed", "first look, at billed"))

    assert not [name for name in real if "billed" in name]
    assert hero.before and look.before and look.after
    assert hero.before.value == pytest.approx(1047.5 + 13_600)
    assert (look.before.value, look.after.value) == (13_700, 1_850)


def test_nothing_done_yet_is_a_report_without_figures() -> None:
    assert all(row.before is None and row.after is None for row in rows([], seed=1))


def _report(*, simulated: bool = True) -> evidence.EvidenceReport:
    trial = _trial(Scripted([b"wrong", b"right"]), complaints=1)
    trial.pairs = _pairs()
    trial.painters["before"] = {("flagship", "r1", simulated): 20}
    return evidence.report(
        trial,
        presscheck="0",
        made_at=datetime(2026, 11, 23, tzinfo=UTC),
        interrupted=False,
        stack=StackFacts(api_url="http://127.0.0.1:1", local=True, profile="simulated", policy_version=2),
        workload="f" * 64,
        jobs=20,
        seed=1,
        load=Load(concurrency=2),
        flagship="flagship",
        habits=Habits(),
    )


def test_a_simulation_says_first_of_all_that_it_is_no_evidence_about_models() -> None:
    simulated, real = _report(), _report(simulated=False)

    assert "no evidence about real models" in simulated.notes[0]
    assert not [note for note in real.notes if "simulator" in note]
    assert "flagship r1 (simulated)" in grids.of_evidence(simulated)[0].below


def test_the_page_shows_the_article_beside_ours_and_loads_nothing() -> None:
    html = evidence_page(_report())

    assert html.count("<svg") == 4
    assert "27 s → 21 s" in html
    assert "no evidence about real models" in html
    assert not re.findall(r"(?:src|href|url\()\s*=?\s*[\"']?(?:https?:)?//", html)


def test_json_survives_the_way_there_and_back() -> None:
    report = _report()

    assert evidence.EvidenceReport.model_validate_json(report.model_dump_json()) == report


def test_the_json_schema_in_events_is_that_of_the_code() -> None:
    """Write it anew with `python tests/test_evidence.py`."""
    assert json.loads((EVENTS / "evidence.schema.json").read_text()) == schema()


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def test_a_stack_elsewhere_must_say_where_its_endpoints_are(tmp_path: Path) -> None:
    result = Terminal(tmp_path, stack=Ready())("evidence", "--jobs", "3")

    assert result.exit_code == 2
    assert "--bucket and --endpoint-prefix" in result.stderr


def schema() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **evidence.EvidenceReport.model_json_schema(mode="serialization"),
    }


if __name__ == "__main__":
    (EVENTS / "evidence.schema.json").write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
