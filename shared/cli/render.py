"""`presscheck render`: one job with every option the API has.

Hides how options become a request body. What a job may ask for is said by JobRequest, and by the API again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.text import Text

from shared.cli.api import open_api
from shared.cli.errors import print_json
from shared.cli.inline import Images
from shared.cli.options import ImagesOption, Json, Out, Timeout, Wait, box, pairs, scalar
from shared.cli.outcome import Presentation, follow, present
from shared.cli.world import world_of
from shared.models import Finalize, JobRequest, WebhookEvent

EPILOG = """[bold]Examples[/bold]
[dim]$[/dim] presscheck render --prompt "A lighthouse in fog, screen print" --use-case hero
[dim]$[/dim] presscheck render --template poster@1 --var headline=SALE --expected-text SALE
[dim]$[/dim] presscheck render --prompt "Summer sale poster" --expected-text SALE --text-box 0.1,0.6,0.8,0.3
[dim]$[/dim] presscheck render --prompt "A fox" --drafts 4 --finalize on_approval
[dim]$[/dim] presscheck render --prompt "A fox" --seed 7 --no-wait --json | jq -r .id
"""

_WHAT, _HOW, _TEXT, _WHEN = "What to render", "How to render it", "Text on the picture", "Drafts and final"
_OPTIONS = {"variables": "--var", "tags": "--tag", "webhook_events": "--webhook-event"}


def render(
    context: typer.Context,
    *,
    prompt: Annotated[
        str | None, typer.Option("--prompt", "-p", help="What to paint, in words.", rich_help_panel=_WHAT)
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            "--template", help="A prompt template: poster@3, or poster for the released one.", rich_help_panel=_WHAT
        ),
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option(
            "--var", metavar="NAME=VALUE", help="A variable of the template; repeat for more.", rich_help_panel=_WHAT
        ),
    ] = None,
    use_case: Annotated[
        str | None,
        typer.Option(
            "--use-case", "-u", help="What the image is for; the policy picks the models.", rich_help_panel=_WHAT
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A model by name, instead of the policy's.", rich_help_panel=_WHAT),
    ] = None,
    negative_prompt: Annotated[
        str | None, typer.Option("--negative-prompt", help="What to keep out.", rich_help_panel=_WHAT)
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            "--seed",
            metavar="SEED",
            help="0 to 4294967295, or a seed set such as brand@3; drawn once and recorded if not given.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Pixels, such as 1024x1024.", rich_help_panel=_HOW)
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option("--guidance", help="0 to 30: how literally to take the prompt.", rich_help_panel=_HOW),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="1 to 150 sampling steps.", rich_help_panel=_HOW)] = None,
    expected_text: Annotated[
        list[str] | None,
        typer.Option(
            "--expected-text",
            "-t",
            metavar="TEXT",
            help="What must be readable; repeat for more.",
            rich_help_panel=_TEXT,
        ),
    ] = None,
    text_box: Annotated[
        str | None,
        typer.Option(
            "--text-box", metavar="X,Y,W,H", help="Where it belongs, in fractions of the image.", rich_help_panel=_TEXT
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Paint anew what the cache would answer; costs again.", rich_help_panel=_HOW),
    ] = False,
    drafts: Annotated[int, typer.Option("--drafts", "-n", help="1 to 8 draft candidates.", rich_help_panel=_WHEN)] = 1,
    finalize: Annotated[
        Finalize, typer.Option("--finalize", help="When the final follows the draft.", rich_help_panel=_WHEN)
    ] = Finalize.AUTO,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TEXT", help="A label for the job; repeat for more.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option("--metadata", metavar="NAME=VALUE", help="Kept with the job; repeat for more.")
    ] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Told, signed, what becomes of the job.")
    ] = None,
    webhook_event: Annotated[
        list[WebhookEvent] | None,
        typer.Option("--webhook-event", help="Only these; repeat for more. None given: all of them."),
    ] = None,
    wait: Wait = True,
    timeout: Timeout = None,
    out: Out = Path("presscheck-renders"),
    images: ImagesOption = Images.AUTO,
    json: Json = False,
) -> None:
    """Submit a job and follow it to its verified final.

    Numbers and true/false in --var keep their type; quote them twice for text: --var year='"2026"'.
    """
    world = world_of(context)
    body: dict[str, Any] = {
        "prompt": prompt,
        "template": template,
        "variables": {name: scalar(text) for name, text in pairs(var or (), option="--var").items()},
        "use_case": use_case,
        "model": model,
        "negative_prompt": negative_prompt,
        "seed": int(seed) if seed and re.fullmatch(r"-?[0-9]+", seed) else seed,
        "size": size,
        "guidance": guidance,
        "steps": steps,
        "expected_text": expected_text or [],
        "text_box": box(text_box) if text_box else None,
        "fresh": fresh or None,
        "drafts": drafts,
        "finalize": finalize.value,
        "tags": tag or [],
        "metadata": pairs(metadata or (), option="--metadata"),
        "webhook": webhook,
        "webhook_events": [event.value for event in webhook_event or ()],
    }
    request = _checked({name: value for name, value in body.items() if value not in (None, [], {})})
    api = open_api(world)
    document = api.submit(request)
    if wait:
        document = follow(world, api, document, timeout_s=timeout)
        raise typer.Exit(
            present(world, api, document, Presentation(json, out, prefix=f"{document.view.id}-", images=images))
        )
    if json:
        print_json(world.out, document.raw)
        return
    world.out.print(Text.assemble("Job ", (document.view.id, "bold"), " is accepted."))
    world.out.print(Text.assemble(("next ", "cyan"), f"presscheck jobs watch {document.view.id}"), soft_wrap=True)


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """The body, if it is a job request; a wrong option is named before anything is sent."""
    try:
        JobRequest.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        option = _OPTIONS.get(field, f"--{field.replace('_', '-')}") if field else None
        raise typer.BadParameter(first["msg"].removeprefix("Value error, "), param_hint=option) from error
    return body
