"""The story of a batch, with real modules over moto; the map, the bus and the models are played."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from shared.allowances import Allowances
from shared.batchfiles import BatchFiles, incoming_key
from shared.batchviews import batch_view
from shared.errors import InvalidRequest, NotFound
from shared.keys import Keys
from shared.models import (
    Announcement,
    Batch,
    BatchReply,
    BatchRequest,
    BatchStatus,
    Finalize,
    Job,
    Limits,
    RowItem,
    RowResult,
    RowsTask,
    Stage,
)
from shared.outlets import Announcer
from shared.pipeline.batches.arrivals import Arrivals
from shared.pipeline.batches.closing import Closing
from shared.pipeline.batches.conveyor import Conveyor, job_id_of
from shared.pipeline.batches.reading import Reading
from shared.pipeline.batches.sweeping import MAX_REDRIVES, BatchSweep
from shared.pipeline.batches.telling import BatchNews
from tests.conftest import Clock
from tests.test_pipeline import Studio
from tests.world import DESIGNER, STRANGER, Resources

PATIENCE = timedelta(minutes=10)
HEADER = "prompt,use_case,size,seed,finalize,expected_text\n"
GOOD = "a sunny beach,hero,256x256,{seed},draft_only,\n"


class FakeBatchWorkflow:
    def __init__(self) -> None:
        self.started: list[str] = []
        self.lives: Any = "running"

    def start(self, batch: Batch) -> None:
        self.started.append(f"{batch.id}-r{batch.redrives}" if batch.redrives else batch.id)

    def state(self, batch: Batch) -> Any:
        return self.lives


class PressRoom(Studio):
    """A studio that also takes batches."""

    def __init__(self, aws: Resources, clock: Clock) -> None:
        super().__init__(aws, clock)
        self.bucket, self.s3 = aws.settings.bucket_name, boto3.client("s3")
        self.bulk = aws.settings.bulk_queue_url
        self.bus: list[tuple[str, dict[str, Any]]] = []
        files = BatchFiles(self.s3, self.bucket, url_ttl_s=600)
        announcer = Announcer(self, bus="jobs")  # type: ignore[arg-type]  # it calls `put_events` and nothing else
        self.batch_workflow: Any = FakeBatchWorkflow()
        self.arrivals = Arrivals(
            ledger=self.ledger, files=files, workflow=self.batch_workflow, waits=self.waits, announcer=announcer,
            destinations=self.submissions.destinations, upload_patience=timedelta(hours=1), clock=clock,
        )  # fmt: skip
        self.closing = Closing(ledger=self.ledger, files=files, announcer=announcer, clock=clock)
        self.reading = Reading(
            ledger=self.ledger, files=files, submissions=self.submissions, closing=self.closing, max_rows=500,
            max_bytes=1_000_000,
        )  # fmt: skip
        self.conveyor = Conveyor(
            ledger=self.ledger, submissions=self.submissions, decisions=self.decisions, waits=self.waits, in_flight=3,
            clock=clock,
        )  # fmt: skip
        self.batch_sweep = BatchSweep(
            ledger=self.ledger, workflow=self.batch_workflow, waits=self.waits, arrivals=self.arrivals,
            closing=self.closing, patience=PATIENCE, clock=clock,
        )  # fmt: skip
        for tenant in ("acme", "rival"):
            Keys(self.ledger, clock=clock).issue(tenant, "dana")

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        self.bus += [(entry["DetailType"], json.loads(entry["Detail"])) for entry in Entries]
        return {"FailedEntryCount": 0, "Entries": []}

    # ── what AWS would do ────────────────────────────────────────────────────────────────────────

    def drop(self, text: str | bytes, name: str = "spring.csv", *, tenant: str = "acme") -> Batch:
        """Store a file, and tell of it."""
        key = f"batches/incoming/{tenant}/{name}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=text)
        batch = self.arrivals.arrived(key)
        assert batch is not None
        return batch

    def play(self, batch: Batch, *, until: str = "await") -> BatchReply:
        """The workflow up to its wait: inspect, the map in chunks of 3, look."""
        reply = self.reading.inspect(batch.id)
        if reply.next in {"csv", "jsonl"}:
            items = list(self._items(reply))
            for start in range(0, len(items), 3):
                self.reading.record(RowsTask(batch_id=batch.id, items=tuple(items[start : start + 3])))
            reply = self.conveyor.look(batch.id)
        assert reply.next == until, reply
        return reply

    def _items(self, reply: BatchReply) -> Iterator[RowItem]:
        text = self.s3.get_object(Bucket=reply.bucket, Key=reply.key)["Body"].read().decode()
        found = csv.DictReader(io.StringIO(text)) if reply.next == "csv" else map(json.loads, text.splitlines())
        return (RowItem(row=number, value=value) for number, value in enumerate(found, start=1))

    def work(self, batch: Batch, *, most: int = 1000) -> int:
        """Paint what is on the bulk lane, as it comes, and tell of each job; how many were painted."""
        painted = 0
        while painted < most and (waiting := self.on_bulk()):
            for job_id in waiting:
                job = self.ledger.job(job_id)
                reply = self.drafts(job)
                if reply.next == "finalize":
                    self.final(job)
                elif reply.next == "conclude":
                    self.milestones.conclude(job_id, "drafted" if reply.outcome == "drafted" else "failed")
                self.conveyor.moved(job_id)
                painted += 1
        return painted

    def on_bulk(self) -> list[str]:
        """Ids of the jobs on the bulk lane, taken from it."""
        messages = self.sqs.receive_message(QueueUrl=self.bulk, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.bulk, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["job_id"] for message in messages]

    def now(self, batch: Batch) -> Batch:
        return self.ledger.batches.find(batch.id)

    def lines(self, key: str | None) -> list[dict[str, Any]]:
        assert key is not None
        text = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def room(aws: Resources, clock: Clock) -> PressRoom:
    return PressRoom(aws, clock)


def table(good: int, *bad: str) -> str:
    return HEADER + "".join(GOOD.format(seed=seed) for seed in range(good)) + "".join(bad)


# ── from file to results ─────────────────────────────────────────────────────────────────────────


def test_a_dropped_table_ends_as_one_results_file_and_explained_errors(room: PressRoom) -> None:
    batch = room.drop(table(5, "a,hero,1x1,1,draft_only,\n", ",hero,256x256,1,draft_only,\n", "b,hero,,1,sometime,\n"))
    assert room.batch_workflow.started == [batch.id]

    room.play(batch)
    assert room.work(batch) == 5
    assert room.conveyor.look(batch.id).next == "finish"
    room.closing.finish(batch.id)

    done = room.now(batch)
    assert done.status is BatchStatus.COMPLETED
    assert done.request_counts == {"total": 8, "completed": 5, "failed": 3}
    results, errors = room.lines(done.output_key), room.lines(done.error_key)
    assert [line["row"] for line in results] == [1, 2, 3, 4, 5]
    assert all(line["status"] == "succeeded" and line["image_key"].startswith("images/acme/") for line in results)
    assert len({line["job_id"] for line in results}) == 5
    assert sum(line["cost_usd_micros"] for line in results) == done.counts.cost_usd_micros > 0
    assert [(line["row"], line["field"]) for line in errors] == [(6, "size"), (7, None), (8, "finalize")]
    assert "prompt" in errors[1]["reason"]
    assert [kind for kind, _ in room.bus] == ["batch.completed"]
    assert room.bus[0][1]["request_counts"]["completed"] == 5


def test_json_lines_are_bodies_of_jobs_and_a_bad_line_costs_only_itself(room: PressRoom) -> None:
    body = {"prompt": "a poster", "size": "256x256", "seed": 1, "finalize": "draft_only", "metadata": {"sku": "7"}}
    text = "\n".join([json.dumps(body), "{not json", "[]", json.dumps(body | {"seed": 2, "colour": "red"})])
    batch = room.drop(text, "spring.jsonl")

    room.play(batch)
    room.work(batch)
    room.conveyor.look(batch.id)
    room.closing.finish(batch.id)

    done = room.now(batch)
    assert [line["metadata"] for line in room.lines(done.output_key)] == [{"sku": "7"}]
    errors = room.lines(done.error_key)
    assert [(line["row"], line["field"]) for line in errors] == [(2, None), (3, None), (4, "colour")]
    assert "is not JSON" in errors[0]["reason"]


def test_variables_of_a_table_become_what_the_template_declares(room: PressRoom) -> None:
    text = "template,variables.headline,variables.discount,finalize\n" + "poster,SALE,x,draft_only\n"
    batch = room.drop(text)
    room.play(batch, until="finish")

    room.closing.finish(batch.id)

    (error,) = room.lines(room.now(batch).error_key)
    assert error["field"] == "variables.discount"


def test_a_formula_in_a_cell_is_data_from_the_file_to_the_results(room: PressRoom) -> None:
    prompt = '=HYPERLINK("http://x","y")'
    batch = room.drop(
        'prompt,size,finalize,metadata.note\n"' + prompt.replace('"', '""') + '",256x256,draft_only,@SUM(A1)\n'
    )
    room.play(batch)
    room.work(batch)
    room.conveyor.look(batch.id)

    room.closing.finish(batch.id)

    done = room.now(batch)
    (line,) = room.lines(done.output_key)
    assert room.ledger.job(line["job_id"]).request.prompt == prompt
    assert line["metadata"] == {"note": "@SUM(A1)"}
    assert done.output_key is not None and done.output_key.endswith(".jsonl"), "we write no CSV at all"


def test_off_peak_is_a_batchs_default_and_a_row_may_say_otherwise(room: PressRoom) -> None:
    batch = room.drop("prompt,size,finalize\na,256x256,\nb,256x256,draft_only\n")
    room.play(batch)

    finalize = {room.ledger.job(job_id).request.finalize for job_id in room.on_bulk()}

    assert finalize == {Finalize.OFF_PEAK, Finalize.DRAFT_ONLY}


# ── one file, one batch ──────────────────────────────────────────────────────────────────────────


def test_duplicate_events_and_repeated_uploads_of_a_file_are_one_batch(room: PressRoom) -> None:
    first = room.drop(table(2))
    again = room.arrivals.arrived("batches/incoming/acme/spring.csv")
    uploaded_again = room.drop(table(2))
    other_bytes, other_name = room.drop(table(3)), room.drop(table(2), "autumn.csv")

    assert again is not None and {first.id, again.id, uploaded_again.id} == {first.id}
    assert len({first.id, other_bytes.id, other_name.id}) == 3
    assert set(room.batch_workflow.started) == {first.id, other_bytes.id, other_name.id}


def test_a_workflow_that_starts_over_makes_no_row_a_second_job(room: PressRoom) -> None:
    batch = room.drop(table(5, "bad,hero,1x1,1,,\n"))
    items = list(room._items(room.reading.inspect(batch.id)))
    for chunk in (items[:4], items[:4], items[2:], items):  # repeated, and cut differently
        room.reading.record(RowsTask(batch_id=batch.id, items=tuple(chunk)))

    room.conveyor.look(batch.id)
    assert room.reading.inspect(batch.id).next == "again"
    room.conveyor.look(batch.id)
    room.work(batch)

    counts = room.now(batch).counts
    assert (counts.accepted, counts.refused, counts.released, counts.done) == (5, 1, 5, 5)
    assert len(room.ledger.jobs("acme").jobs) == 5


def test_an_asked_for_batch_waits_for_its_file_and_takes_it_once(room: PressRoom) -> None:
    batch, upload = room.arrivals.create(DESIGNER, BatchRequest(finalize=Finalize.DRAFT_ONLY, metadata={"who": "me"}))
    key = incoming_key("acme", batch.id, "csv")
    assert key in upload.url and upload.headers == {"content-type": "text/csv"}

    room.s3.put_object(Bucket=room.bucket, Key=key, Body="prompt,size\na,256x256\n")
    first = room.arrivals.arrived(key)
    room.s3.put_object(Bucket=room.bucket, Key=key, Body="prompt,size\nsomething else,256x256\n")
    second = room.arrivals.arrived(key)

    assert first is not None and second is not None
    assert first.id == second.id == batch.id
    assert second.file == first.file
    assert set(room.batch_workflow.started) == {batch.id}


def test_an_upload_that_never_comes_expires_the_batch(room: PressRoom) -> None:
    batch, _ = room.arrivals.create(DESIGNER, BatchRequest())

    assert room.batch_sweep.run() == {}
    room.clock.forward(hours=1, seconds=1)
    assert room.batch_sweep.run() == {"expired": 1}

    assert room.now(batch).status is BatchStatus.EXPIRED
    assert room.batch_sweep.run() == {}


# ── tenants ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "key", ["batches/incoming/nobody/a.csv", "batches/incoming/a.csv", "batches/incoming/acme/folder/"]
)
def test_a_file_of_nobody_starts_nothing(room: PressRoom, key: str) -> None:
    room.s3.put_object(Bucket=room.bucket, Key=key, Body=table(1))

    assert room.arrivals.arrived(key) is None
    assert room.batch_workflow.started == []


def test_a_batch_and_its_files_belong_to_the_tenant_of_the_prefix(room: PressRoom) -> None:
    batch = room.drop(table(1), tenant="rival")
    room.play(batch)
    room.work(batch)
    room.conveyor.look(batch.id)
    room.closing.finish(batch.id)

    done = room.now(batch)
    assert done.output_key is not None and done.output_key.startswith("batches/results/rival/")
    assert room.ledger.job(job_id_of(batch, 1)).tenant == "rival"
    assert room.arrivals.page(DESIGNER, limit=10).batches == ()
    for reach in (room.arrivals.find, room.arrivals.cancel):
        with pytest.raises(NotFound):
            reach(DESIGNER, batch.id)


def test_another_tenants_batch_id_in_a_file_name_reaches_nothing(room: PressRoom) -> None:
    batch, _ = room.arrivals.create(DESIGNER, BatchRequest())

    other = room.drop(table(1), f"{batch.id}.csv", tenant="rival")

    assert other.id != batch.id and other.tenant == "rival"
    assert room.now(batch).file is None


def test_batches_are_listed_newest_first_in_pages_nobody_else_can_turn(room: PressRoom) -> None:
    ids = []
    for _ in range(3):
        ids.append(room.arrivals.create(DESIGNER, BatchRequest())[0].id)
        room.clock.forward(seconds=1)

    first = room.arrivals.page(DESIGNER, limit=2)
    second = room.arrivals.page(DESIGNER, limit=2, cursor=first.cursor)

    assert [batch.id for batch in (*first.batches, *second.batches)] == ids[::-1]
    with pytest.raises(InvalidRequest):
        room.arrivals.page(STRANGER, limit=2, cursor=first.cursor)


# ── files that cannot be read ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "", "empty"),
        ("a.txt", table(1), "unknown_format"),
        ("a.csv", "promt\nx\n", "wrong_header"),
        ("a.csv", b"\x1f\x8b\x08 bomb", "compressed"),
        ("a.csv", HEADER + "x" * 2_000_000, "too_large"),
        ("a.csv", table(501), "too_many_rows"),
        ("a.csv", HEADER.encode() + b"caf\xe9,,,,,\n", "not_utf8"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_fails_the_batch_with_its_reason_and_paints_nothing(
    room: PressRoom, name: str, text: str | bytes, code: str
) -> None:
    batch = room.drop(text, name)

    room.play(batch, until="end")

    failed = room.now(batch)
    assert failed.status is BatchStatus.FAILED
    assert [problem.code for problem in failed.problems] == [code]
    assert [line["code"] for line in room.lines(failed.error_key)] == [code]
    assert room.on_bulk() == [] and room.ledger.jobs("acme").jobs == ()
    assert [detail["status"] for kind, detail in room.bus if kind == "batch.completed"] == ["failed"]


def test_a_file_of_bad_rows_only_is_over_at_once(room: PressRoom) -> None:
    batch = room.drop(table(0, "a,hero,1x1,1,,\n", "b,hero,2x2,1,,\n"))

    room.play(batch, until="finish")
    room.closing.finish(batch.id)

    done = room.now(batch)
    assert (done.status, done.output_key) == (BatchStatus.COMPLETED, None)
    assert done.request_counts == {"total": 2, "completed": 0, "failed": 2}


# ── the pace ─────────────────────────────────────────────────────────────────────────────────────


def test_never_more_jobs_ask_for_painters_than_there_is_room_for(room: PressRoom) -> None:
    batch = room.drop(table(10))
    room.play(batch)

    first = room.on_bulk()
    assert len(first) == 3 == room.now(batch).counts.in_flight
    for _ in range(4):
        room.conveyor.look(batch.id)  # nothing ended: nothing more starts
    assert room.on_bulk() == []
    room.milestones.conclude(first[0], "failed")
    for _ in range(3):
        room.conveyor.moved(first[0])  # told three times, counted once

    assert len(room.on_bulk()) == 1
    assert room.now(batch).counts.in_flight == 3
    assert room.queued() == [], "a batch never takes the interactive lane"


def test_two_batches_share_the_room(room: PressRoom) -> None:
    one, two = room.drop(table(5)), room.drop(table(5), "other.csv")
    room.play(one)
    room.play(two)

    assert len(room.on_bulk()) <= 3


def test_a_job_that_waits_for_the_night_makes_room_and_is_spread_over_the_window(room: PressRoom) -> None:
    batch = room.drop("prompt,size\n" + "".join(f"poster {n},256x256\n" for n in range(8)))
    room.play(batch)

    assert room.work(batch) == 8

    counts = room.now(batch).counts
    assert (counts.resting, counts.in_flight, counts.ended) == (8, 0, 0)
    starts = [room.milestones.settle(job_id_of(batch, row)).resume_at for row in range(1, 9)]
    assert all((start is not None and start.hour >= 20) or start.hour < 4 for start in starts if start)
    assert len(set(starts)) == 8
    assert starts == [room.milestones.settle(job_id_of(batch, row)).resume_at for row in range(1, 9)]
    for row in range(1, 9):
        room.final(room.ledger.job(job_id_of(batch, row)))
        room.conveyor.moved(job_id_of(batch, row))
    assert room.now(batch).counts.done == 8
    assert room.conveyor.look(batch.id).next == "finish"


def test_the_last_job_wakes_the_workflow_wherever_its_ticket_is(room: PressRoom) -> None:
    batch = room.drop(table(2))
    ticket = room.play(batch).ticket
    room.waits.park(ticket, "token-1")

    room.work(batch)

    assert "token-1" in room.workflow.woken


def test_rows_wait_for_the_tenants_quota_instead_of_failing(room: PressRoom) -> None:
    limits = Limits(requests_per_s=9, burst=9, jobs_per_day=2, usd_micros_per_day=10**9, open_jobs=100)
    allowed = Allowances(room.ledger, limits=limits, clock=room.clock)
    room.conveyor = replace(room.conveyor, submissions=replace(room.submissions, allowances=allowed))
    batch = room.drop(table(4))
    room.play(batch)
    assert room.work(batch) == 2

    assert room.conveyor.look(batch.id).next == "await"
    assert room.work(batch) == 0
    room.clock.forward(days=1)
    room.conveyor.look(batch.id)

    assert room.work(batch) == 2
    assert room.now(batch).counts.done == 4


def test_a_row_that_can_no_longer_be_a_job_fails_alone(room: PressRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine when it was read; its picture to start from is gone when its turn comes."""
    digest = room.images.store("acme", _png()).sha256
    rows = "prompt,size,finalize,init_image\na,,draft_only," + digest + "\nb,256x256,draft_only,\n"
    batch = room.drop(rows)
    items = list(room._items(room.reading.inspect(batch.id)))
    room.reading.record(RowsTask(batch_id=batch.id, items=tuple(items)))
    room.s3.delete_object(Bucket=room.bucket, Key=f"images/acme/{digest[:2]}/{digest}")

    room.conveyor.look(batch.id)
    room.work(batch)
    room.conveyor.look(batch.id)
    room.closing.finish(batch.id)

    results = room.lines(room.now(batch).output_key)
    assert [(line["row"], line["status"]) for line in results] == [(1, "failed"), (2, "succeeded")]
    assert results[0]["error"]["code"] == "not_found" and results[0]["job_id"] is None


