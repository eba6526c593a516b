"""Pictures clients bring along: to start from, or as a mask.

Hides how they arrive (raw bytes, a form, a data: URI, straight to S3) and that they are kept by what they are: the
same picture twice is stored once. Never looks at what they show.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from pydantic import Field, StrictInt

from functions.api.http import base_url, header, json_reply, raw_body
from functions.api.multipart import Form, parsed
from functions.api.routes import Routes
from shared import wiring
from shared.errors import BodyTooLarge, ImageUnreadable, InvalidRequest, NotFound
from shared.images import MAX_UPLOAD_BYTES
from shared.models import ImageRef, Principal, Sha256, Value

routes = Routes("Images")

MAX_BODY_BYTES: Final = 4_400_000
"""Lambda is handed at most 6 MB, in which the body is base64 beside its headers.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_TOO_LARGE: Final = "upload it with POST /v1/images/uploads and name it by its sha256"
_MIME: Final = frozenset({"image/png", "image/jpeg", "image/webp", "application/octet-stream"})
_DATA: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+(?:;[\w=.+-]+)*;base64,(.*)", re.DOTALL)
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class StoredImage(Value):
    """A picture of yours. A job takes `sha256` as `init_image` or `mask_image`."""

    sha256: str
    width: int
    height: int
    mime: str
    size_bytes: int
    phash: str
    url: str = Field(description="Short-lived; whoever has it can read the picture.")


class UploadWanted(Value):
    """A picture too large for a request."""

    sha256: Sha256
    size_bytes: Annotated[StrictInt, Field(ge=1, le=MAX_UPLOAD_BYTES)]
    mime: Literal["image/png", "image/jpeg", "image/webp"]


class UploadTicket(Value):
    """Where to send the bytes, and with which headers. S3 refuses bytes whose sha256 is another."""

    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_in_s: int
    sha256: str


class UploadedFile(Value):
    """Replicate's file: what its client makes of an open file in a prediction's input."""

    id: str
    name: str
    content_type: str
    size: int
    etag: str
    checksums: dict[str, str]
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: datetime
    expires_at: datetime | None = None
    urls: dict[str, str]


@routes.post("/v1/images", scope="render", media="image/*", gives={201: StoredImage}, errors=(413, 415, 422))
def upload_image(who: Principal) -> Response[str]:
    """Store a picture: the body is the PNG, JPEG or WebP file itself, up to 4.4 MB."""
    kind = (header(routes.event, "content-type") or "").partition(";")[0].strip().lower()
    if kind not in _MIME:
        raise InvalidRequest(f'send the file itself with "content-type: image/png", not "{kind[:80] or "none"}"')
    stored = store(who.tenant, body_bytes(routes.event), param="body")
    return json_reply(201, StoredImage(url=wiring.images().link(stored), **stored.model_dump(exclude={"key"})))


class Thumbnail(Value):
    w: Literal["256", "512"] = Field("512", description="Pixels of the longer side, at most.")


@routes.get("/v1/images/<sha256>/thumbnail", query=Thumbnail, gives={302: None})
def thumbnail(who: Principal, sha256: str, query: Thumbnail) -> Response[str]:
    """Go to a small WebP of a picture of yours; made when it is first asked for."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise NotFound(f"no image {sha256[:64]}", param="sha256")
    where = wiring.images().thumbnail(who.tenant, sha256, side=int(query.w))
    # Half as long as the link lives, so that what a browser kept still works.
    cached = f"private, max-age={wiring.images().url_ttl_s // 2}"
    return Response(status_code=302, body="", headers={"location": where, "cache-control": cached})


@routes.post("/v1/images/uploads", scope="render", takes=UploadWanted, gives={201: UploadTicket})
def invite_upload(who: Principal, asked: UploadWanted) -> Response[str]:
    """Ask where to send a larger picture, up to 50 MB: straight to S3, under its sha256."""
    images = wiring.images()
    url, headers = images.invite(who.tenant, asked.sha256, size_bytes=asked.size_bytes, mime=asked.mime)
    return json_reply(201, UploadTicket(url=url, headers=headers, expires_in_s=images.url_ttl_s, sha256=asked.sha256))


@routes.post("/v1/files", scope="render", media="multipart/form-data", gives={201: UploadedFile}, errors=(413, 422))
def upload_file(who: Principal) -> Response[str]:
    """Store a picture as Replicate's clients send an open file: a form whose `content` is the file."""
    content = form(routes.event).files.get("content", [])
    if len(content) != 1:
        raise InvalidRequest("content: send exactly one file under this name", param="content")
    stored = store(who.tenant, content[0], param="content")
    here = f"{base_url(routes.event)}/v1/files/{stored.sha256}"
    file = UploadedFile(
        id=stored.sha256,
        name=stored.sha256,
        content_type=stored.mime,
        size=stored.size_bytes,
        etag=stored.sha256,
        checksums={"sha256": stored.sha256},
        created_at=wiring.now(),
        urls={"get": here},
    )
    return json_reply(201, file)


# ── for the routes beside this one ───────────────────────────────────────────────────────────────


def store(tenant: str, data: bytes, *, param: str) -> ImageRef:
    """Keep a picture. Raises InvalidRequest naming the field that brought it."""
    try:
        return wiring.images().store(tenant, data)
    except ImageUnreadable as error:
        raise InvalidRequest(f"{param}: {error.message}", param=param) from error


def stored_input(event: BaseProxyEvent, tenant: str, value: object, *, param: str) -> str:
    """The sha256 of a picture given as a data: URI, as a file uploaded before, or by its sha256."""
    text = value if isinstance(value, str) else ""
    if _SHA256.fullmatch(text):
        return text
    if match := _DATA.fullmatch(text):
        try:
            return store(tenant, base64.b64decode(match[1], validate=True), param=param).sha256
        except binascii.Error as error:
            raise InvalidRequest(f"{param}: the data: URI is not base64", param=param) from error
    if text.startswith(f"{base_url(event)}/v1/files/") and _SHA256.fullmatch(text[-64:]):
        return text[-64:]
    # Other addresses are not fetched: a server that reads any URL reads those inside its network, too.
    raise InvalidRequest(
        f"{param}: send a data: URI, an uploaded file, or the sha256 of an image of yours", param=param
    )


def form(event: BaseProxyEvent) -> Form:
    """The multipart form of a request."""
    return parsed(body_bytes(event), header(event, "content-type") or "")


def body_bytes(event: BaseProxyEvent) -> bytes:
    try:
        return raw_body(event, limit=MAX_BODY_BYTES)
    except BodyTooLarge as error:
        raise BodyTooLarge(f"{error.message}; for a larger picture {_TOO_LARGE}") from error
