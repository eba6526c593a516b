"""Routes about batches: ask for an upload, look, cancel.

Each calls one method of the pipeline and shapes the answer. A file dropped into the bucket needs none of them.
"""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from pydantic import Field

from functions.api.http import base_url, json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.batchviews import BatchList, BatchUpload, BatchView, batch_view
from shared.models import Batch, BatchRequest, Principal, Value

routes = Routes("Batches")


class BatchesPage(Value):
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    after: Annotated[str, Field(max_length=1024)] | None = None


@routes.post("/v1/batches", scope="render", takes=BatchRequest, gives={201: BatchView})
def create_batch(who: Principal, asked: BatchRequest) -> Response[str]:
    """Make a batch that waits for its file.

    Send the file as `upload` says, within an hour: the batch begins by itself when it is there.
    """
    batch, upload = wiring.arrivals().create(who, asked, base_url=base_url(routes.event))
    how = BatchUpload(url=upload.url, headers=upload.headers, expires_in_s=upload.expires_in_s)
    shown = view(batch, upload=how)
    return json_reply(201, shown, {"location": shown.urls.get})


@routes.get("/v1/batches", query=BatchesPage, gives={200: BatchList})
def list_batches(who: Principal, query: BatchesPage) -> Response[str]:
    """List batches, newest first; `after` takes the `cursor` of the page before."""
    page = wiring.arrivals().page(who, limit=query.limit, cursor=query.after)
    found = tuple(view(batch) for batch in page.batches)
    return json_reply(200, BatchList(data=found, has_more=page.cursor is not None, cursor=page.cursor))


@routes.get("/v1/batches/<batch_id>", gives={200: BatchView})
def get_batch(who: Principal, batch_id: str) -> Response[str]:
    """Look at a batch: how far its rows are, and its files once it is over."""
    return json_reply(200, view(wiring.arrivals().find(who, batch_id)))


@routes.post("/v1/batches/<batch_id>/cancel", scope="render", gives={200: BatchView})
def cancel_batch(who: Principal, batch_id: str) -> Response[str]:
    """Stop a batch: no more rows are started, running jobs are canceled.

    One that is over is answered as it is. What was finished is still listed in its results.
    """
    return json_reply(200, view(wiring.arrivals().cancel(who, batch_id)))


def view(batch: Batch, *, upload: BatchUpload | None = None) -> BatchView:
    """The batch with links to its files."""
    link = wiring.batch_files().link
    return batch_view(batch, link=link, base_url=base_url(routes.event), now=wiring.now(), upload=upload)
