"""`presscheck audit …`: what is shown, what counts as broken, and a file that survives an interrupt."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.models import canonical_json, sha256_hex
from tests.cli_stack import JOB_ID, START, FakeStack, Terminal

Records = list[dict[str, Any]]


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def _record(number: int) -> dict[str, Any]:
    """The fake stack's job under another id: its seals made anew."""
    record = FakeStack().record()
    record["job_id"] = record["job"]["id"] = f"{JOB_ID[:-2]}{number:02d}"
    events = record["events"]
    events[1]["covers"]["JOB"] = _seal({**record["job"], "head": None})
    for place, event in enumerate(events):
        event |= {"job_id": record["job_id"], "prev": events[place - 1]["digest"] if place else "0" * 64}
        event["digest"] = _seal(event | {"digest": None})
    record["job"]["head"] = events[-1]["digest"]
    return record


def _seal(fields: dict[str, Any]) -> str:
    return sha256_hex(canonical_json({name: value for name, value in fields.items() if value is not None}))


def _page(records: Records, cursor: str | None = None) -> httpx.Response:
    page = {"tenant": "acme", "as_of": START.isoformat(), "records": records, "cursor": cursor}
    return httpx.Response(200, json=page)


def _answers(terminal: Terminal, *pages: httpx.Response | BaseException) -> None:
    def answer(page: httpx.Response | BaseException) -> Any:
        def give(_: httpx.Request) -> httpx.Response:
            if isinstance(page, BaseException):
                raise page
            return page

        return give

    terminal.stack.answers = [answer(page) for page in pages]


def _altered(record: dict[str, Any]) -> dict[str, Any]:
    record = copy.deepcopy(record)
    record["events"][1]["data"]["guidance"] = 9.0
    return record


# ── show ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_intact_chain_is_recomputed_here_and_exits_0(terminal: Terminal) -> None:
    result = terminal("audit", "show", "last")

    assert result.exit_code == 0, result.output
    assert "job.submitted" in result.stdout
    assert "✓ intact 2 events" in result.stdout


def test_a_changed_event_is_caught_even_if_the_stack_says_intact(terminal: Terminal) -> None:
    terminal.stack.answers = [lambda _: httpx.Response(200, json=_altered(FakeStack().record()))]

    result = terminal("audit", "show", JOB_ID)

    assert result.exit_code == 1
    assert "✗ altered event 2 was altered" in result.stdout
    assert "found by here" in result.stdout


def test_what_only_the_stack_can_see_counts_as_well(terminal: Terminal) -> None:
    broken = {"kind": "mismatched", "item": "JOB", "problem": "words of JOB is not what its document says"}
    terminal.stack.answers = [lambda _: httpx.Response(200, json=FakeStack().record() | {"breaks": [broken]})]

    result = terminal("audit", "show", JOB_ID, "--json")

    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["intact"]) == (1, False)
    assert shown["breaks"] == [broken | {"found_by": ["stack"]}]


def test_the_last_event_missing_is_caught(terminal: Terminal) -> None:
    record = FakeStack().record()
    record["events"].pop()
    terminal.stack.answers = [lambda _: httpx.Response(200, json=record)]

    result = terminal("audit", "show", JOB_ID)

    assert result.exit_code == 1
    assert "the job counts 2 events, 1 are there" in result.stdout


# ── verify ───────────────────────────────────────────────────────────────────────────────────────


def test_every_page_is_checked_and_the_broken_job_named(terminal: Terminal) -> None:
    _answers(terminal, _page([_record(1), _record(2)], "next"), _page([_altered(_record(3))]))

    result = terminal("audit", "verify", "--since", "2026-11-01")

    assert result.exit_code == 1
    assert f"Job {_record(3)['job_id']}" in result.stdout
    assert "✗ 1 broken of 3 jobs, 6 events" in result.stdout
    assert [dict(each.url.params) for each in terminal.stack.requests] == [
        {"since": "2026-11-01T00:00:00+00:00"},
        {"since": "2026-11-01T00:00:00+00:00", "cursor": "next"},
    ]


def test_json_of_an_unbroken_ledger(terminal: Terminal) -> None:
    _answers(terminal, _page([_record(1)]))

    result = terminal("audit", "verify", "--json")

    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report.pop("checked_at")
    assert report == {"intact": True, "jobs": 1, "events": 2, "broken": [], "since": None, "against": None}


def test_a_time_nobody_can_read_is_refused(terminal: Terminal) -> None:
    result = terminal("audit", "verify", "--since", "yesterday")

    assert result.exit_code == 2
    assert "7d, 24h, 30min" in result.stderr


def _exported(terminal: Terminal, file: Path, records: Records) -> None:
    _answers(terminal, _page(records))
    assert terminal("audit", "export", str(file)).exit_code == 0


def test_a_chain_written_anew_is_held_to_the_export(terminal: Terminal, tmp_path: Path) -> None:
    kept, rewritten = _record(1), _record(2)
    _exported(terminal, tmp_path / "then.jsonl", [kept, rewritten])
    forged = copy.deepcopy(rewritten)
    forged["events"][0]["actor"] = "mallory"
    forged["events"][0]["digest"] = forged["events"][1]["prev"] = _seal(forged["events"][0] | {"digest": None})
    forged["events"][1]["digest"] = forged["job"]["head"] = _seal(forged["events"][1] | {"digest": None})

    _answers(terminal, _page([kept, forged]))
    alone = terminal("audit", "verify")
    _answers(terminal, _page([kept, forged]))
    held = terminal("audit", "verify", "--against", str(tmp_path / "then.jsonl"), "--json")

    assert alone.exit_code == 0
    (broken,) = json.loads(held.stdout)["broken"]
    assert held.exit_code == 1
    assert broken["job_id"] == rewritten["job_id"]
    assert [each["kind"] for each in broken["breaks"]] == ["rewritten"]


