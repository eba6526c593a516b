"""Values in the words a designer reads: money, time, seeds, models, verdicts.

Hides formats and phrasing. Pure: takes values, returns text; never prints, never guesses what a value does not say.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from shared.models import Determinism, SeedRecord, TemplateRef, Verdict, Verification
from shared.views import RenderView

_MICROS = 1_000_000
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


def plain(text: str) -> str:
    """Text from elsewhere made safe for a terminal: control characters become U+FFFD, line breaks spaces."""
    return "".join(
        " " if char in "\n\t\r" else "\ufffd" if unicodedata.category(char) == "Cc" else char for char in text
    )


def dollars(usd_micros: int) -> str:
    """`$0.042`; at least two decimals, and as many as a millionth of a dollar needs."""
    whole, _, fraction = f"{usd_micros / _MICROS:.6f}".partition(".")
    return f"${whole}.{fraction.rstrip('0').ljust(2, '0')}"


def cost(usd_micros: int) -> str:
    """The price of one image and of a thousand of them; for nothing, just that."""
    if usd_micros == 0:
        return "$0.00"
    return f"{dollars(usd_micros)} (${usd_micros / 1_000:,.2f} per 1,000)"


def duration(milliseconds: float) -> str:
    """`431 ms`, `2.3 s`, `4 min 05 s`."""
    seconds = milliseconds / 1_000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    return f"{seconds // _MINUTE_S:.0f} min {seconds % _MINUTE_S:02.0f} s"


def age(then: datetime, now: datetime) -> str:
    """`12 s ago` … `3 d ago`, in the largest unit that fits."""
    seconds = max(0, round((now - then).total_seconds()))
    for unit, length in (("d", _DAY_S), ("h", _HOUR_S), ("min", _MINUTE_S)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def model(render: RenderView) -> str:
    """`dalle3-hd served by sketch-fine (simulated)`: what was asked, what painted, and whether it is a simulation."""
    name = f"{render.alias.asked} served by {render.alias.served_by}" if render.alias else render.model
    return plain(f"{name} (simulated)" if render.simulated else name)


def seed(record: SeedRecord) -> str:
    """The seed and what it is worth; never a claim the provider did not make."""
    if record.sent is None:
        return f"{record.requested} asked for, not sent: this provider takes no seed"
    worth = {
        Determinism.EXACT: "exact: same recipe, same bytes",
        Determinism.BEST_EFFORT: "best effort: close, not equal",
        Determinism.NONE: "sent, not honoured",
    }[record.determinism]
    drifted = f"; the provider reports {record.reported}" if record.reported not in (None, record.sent) else ""
    return f"{record.sent} ({worth}{drifted})"


def template(ref: TemplateRef | None) -> str:
    return f"{ref.name}@{ref.version}  {ref.digest[:12]}" if ref else "none: a free prompt"


def painted_from(render: RenderView) -> str:
    """The prompt as the model took it."""
    return plain(render.prompt_effective) or "the prompt as asked"


def recipe(render: RenderView) -> str:
    """Size and the settings that were set."""
    parts = [str(render.recipe.size)]
    if render.recipe.steps is not None:
        parts.append(f"{render.recipe.steps} steps")
    if render.recipe.guidance_scale is not None:
        parts.append(f"guidance {render.recipe.guidance_scale:g}")
    if render.recipe.sampler == "typography":
        parts.append(f"{render.recipe.sampler} sampler")
    if render.recipe.mask is not None:
        parts.append("masked")
    if render.typeset:
        parts.append("the words were typeset, not painted")
    return ", ".join(parts)


def latency(render: RenderView) -> str:
    """Total, and how it divides; a cached render took no time at a model."""
    spent = render.latency_ms
    if render.cached:
        return f"{duration(spent.total)}, from the cache"
    return f"{duration(spent.total)} (queue {duration(spent.queue)}, painting {duration(spent.inference)})"


def verification(checked: Verification | None) -> str:
    """What was read against what was expected, and each visible defect over its limit."""
    if checked is None:
        return "not verified"
    lines = [
        f'reads "{plain(text.expected)}"'
        if text.verdict is Verdict.PASS
        else f'expected "{plain(text.expected)}", read "{plain(text.recognized)}" (error rate {text.cer:.0%})'
        for text in checked.texts
    ]
    lines += [
        f"{finding.kind} {finding.score:.2f}, limit {finding.limit:.2f}"
        for finding in checked.artifacts
        if finding.score >= finding.limit
    ]
    verdict = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.UNREADABLE: "unreadable"}[checked.verdict]
    return ": ".join([verdict, *(["; ".join(lines)] if lines else [])])
