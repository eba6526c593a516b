"""Studio, the web page: its files as bytes, and what a browser is told about them.

Hides media types, compression, caching and the Content-Security-Policy. Knows no job: the page asks the same API as
every other client. All files share one folder in their address, named after their content, so that a browser keeps
them for ever and a deployment is seen at once.
"""

from __future__ import annotations

import gzip
import hashlib
import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from aws_lambda_powertools.event_handler import Response

from functions.api.http import base_url, header, json_reply
from functions.api.routes import Routes
from shared import wiring
from shared.errors import NotFound
from shared.models import Principal, Value

routes = Routes("Studio")

_FOLDER: Final = Path(__file__).parent / "static"
_PAGE: Final = "index.html"
_MEDIA: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SAFE: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Whoami(Value):
    """Who a key belongs to, and what it may do here."""

    tenant: str
    name: str
    scopes: tuple[str, ...]
    stage: str
    profile: str


@dataclass(frozen=True)
class _File:
    media: str
    plain: bytes
    packed: bytes
    digest: str


@routes.get("/", public=True, gives={200: "text/html", 304: None}, headers=("If-None-Match",))
def page() -> Response[bytes]:
    """Studio, the web page of this API."""
    where = urlsplit(base_url(routes.event))
    text = _files()[_PAGE].plain.decode()
    text = text.replace("{{base}}", html.escape(f"{where.path}/")).replace("{{edition}}", edition())
    headers = _SAFE | {"content-security-policy": policy(), "cache-control": "no-cache"}
    return _answer(_packed(_MEDIA[".html"], text.encode()), headers)


@routes.get("/static/<folder>/<name>", public=True, gives={200: "application/octet-stream", 304: None})
def file(folder: str, name: str) -> Response[bytes]:
    """A file of Studio. It never changes under its address."""
    found = _files().get(name)
    if found is None or name == _PAGE:
        raise NotFound(f"Studio has no file {name[:64]}")
    # A page of the edition before may still ask for a module while a deployment goes on: it gets today's, uncached.
    return _answer(found, _SAFE | {"cache-control": _FOR_EVER if folder == edition() else "no-cache"})


@routes.get("/v1/me", gives={200: Whoami})
def me(who: Principal) -> Response[str]:
    """Who this key belongs to, what it may do, and which deployment this is."""
    here = wiring.settings()
    return json_reply(
        200, Whoami(tenant=who.tenant, name=who.name, scopes=who.scopes, stage=here.stage, profile=here.profile)
    )


@cache
def edition() -> str:
    """Names the content of all files together."""
    every = "".join(f"{name}:{file.digest}\n" for name, file in sorted(_files().items()))
    return hashlib.sha256(every.encode()).hexdigest()[:16]


@cache
def policy() -> str:
    """Nothing runs or loads but this origin's own files; pictures and uploads also go to the bucket."""
    bucket = wiring.images().origin
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: {bucket}",
        "connect-src": f"'self' {bucket}",
        "manifest-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {allowed}" for name, allowed in rules.items())


@cache
def _files() -> dict[str, _File]:
    return {
        path.name: _packed(_MEDIA[PurePosixPath(path).suffix], path.read_bytes())
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _MEDIA
    }


def _packed(media: str, data: bytes) -> _File:
    return _File(media, data, gzip.compress(data, 9, mtime=0), hashlib.sha256(data).hexdigest())


def _answer(file: _File, headers: dict[str, str]) -> Response[bytes]:
    etag = f'"{file.digest[:32]}"'
    headers = headers | {"etag": etag, "vary": "Accept-Encoding"}
    seen = header(routes.event, "if-none-match") or ""
    if etag in [each.strip().removeprefix("W/") for each in seen.split(",")]:
        return Response(status_code=304, body=b"", headers=headers)
    packed = "gzip" in (header(routes.event, "accept-encoding") or "")
    if packed:
        headers |= {"content-encoding": "gzip"}
    return Response(
        status_code=200, content_type=file.media, body=file.packed if packed else file.plain, headers=headers
    )
