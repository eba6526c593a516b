"""Models, templates and the policy as tables on a terminal.

Hides layout. Takes parsed views and prints them; never fetches, never decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.cli.errors import print_json
from shared.cli.words import dollars, plain
from shared.models import Alias
from shared.releases import Release
from shared.views import (
    ModelAliasList,
    ModelList,
    ModelView,
    PolicyView,
    TemplateList,
    TemplateVersionView,
    TemplateView,
)

_PER = {"image": "image", "megapixel": "Mpx", "gpu_second": "GPU s"}
_SEED = {"exact": "exact", "best_effort": "close", "none": "none"}


def models(console: Console, view: ModelList) -> None:
    """The catalogue, then what each use case would pick and why, then the other names and why one stands in."""
    table = _table("Model", "Provider", "Seed", "Price", "Now", no_wrap=("Model", "Price"))
    for row in view.models:
        provider = plain(", ".join((row.provider, *row.hosts)))
        table.add_row(
            Text(plain(row.name), "" if row.available else "dim"), provider, _SEED[row.seed], _price(row), _now(row)
        )
    console.print(table)
    picks = _table(
        "Use case", "Draft", "Final", "Why", no_wrap=("Use case",), title=f"Picked by policy {view.policy_version}"
    )
    for pick in view.picks:
        why = Text(plain(pick.problem or pick.why), "red" if pick.problem else "")
        picks.add_row(plain(pick.use_case), _picked(pick.draft, pick.aliases), _picked(pick.final, pick.aliases), why)
    console.print(picks)
    names = [f"{alias} = {row.name}" for row in view.models for alias in row.aliases]
    reasons = dict.fromkeys(alias.reason for pick in view.picks for alias in pick.aliases)
    notes = [("other names", ", ".join(names)), *(("stands in", reason) for reason in reasons)]
    for title, note in notes:
        console.print(Text.assemble((f"{title}  ", "cyan"), (plain(note), "dim")))


def model(console: Console, row: ModelView) -> None:
    """One row of the catalogue: what it can do, what it costs and where that was read, how long it lives."""
    takes = {
        "guidance": row.guidance_range and "{:g} to {:g}".format(*row.guidance_range),
        "steps": row.steps and "{} to {}".format(*row.steps),
        "negative prompt": row.negative_prompt and "yes",
        "mask": row.mask and "yes",
        "init image": row.init_image and "yes",
        "lettering as data": row.text_guide and "yes",
    }
    facts = {
        "other names": ", ".join(row.aliases),
        "provider": f"{row.provider} ({row.provider_model})",
        "also hosted by": ", ".join(row.hosts),
        "tiers": ", ".join(row.tiers),
        "seed": {"exact": "exact: same recipe, same bytes", "best_effort": "best effort", "none": "takes none"}[
            row.seed
        ],
        **{name: str(value or "no") for name, value in takes.items()},
        "sizes": row.sizes,
        "prompt": f"at most {row.max_prompt_chars} characters",
        "here": row.problem or _now(row).plain,
        "active from": str(row.active_from),
        "shut down": f"{row.shutdown_at} ({row.lifecycle_source})" if row.shutdown_at else "",
        "successor": row.successor or "",
    }
    console.print(Text.assemble((plain(row.name), "bold"), f"  {plain(row.title)}"))
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts.items():
        if value:
            table.add_row(Text(name, "dim"), plain(value))
    for price in row.prices:
        sizes = f" at {', '.join(map(str, price.sizes))}" if price.sizes else ""
        about = "about " if price.estimate else ""
        amount = f"{about}{dollars(price.usd_micros)}/{_PER[price.per]}{sizes}"
        table.add_row(Text("price", "dim"), Text.assemble(amount, (f"  {price.on}, {plain(price.source)}", "dim")))
    console.print(table)


def templates(console: Console, view: TemplateList) -> None:
    table = _table("Template", "In force", "Versions", "For", "Title")
    for row in view.templates:
        released = Text(str(row.released), "green") if row.released else Text("none", "yellow")
        table.add_row(
            plain(row.name),
            released,
            ", ".join(map(str, row.versions)),
            plain(", ".join(row.use_cases)),
            plain(row.title),
        )
    console.print(table)
    if view.seeds:
        seeds = _table("Seed set", "Latest", "Seed")
        for name, versions in sorted(view.seeds.items()):
            seeds.add_row(plain(name), f"{plain(name)}@{max(versions)}", str(versions[max(versions)]))
        console.print(seeds)


def template(console: Console, view: TemplateView, *, version: int) -> None:
    """One version, its variables, and how what is in force came to be."""
    shown = next(each for each in view.versions if each.version == version)
    others = ", ".join(str(each.version) for each in view.versions)
    in_force = f"in force is {view.released}" if view.released else "none is released"
    console.print(Text.assemble((plain(f"{view.name}@{version}"), "bold"), f"  {plain(shown.title)}"))
    console.print(Text(f"versions {others}; {in_force}  {shown.digest[:12]}", "dim"))
    console.print()
    console.print(Text(plain(shown.prompt)), soft_wrap=True)
    if shown.negative_prompt:
        console.print(Text.assemble(("without  ", "dim"), plain(shown.negative_prompt)), soft_wrap=True)
    for model, words in shown.variants.items():
        console.print(Text.assemble((f"{plain(model)}  ", "cyan"), plain(words.get("prompt") or "")), soft_wrap=True)
    console.print(_variables(shown))
    _history(console, view.history, view.problem)


def policy(console: Console, view: PolicyView) -> None:
    versions = ", ".join(str(each.version) for each in view.versions)
    console.print(Text.assemble(("policy ", "bold"), (str(view.released), "bold"), (f"  of {versions}", "dim")))
    table = _table("Use case", "Draft", "Final", "Repairs", "Fallbacks", no_wrap=("Use case", "Draft", "Final"))
    for name, rules in view.rules.get("use_cases", {}).items():
        table.add_row(
            plain(name),
            _tier(rules.get("draft", {})),
            _tier(rules.get("final", {})),
            str(len(rules.get("repair", ()))),
            plain(", ".join(rules.get("fallbacks", ()))),
        )
    console.print(table)
    _history(console, view.history, view.problem)


def move(console: Console, what: str, made: Release) -> None:
    """What a release or rollback did."""
    before = f", before it {made.from_version}" if made.from_version else ""
    verb = "Rolled back" if made.kind == "rollback" else "Released"
    line = Text.assemble(
        f"{verb} ", (plain(what), "bold"), ": version ", (str(made.version), "bold green"), f" is in force{before}."
    )
    console.print(line, soft_wrap=True)


def aliases(console: Console, view: ModelAliasList) -> None:
    """Names and their models, with their moves where they are told."""
    table = _table("Name", "Model", "Catalogue says")
    for each in view.aliases:
        differs = each.catalogue_model != each.model
        table.add_row(plain(each.alias), plain(each.model), plain(each.catalogue_model or "-") if differs else "")
    console.print(table)
    for each in view.aliases:
        if each.history:
            console.print(Text(plain(each.alias), "bold"))
            _history(console, each.history, each.problem)


def moved(console: Console, alias: str, made: Release) -> None:
    """What moving a name did."""
    verb = "Rolled back" if made.kind == "rollback" else "Released"
    model = (plain(made.target or "-"), "bold green")
    console.print(Text.assemble(f"{verb} ", (plain(alias), "bold"), ": it stands for ", model, "."), soft_wrap=True)


def locked(console: Console, what: str, *, as_json: bool) -> None:
    """What an offline release did."""
    if as_json:
        print_json(console, {"locked": what})
    else:
        console.print(Text.assemble("Locked ", (plain(what), "bold"), " in versions.lock; no stack was asked."))


def _table(*columns: str, no_wrap: Sequence[str] = (), title: str | None = None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in no_wrap)
    return table


def _price(row: ModelView) -> str:
    """The span of a row's prices; `~` where one of them is an estimate."""
    if row.simulated:
        return "free"
    per = row.prices[0].per
    prices = [price for price in row.prices if price.per == per]
    low, high = min(price.usd_micros for price in prices), max(price.usd_micros for price in prices)
    span = dollars(low) if low == high else f"{dollars(low)}-{dollars(high).removeprefix('$')}"
    return f"{'~' if any(price.estimate for price in prices) else ''}{span}/{_PER[per]}"


