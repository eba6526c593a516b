"""A stack's HTTP API as Python calls: submit, read, follow and decide jobs, fetch pictures.

Hides paths, headers, ETags, back-off and the reading of replies. The key goes to the API only, never to
image links. Retries reading; never sends a change twice.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from shared.batchviews import BatchList, BatchView
from shared.cli import stack
from shared.cli.errors import CliError, refusal, unreachable
from shared.cli.world import World
from shared.finetune import OutcomePage
from shared.models import (
    AuditPage,
    Delivery,
    DeliveryList,
    DisabledEndpointList,
    JobFilter,
    JobRecord,
    SigningSecret,
    Value,
    sha256_hex,
)
from shared.pipeline.tracing import Trace
from shared.releases import Release
from shared.views import (
    ImageView,
    IssuedKeyView,
    JobList,
    JobView,
    KeyList,
    KeyView,
    ModelAliasList,
    ModelList,
    PolicyView,
    TemplateList,
    TemplateView,
)

_POLL_FIRST_S, _POLL_LAST_S, _POLL_GROWTH = 0.2, 1.0, 1.4
_PATIENCE_S = 30.0
"""How long reading goes on when a stack stops answering in the middle of a job."""
_PIECE = 1024 * 1024
_PASSING = frozenset({429, 500, 502, 503, 504})

_ALL = JobFilter()

View = TypeVar("View", bound=Value)


@dataclass(frozen=True)
class Document(Generic[View]):
    """A reply twice: `view`, what this version understands, and `raw`, all that the API said."""

    view: View
    raw: dict[str, Any]
    etag: str = ""
    complete: bool = True
    """False when the API sent fields that this version does not know."""


JobDocument = Document[JobView]


class Api:
    """One stack, one key."""

    def __init__(self, base_url: str, key: str, *, world: World) -> None:
        self.base_url = base_url
        self._headers = {"Authorization": f"Bearer {key}"}
        self._world = world
        self._http = world.open_http(base_url)

    def submit(self, request: Mapping[str, Any]) -> JobDocument:
        return _document(JobView, self._send("POST", "/v1/jobs", body=request))

    def job(self, job_id: str) -> JobDocument:
        return _document(JobView, self._send("GET", self._path(job_id)))

    def jobs(self, *, limit: int, cursor: str | None = None, only: JobFilter = _ALL) -> Document[JobList]:
        """Newest first."""
        wanted = {"limit": limit, "cursor": cursor, **only.model_dump(mode="json")}
        params = {name: str(value) for name, value in wanted.items() if value is not None}
        return _document(JobList, self._send("GET", "/v1/jobs", params=params))

    def newest(self) -> JobDocument:
        """The job that "last" names. Raises CliError where there is none yet."""
        jobs = self.jobs(limit=1).view.jobs
        if not jobs:
            raise CliError("there are no jobs yet", hint="make one: presscheck demo", code="not_found")
        return self.job(jobs[0].id)

    def record(self, job_id: str) -> Document[JobRecord]:
        return _document(JobRecord, self._send("GET", f"{self._path(job_id)}/record"))

    def records(self, *, since: datetime | None, cursor: str | None = None) -> Document[AuditPage]:
        """One page of jobs, newest first."""
        wanted = {"since": since.isoformat() if since else None, "cursor": cursor}
        params = {name: value for name, value in wanted.items() if value is not None}
        return _document(AuditPage, self._send("GET", "/v1/audit", params=params))

    def outcomes(self, *, days: int, cursor: str | None = None) -> Document[OutcomePage]:
        """One page of jobs, newest first."""
        params = {"days": str(days), "limit": "100"} | ({"cursor": cursor} if cursor else {})
        return _document(OutcomePage, self._send("GET", "/v1/outcomes", params=params))

    def act(self, job_id: str, verb: str, *, body: Mapping[str, Any]) -> JobDocument:
        """`verb` is approve, reject, drafts, accept, restore or cancel."""
        return _document(JobView, self._send("POST", f"{self._path(job_id)}/{verb}", body=body))

    def replay(self, job_id: str, *, render: str | None = None) -> JobDocument:
        """The job that paints a render again."""
        return _document(JobView, self._send("POST", f"{self._path(job_id)}/replay", body=_given(render=render)))

    def deliveries(self, job_id: str) -> Document[DeliveryList]:
        return _document(DeliveryList, self._send("GET", f"{self._path(job_id)}/deliveries"))

    def redeliver(self, job_id: str, delivery_id: str) -> Document[Delivery]:
        return _document(Delivery, self._send("POST", f"{self._path(job_id)}/deliveries/{delivery_id}/redeliver"))

    def signing_secret(self) -> Document[SigningSecret]:
        return _document(SigningSecret, self._send("GET", "/v1/webhooks/secret"))

    def rotate_signing_secret(self) -> Document[SigningSecret]:
        return _document(SigningSecret, self._send("POST", "/v1/webhooks/secret/rotate"))

    def disabled_endpoints(self) -> Document[DisabledEndpointList]:
        return _document(DisabledEndpointList, self._send("GET", "/v1/webhooks/disabled"))

    def enable_endpoint(self, url: str) -> Document[DisabledEndpointList]:
        """Answers with those still disabled."""
        return _document(DisabledEndpointList, self._send("POST", "/v1/webhooks/enable", body={"url": url}))

    def create_key(self, wanted: Mapping[str, Any]) -> Document[IssuedKeyView]:
        return _document(IssuedKeyView, self._send("POST", "/v1/keys", body=wanted))

    def keys(self) -> Document[KeyList]:
        return _document(KeyList, self._send("GET", "/v1/keys"))

    def revoke_key(self, key_id: str) -> Document[KeyView]:
        return _document(KeyView, self._send("POST", f"/v1/keys/{key_id}/revoke"))

    def models(self) -> Document[ModelList]:
        return _document(ModelList, self._send("GET", "/v1/models"))

    def templates(self) -> Document[TemplateList]:
        return _document(TemplateList, self._send("GET", "/v1/templates"))

    def template(self, name: str) -> Document[TemplateView]:
        return _document(TemplateView, self._send("GET", f"/v1/templates/{name}"))

    def policy(self) -> Document[PolicyView]:
        return _document(PolicyView, self._send("GET", "/v1/policy"))

    def release(self, what: str, version: int, *, reason: str) -> Document[Release]:
        """`what` is `policy` or `templates/NAME`."""
        body = {"version": version, "reason": reason}
        return _document(Release, self._send("POST", f"/v1/{what}/release", body=body))

    def rollback(self, what: str, *, reason: str) -> Document[Release]:
        """`what` is `policy` or `templates/NAME`."""
        return _document(Release, self._send("POST", f"/v1/{what}/rollback", body={"reason": reason}))

    def aliases(self) -> Document[ModelAliasList]:
        return _document(ModelAliasList, self._send("GET", "/v1/aliases"))

    def release_alias(self, alias: str, model: str, *, reason: str) -> Document[Release]:
        body = {"model": model, "reason": reason}
        return _document(Release, self._send("POST", f"/v1/aliases/{quote(alias, safe='')}/release", body=body))

    def rollback_alias(self, alias: str, *, reason: str) -> Document[Release]:
        path = f"/v1/aliases/{quote(alias, safe='')}/rollback"
        return _document(Release, self._send("POST", path, body={"reason": reason}))

    def trace(self, *, since: datetime, by: str, template: str | None, use_case: str | None) -> Document[Trace]:
        params = _given(since=since.isoformat(), by=by, template=template, use_case=use_case)
        return _document(Trace, self._send("GET", "/v1/trace", params=params))

    def batches(self, *, limit: int, after: str | None = None) -> Document[BatchList]:
        """Newest first."""
        params = {"limit": str(limit)} | ({"after": after} if after else {})
        return _document(BatchList, self._send("GET", "/v1/batches", params=params))

    def batch(self, batch_id: str) -> Document[BatchView]:
        return _document(BatchView, self._send("GET", f"/v1/batches/{batch_id}"))

    def cancel_batch(self, batch_id: str) -> Document[BatchView]:
        return _document(BatchView, self._send("POST", f"/v1/batches/{batch_id}/cancel", body={}))

    def send_batch(self, request: Mapping[str, Any], file: Path) -> Document[BatchView]:
        """Make a batch and send its file to where it says; the link carries its own permission."""
        made = _document(BatchView, self._send("POST", "/v1/batches", body=request))
        upload = made.view.upload
        if upload is None:
            raise CliError("the stack did not say where to send the file", code="not_understood")
        headers = {**upload.headers, "content-length": str(file.stat().st_size)}  # S3 takes no chunked upload
        try:
            with self._world.open_http(upload.url) as http, file.open("rb") as data:
                response = http.put(upload.url, content=iter(lambda: data.read(_PIECE), b""), headers=headers)
        except httpx.TransportError as error:
            raise unreachable(f"the file store for {file.name}", error) from error
        if response.is_error:
            raise CliError(f"the file store refused {file.name}: HTTP {response.status_code}", code="upload_refused")
        return made

    def download(self, url: str, to: Path) -> None:
        """Save what is behind a presigned link, piece by piece."""
        try:
            with self._world.open_http(url) as http, http.stream("GET", url) as response, to.open("wb") as out:
                if response.is_error:
                    hint = "links live for an hour; ask again"
                    raise CliError(
                        f"the file store refused: HTTP {response.status_code}", hint=hint, code="file_refused"
                    )
                for piece in response.iter_bytes(_PIECE):
                    out.write(piece)
        except httpx.TransportError as error:
            raise unreachable(f"the file store for {to.name}", error) from error

    def follow(
        self, job: JobDocument, *, until: Callable[[JobView], bool], timeout_s: float | None
    ) -> Iterator[JobDocument]:
        """The job now and after each change, up to and including the first that satisfies `until`.

        Raises CliError when that takes longer than `timeout_s`, or when the stack stays silent.
        """
        started = self._world.clock()
        delay = _POLL_FIRST_S
        yield job
        while not until(job.view):
            if timeout_s is not None and self._world.clock() - started > timeout_s:
                raise CliError(
                    f"job {job.view.id} is still {job.view.stage.value} after {timeout_s:g} s",
                    hint=f"it goes on without us: presscheck jobs watch {job.view.id}",
                    code="timeout",
                )
            self._world.sleep(delay)
            changed = self._changed(job)
            delay = _POLL_FIRST_S if changed else min(_POLL_LAST_S, delay * _POLL_GROWTH)
            if changed:
                job = changed
                yield job

    def picture(self, image: ImageView) -> bytes:
        """The image's bytes, checked against the digest in the ledger. Links carry their own permission."""
        try:
            with self._world.open_http(image.url) as http:
                response = http.get(image.url)
        except httpx.TransportError as error:
            raise unreachable(f"the image store for {image.key}", error) from error
        if response.is_error:
            hint = "links live for minutes; ask again: presscheck jobs show ID --out DIR"
            raise CliError(
                f"the image store refused {image.key}: HTTP {response.status_code}", hint=hint, code="image_refused"
            )
        if sha256_hex(response.content) != image.sha256:
            raise CliError(
                f"{image.key} is not the image the ledger recorded: its digest differs", code="digest_mismatch"
            )
        return response.content

    def _changed(self, job: JobDocument) -> JobDocument | None:
        """The job if it is another than `job`; failures that pass by themselves are waited out."""
        deadline = self._world.clock() + _PATIENCE_S
        headers = {"If-None-Match": job.etag} if job.etag else {}
        while True:
            try:
                response = self._send("GET", self._path(job.view.id), headers=headers)
            except CliError as error:
                passing = error.code in {"unreachable", "timeout"} or error.status in _PASSING
                if not passing or self._world.clock() > deadline:
                    raise
                self._world.sleep(_POLL_LAST_S)
                continue
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return None
            fresh = _document(JobView, response)
            return fresh if _content(fresh) != _content(job) else None

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            response = self._http.request(
                method, path, json=body, params=params, headers={**self._headers, **(headers or {})}
            )
        except httpx.TransportError as error:
            raise unreachable(self.base_url, error) from error
        if response.is_error:
            raise refusal(response)
        return response

    def _path(self, job_id: str) -> str:
        return f"/v1/jobs/{job_id}"