def _png() -> bytes:
    from tests.world import picture

    return picture(1, size=(256, 256))


# ── cancel ───────────────────────────────────────────────────────────────────────────────────────


def test_cancel_starts_nothing_more_stops_what_runs_and_keeps_what_is_done(room: PressRoom) -> None:
    batch = room.drop(table(8))
    ticket = room.play(batch).ticket
    room.waits.park(ticket, "token-1")
    first = room.on_bulk()
    room.milestones.conclude(first[0], "failed")
    room.conveyor.moved(first[0])
    running = [*first[1:], *room.on_bulk()]

    assert room.arrivals.cancel(DESIGNER, batch.id).status is BatchStatus.CANCELLING
    assert "token-1" in room.workflow.woken
    assert room.conveyor.look(batch.id).next == "finish"
    room.closing.finish(batch.id)

    done = room.now(batch)
    assert done.status is BatchStatus.CANCELLED
    assert room.on_bulk() == []
    assert {room.ledger.job(job_id).stage for job_id in running} == {Stage.CANCELED}
    assert set(room.workflow.stopped) == set(running)
    statuses = [line["status"] for line in room.lines(done.output_key)]
    assert statuses.count("canceled") == 7 and statuses.count("failed") == 1 and len(statuses) == 8
    view = batch_view(done, link=lambda key: key, base_url="http://x", now=room.clock())
    assert (view.stages.canceled, view.stages.waiting, view.stages.in_flight) == (7, 0, 0)
    assert room.arrivals.cancel(DESIGNER, batch.id).status is BatchStatus.CANCELLED


