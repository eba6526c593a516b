"""`presscheck demo`: the article's hero job from an empty machine to a verified picture.

Hides which request that is. Starts the local stack where none is up; leaves it up unless told otherwise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from shared.cli import stack
from shared.cli.api import Api
from shared.cli.errors import CliError
from shared.cli.inline import Images
from shared.cli.options import ImagesOption, Json, Out
from shared.cli.outcome import Presentation, follow, present
from shared.cli.world import World, world_of

HERO: Final[dict[str, Any]] = {
    "prompt": "Hero banner for a summer sale: a sunlit beach at golden hour, bold lettering, room for a headline",
    "model": "dalle3-hd",
    "seed": 42,
    "guidance": 7.5,
    "size": "1024x1024",
    "expected_text": "SALE",
}
"""The article's `send_job.py`, with the text its OCR step looks for."""

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck demo                       [dim]start a stack if none is up, render, verify, show[/dim]
[dim]$[/dim] presscheck demo --json | jq .final    [dim]the same for scripts[/dim]
[dim]$[/dim] presscheck demo --out /tmp/hero --down
"""


def demo(
    context: typer.Context,
    *,
    out: Out = Path("presscheck-demo"),
    keep: Annotated[
        bool, typer.Option("--keep/--down", help="Leave the local stack up afterwards, or stop it.")
    ] = True,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="Give up after this long.")
    ] = 300.0,
    images: ImagesOption = Images.AUTO,
    json: Json = False,
) -> None:
    """Render the article's hero image, draft to verified final, on this machine.

    A local stack is started if none is up: the template that deploys to AWS, on an emulator, without an
    account, Docker or a GPU. Run it twice and the second answer comes from the cache, byte for byte.
    """
    world = world_of(context)
    target = stack.target_or_start(world, say=lambda line: world.err.print(Text(f"  {line}", "dim"), soft_wrap=True))
    if not target.local and not keep:
        raise CliError("--down stops the local stack, but PRESSCHECK_API_URL names another", code="bad_environment")
    try:
        code = _run(world, target, timeout_s=timeout, how=Presentation(as_json=json, folder=out, images=images))
    finally:
        if not keep:
            stack.stop(world)
    if target.local:
        _farewell(world, keep=keep)
    raise typer.Exit(code)


def _run(world: World, target: stack.Target, *, timeout_s: float, how: Presentation) -> int:
    api = Api(target.api_url, target.key, world=world)
    world.err.print(
        Text.assemble(("Submitting ", "bold"), f"to {target.api_url}: dalle3-hd, seed 42, 1024x1024, must read “SALE”"),
        soft_wrap=True,
    )
    document = follow(world, api, api.submit(HERO), timeout_s=timeout_s)
    return present(world, api, document, how)


def _farewell(world: World, *, keep: bool) -> None:
    world.err.print()
    if not keep:
        world.err.print(Text("The local stack is stopped.", "dim"))
        return
    for command, effect in (
        ("presscheck audit show last", "how these pixels came to be"),
        ("presscheck render --help", "your own prompt"),
        ("presscheck down", "stop the local stack, which is still up"),
    ):
        world.err.print(Text.assemble(("next ", "cyan"), f"{command:<28}", (effect, "dim")), soft_wrap=True)
