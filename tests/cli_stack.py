"""A stack for the CLI's tests: the API's paths over real views in memory, and a local stack in one script."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner, Result

from shared.cli.main import app
from shared.cli.world import World
from shared.models import (
    Alias,
    Attempt,
    AttemptStatus,
    ErrorDetail,
    Event,
    ImageRef,
    Job,
    JobRecord,
    JobRequest,
    Latency,
    Recipe,
    SeedRecord,
    Size,
    Stage,
    TextCheck,
    Tier,
    Verdict,
    Verification,
    canonical_json,
    sha256_hex,
)
from shared.views import JobList, job_summary, job_view

KEY = "pc_live_do_not_show_me"
URL = "https://stack.test/prod"
JOB_ID = "01JD8Z3V9QK4T7X2M5N6P8R0SA"
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HAPPY = (Stage.QUEUED, Stage.DRAFTING, Stage.FINALIZING, Stage.VERIFYING, Stage.DONE)

Answer = Callable[[httpx.Request], httpx.Response]


def _link(image: ImageRef, *, thumbnail: bool = False) -> str:
    return f"https://images.test/{image.sha256}{'-256.webp' if thumbnail else ''}?sig=a%2Fb"


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = {sha256_hex(data): data for data in (picture("teal"), picture("coral"), picture("gold"))}
DRAFT, FINAL, MISPRINT = PICTURES


@dataclass
class FakeStack:
    """One job that takes a step along `stages` each time it is read; `answers` are given first, once each."""

    stages: Sequence[Stage] = HAPPY
    cached: bool = False
    repaired: bool = False
    beside: bool = False
    """The final began before the draft was done."""
    request: dict[str, Any] = field(default_factory=lambda: {"prompt": "a poster", "expected_text": "SALE"})
    answers: list[Answer] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=lambda: PICTURES)
    _step: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == "images.test":
            assert "authorization" not in request.headers
            return httpx.Response(200, content=self.pictures[request.url.path[1:]])
        if self.answers:
            return self.answers.pop(0)(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return httpx.Response(401, json={"message": "Unauthorized"})
        return self._answer(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/prod")
        if (request.method, path) == ("POST", "/v1/jobs"):
            self.request = json.loads(request.content)
            return httpx.Response(202, json=self.view())
        if path == "/v1/jobs":
            page = JobList(jobs=(job_summary(self.job(), link=_link, base_url=URL),), cursor="older")
            return httpx.Response(200, json=page.model_dump(mode="json"))
        if path == f"/v1/jobs/{JOB_ID}":
            self._step = min(self._step + 1, len(self.stages) - 1)
            return httpx.Response(200, json=self.view(), headers={"etag": f'"{self._step}"'})
        if path == f"/v1/jobs/{JOB_ID}/record":
            return httpx.Response(200, json=self.record())
        if path.startswith(f"/v1/jobs/{JOB_ID}/"):
            return httpx.Response(200, json=self.view())
        message = f"no job {path.rpartition('/')[2]}"
        return httpx.Response(404, json={"error": {"message": message, "param": None, "code": "not_found"}})

    def job(self) -> Job:
        stage = self.stages[self._step]
        request = JobRequest.model_validate(self.request)
        error = None
        if stage is Stage.FAILED:
            error = ErrorDetail(
                code="rendered_text_mismatch", message="rendered_text_mismatch: expected 'SALE' not found"
            )
        return Job(
            id=JOB_ID,
            tenant="acme",
            stage=stage,
            seq=self._step,
            head="",
            request=request,
            use_case="hero",
            policy_version=1,
            prompt=request.prompt or "from a template",
            seed=request.seed or 0,
            size=Size.model_validate("1024x1024"),
            rounds=(1,),
            final_attempt=(2 if self.repaired else 1) if stage.terminal else None,
            cost_usd_micros=42_000,
            error=error,
            created_at=START,
            updated_at=START,
            completed_at=START + timedelta(seconds=3) if stage.terminal else None,
        )

    def view(self) -> dict[str, Any]:
        """The job as the API would write it now, with what a newer API might add."""
        view = job_view(self.job(), self._attempts(), link=_link, base_url=URL)
        return view.model_dump(mode="json") | self.extra

    def record(self) -> dict[str, Any]:
        """Two events, as the ledger would hold them."""
        state = {"id": JOB_ID, "stage": "done", "seq": 2}
        first = _sealed(
            Event(job_id=JOB_ID, seq=1, type="job.submitted", at=START, actor="dana", data={"seed": 42}, prev="0" * 64)
        )
        second = _sealed(
            Event(
                job_id=JOB_ID,
                seq=2,
                type="render.finished",
                at=START,
                actor="render",
                data={"guidance": 7.0},
                prev=first.digest,
                covers={"JOB": sha256_hex(canonical_json(state))},
            )
        )
        events = tuple(event.model_dump(mode="json") for event in (first, second))
        # The first one covered nothing yet, and so has no such field.
        del events[0]["covers"]
        job = {**state, "head": second.digest}
        return JobRecord(job_id=JOB_ID, job=job, events=events, items={}).model_dump(mode="json")

    def _attempts(self) -> list[Attempt]:
        if self._step < 2:
            return []
        attempts = [self._attempt(Tier.DRAFT, 1, sha256=DRAFT)]
        if self.stages[self._step].terminal:
            if self.repaired:
                attempts.append(self._attempt(Tier.FINAL, 1, sha256=MISPRINT, read="SAIE"))
            passed = self.stages[self._step] is Stage.DONE
            attempts.append(
                self._attempt(Tier.FINAL, 2 if self.repaired else 1, sha256=FINAL, read="SALE" if passed else "SAIE")
            )
        return attempts

    def _attempt(self, tier: Tier, attempt: int, *, sha256: str, read: str | None = None) -> Attempt:
        served_by = "sketch-fast" if tier is Tier.DRAFT else "sketch-fine"
        size = Size.model_validate("1024x1024")
        recipe = Recipe(model=served_by, prompt="a poster", seed=42, size=size, guidance_scale=7.5)
        return Attempt(
            job_id=JOB_ID,
            tenant="acme",
            tier=tier,
            candidate=1 if tier is Tier.DRAFT else 0,
            attempt=attempt,
            status=AttemptStatus.RENDERED,
            use_case="hero",
            model=served_by,
            provider="sagemaker",
            provider_model=served_by,
            recipe=recipe,
            fingerprint=recipe.fingerprint(),
            seed=SeedRecord.model_validate({"requested": 42, "sent": 42, "reported": 42, "determinism": "exact"}),
            alias=Alias(asked="dalle3-hd", served_by=served_by, reason="the local stack paints with its simulator"),
            repair="lower guidance, lettering masked" if attempt > 1 else None,
            image=ImageRef(
                key=f"images/acme/{sha256}.png",
                sha256=sha256,
                phash="0" * 16,
                width=64,
                height=48,
                mime="image/png",
                size_bytes=200,
            ),
            cached=self.cached,
            simulated=True,
            latency_ms=Latency(queue=10, inference=400, total=431),
            cost_usd_micros=42_000 if tier is Tier.FINAL else 0,
            verification=_verification(read) if read else None,
            started_at=START,
            completed_at=START + timedelta(seconds=1 if self.beside else 0),
        )


def _verification(read: str) -> Verification:
    verdict = Verdict.PASS if read == "SALE" else Verdict.FAIL
    check = TextCheck(
        expected="SALE", recognized=read, verdict=verdict, cer=0.0 if read == "SALE" else 0.25, confidence=0.9
    )
    return Verification(verdict=verdict, texts=(check,), recognized=read, engine="test")


def _sealed(event: Event) -> Event:
    return event.model_copy(update={"digest": event.computed_digest()})


LOCAL_STACK = """
import json, pathlib, sys
mark = pathlib.Path(__file__).with_name("running")
calls = pathlib.Path(__file__).with_name("calls")
calls.write_text((calls.read_text() if calls.exists() else "") + " ".join(sys.argv[1:]) + "\\n")
state = {"running": mark.exists(), "api_url": URL, "api_key": KEY}
match sys.argv[1:]:
    case ["status", "--json"]:
        print(json.dumps(state if mark.exists() else {"running": False}))
    case ["up", "--json"]:
        print("emulator ready", "deployed 105 resources", "API key " + KEY, sep="\\n", file=sys.stderr, flush=True)
        mark.touch()
        print(json.dumps({**state, "running": True}))
    case ["down", *_]:
        mark.unlink(missing_ok=True)
    case ["logs", *_]:
        sys.exit(7)
"""


@dataclass
class Terminal:
    """Runs `presscheck …` against a fake stack, in a world without network, clock or other processes."""

    folder: Path
    stack: FakeStack = field(default_factory=FakeStack)
    named: bool = True
    out: Console | None = None
    environ: dict[str, str] = field(default_factory=dict)
    naps: list[float] = field(default_factory=list)

    def __call__(self, *arguments: str) -> Result:
        script = self.folder / "local_stack.py"
        script.write_text(f"URL, KEY = {URL!r}, {KEY!r}\n{LOCAL_STACK}")
        named = {"PRESSCHECK_API_URL": URL, "PRESSCHECK_API_KEY": KEY} if self.named else {}
        wide = Console(width=160, highlight=False)
        world = World(
            environ=named | self.environ,
            open_http=lambda url: httpx.Client(base_url=url, transport=httpx.MockTransport(self.stack)),
            stack_command=(sys.executable, "-I", "-S", str(script)),
            sleep=self.naps.append,
            clock=lambda: sum(self.naps),
            out=self.out or wide,
            err=Console(width=160, stderr=True, highlight=False),
        )
        return CliRunner().invoke(app, list(arguments), obj=world)

    @property
    def local_calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()