def test_cancel_before_the_file_or_while_it_is_read_starts_nothing(room: PressRoom) -> None:
    waiting, _ = room.arrivals.create(DESIGNER, BatchRequest())
    assert room.arrivals.cancel(DESIGNER, waiting.id).status is BatchStatus.CANCELLED

    batch = room.drop(table(6))
    items = list(room._items(room.reading.inspect(batch.id)))
    room.reading.record(RowsTask(batch_id=batch.id, items=tuple(items[:3])))
    room.arrivals.cancel(DESIGNER, batch.id)
    room.reading.record(RowsTask(batch_id=batch.id, items=tuple(items[3:])))

    assert room.conveyor.look(batch.id).next == "finish"
    room.closing.finish(batch.id)
    assert room.now(batch).status is BatchStatus.CANCELLED
    assert room.on_bulk() == []


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


def test_an_end_that_was_never_announced_is_noticed(room: PressRoom) -> None:
    batch = room.drop(table(3))
    ticket = room.play(batch).ticket
    room.waits.park(ticket, "token-1")
    for job_id in room.on_bulk():
        room.milestones.conclude(job_id, "failed")  # and nobody tells

    assert room.batch_sweep.run() == {}
    room.clock.forward(minutes=11)
    assert room.batch_sweep.run() == {"woken": 1}
    assert "token-1" in room.workflow.woken
    assert room.conveyor.look(batch.id).next == "finish"


