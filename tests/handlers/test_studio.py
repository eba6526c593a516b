"""Studio's files: what a browser is told about them, before any of their code runs."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.api import studio
from functions.api.handler import handler
from infra import bundle
from shared import wiring
from tests.handlers.conftest import Context
from tests.world import Resources

Sample = Callable[[str], dict[str, Any]]
Reply = tuple[int, bytes, dict[str, str]]
STATIC = Path(studio.__file__).parent / "static"


@pytest.fixture
def browse(sample: Sample, context: Context, deployed: Resources) -> Callable[..., Reply]:
    """GET a path as a browser does behind API Gateway: no key, the stage in front."""

    def get(path: str, **headers: str) -> Reply:
        event = sample("api-list") | {"path": path, "headers": {"host": "abc.example", **headers}}
        event |= {"multiValueHeaders": {name: [value] for name, value in event["headers"].items()}}
        event["requestContext"] = {
            key: value for key, value in event["requestContext"].items() if key != "authorizer"
        } | {"path": "/prod" + path}
        reply = handler(event, context)  # type: ignore[arg-type]
        body = base64.b64decode(reply["body"]) if reply["isBase64Encoded"] else reply["body"].encode()
        return reply["statusCode"], body, {name: values[0] for name, values in reply["multiValueHeaders"].items()}

    studio.policy.cache_clear()
    return get


def test_the_page_needs_no_key_and_knows_the_stage_in_its_address(browse: Callable[..., Reply]) -> None:
    status, body, headers = browse("/")

    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<base href="/prod/">' in body.decode()
    assert "{{" not in body.decode()


def test_every_file_the_page_names_is_served_for_ever_and_compressed(browse: Callable[..., Reply]) -> None:
    page = browse("/")[1].decode()

    named = re.findall(r'(?:href|src)="(static/[^"]+)"', page)

    assert len(named) > 4
    for path in named:
        status, body, headers = browse(f"/{path}", **{"accept-encoding": "gzip, br"})
        assert status == 200
        assert headers["cache-control"] == "public, max-age=31536000, immutable"
        assert headers["content-encoding"] == "gzip"
        assert gzip.decompress(body) == (STATIC / Path(path).name).read_bytes()


def test_a_browser_that_cannot_unpack_gets_plain_bytes(browse: Callable[..., Reply]) -> None:
    _, body, headers = browse(f"/static/{studio.edition()}/app.js")

    assert "content-encoding" not in headers
    assert body == (STATIC / "app.js").read_bytes()


def test_a_file_under_the_address_of_another_edition_is_not_kept(browse: Callable[..., Reply]) -> None:
    assert browse("/static/0123456789abcdef/app.js")[2]["cache-control"] == "no-cache"


def test_what_the_browser_has_already_is_not_sent_again(browse: Callable[..., Reply]) -> None:
    etag = browse("/")[2]["etag"]

    status, body, _ = browse("/", **{"if-none-match": etag})

    assert (status, body) == (304, b"")


@pytest.mark.parametrize("path", ["/static/x/index.html", "/static/x/handler.py", "/static/x/..%2Fhandler.py"])
def test_nothing_but_the_pages_files_is_served(browse: Callable[..., Reply], path: str) -> None:
    assert browse(path)[0] == 404


def test_the_policy_lets_nothing_in_but_this_origin_and_the_bucket(browse: Callable[..., Reply]) -> None:
    rules = dict(rule.split(" ", 1) for rule in browse("/")[2]["content-security-policy"].split("; "))

    bucket = wiring.images().origin
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["img-src"].split()[-1] == rules["connect-src"].split()[-1] == bucket
    assert "unsafe" not in str(rules)
    assert bucket.endswith("/") and wiring.settings().bucket_name in bucket


def test_no_file_breaks_the_policy_with_code_or_style_of_its_own() -> None:
    """Inline handlers, style attributes, HTML from strings and other origins would be refused or are dangerous."""
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org/)[a-z]"
    )

    found = [f"{path.name}: {hit}" for path in STATIC.glob("*.js") for hit in re.findall(forbidden, path.read_text())]
    page = (STATIC / "index.html").read_text()

    assert found == []
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|https?://", page)


def test_studio_travels_in_the_bundle_of_the_functions(tmp_path: Path) -> None:
    files = bundle._source_files(bundle.ROOT)

    assert {f"functions/api/static/{path.name}" for path in STATIC.iterdir()} <= set(files)
