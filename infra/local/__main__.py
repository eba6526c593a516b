"""`python -m infra.local up|down|status|logs`: the local stack's own commands.

People read standard error and standard output; programs add `--json` and read standard output:
one JSON object a line, the last of them `ready`, `status` or `error`. Exit status 0 when done,
1 when the stack cannot be had, 2 for wrong usage, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn, get_args

from infra.local import lifecycle, logs
from infra.local.state import DEFAULT_PAINTER, Home, Options, Painter

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    home = Home.from_environ()
    home.prepare()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(asked.run(home, asked))
    except lifecycle.StackError as error:
        return _failed(asked, str(error), hint=error.hint)
    except logs.UnknownComponentError as error:
        return _failed(asked, str(error.args[0]), hint="presscheck logs shows all of them")
    except KeyboardInterrupt:
        _failed(asked, "interrupted; nothing is left running", hint="presscheck up starts it again")
        return _INTERRUPTED
    except BrokenPipeError:
        return 0


def _up(home: Home, asked: argparse.Namespace) -> int:
    options = Options(
        state=asked.state.expanduser().resolve() if asked.state else None,
        port=asked.port or 0,
        time_scale=asked.time_scale,
        painter=asked.painter,
        models={name: folder.expanduser().resolve() for name, folder in asked.model},
        assembly=asked.assembly.resolve() if asked.assembly else None,
    )
    for event in lifecycle.up(home, options):
        if event["event"] == "progress":
            _say(f"{event['elapsed_ms'] / 1000:6.1f} s  {event['message']}")
        if asked.json:
            _print(event)
        elif event["event"] == "ready":
            print(f"Presscheck is up.\n  URL  {event['api_url']}\n  Key  {event['api_key']}\n")
            print(f"  export PRESSCHECK_API_URL={event['api_url']} PRESSCHECK_API_KEY={event['api_key']}")
    return 0


def _down(home: Home, asked: argparse.Namespace) -> int:
    was_up = lifecycle.down(home)
    if asked.json:
        _print({"event": "down", "was_up": was_up})
    else:
        print("The stack is down." if was_up else "No stack was up.")
    return 0


def _status(home: Home, asked: argparse.Namespace) -> int:
    now = lifecycle.status(home)
    if asked.json:
        _print({"event": "status", **now})
        return 0
    if now["phase"] == "down":
        print("No stack is up. Start one: presscheck up")
        return 0
    print(f"{now['phase']}, {now['processes']} processes, {now['memory_mb']} MB")
    print(f"  URL    {now['api_url']}\n  Key    {now['api_key']}\n  AWS    {now['endpoint_url']}")
    print(f"  State  {now['state'] or 'goes when the stack goes (keep it with --state DIR)'}")
    for child in now["children"]:
        again = f", started again {child['restarts']} times" if child["restarts"] else ""
        print(f"  {child['name']:<10} {child['url']} (process {child['pid']}{again})")
    return 0


def _logs(home: Home, asked: argparse.Namespace) -> int:
    for component, line in logs.lines(home, asked.component, last=asked.lines, follow=asked.follow):
        text = logs.as_json(component, line) if asked.json else f"{component}: {line}"
        print(text if asked.json or not asked.component else line, flush=True)
    return 0


def _failed(asked: argparse.Namespace, message: str, *, hint: str) -> int:
    _say(f"{message}\n{hint}" if hint not in message else message)
    if asked.json:
        _print({"event": "error", "message": message, "hint": hint})
    return 1


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _print(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _model(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not (name and separator and Path(folder).expanduser().is_dir()):
        raise argparse.ArgumentTypeError(f'"{text}" is not NAME=DIR with an existing directory of weights')
    return name, Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="presscheck", description="The local stack.")
    commands = parser.add_subparsers(required=True, metavar="up|down|status|logs")

    up = commands.add_parser("up", help="start the stack, or find it running")
    up.add_argument("--state", type=Path, metavar="DIR", help="keep jobs and images here; else they go with `down`")
    up.add_argument("--port", type=int, metavar="N", help="port of the API on 127.0.0.1; default: a free one")
    up.add_argument(
        "--painter",
        choices=get_args(Painter),
        help="what stands in for models that have no weights here: our own small model, or a simulator, which paints"
        " in milliseconds; default " + DEFAULT_PAINTER,
    )
    up.add_argument("--time-scale", type=float, metavar="X", help="times simulated inference takes; 1.0 is as measured")
    up.add_argument(
        "--model",
        type=_model,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="paint this model's renders with weights on disk (diffusers layout) itself; repeatable",
    )
    up.add_argument("--assembly", type=Path, help=argparse.SUPPRESS)  # deploy this cloud assembly instead
    up.set_defaults(run=_up)
    commands.add_parser("down", help="stop the stack").set_defaults(run=_down)
    commands.add_parser("status", help="say whether it runs, where, and with which key").set_defaults(run=_status)

    shown = commands.add_parser("logs", help="show what its processes and functions wrote")
    shown.add_argument("component", nargs="?", help="a process or a function; default: all")
    shown.add_argument("--follow", "-f", action="store_true")
    shown.add_argument("--lines", "-n", type=int, default=200, help="of each component, default 200")
    shown.set_defaults(run=_logs)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="one JSON object a line on standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