def _now(row: ModelView) -> Text:
    """Whether it can be named here today, who answers then, and how long it lives."""
    ends = f"{row.lifecycle} {row.shutdown_at or ''}".strip() if row.lifecycle != "active" else ""
    stand_ins = ", ".join(dict.fromkeys(alias.served_by for alias in row.served_by if alias.served_by != row.name))
    if not row.available:
        text = Text(
            f"{ends}, ask for {plain(row.successor or '')}" if row.lifecycle == "retired" else "not here", "red"
        )
    elif stand_ins:
        text = Text(f"as {plain(stand_ins)}", "cyan")
    else:
        text = Text("yes", "green")
    if ends and row.available:
        text.append(f"; {ends}", "yellow")
    return text


def _picked(name: str | None, aliases: Iterable[Alias]) -> Text:
    if name is None:
        return Text("none", "red")
    asked = next((alias.asked for alias in aliases if alias.served_by == name), None)
    return Text.assemble(plain(name), (f"\nfor {plain(asked)}" if asked else "", "dim"))


def _variables(shown: TemplateVersionView) -> Table:
    table = _table("Variable", "Type", "Default", "Limits", "Means")
    known = {"type", "default", "description", "required"}
    for name, variable in shown.variables.items():
        default = variable.get("default")
        required = "needed" if variable.get("required") and default is None else "none"
        limits = "; ".join(f"{key} {_limit(value)}" for key, value in variable.items() if key not in known)
        table.add_row(
            plain(name),
            plain(str(variable.get("type"))),
            required if default is None else plain(str(default)),
            limits,
            plain(str(variable.get("description", ""))),
        )
    return table


def _limit(value: object) -> str:
    return plain(", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def _history(console: Console, history: Sequence[Release] | None, problem: str | None) -> None:
    for made in history or ():
        line = Text.assemble(
            f"{made.at:%Y-%m-%d %H:%M:%S}  ",
            (f"{made.kind:<8}", "bold"),
            f"  {made.from_version or '-'} → {plain(made.target) if made.target else made.version}  ",
            plain(made.by),
            (f"  {made.digest[:12]}", "dim"),
        )
        console.print(line, soft_wrap=True)
        console.print(Padding(Text(plain(made.reason), "dim"), (0, 0, 0, 5)))
    if problem:
        console.print(Text(f"This history cannot be trusted: {plain(problem)}", "bold red"), soft_wrap=True)


def _tier(rule: Mapping[str, Any]) -> Text:
    """The model of a tier over the settings that the policy does not leave to it."""
    settings = [f"{rule['steps']} steps"] if rule.get("steps") else []
    settings += [f"guidance {rule['guidance']:g}"] if rule.get("guidance") else []
    return Text.assemble(plain(str(rule.get("model"))), ("\n" + ", ".join(settings), "dim"))
