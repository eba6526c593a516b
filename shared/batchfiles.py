"""Files of batches in S3: what tenants upload, the copies we make of them, and the results.

Hides the bucket and its keys. Reads in ranges and writes in parts: no file is ever in memory.

    batches/incoming/<tenant>/…          uploads; a batch made through the API waits for <batch id>.<format> there
    batches/work/<tenant>/<batch id>/    rows.jsonl, a copy that Step Functions can read
    batches/results/<tenant>/<batch id>/ results.jsonl and errors.jsonl
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from shared.errors import NotFound
from shared.models import BatchFile, BatchFormat, Value

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INCOMING: Final = "batches/incoming/"
WORK: Final = "batches/work/"
RESULTS: Final = "batches/results/"
_RANGE: Final = 1024 * 1024
_KEY: Final = re.compile(rf"{INCOMING}(?P<tenant>[^/]+)/(?P<name>.*[^/])")
_CONTENT: Final[dict[BatchFormat, str]] = {"csv": "text/csv", "jsonl": "application/jsonl"}
_FORMATS: Final[dict[str, BatchFormat]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Upload(Value):
    """How a client uploads a file: one request, method PUT, with exactly these headers."""

    url: str
    method: str = "PUT"
    headers: dict[str, str]
    expires_in_s: int


class BatchFiles:
    """The bucket's batch prefixes."""

    def __init__(self, s3: S3Client, bucket: str, *, url_ttl_s: int) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._url_ttl_s = url_ttl_s

    # ── uploads ──────────────────────────────────────────────────────────────────────────────────

    def upload(self, key: str, *, format: BatchFormat) -> Upload:  # noqa: A002 - the noun
        """A presigned URL that takes one file, at this key and no other, until it expires."""
        headers = {"content-type": _CONTENT[format]}
        params = {"Bucket": self.bucket, "Key": key, "ContentType": headers["content-type"]}
        url = self._s3.generate_presigned_url("put_object", Params=params, ExpiresIn=self._url_ttl_s)
        return Upload(url=url, headers=headers, expires_in_s=self._url_ttl_s)

    def look(self, key: str, *, version: str | None = None) -> BatchFile:
        """A version of an uploaded file, the newest by default. Raises NotFound when there is none."""
        exactly: Any = {"VersionId": version} if version else {}
        try:
            head = self._s3.head_object(Bucket=self.bucket, Key=key, **exactly)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}:
                raise NotFound(f"{key} is not there any more") from error
            raise
        stored = head.get("VersionId")
        return BatchFile(
            key=key,
            etag=head["ETag"].strip('"'),
            version=stored if stored != "null" else None,
            size_bytes=head["ContentLength"],
        )

    def ranges(self, file: BatchFile) -> Iterator[bytes]:
        """The bytes of exactly this version, a megabyte at a time."""
        version: Any = {"VersionId": file.version} if file.version else {}
        for start in range(0, file.size_bytes, _RANGE):
            reply = self._s3.get_object(
                Bucket=self.bucket,
                Key=file.key,
                Range=f"bytes={start}-{min(start + _RANGE, file.size_bytes) - 1}",
                IfMatch=f'"{file.etag}"',
                **version,
            )
            yield reply["Body"].read()

    # ── what we write ────────────────────────────────────────────────────────────────────────────

    def write(self, key: str, lines: Iterable[str]) -> str:
        """Store lines as they come, in parts of 8 MiB; writing again replaces the file. Returns its key."""
        from boto3.s3.transfer import TransferConfig  # only who writes needs it

        self._s3.upload_fileobj(
            _Stream(lines),  # type: ignore[arg-type]  # all that is asked of it is `read`
            self.bucket,
            key,
            ExtraArgs={"ContentType": _CONTENT["jsonl"]},
            Config=TransferConfig(use_threads=False),
        )
        return key

    def link(self, key: str) -> str:
        """A presigned URL; whoever has it can read the file until it expires."""
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=self._url_ttl_s
        )


def incoming_key(tenant: str, batch_id: str, format: BatchFormat) -> str:  # noqa: A002 - the noun
    return f"{INCOMING}{tenant}/{batch_id}.{format}"


def copy_key(tenant: str, batch_id: str) -> str:
    return f"{WORK}{tenant}/{batch_id}/rows.jsonl"


def output_key(tenant: str, batch_id: str) -> str:
    return f"{RESULTS}{tenant}/{batch_id}/results.jsonl"


def error_key(tenant: str, batch_id: str) -> str:
    return f"{RESULTS}{tenant}/{batch_id}/errors.jsonl"


def owner_of(key: str) -> str | None:
    """The tenant under whose prefix a file lies; None for a folder's marker and for what lies beside the tenants."""
    match = _KEY.fullmatch(key)
    return match["tenant"] if match else None


def stem_of(key: str) -> str:
    """The file's name without folders and ending."""
    return PurePosixPath(key).stem


def format_of(key: str) -> BatchFormat | None:
    """By the file's ending, in any case; None for one we do not read."""
    return _FORMATS.get(PurePosixPath(key).suffix.lower())


class _Stream(io.RawIOBase):
    """Lines as the file that an upload reads from."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._rest = bytearray()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer):
            line = next(self._lines, None)
            if line is None:
                break
            self._rest += line.encode()
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        del self._rest[:size]
        return size
