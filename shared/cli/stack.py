"""Which stack to talk to: the one the environment names, or the local one, started when asked.

Hides how the local stack is run (a module in a process of its own) and how its state is read. Never
prints its key: only `up` and `status`, which are passed through untouched, do that.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import httpx

from shared.cli.errors import USAGE, CliError
from shared.cli.words import plain
from shared.cli.world import World

URL_VARIABLE = "PRESSCHECK_API_URL"
KEY_VARIABLE = "PRESSCHECK_API_KEY"  # the name of a variable, not a key

_STATUS_WAIT_S = 30.0
_TAIL_S = 0.1
_STOP_WAIT_S = 20.0
_KEY_LINE = re.compile(r"(?i)(key\b\W*)[\w./+=-]{8,}")


@dataclass(frozen=True)
class Target:
    """A stack's address and the key for it; `local` where this machine runs it, `started` where we started it now."""

    api_url: str
    key: str
    local: bool
    started: bool = False


def target(world: World) -> Target:
    """The stack to talk to. Raises CliError that says how to get one when there is none."""
    found = _named(world) or _running(world)
    if found is None:
        raise CliError(
            "no stack to talk to",
            hint=f"start one here with: presscheck up; or set {URL_VARIABLE} and {KEY_VARIABLE}",
            code="no_stack",
        )
    return found


def target_or_start(world: World, *, say: Callable[[str], None]) -> Target:
    """As `target`, but starts the local stack when there is none; `say` gets each line of its progress."""
    found = _named(world) or _running(world)
    return found or _start(world, say=say)


def pass_through(world: World, arguments: Sequence[str]) -> int:
    """Run the local stack's own command on this terminal; its exit code. Ctrl-C is the child's to answer."""
    with subprocess.Popen([*world.stack_command, *arguments]) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def stop(world: World) -> None:
    """Stop the local stack. Raises CliError with its last words when it will not."""
    done = subprocess.run([*world.stack_command, "down"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CliError(
            f"the local stack did not stop: {_last_words(done.stderr)}",
            hint="try again: presscheck down",
            code="stack_failed",
        )


def _named(world: World) -> Target | None:
    """The stack the environment names; both variables or neither, so that no key goes to the wrong place."""
    url, key = world.environ.get(URL_VARIABLE, "").rstrip("/"), world.environ.get(KEY_VARIABLE, "")
    if not url and not key:
        return None
    if not url or not key:
        present, missing = (URL_VARIABLE, KEY_VARIABLE) if url else (KEY_VARIABLE, URL_VARIABLE)
        raise CliError(
            f"{present} is set but {missing} is not",
            hint="set both, or neither for the local stack",
            code="bad_environment",
            exit_code=USAGE,
        )
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise CliError(
            f'{URL_VARIABLE} is no URL: "{url}"',
            hint="it looks like https://host/stage",
            code="bad_environment",
            exit_code=USAGE,
        )
    if not key.isascii() or not key.isprintable():
        raise CliError(
            f"{KEY_VARIABLE} holds characters that no key has",
            hint="was it pasted with a line break?",
            code="bad_environment",
            exit_code=USAGE,
        )
    return Target(url, key, local=False)


def local_facts(world: World) -> dict[str, Any] | None:
    """What the local stack says of itself, its addresses and outputs among it; None where none runs."""
    state = _status(world)
    return state if state.get("running") else None


def _running(world: World) -> Target | None:
    state = _status(world)
    return _target(state, started=False) if state.get("running") else None


def _status(world: World) -> dict[str, Any]:
    try:
        asked = subprocess.run(
            [*world.stack_command, "status", "--json"],
            capture_output=True,
            text=True,
            timeout=_STATUS_WAIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CliError(
            "the local stack does not say whether it runs", hint="stop it with: presscheck down", code="stack_failed"
        ) from error
    state = _last_document(asked.stdout)
    if state is None:
        raise _broken("status", asked.stderr)
    return state


def _start(world: World, *, say: Callable[[str], None]) -> Target:
    """Run `up --json`: progress on stderr, one document on stdout.

    Both go to files, not pipes: what it leaves running inherits them, and a pipe would never end.
    """
    with tempfile.TemporaryDirectory(prefix="presscheck-up-") as folder:
        progress, answer = Path(folder, "progress"), Path(folder, "answer")
        with (
            progress.open("wb") as stderr,
            answer.open("wb") as stdout,
            progress.open(encoding="utf-8", errors="replace") as lines,
        ):
            process = subprocess.Popen(
                [*world.stack_command, "up", "--json"], stdout=stdout, stderr=stderr, stdin=subprocess.DEVNULL
            )
            _tell(process, lines, say)
        state = _last_document(answer.read_text(encoding="utf-8", errors="replace"))
        if process.returncode or state is None:
            raise _broken("up", progress.read_text(encoding="utf-8", errors="replace"))
    found = _target(state, started=True) or _running(world)
    if found is None:
        raise CliError(
            "the local stack started but gave no address", hint="look at: presscheck status", code="stack_failed"
        )
    return Target(found.api_url, found.key, local=True, started=True)


def _tell(process: subprocess.Popen[bytes], lines: IO[str], say: Callable[[str], None]) -> None:
    """Each whole line as it comes, until the process ends; Ctrl-C reaches the child too, and it is waited for."""
    pending = ""
    try:
        while process.poll() is None:
            pending = _say_lines(pending + lines.read(), say)
            try:
                process.wait(_TAIL_S)
            except subprocess.TimeoutExpired:
                continue
        _say_lines(pending + lines.read() + "\n", say)
    except KeyboardInterrupt:
        try:
            process.wait(_STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            process.terminate()
        raise


def _say_lines(text: str, say: Callable[[str], None]) -> str:
    *whole, rest = text.split("\n")
    for line in whole:
        if line.strip():
            say(_KEY_LINE.sub(r"\1…", plain(line.strip())))
    return rest


def _target(state: dict[str, Any], *, started: bool) -> Target | None:
    url, key = state.get("api_url"), state.get("api_key")
    return Target(str(url).rstrip("/"), str(key), local=True, started=started) if url and key else None


def _last_document(text: str) -> dict[str, Any] | None:
    """The JSON object that the output is, or that its last line is."""
    for candidate in (text, text.strip().rpartition("\n")[2]):
        try:
            document = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(document, dict):
            return document
    return None


def _broken(verb: str, stderr: str) -> CliError:
    missing = "No module named" in stderr
    hint = (
        "install what the local stack needs: pip install 'presscheck[local]'"
        if missing
        else "see what happened: presscheck logs"
    )
    return CliError(f"the local stack's `{verb}` failed: {_last_words(stderr)}", hint=hint, code="stack_failed")


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return _KEY_LINE.sub(r"\1…", plain(lines[-1])) if lines else "it said nothing"