def open_api(world: World) -> Api:
    """The stack the environment names, or the local one. Raises CliError that says how to get one."""
    target = stack.target(world)
    return Api(target.api_url, target.key, world=world)


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _document(view: type[View], response: httpx.Response) -> Document[View]:
    try:
        raw = response.json()
        parsed, complete = _tolerant(view, raw)
    except ValueError as error:  # ValidationError is one
        raise CliError(
            f"{response.request.url.path} answered something this version does not understand",
            hint="is PRESSCHECK_API_URL a Presscheck stack, and is this the newest presscheck?",
            code="not_understood",
        ) from error
    return Document(parsed, raw, etag=response.headers.get("etag", ""), complete=complete)


def _tolerant(view: type[View], raw: Any) -> tuple[View, bool]:
    """The view, without the fields that a newer API added; False with it when there were any."""
    try:
        return view.model_validate(raw), True
    except ValidationError as error:
        unknown = [item["loc"] for item in error.errors() if item["type"] == "extra_forbidden"]
        if not unknown:
            raise
    known = copy.deepcopy(raw)
    for *parents, name in unknown:
        holder = known
        for parent in parents:
            holder = holder[parent]
        holder.pop(name, None)
    return view.model_validate(known), False


def _content(job: JobDocument) -> JobView:
    """The job without its links, which differ in every reply."""
    hidden = {"url": "", "thumb_url": ""}

    def bare(render: Any) -> Any:
        return render and render.model_copy(update={"image": render.image and render.image.model_copy(update=hidden)})

    view = job.view
    return view.model_copy(
        update={
            "drafts": tuple(map(bare, view.drafts)),
            "attempts": tuple(map(bare, view.attempts)),
            "final": bare(view.final),
            "output": (),
        }
    )
