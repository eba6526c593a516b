"""Routes that look back: two renders side by side, and what all of them come to.

Each calls one method of the pipeline and shapes the answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from functions.api.http import Moment, json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.finetune import OutcomePage
from shared.models import Principal, Value
from shared.pipeline.comparisons import Comparison
from shared.pipeline.insight import InsightPage
from shared.pipeline.tracing import Trace

routes = Routes("Insight")


class Sides(Value):
    left: Annotated[str, Field(max_length=80, description="`<job id>:<render>`, such as `01J…:d2-1` or `01J…:f-1`.")]
    right: Annotated[str, Field(max_length=80, description="The render held against it.")]


class Window(Value):
    days: Annotated[int, Field(ge=1, le=90)] = 14
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=1024)] | None = None


class Traced(Value):
    since: Moment | None = Field(None, description="Only jobs submitted since then; 14 days ago if not given.")
    by: Literal["artifact", "mismatch"] = "mismatch"
    template: Annotated[str, Field(max_length=80)] | None = Field(None, description="Only jobs of this template.")
    use_case: Annotated[str, Field(max_length=64)] | None = None
    limit: Annotated[int, Field(ge=1, le=2000, description="How many jobs to look at, the newest.")] = 1000


@routes.get("/v1/compare", query=Sides, gives={200: Comparison})
def compare(who: Principal, query: Sides) -> Response[str]:
    """Hold two renders against each other: pixels, likeness, and what differs in how they were made."""
    found = wiring.comparisons().of(who, query.left, query.right, link=wiring.images().link)
    return json_reply(200, found, {"cache-control": "private, no-cache"})


@routes.get("/v1/insight", query=Window, gives={200: InsightPage})
def insight(who: Principal, query: Window) -> Response[str]:
    """Count what the jobs of the last days came to, a page of jobs at a time.

    Cells may be added up: those of one page to those of the next, days to weeks, models to all.
    """
    return json_reply(200, wiring.insight().page(who, days=query.days, limit=query.limit, cursor=query.cursor))


@routes.get("/v1/outcomes", query=Window, gives={200: OutcomePage})
def outcomes(who: Principal, query: Window) -> Response[str]:
    """Read what became of the jobs of the last days, a page of jobs at a time.

    One line for each job with a final: what was wrong with the first one, before any repair, and what people gave it.
    """
    return json_reply(200, wiring.outcomes().page(who, days=query.days, limit=query.limit, cursor=query.cursor))


@routes.get("/v1/trace", query=Traced, gives={200: Trace})
def trace(who: Principal, query: Traced) -> Response[str]:
    """Find the change that moved the rate of defects or of wrong words.

    Holds the first finals before each first appearance of a template's version, a policy, a model or a model's revision
    against those after it: Fisher's exact test, corrected for the number of changes (Holm), with Newcombe's 95 %
    interval of the difference. Says when nothing moved, and when there is too little to tell.
    """
    since = query.since or wiring.now() - timedelta(days=14)
    found = wiring.traces().of(
        who, since=since, by=query.by, template=query.template, use_case=query.use_case, most=query.limit
    )
    return json_reply(200, found)
