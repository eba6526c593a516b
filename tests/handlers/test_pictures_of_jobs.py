"""Lists and thumbnails: what a board of many jobs asks for."""

from __future__ import annotations

import io
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import pytest
from PIL import Image

from shared import wiring
from shared.ledger import Amendment
from shared.models import Job, Stage, sha256_hex
from tests.handlers.conftest import KEY, Context
from tests.handlers.gateway import Gateway
from tests.test_ledger import attempt_of
from tests.world import DESIGNER, STRANGER, Resources, hero, picture


@pytest.fixture
def api(deployed: Resources) -> httpx.Client:
    transport = httpx.WSGITransport(Gateway(Context()))
    return httpx.Client(transport=transport, base_url="https://api.example", headers={"authorization": f"Bearer {KEY}"})


def painted(tags: tuple[str, ...] = ()) -> Job:
    """A concluded job with one stored draft."""
    job = wiring.submissions().submit(DESIGNER, hero(tags=tags))
    image = wiring.images().store(job.tenant, picture(7, size=(1200, 800)))
    draft = attempt_of(job, candidate=1, clock=wiring.now).model_copy(update={"image": image})  # type: ignore[arg-type]
    changes = {"stage": Stage.REJECTED}
    return wiring.ledger().amend(job.id, lambda _: Amendment(event="t", actor="t", attempts=(draft,), changes=changes))


def _stored(url: str) -> bytes:
    """What a presigned link leads to."""
    parts = urlsplit(url)
    assert int(parse_qs(parts.query)["X-Amz-Expires"][0]) <= 900
    return boto3.client("s3").get_object(Bucket="images", Key=parts.path.lstrip("/"))["Body"].read()


def test_a_list_shows_pictures_and_links_to_small_ones(api: httpx.Client) -> None:
    job = painted(tags=("spring",))

    (shown,) = api.get("/v1/jobs", params={"tag": "spring", "q": "BANNER"}).json()["jobs"]

    (draft,) = shown["drafts"]
    assert (shown["id"], draft["model"], shown["input"]["tags"]) == (job.id, "sketch-fast", ["spring"])
    assert sha256_hex(_stored(draft["image"]["url"])) == draft["image"]["sha256"]
    with Image.open(io.BytesIO(_stored(draft["image"]["thumb_url"]))) as small:
        assert (small.format, small.size) == ("WEBP", (256, 171))


def test_an_unchanged_list_answers_304_until_something_happens(api: httpx.Client) -> None:
    job = painted()
    etag = api.get("/v1/jobs").headers["etag"]
    assert api.get("/v1/jobs", headers={"if-none-match": etag}).status_code == 304

    assert api.post(f"/v1/jobs/{job.id}/rating", json={"stars": 4, "flaws": ["hands"]}).status_code == 200

    changed = api.get("/v1/jobs", headers={"if-none-match": etag})
    assert (changed.status_code, changed.json()["jobs"][0]["stars"]) == (200, 4.0)
    (rating,) = api.get(f"/v1/jobs/{job.id}").json()["ratings"]
    assert (rating["by"], rating["flaws"], rating["shown"]) == ("dana", ["hands"], "d1-1")


@pytest.mark.parametrize("body", [{}, {"stars": 0}, {"stars": 6}, {"stars": 3, "flaws": ["ugly"]}, {"stars": True}])
def test_a_rating_has_a_form(body: dict[str, object], api: httpx.Client) -> None:
    assert api.post(f"/v1/jobs/{painted().id}/rating", json=body).status_code == 422


@pytest.mark.parametrize("side", [256, 512])
def test_a_thumbnail_is_made_when_first_asked_for_and_then_kept(side: int, api: httpx.Client) -> None:
    stored = wiring.images().store("acme", picture(3, size=(800, 1200)))

    first = api.get(f"/v1/images/{stored.sha256}/thumbnail", params={"w": str(side)})
    boto3.client("s3").delete_object(Bucket="images", Key=stored.key)
    second = api.get(f"/v1/images/{stored.sha256}/thumbnail", params={"w": str(side)})

    assert (first.status_code, second.status_code) == (302, 302)
    with Image.open(io.BytesIO(_stored(second.headers["location"]))) as small:
        assert max(small.size) == side


def test_nobody_gets_a_thumbnail_of_anothers_picture(api: httpx.Client) -> None:
    theirs = wiring.images().store(STRANGER.tenant, picture(4))

    for name in (theirs.sha256, "f" * 64, "..%2Frival", "x"):
        assert api.get(f"/v1/images/{name}/thumbnail").status_code == 404
    assert api.get(f"/v1/images/{theirs.sha256}/thumbnail?w=4096").status_code == 422
