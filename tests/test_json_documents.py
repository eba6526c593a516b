"""What commands print with --json is described in events/, and the description is the code's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.cli.golden_report import GoldenCheck, GoldenUpdate
from shared.corpus import CorpusReport
from shared.finetune import Checklist
from shared.models import Value

EVENTS = Path(__file__).parents[1] / "events"
DOCUMENTS: dict[str, type[Value]] = {
    "golden-check": GoldenCheck,
    "golden-update": GoldenUpdate,
    "corpus-export": CorpusReport,
    "finetune-check": Checklist,
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_in_events_is_that_of_the_code(name: str) -> None:
    """Write them anew with `python -m tests.test_json_documents`."""
    assert json.loads(_file(name).read_text(encoding="utf-8")) == _schema(name)


def _file(name: str) -> Path:
    return EVENTS / f"{name}.schema.json"


def _schema(name: str) -> dict[str, Any]:
    schema = DOCUMENTS[name].model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    for each in DOCUMENTS:
        _file(each).write_text(json.dumps(_schema(each), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
