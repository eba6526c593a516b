"""The journal keeps what was accepted, for one process at a time; fault rules spend themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.local.sagemaker.faults import INFERENCE, NOTIFICATION, Faults, read_faults
from infra.local.sagemaker.invocation import Invocation
from infra.local.sagemaker.journal import Journal, Notice, StateInUse


def _invocation(inference_id: str) -> Invocation:
    return Invocation(
        endpoint="sketch",
        inference_id=inference_id,
        received_at=1.5,
        ttl_s=60,
        timeout_s=1,
        output_location="s3://bucket/o.out",
        failure_location=None,
        body=b"\x00\xff",
    )


def test_accepted_requests_survive_in_order_until_they_are_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    first, second, third = (journal.add(_invocation(name)) for name in ("a", "b", "c"))
    notice = Notice(
        seq=second, endpoint="sketch", inference_id="b", topic="arn", message="{}", copies=2, not_before=9.0
    )
    journal.finish(notice)
    journal.remove(first)
    journal.close()

    reopened = Journal(tmp_path / "state")

    assert reopened.unfinished() == [(third, _invocation("c"))]
    assert reopened.untold() == [notice]
    reopened.close()


def test_a_state_folder_belongs_to_one_stand_in(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    with pytest.raises(StateInUse, match="in use by another SageMaker stand-in"):
        Journal(tmp_path)

    journal.close()
    Journal(tmp_path).close()


def test_the_first_matching_rule_of_a_kind_acts_until_it_is_spent() -> None:
    faults = Faults()
    faults.replace(
        read_faults(
            b'[{"action": "drop", "endpoint": "sketch-*", "inference_id": "*-f-1", "count": 1},'
            b' {"action": "duplicate", "copies": 2}, {"action": "fail", "status": 507}]'
        )
    )

    def take(kind: frozenset[str], endpoint: str, inference_id: str) -> str | None:
        rule = faults.take(kind, endpoint=endpoint, inference_id=inference_id)  # type: ignore[arg-type]  # plain words
        return rule.action if rule else None

    assert take(NOTIFICATION, "sketch-fine", "01J-f-2") == "duplicate"
    assert take(NOTIFICATION, "sketch-fine", "01J-f-1") == "drop"
    assert take(NOTIFICATION, "sketch-fine", "01J-f-1") == "duplicate"
    assert take(INFERENCE, "sketch-fine", "01J-f-1") == "fail"
    assert [rule["hits"] for rule in faults.report()] == [1, 2, 1]


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"no",
        b'[{"action": "explode"}]',
        b'[{"action": "drop", "often": 1}]',
        b'[{"action":"fail","status":200}]',
    ],
)
def test_a_rule_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError):
        read_faults(text)
