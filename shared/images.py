"""Images in S3, stored once by what they are: the key is the sha256 of the bytes, under their tenant.

Hides the bucket and its keys. Bytes are stored unaltered (they may be C2PA-signed) and never re-encoded.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError
from PIL import Image

from shared.errors import NotFound, StoreUnavailable
from shared.models import ImageRef, sha256_hex
from shared.pictures import opened

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

THUMBNAIL_SIDES: Final = (256, 512)
"""Pixels; the first is made when an image is stored, so that lists can link to it and stay light."""
MAX_UPLOAD_BYTES: Final = 50_000_000
_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_MIME: Final = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a phone's JPEG with a thumbnail behind it
    "WEBP": "image/webp",
}
_HASH_SIDE: Final = 8
_PATIENCE_S: Final = 20


class Images:
    """Content-addressed image store of all tenants in one bucket."""

    def __init__(self, s3: S3Client, bucket: str, *, url_ttl_s: int) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.url_ttl_s = url_ttl_s

    def store(self, tenant: str, data: bytes) -> ImageRef:
        """Keep the bytes as they are; storing the same image again changes nothing. Raises ImageUnreadable."""
        ref = describe(tenant, data)
        self._s3.put_object(Bucket=self._bucket, Key=ref.key, Body=data, ContentType=ref.mime)
        self._keep_thumbnail(ref.key, data, THUMBNAIL_SIDES[0])
        return ref

    def thumbnail(self, tenant: str, sha256: str, *, side: int) -> str:
        """A presigned URL of the image as a WebP of at most `side` px; made now where it was not yet.

        Raises NotFound when the image is not stored, ImageUnreadable when it is none.
        """
        key = _key(tenant, sha256)
        if not self._stored(_thumbnail_key(key, side)):
            self._keep_thumbnail(key, self.load(tenant, sha256), side)
        return self._presigned(_thumbnail_key(key, side))

    def _keep_thumbnail(self, key: str, data: bytes, side: int) -> None:
        thumbnail = shrunk(data, side=side)
        self._s3.put_object(
            Bucket=self._bucket,
            Key=_thumbnail_key(key, side),
            Body=thumbnail,
            ContentType="image/webp",
            CacheControl="private, max-age=31536000, immutable",
        )

    def load(self, tenant: str, sha256: str) -> bytes:
        """The stored bytes. Raises NotFound when they are gone."""
        try:
            reply = self._s3.get_object(Bucket=self._bucket, Key=_key(tenant, sha256))
        except self._s3.exceptions.NoSuchKey as error:
            raise NotFound(f"image {sha256[:12]} is no longer stored") from error
        return reply["Body"].read()

    def exists(self, ref: ImageRef) -> bool:
        return self._stored(ref.key)

    def _stored(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}:
                return False
            raise
        return True

    @property
    def origin(self) -> str:
        """Where every link leads: the address of the bucket, with a slash at its end."""
        return self._presigned("images/").partition("?")[0].removesuffix("images/")

    def link(self, image: ImageRef, *, thumbnail: bool = False) -> str:
        """A presigned URL; whoever has it can read the image, or the thumbnail made with it, until it expires."""
        return self._presigned(_thumbnail_key(image.key, THUMBNAIL_SIDES[0]) if thumbnail else image.key)

    def _presigned(self, key: str) -> str:
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=self.url_ttl_s
        )

    def follow(self, key: str, query: str) -> tuple[bytes, str]:
        """What a presigned link leads to, and its media type. S3 judges the link: no rights of ours are used.

        Raises NotFound for a link that has expired or was never ours, StoreUnavailable when S3 does not answer.
        """
        import httpx

        try:
            reply = httpx.get(f"{self.origin}{key}?{query}", timeout=_PATIENCE_S)
        except httpx.HTTPError as error:
            raise StoreUnavailable("the image store does not answer; try the same link again") from error
        if reply.is_server_error:
            raise StoreUnavailable(f"the image store answered {reply.status_code}; try the same link again")
        if reply.status_code != httpx.codes.OK:
            raise NotFound("this link has expired, or leads nowhere; ask for a new one")
        return reply.content, reply.headers.get("content-type", "application/octet-stream")

    def invite(self, tenant: str, sha256: str, *, size_bytes: int, mime: str) -> tuple[str, dict[str, str]]:
        """A presigned URL to PUT the bytes of one image to, and the headers that must go with it.

        S3 checks the bytes against the hash they are named by. Whether they are a picture is seen when it is used.
        """
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        url = self._s3.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self._bucket,
                "Key": _key(tenant, sha256),
                "ContentType": mime,
                "ContentLength": size_bytes,
                "ChecksumSHA256": checksum,
            },
            ExpiresIn=self.url_ttl_s,
        )
        return url, {"content-type": mime, "content-length": str(size_bytes), "x-amz-checksum-sha256": checksum}


def describe(tenant: str, data: bytes) -> ImageRef:
    """Identify an image without storing it. Decodes it fully, so a truncated file is found here.

    Raises ImageUnreadable for what is no PNG, JPEG or WebP, is broken, or is more than anyone looks at: see pictures.
    """
    with opened(data, formats=_FORMATS) as image:
        phash = perceptual_hash(image)
        mime, (width, height) = _MIME[str(image.format)], image.size
    sha256 = sha256_hex(data)
    return ImageRef(
        key=_key(tenant, sha256),
        sha256=sha256,
        phash=phash,
        width=width,
        height=height,
        mime=mime,
        size_bytes=len(data),
    )


def perceptual_hash(image: Image.Image) -> str:
    """Difference hash: 64 bits, whether each of 8x8 cells is brighter than its right neighbour; 16 hex digits.

    Source: N. Krawetz, "Kind of Like That", 2013.
    """
    cells = image.convert("L").resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.LANCZOS).tobytes()
    bits = 0
    for row in range(_HASH_SIDE):
        for column in range(_HASH_SIDE):
            left = row * (_HASH_SIDE + 1) + column
            bits = bits << 1 | (cells[left] > cells[left + 1])
    return f"{bits:016x}"


def shrunk(data: bytes, *, side: int) -> bytes:
    """The picture as a WebP of at most `side` px a side; smaller ones keep their size. Raises ImageUnreadable."""
    with opened(data, formats=_FORMATS) as image:
        image.draft("RGB", (side, side))  # a JPEG decodes at a fraction
        small = image.convert("RGBA" if image.has_transparency_data else "RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
        buffer = io.BytesIO()
        small.save(buffer, "WEBP", quality=80, method=2)
        return buffer.getvalue()


def _thumbnail_key(key: str, side: int) -> str:
    return f"{key}-{side}.webp"


def _key(tenant: str, sha256: str) -> str:
    return f"images/{tenant}/{sha256[:2]}/{sha256}"
