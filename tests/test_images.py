"""Following a presigned link for a client that cannot: whatever the store does, the client is told what to do now."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest

from shared.errors import NotFound, StoreUnavailable
from shared.images import Images

KEY = "images/acme/ab/abcd"
LINK = "X-Amz-Signature=0"


@contextlib.contextmanager
def store_that_answers(status: int) -> Iterator[str]:
    class Store(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "image/png")
            self.end_headers()
            self.wfile.write(b"bytes")

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what failed."""

    server = HTTPServer(("127.0.0.1", 0), Store)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def images(endpoint: str) -> Images:
    return Images(boto3.client("s3", endpoint_url=endpoint), "bucket", url_ttl_s=60)


def test_a_good_link_gives_the_bytes_and_what_they_are() -> None:
    with store_that_answers(200) as store:
        assert images(store).follow(KEY, LINK) == (b"bytes", "image/png")


@pytest.mark.parametrize("status", [403, 404])
def test_a_link_the_store_refuses_leads_nowhere(status: int) -> None:
    with store_that_answers(status) as store, pytest.raises(NotFound, match="ask for a new one"):
        images(store).follow(KEY, LINK)


def test_a_store_in_trouble_is_not_taken_for_a_bad_link() -> None:
    with store_that_answers(503) as store, pytest.raises(StoreUnavailable, match="answered 503"):
        images(store).follow(KEY, LINK)


def test_a_store_that_cannot_be_reached_is_worth_another_try() -> None:
    with store_that_answers(200) as store:
        gone = store

    with pytest.raises(StoreUnavailable, match="try the same link again"):
        images(gone).follow(KEY, LINK)