def test_a_row_that_was_claimed_by_somebody_who_died_is_started_by_the_next_look(room: PressRoom) -> None:
    batch = room.drop(table(2))
    items = list(room._items(room.reading.inspect(batch.id)))
    room.reading.record(RowsTask(batch_id=batch.id, items=tuple(items)))
    claimed = room.ledger.rows.release(batch.id, most=2)

    assert [row.row for row in claimed] == [1, 2]
    assert room.on_bulk() == []
    room.conveyor.look(batch.id)

    assert sorted(room.on_bulk()) == sorted(job_id_of(batch, row) for row in (1, 2))


def test_a_look_that_runs_out_of_time_goes_on_where_it_stopped(room: PressRoom) -> None:
    batch = room.drop("prompt,size\n" + "".join(f"poster {n},256x256\n" for n in range(6)))
    room.play(batch)
    room.work(batch)
    ticks = iter(range(0, 100_000, 90))  # every look at the clock takes a minute and a half
    begin = room.clock()
    slow = replace(room.conveyor, clock=lambda: begin + timedelta(seconds=next(ticks)))

    assert slow.look(batch.id).next == "await"
    stopped_at = room.now(batch).looked_to
    room.arrivals.cancel(DESIGNER, batch.id)
    words = [slow.look(batch.id).next for _ in range(3)]

    assert stopped_at == 2
    assert words == ["again", "again", "finish"]
    assert room.now(batch).counts.canceled == 6


