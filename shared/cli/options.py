"""The options that several commands share, and how their values are read.

Hides typer's spelling of them. Checks form only; what a job may ask for is JobRequest's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from shared.cli.inline import Images

_JSON = "presscheck.json"
_AGO = re.compile(r"([1-9]\d{0,4})(w|d|h|min)")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "min": "minutes"}
_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


def _remember_json(context: typer.Context, value: bool) -> bool:
    context.find_root().meta[_JSON] = value
    return value


def wants_json(context: typer.Context) -> bool:
    """Whether --json was given to whichever command runs: errors then go to stdout as JSON, too."""
    return bool(context.find_root().meta.get(_JSON))


def _job_id(value: str) -> str:
    if not _JOB_ID.fullmatch(value):
        raise typer.BadParameter('a job id looks like 01JD8Z3V9QK4T7X2M5N6P8R0SA; "last" is the newest job')
    return value


def _since(value: str | datetime | None) -> datetime | None:
    """A moment, or how long ago: `2026-11-01`, `2026-11-01T09:00+01:00`, `7d`, `24h`, `30min`. Without a zone: UTC."""
    if not isinstance(value, str):
        return value
    if match := _AGO.fullmatch(value.strip()):
        return datetime.now(UTC) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise typer.BadParameter("give a date such as 2026-11-01, or how long ago: 7d, 24h, 30min") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Since = Annotated[
    datetime | None,
    typer.Option("--since", metavar="WHEN", parser=_since, help="Only jobs since 2026-11-01, or 7d, 24h, 30min ago."),
]
Json = Annotated[
    bool, typer.Option("--json", callback=_remember_json, help="Print one JSON document and nothing else on stdout.")
]
JobId = Annotated[str, typer.Argument(metavar="JOB", callback=_job_id, help='A job id, or "last" for the newest job.')]
ImagesOption = Annotated[Images, typer.Option("--images", help="How to show pictures here.", case_sensitive=False)]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the job until it ends or needs a decision.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=1, metavar="SECONDS", help="Stop following after this long.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where to save the pictures.")]
OutIfGiven = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="Save the pictures here.")
]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept in the history.")]
Offline = Annotated[bool, typer.Option("--offline", help="Use the files of this checkout and ask no stack.")]


def pairs(values: Iterable[str], *, option: str) -> dict[str, str]:
    """`["k=v", …]` as a dict; the last of equal names wins."""
    result = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f'give it as name=value, not "{value}"', param_hint=option)
        result[name] = text
    return result


def scalar(text: str) -> str | int | float | bool:
    """A template variable: numbers and true/false by their type, all else as text; `'"2026"'` is the text 2026."""
    try:
        value = json.loads(text, parse_constant=str)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float) else text


def box(text: str) -> list[float]:
    """`x,y,w,h` as four numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:  # noqa: PLR2004 - x, y, w, h
        raise typer.BadParameter(
            'give it as x,y,w,h in fractions of the image, such as "0.1,0.6,0.8,0.3"', param_hint="--text-box"
        )
    return numbers
