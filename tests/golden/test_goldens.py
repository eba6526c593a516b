"""Goldens: released templates look as stored, to the pixel where the path is ours; and where they do not, it is seen.

Painted by the real serving container.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from PIL import Image, ImageEnhance
from typer.testing import CliRunner, Result

from infra.inference.container.sketch.paint import Sketch, paint
from shared.cli.main import app
from shared.cli.painter import painter
from shared.cli.world import World
from shared.goldens import THUMBNAIL_PX, Tolerance, golden_problems, load_goldens, released
from shared.images import perceptual_hash, shrunk
from shared.pixels import difference
from shared.prompts import DIRECTORY, lock

CARD = """
title = "Card"
use_cases = ["typography"]
prompt = 'A plain card that reads "{{ words }}"'
expected_text = ["{{ words }}"]
size = "256x256"
[variables]
words = { type = "string", max_length = 12 }
[example]
words = "HELLO"
"""


STAND_IN = "import json, signal; print(json.dumps({'host': '127.0.0.1', 'port': PORT}), flush=True); signal.pause()"


@dataclass(frozen=True)
class Checkout:
    """A folder of templates, and the commands on it."""

    folder: Path
    out: Path
    world: World

    def __call__(self, *arguments: str, answer: str = "") -> Result:
        options = ["--dir", str(self.folder), "--out", str(self.out)]
        return CliRunner().invoke(app, ["golden", *arguments, *options], input=answer, obj=self.world)

    @property
    def golden(self) -> Path:
        return self.folder / "card" / "golden" / "1.json"

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        document = json.loads(self.golden.read_text())
        change(document)
        self.golden.write_text(json.dumps(document))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One container for all commands: what each of them starts only tells where it is."""
    with painter(World(), ["sketch-fast", "sketch-fine"]) as hand:
        yield World(container_command=_pointing_to(hand.http.base_url.port or 0))


def _pointing_to(port: int) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", STAND_IN.replace("PORT", str(port)))


def _address(world: World) -> str:
    """Of the container that a world's command points to."""
    port = re.search(r"'port': (\d+)", world.container_command[-1])
    assert port
    return f"http://127.0.0.1:{port[1]}"


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    """A released template and its golden."""
    folder = tmp_path_factory.mktemp("templates")
    (folder / "card").mkdir()
    (folder / "card" / "1.toml").write_text(CARD)
    lock(folder, ["card@1"])
    made = Checkout(folder, folder / "out", world)("update", "--yes")
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def checkout(painted: Path, tmp_path: Path, world: World) -> Checkout:
    shutil.copytree(painted, tmp_path / "templates")
    return Checkout(tmp_path / "templates", tmp_path / "sheets", world)


def _word(result: Result, model: str) -> dict[str, Any]:
    return next(each for each in json.loads(result.stdout)["findings"] if each["model"] == model)


# ── the goldens of this repository ───────────────────────────────────────────────────────────────


def test_every_released_version_looks_as_stored(tmp_path: Path) -> None:
    result = Checkout(DIRECTORY, tmp_path, World())("check", "--json")

    findings = json.loads(result.stdout)["findings"]
    assert {each["template"] for each in findings} == set(released(DIRECTORY))
    assert [each for each in findings if each["result"] != "same"] == []
    assert result.exit_code == 0


def test_every_released_version_has_a_golden_that_fits_it() -> None:
    assert golden_problems(DIRECTORY) == ()


def test_goldens_are_small() -> None:
    sizes = {path: path.stat().st_size for path in DIRECTORY.glob("*/golden/*")}

    assert max(sizes.values()) < 16 * 1024


# ── checking ─────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_that_changed_fails_and_is_shown_beside_the_stored_one(checkout: Checkout) -> None:
    checkout.edit(lambda golden: golden["looks"]["sketch-fine"].update(pixels="0" * 64))

    result = checkout("check")

    sheet = checkout.out / "card@1-sketch-fine.png"
    assert result.exit_code == 1
    assert f"see {sheet}" in result.stdout
    assert "changed card@1 sketch-fine  000000000000 -> " in result.stdout
    assert Image.open(sheet).size[0] > 3 * 256
    assert not (checkout.out / "card@1-sketch-fast.png").exists()


