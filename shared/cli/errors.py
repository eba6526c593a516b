"""What the command says when it cannot do what was asked: one line, one hint, one exit code.

Hides how the API's error bodies look (ours, API Gateway's own, or no JSON at all). Never prints a
traceback for something a person can answer; bugs are not caught here.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from shared.cli.words import plain

FAILED = 1
USAGE = 2
INTERRUPTED = 130

_HINTS = {
    "not_authenticated": "check PRESSCHECK_API_KEY; for the local stack unset it and PRESSCHECK_API_URL",
    "not_permitted": "this key lacks the scope for that: ask whoever issued it for a wider one",
    "not_found": "see what there is: presscheck jobs list",
    "wrong_stage": "see where the job stands: presscheck jobs show ID",
    "job_concluded": "see how it ended: presscheck jobs show ID",
    "ledger_conflict": "nothing was changed; try again",
}
_GATEWAY_CODES = {401: "not_authenticated", 403: "not_permitted", 404: "not_found", 429: "throttled"}


class CliError(Exception):
    """A failure for the person at the terminal: what happened, and what to do now."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "cli_error",
        param: str | None = None,
        status: int | None = None,
        exit_code: int = FAILED,
    ) -> None:
        """`status` is the HTTP status, where the API answered; `param` the offending field."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.param = param
        self.status = status
        self.exit_code = exit_code


def refusal(response: httpx.Response) -> CliError:
    """The API's answer of 400 and above as an error to show. The reply must have been read."""
    body = _json_object(response)
    error = body.get("error")
    detail: dict[str, Any] = error if isinstance(error, dict) else {}
    code = str(detail.get("code") or _GATEWAY_CODES.get(response.status_code, f"http_{response.status_code}"))
    words = detail.get("message") or body.get("detail") or body.get("message") or response.reason_phrase
    successor = body.get("successor")
    hint = f"ask for its successor: --model {successor}" if successor else _HINTS.get(code, "")
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        hint = f"try again in {response.headers.get('retry-after', 'a few')} seconds"
    param = detail.get("param")
    return CliError(
        str(words or "the API refused"),
        hint=hint,
        code=code,
        param=str(param) if param else None,
        status=response.status_code,
    )


def unreachable(base_url: str, error: httpx.TransportError) -> CliError:
    """No HTTP answer at all from the stack."""
    if isinstance(error, httpx.ReadTimeout):
        return CliError(f"{base_url} took the request but did not answer in time", hint="try again", code="timeout")
    return CliError(
        f"no answer from {base_url}",
        hint="start the local stack: presscheck up; or name another: PRESSCHECK_API_URL, PRESSCHECK_API_KEY",
        code="unreachable",
    )


def report(error: CliError, *, out: Console, err: Console, as_json: bool) -> None:
    """One line and a hint on stderr; with `as_json` also one JSON document on stdout, so that it always parses."""
    line = Text.assemble(("error ", "bold red"), plain(error.message))
    notes = [f"field {error.param}"] if error.param else []
    notes += [error.code] if error.status else []
    if notes:
        line.append(f"  ({', '.join(map(plain, notes))})", style="dim")
    err.print(line, soft_wrap=True)
    if error.hint:
        err.print(Text.assemble(("hint  ", "cyan"), plain(error.hint)), soft_wrap=True)
    if as_json:
        body = {
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "hint": error.hint,
            "http_status": error.status,
        }
        print_json(out, {"status": "error", "error": body})


def print_json(out: Console, document: Any) -> None:
    """The document on stdout, unstyled and unwrapped, in ASCII so that it survives any locale."""
    out.file.write(json.dumps(document, indent=2) + "\n")
    out.file.flush()


def _json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