def test_a_job_that_is_gone_or_hidden_is_missed(terminal: Terminal, tmp_path: Path) -> None:
    gone, hidden = _record(1), _record(2)
    _exported(terminal, tmp_path / "then.jsonl", [gone, hidden])
    nobody = httpx.Response(404, json={"error": {"message": "no job", "param": "id", "code": "not_found"}})
    _answers(terminal, _page([]), nobody, httpx.Response(200, json=hidden))

    result = terminal("audit", "verify", "--against", str(tmp_path / "then.jsonl"), "--json")

    found = {job["job_id"]: job["breaks"][0] for job in json.loads(result.stdout)["broken"]}
    assert found[gone["job_id"]]["kind"] == "dropped"
    assert found[hidden["job_id"]]["problem"] == "it is there, and hidden from the list"


def test_a_job_that_went_on_since_the_export_is_no_break(terminal: Terminal, tmp_path: Path) -> None:
    whole = _record(1)
    then = copy.deepcopy(whole)
    then["events"].pop()
    then["job"] |= {"seq": 1, "head": then["events"][0]["digest"]}
    _exported(terminal, tmp_path / "then.jsonl", [then])
    _answers(terminal, _page([whole]))

    assert terminal("audit", "verify", "--against", str(tmp_path / "then.jsonl")).exit_code == 0


# ── export ───────────────────────────────────────────────────────────────────────────────────────


def _check(file: Path) -> subprocess.CompletedProcess[str]:
    """With Python alone, as an auditor would."""
    recipe = file.with_suffix(".verify.py")
    return subprocess.run(
        [sys.executable, "-I", "-S", str(recipe), str(file)], capture_output=True, text=True, check=False
    )


def test_an_export_is_checked_with_python_alone(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    _answers(terminal, _page([_record(1)], "next"), _page([_record(2)]))

    result = terminal("audit", "export", str(file))

    assert result.exit_code == 0, result.output
    assert "2 jobs, 4 events" in result.stdout
    kinds = [json.loads(line)["kind"] for line in file.read_text().splitlines()]
    assert kinds == ["presscheck-audit", "job", "page", "job", "page", "seal"]
    assert (_check(file).returncode, _check(file).stdout) == (0, "everything holds\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [lines[0].replace("7.0", "9.0"), *lines[1:]], "was altered"),
        (lambda lines: lines[1:], "not that of these"),
        (lambda lines: lines[:-1], "no seal"),
        (lambda lines: [*lines[:-1], lines[-1][:20]], "not JSON"),
    ],
)
def test_whoever_changes_the_export_is_found(change: Any, said: str, terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    _exported(terminal, file, [_record(1), _record(2)])
    header, *lines = file.read_text().splitlines(keepends=True)
    file.write_text(header + "".join(change(lines)))

    checked = _check(file)

    assert checked.returncode == 1
    assert said in checked.stdout


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_an_interrupted_export_goes_on_and_is_the_same_in_the_end(cut: int, terminal: Terminal, tmp_path: Path) -> None:
    """`cut`: bytes of a line that was being written when the machine stopped."""
    records = [_record(number) for number in range(6)]
    file, whole = tmp_path / "cut.jsonl", tmp_path / "whole.jsonl"

    def pages() -> list[httpx.Response]:
        return [_page(records[:2], "a"), _page(records[2:4], "b"), _page(records[4:])]

    _answers(terminal, *pages())
    terminal("audit", "export", str(whole))

    _answers(terminal, *pages()[:2], KeyboardInterrupt())
    interrupted = terminal("audit", "export", str(file))
    with file.open("a") as out:
        out.write(json.dumps({"kind": "job", **records[4]})[:cut])
    _answers(terminal, pages()[2])
    resumed = terminal("audit", "export", str(file), "--json")

    assert interrupted.exit_code == 130
    assert "4 jobs are safe" in interrupted.stderr
    assert terminal.stack.requests[-1].url.params["cursor"] == "b"
    assert (json.loads(resumed.stdout)["resumed"], json.loads(resumed.stdout)["jobs"]) == (True, 6)
    assert file.read_text().splitlines()[1:] == whole.read_text().splitlines()[1:]
    assert _check(file).returncode == 0


def test_nothing_is_written_over_a_complete_export_or_another_file(terminal: Terminal, tmp_path: Path) -> None:
    file, notes = tmp_path / "all.jsonl", tmp_path / "notes.txt"
    _exported(terminal, file, [_record(1)])
    notes.write_text("dear diary\n")

    before = file.read_bytes()
    again, other = terminal("audit", "export", str(file)), terminal("audit", "export", str(notes))

    assert (again.exit_code, other.exit_code) == (1, 1)
    assert "is a complete export" in again.stderr
    assert "is no export of Presscheck's" in other.stderr
    assert (file.read_bytes(), notes.read_text()) == (before, "dear diary\n")


def test_an_unfinished_or_altered_export_is_nothing_to_hold_a_ledger_to(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "then.jsonl"
    _exported(terminal, file, [_record(1)])
    lines = file.read_text().splitlines(keepends=True)
    altered = "".join(lines).replace(_record(1)["job"]["head"], "0" * 64)

    file.write_text("".join(lines[:-1]))
    unfinished = terminal("audit", "verify", "--against", str(file))
    file.write_text(altered)
    changed = terminal("audit", "verify", "--against", str(file))

    assert "was not finished" in unfinished.stderr
    assert "is not what it was sealed as" in changed.stderr