def test_another_recipe_is_named_as_such(checkout: Checkout) -> None:
    checkout.edit(lambda golden: golden["looks"]["sketch-fine"]["recipe"].update(steps=3))

    finding = _word(checkout("check", "--json"), "sketch-fine")

    assert finding["result"] == "recipe"
    assert finding["recipe_changes"] == ["steps 3 -> 28"]


def test_a_real_model_may_differ_within_the_tolerance_and_no_further(checkout: Checkout) -> None:
    """The thumbnail stands for what it painted before: here once the same picture, once another."""
    checkout.edit(lambda golden: golden["looks"]["sketch-fine"].update(compare="perceptual", pixels="0" * 64))
    alike = _word(checkout("check", "--json"), "sketch-fine")
    (checkout.golden.parent / "1.sketch-fine.webp").write_bytes(_thumbnail(seed=7))
    changed = checkout("check", "--json")

    assert (alike["result"], alike["ssim"]) == ("alike", 1.0)
    assert _word(changed, "sketch-fine")["result"] == "changed"
    assert changed.exit_code == 1


class _Weights(BaseHTTPRequestHandler):
    """A container with a real model in it, as far as the wire tells: sketch-fine under another name."""

    http: httpx.Client
    seed_shift = 0

    def do_GET(self) -> None:
        self._send(b'{"status": "ready"}')

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked |= {"model": "sketch-fine", "seed": asked["seed"] + self.seed_shift}
        reply = self.http.post("/invocations", json=asked).json()
        self._send(json.dumps(reply | {"simulated": False, "model_revision": "weights-1"}).encode())

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def weights(world: World) -> Iterator[tuple[World, type[_Weights]]]:
    """The world with those weights, and the handler to let them drift."""
    handler = type("Handler", (_Weights,), {"http": world.open_http(_address(world))})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield replace(world, container_command=_pointing_to(server.server_port)), handler
        server.shutdown()


def test_real_weights_are_stored_beside_the_painters_and_met_within_the_tolerance(
    checkout: Checkout, weights: tuple[World, type[_Weights]]
) -> None:
    world, handler = weights
    real = replace(checkout, world=world)

    stored = real("update", "--model", "sd35-large", "--yes")
    met = _word(real("check", "--model", "sd35-large", "--json"), "sd35-large")
    handler.seed_shift = 1
    drifted = _word(real("check", "--model", "sd35-large", "--json"), "sd35-large")

    looks = load_goldens(checkout.folder)["card@1"].looks
    assert stored.exit_code == 0
    assert (looks["sd35-large"].compare, looks["sd35-large"].revision) == ("perceptual", "weights-1")
    assert {"sketch-fast", "sketch-fine"} < set(looks)
    assert (met["result"], drifted["result"]) == ("same", "changed")
    assert drifted["ssim"] < 0.9


# ── updating ─────────────────────────────────────────────────────────────────────────────────────


def test_update_shows_what_changed_and_writes_only_after_a_yes(checkout: Checkout) -> None:
    checkout.edit(lambda golden: golden["looks"]["sketch-fine"].update(pixels="0" * 64))
    before = checkout.golden.read_bytes()

    refused = checkout("update", answer="n\n")
    kept = checkout.golden.read_bytes()
    agreed = checkout("update", answer="y\n")

    assert "000000000000 -> " in refused.stdout
    assert (checkout.out / "card@1-sketch-fine.png").exists()
    assert kept == before
    assert f"Wrote {checkout.golden}" in agreed.stdout
    assert checkout("check").exit_code == 0


