"""Files of batches: what is taken, what is refused and why, and what a cell means."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.batchfile import MAX_ROW_BYTES, UNREADABLE, BatchRejected, Scan, body_of, copied, inspect
from shared.models import BatchFormat, JobRequest

HEADER = "prompt,seed,size\n"


def scan(text: str | bytes, *, kind: BatchFormat = "csv", range_bytes: int = 7, max_rows: int = 1000) -> Scan:
    """Look through a file that comes in small ranges."""
    return inspect(_ranges(text, range_bytes), format=kind, max_rows=max_rows)


def refused(text: str | bytes, **how: Any) -> tuple[str, int | None]:
    with pytest.raises(BatchRejected) as caught:
        scan(text, **how)
    return caught.value.problem.code, caught.value.problem.row


def _ranges(text: str | bytes, size: int) -> Iterator[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return (data[start : start + size] for start in range(0, len(data), size))


def test_a_plain_table_is_read_as_it_is() -> None:
    assert scan(HEADER + 'a sunny beach,1,256x256\n"two\nlines, quoted",2,\n') == Scan(rows=2, plain=True)


def test_the_last_row_needs_no_line_break_and_windows_line_ends_are_fine() -> None:
    assert scan("prompt\r\none\r\ntwo") == Scan(rows=2, plain=True)


def test_rows_of_nothing_but_commas_do_not_count() -> None:
    assert scan(HEADER + "a,1,\n,,\n , ,\nb,2,\n").rows == 2


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ("", "empty", None),
        ("\n\n", "empty", None),
        (HEADER, "empty", None),
        ("promt,seed\nx,1\n", "wrong_header", None),
        ("a sunny beach,1,256x256\n", "wrong_header", None),
        ("seed,size\n1,2\n", "wrong_header", None),
        ("prompt,prompt\na,b\n", "wrong_header", None),
        ("prompt,\na,b\n", "wrong_header", None),
        ("prompt,seed.x\na,b\n", "wrong_header", None),
        ("prompt," + "metadata." + "k" * 11_000 + "\na,b\n", "wrong_header", None),
        (gzip.compress(b"prompt\nx\n", mtime=0), "compressed", None),
        (b"PK\x03\x04" + bytes(100), "compressed", None),
        ((HEADER + "a,1,\n").encode("utf-16"), "not_utf8", None),
        (HEADER.encode() + b"a,1,\n" + "café,2,\n".encode("latin-1"), "not_utf8", 2),
        (HEADER.encode() + b"a,1,\n\x00\x01\x02,2,\n", "binary", 2),
        (HEADER + 'a,1,\n"never closed,2,\nb,3,\n', "malformed_csv", 2),
        (HEADER + 'a,1,\n"closed" too early,2,\n', "malformed_csv", 2),
        (HEADER + "a,1,\n" + "x" * (MAX_ROW_BYTES + 1), "row_too_long", 2),
        (HEADER + "a,1,\n" + '"' + "x\n" * MAX_ROW_BYTES + '"', "row_too_long", 2),
        (HEADER + "a,1,\n" * 11, "too_many_rows", None),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_the_row_to_blame(
    text: str | bytes, code: str, row: int | None
) -> None:
    assert refused(text, max_rows=10, range_bytes=4096) == (code, row)


def test_a_wrong_column_is_named_with_what_was_probably_meant() -> None:
    with pytest.raises(
        BatchRejected, match=r'column 2: "expected_txt" is no field of a job; did you mean "expected_text"'
    ):
        scan("prompt,expected_txt\na,b\n")


def test_a_line_of_fifty_megabytes_is_refused_without_being_held() -> None:
    line = (b"x" * 1_000_000 for _ in range(50))
    tracemalloc.start()
    with pytest.raises(BatchRejected, match="row 1 is longer"):
        inspect(_chain(HEADER.encode(), line), format="csv", max_rows=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


def test_ten_thousand_rows_take_no_more_memory_than_a_hundred() -> None:
    def peak(rows: int) -> int:
        ranges = _chain(HEADER.encode(), (b"a sunny beach,%d,256x256\n" % n for n in range(rows)))
        tracemalloc.start()
        assert inspect(ranges, format="csv", max_rows=rows).rows == rows
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)  # caches fill once
    assert peak(10_000) < peak(100) + 50_000


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def test_rows_that_the_map_would_stumble_over_are_replaced_in_a_copy_and_the_others_are_not() -> None:
    text = HEADER + "a,1,\nb,2,256x256,and more\n\nc,3,\n"

    found = scan(text)
    rows = [json.loads(line) for line in copied(_ranges(text, 5), format="csv")]

    assert found == Scan(rows=3, plain=False)
    assert rows[0] == {"prompt": "a", "seed": "1", "size": ""}
    assert UNREADABLE in rows[1] and "4 cells where the header names 3" in rows[1][UNREADABLE]
    assert rows[2]["prompt"] == "c"


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    text = b"\xef\xbb\xbf" + b'"prompt",seed\na,1\n'

    assert scan(text) == Scan(rows=1, plain=False)
    assert [json.loads(line) for line in copied([text], format="csv")] == [{"prompt": "a", "seed": "1"}]


def test_a_line_that_is_no_json_costs_only_itself() -> None:
    text = '{"prompt":"a"}\n{"prompt":\n{"seed":NaN}\n[1]\n'

    assert scan(text, kind="jsonl") == Scan(rows=4, plain=False)
    rows = [json.loads(line) for line in copied(_ranges(text, 9), format="jsonl")]
    assert [UNREADABLE in row for row in rows] == [False, True, True, False]


def test_plain_json_lines_are_read_as_they_are() -> None:
    assert scan('{"prompt":"a"}\n{"prompt":"b"}', kind="jsonl") == Scan(rows=2, plain=True)


def test_a_cell_is_read_as_what_its_field_holds() -> None:
    body = body_of(
        {
            "prompt": "a poster", "seed": "42", "drafts": "2", "guidance_scale": "7.5", "steps": "", "size": "256x256",
            "expected_text": "SALE; 50% OFF", "text_box": "0.1; 0.2; 0.3; 0.4", "tags": '["a; b", "c"]',
            "finalize": " draft_only ", "variables.headline": "50", "metadata.sku": "007",
        }
    )  # fmt: skip

    assert body == {
        "prompt": "a poster", "seed": 42, "drafts": 2, "guidance_scale": 7.5, "size": "256x256",
        "expected_text": ["SALE", "50% OFF"], "text_box": [0.1, 0.2, 0.3, 0.4], "tags": ["a; b", "c"],
        "finalize": "draft_only", "variables": {"headline": "50"}, "metadata": {"sku": "007"},
    }  # fmt: skip


def test_a_seed_may_be_a_name() -> None:
    assert body_of({"prompt": "a", "seed": "brand@3"})["seed"] == "brand@3"


def test_what_is_no_number_stays_text_for_the_jobs_rules_to_refuse() -> None:
    assert body_of({"prompt": "a", "drafts": "two"})["drafts"] == "two"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")'])
def test_a_formula_is_three_characters_a_designer_may_want(start: str) -> None:
    """Nothing evaluates a cell, and we write no CSV that a spreadsheet could evaluate."""
    prompt = f"{start}1+1 on a billboard"

    assert body_of({"prompt": prompt})["prompt"] == prompt.strip()
    assert JobRequest.model_validate(body_of({"prompt": prompt})).prompt == prompt.strip()


@given(st.lists(st.lists(st.text(max_size=20), min_size=3, max_size=3), min_size=1, max_size=20), st.integers(1, 50))
def test_whatever_a_table_holds_it_is_refused_with_a_reason_or_read_row_for_row(
    table: list[list[str]], range_bytes: int
) -> None:
    """What Python's csv writes, in UTF-8, is read back; what is no text is refused by name, never a crash."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["prompt", "seed", "metadata.note"], *table])
    data = buffer.getvalue().encode("utf-8", "surrogatepass")
    try:
        found = inspect(_ranges(data, range_bytes), format="csv", max_rows=100)
    except BatchRejected as rejected:
        assert rejected.problem.code in {"not_utf8", "binary", "empty", "malformed_csv"}
        return
    rows = [json.loads(line) for line in copied(_ranges(data, range_bytes), format="csv")]
    assert [list(row.values()) for row in rows] == [list(row) for row in table]
    assert found.rows == sum(any(cell.strip() for cell in row) for row in table)


@given(st.binary(max_size=400), st.sampled_from(["csv", "jsonl"]))
def test_no_bytes_crash_the_inspection(data: bytes, kind: BatchFormat) -> None:
    try:
        assert scan(data, kind=kind).rows > 0
    except BatchRejected as rejected:
        assert rejected.problem.message


@given(st.dictionaries(st.sampled_from([*JobRequest.model_fields, "variables.a", "metadata.b"]), st.text(max_size=30)))
def test_no_cell_crashes_the_reading(cells: dict[str, str]) -> None:
    body_of(cells)
