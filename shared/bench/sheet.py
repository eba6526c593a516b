"""Every sample as a row of CSV, for people who would rather calculate themselves.

Hides the columns: those of Sample, the arm before them.
"""

from __future__ import annotations

import csv
import io

from shared.bench.report import BenchReport
from shared.bench.samples import Sample


def samples(report: BenchReport) -> str:
    """The arms one below the other; an unknown value is an empty cell."""
    text = io.StringIO(newline="")
    rows = csv.DictWriter(text, ["arm", *Sample.model_fields], lineterminator="\n")
    rows.writeheader()
    for arm in report.arms:
        for sample in arm.samples:
            rows.writerow({"arm": arm.name, **sample.model_dump(mode="json")})
    return text.getvalue()