def test_update_for_scripts_writes_nothing_without_yes(checkout: Checkout) -> None:
    checkout.edit(lambda golden: golden["looks"]["sketch-fine"].update(pixels="0" * 64))
    before = checkout.golden.read_bytes()

    told = json.loads(checkout("update", "--json").stdout)

    assert (told["written"], told["would_write"]) == ([], 1)
    assert told["changed"][0]["stored_pixels"] == "0" * 64
    assert checkout.golden.read_bytes() == before


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_without_a_golden_is_found(checkout: Checkout) -> None:
    checkout.golden.unlink()

    result = CliRunner().invoke(app, ["templates", "check", "--dir", str(checkout.folder)])

    assert result.exit_code == 1
    assert "card@1 was released without a golden; make it: presscheck golden update --template card@1" in result.stdout


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda golden: golden.update(digest="0" * 64), "card@1 was edited since"),
        (lambda golden: golden.update(template="card@2"), "it is of card@2, not of what it is named after"),
        (lambda golden: golden["looks"]["sketch-fine"].update(pixels="x"), "looks.sketch-fine.pixels"),
        (lambda golden: golden.update(seeds=1), "seeds"),
        (lambda golden: golden.update(looks={}), "it holds no picture yet"),
    ],
)
def test_a_golden_that_fits_nothing_is_named_with_its_file(
    checkout: Checkout, change: Callable[[dict[str, Any]], None], says: str
) -> None:
    checkout.edit(change)

    (problem,) = golden_problems(checkout.folder)

    assert "card/golden/1.json: " in problem
    assert says in problem


def test_a_golden_without_its_thumbnail_is_incomplete(checkout: Checkout) -> None:
    (checkout.golden.parent / "1.sketch-fast.webp").unlink()

    assert "1.sketch-fast.webp is gone" in golden_problems(checkout.folder)[0]


def test_an_unknown_template_or_model_is_refused_in_one_line(checkout: Checkout) -> None:
    template = checkout("check", "--template", "cart")
    model = Checkout(checkout.folder, checkout.out, World())("check", "--model", "sd35-large=/nowhere")

    assert (template.exit_code, model.exit_code) == (1, 1)
    assert 'there is no template "cart"; did you mean card?' in template.stderr
    assert "the serving container did not start" in model.stderr


# ── the tolerance ────────────────────────────────────────────────────────────────────────────────


@cache
def _sketch(seed: int) -> Image.Image:
    return Image.fromarray(paint(Sketch("sketch-fine", "a card with a ship", seed, 512, 512)).pixels)


def _png(picture: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, **({"format": "PNG"} | options))
    return buffer.getvalue()


def _thumbnail(seed: int) -> bytes:
    return shrunk(_png(_sketch(seed)), side=THUMBNAIL_PX)


def _allowed(one: bytes, other: bytes) -> bool:
    hashes = [int(perceptual_hash(Image.open(io.BytesIO(each))), 16) for each in (one, other)]
    ssim = difference(*(shrunk(each, side=THUMBNAIL_PX) for each in (one, other))).ssim
    return Tolerance().allows(phash_distance=(hashes[0] ^ hashes[1]).bit_count(), ssim=ssim)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_viewer_takes_for_the_same_is_within_the_tolerance(seed: int) -> None:
    picture = _sketch(seed)
    original = _png(picture)

    harmless = {
        "jpeg": _png(picture, format="JPEG", quality=60),
        "brighter": _png(ImageEnhance.Brightness(picture).enhance(1.03)),
        "scaled": _png(picture.resize((256, 256)).resize((512, 512))),
    }

    assert [name for name, data in harmless.items() if not _allowed(original, data)] == []


@pytest.mark.parametrize("seed", range(3))
def test_another_seed_is_beyond_the_tolerance(seed: int) -> None:
    assert not _allowed(_png(_sketch(seed)), _png(_sketch(seed + 1)))


def test_the_thumbnail_of_a_golden_is_of_the_picture_its_digest_names() -> None:
    golden = load_goldens(DIRECTORY)["poster@2"]
    look = golden.looks["sketch-fine"]
    thumbnail = Image.open(DIRECTORY / "poster" / "golden" / "2.sketch-fine.webp")

    apart = int(perceptual_hash(thumbnail), 16) ^ int(look.phash, 16)

    assert apart.bit_count() <= 4