def test_a_lost_workflow_is_started_again_and_given_up_after_six_times(room: PressRoom) -> None:
    batch = room.drop(table(2))
    room.batch_workflow.lives = "ended"

    for _ in range(MAX_REDRIVES + 1):
        room.clock.forward(minutes=11)
        room.batch_sweep.run()

    assert room.batch_workflow.started == [batch.id, *(f"{batch.id}-r{n}" for n in range(1, MAX_REDRIVES + 1))]
    assert [problem.code for problem in room.now(batch).problems] == ["workflow_lost"]


def test_the_end_of_a_row_is_counted_once_however_often_and_in_whatever_order_it_is_told(room: PressRoom) -> None:
    batch = room.drop(table(1))
    room.play(batch)
    store, result = room.ledger.rows, RowResult(row=1, status="succeeded", stage="done", cost_usd_micros=7)

    assert store.rest(batch.id, 1) and not store.rest(batch.id, 1)
    assert store.end(batch.id, result) and not store.end(batch.id, result)
    assert not store.rest(batch.id, 1)

    counts = room.now(batch).counts
    assert (counts.left, counts.done, counts.cost_usd_micros) == (1, 1, 7)


def test_finishing_twice_writes_the_same_files_and_tells_once(room: PressRoom) -> None:
    batch = room.drop(table(2))
    room.play(batch)
    room.work(batch)
    room.conveyor.look(batch.id)

    for _ in range(2):
        room.closing.finish(batch.id)

    assert [kind for kind, _ in room.bus] == ["batch.completed"]


