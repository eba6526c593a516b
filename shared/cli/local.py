"""`presscheck up|down|status|logs`: the local stack's own commands, handed on untouched.

Hides that they run in another process, which brings the emulator and CDK with it. Adds no option of its own:
`presscheck up --help` is the stack's own help.
"""

from __future__ import annotations

from typing import Final

import typer

from shared.cli import stack
from shared.cli.world import world_of

_UNTOUCHED: Final = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
_PANEL: Final = "Local stack"


def register(app: typer.Typer) -> None:
    """Add the four commands to the app."""
    for name, help_text in (
        ("up", "Start the local stack, or find it running; prints its URL and key."),
        ("down", "Stop the local stack."),
        ("status", "Say whether the local stack runs, where, and with which key."),
        ("logs", "Show what the local stack's functions and processes wrote."),
    ):
        app.command(name, help=help_text, context_settings=dict(_UNTOUCHED), rich_help_panel=_PANEL)(_hand_on)


def _hand_on(context: typer.Context) -> None:
    raise typer.Exit(stack.pass_through(world_of(context), [str(context.info_name), *context.args]))