class Drain:
    """S3 that takes an upload a megabyte at a time and keeps only its length."""

    def __init__(self) -> None:
        self.taken = 0

    def upload_fileobj(self, stream: io.RawIOBase, *_: Any, **__: Any) -> None:
        while part := stream.read(1024 * 1024):
            self.taken += len(part)


def test_results_of_a_hundred_thousand_rows_pass_by() -> None:
    drain = Drain()
    line = RowResult(row=1, status="succeeded", stage="done", image_key="images/acme/" + "a" * 64).model_dump_json()
    tracemalloc.start()
    BatchFiles(drain, "images", url_ttl_s=600).write("results.jsonl", (line + "\n" for _ in range(100_000)))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert drain.taken == (len(line) + 1) * 100_000
    assert peak < 6_000_000 < drain.taken


def test_a_long_file_is_written_in_parts_and_whole(room: PressRoom) -> None:
    key = "batches/results/acme/many.jsonl"
    BatchFiles(room.s3, room.bucket, url_ttl_s=600).write(key, (f'{{"row":{row}}}\n' for row in range(800_000)))

    reply = room.s3.get_object(Bucket=room.bucket, Key=key)
    assert reply["ETag"].strip('"').endswith("-2"), "two parts"
    assert reply["Body"].read().splitlines()[-1] == b'{"row":799999}'


# ── OpenAI's shape ───────────────────────────────────────────────────────────────────────────────


def test_the_batch_object_is_openais(room: PressRoom) -> None:
    from openai.types import Batch as OpenAIBatch

    batch = room.drop(table(6, "bad,hero,1x1,1,,\n"))
    room.play(batch)
    room.work(batch)
    middle = batch_view(room.now(batch), link=lambda key: key, base_url="http://x", now=room.clock())
    room.conveyor.look(batch.id)
    room.closing.finish(batch.id)

    view = batch_view(room.now(batch), link=lambda key: f"https://s3/{key}", base_url="http://x", now=room.clock())

    theirs = OpenAIBatch.model_validate(json.loads(view.model_dump_json()), strict=True)
    assert theirs.request_counts is not None
    assert (theirs.request_counts.total, theirs.request_counts.failed) == (7, 1)
    assert theirs.status == "completed" and theirs.output_file_id == room.now(batch).output_key
    assert view.output_file_url == f"https://s3/{view.output_file_id}"
    assert middle.eta is not None


def test_whoever_asked_to_be_told_gets_the_batch_object_when_it_is_over(room: PressRoom) -> None:
    asked = BatchRequest.model_validate({"webhook": "http://127.0.0.1:1/told", "format": "jsonl"})
    batch, _ = room.arrivals.create(DESIGNER, asked, base_url="https://api.test/prod")
    key = incoming_key("acme", batch.id, "jsonl")
    room.s3.put_object(Bucket=room.bucket, Key=key, Body=b'{"prompt": "a", "size": "1x1"}')
    room.arrivals.arrived(key)
    room.play(batch, until="finish")
    room.closing.finish(batch.id)
    ((_, detail),) = room.bus
    assert detail["webhook"] is True

    news = BatchNews(ledger=room.ledger, link=lambda key: key, clock=room.clock)(Announcement.model_validate(detail))

    assert news is not None and (news.tenant, news.url) == ("acme", "http://127.0.0.1:1/told")
    body = news.body()
    assert (body["type"], body["data"]["id"], body["data"]["status"]) == ("batch.completed", batch.id, "completed")
    assert body["data"]["urls"]["get"] == f"https://api.test/prod/v1/batches/{batch.id}"
    assert Announcement.model_validate(detail).event == "batch.completed"


def test_a_jobs_batch_and_row_are_in_its_record(room: PressRoom) -> None:
    batch = room.drop(table(1))
    room.play(batch)

    job: Job = room.ledger.job(room.on_bulk()[0])

    assert job.batch is not None and (job.batch.id, job.batch.row) == (batch.id, 1)
    assert room.ledger.events(job.id)[0].data["batch"] == {"id": batch.id, "row": 1}
    assert room.intact(job)
