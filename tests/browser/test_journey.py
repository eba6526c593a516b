"""From an idea to an audited final, as a designer goes; once with the mouse, once without."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from shared.models import sha256_hex
from tests.local.running import Stack

PICTURES = Path(__file__).parents[2] / ".github"
RETAKE = bool(os.environ.get("PRESSCHECK_SCREENSHOTS"))
SETTLED = {"done", "failed", "awaiting_approval", "waiting_off_peak"}


def poster(headline: str, product: str, **more: Any) -> dict[str, Any]:
    variables = {"headline": headline, "product": product, "colour": "deep teal", "style": "retro 1970s"}
    return {"template": "poster", "use_case": "typography", "variables": variables} | more


WINDOW: tuple[dict[str, Any], ...] = (
    poster("WINTER WARMTH", "a wool blanket", seed=930),
    {"use_case": "hero", "prompt": "A perfume bottle on dark stone", "seed": 1, "finalize": "off_peak"},
    poster("FREE REFILLS", "a thermos flask", seed=950),
    {"use_case": "hero", "prompt": "A lighthouse on a rocky coast", "seed": 11, "drafts": 3, "finalize": "on_approval"},
    {"template": "hero", "variables": {"product": "an espresso machine"}, "seed": "brand@3", "drafts": 2},
    {"use_case": "feed", "prompt": "A city skyline at night with lit windows", "seed": 31, "tags": ["autumn"]},
    {"use_case": "feed", "prompt": "A desert road under a wide sky", "seed": 35},
)
"""What lies on the board of the README's picture."""


@pytest.fixture
def window(stack: Stack) -> None:
    """The jobs of the README's picture, each as far as it goes by itself; none when no picture is taken."""
    for wish in WINDOW if RETAKE else ():
        url = stack.api.post("/v1/jobs", json=wish).raise_for_status().json()["urls"]["get"]
        stack.until(partial(_settled, stack, url), within_s=120)


def _settled(stack: Stack, url: str) -> bool:
    return stack.api.get(url).json()["stage"] in SETTLED


def photograph(page: Page, name: str, *, height: int) -> None:
    """A picture for the README; only when PRESSCHECK_SCREENSHOTS asks for it, so that tests leave no trace."""
    if RETAKE:
        page.set_viewport_size({"width": 1360, "height": height})
        expect(page.locator(".notice p")).to_have_count(0)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_load_state("networkidle")
        shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        shot.save(PICTURES / f"{name}.webp", quality=86, method=6)


@pytest.mark.usefixtures("window")
def test_a_designer_goes_from_an_idea_to_a_final_that_says_what_was_asked(page: Page, stack: Stack) -> None:
    page.goto(stack.api_url)
    page.get_by_label("API key").fill(stack.api_key)
    page.get_by_role("button", name="Show me the sheets").click()
    page.get_by_role("link", name="New render").first.click()

    # The words, and the box they belong in.
    page.get_by_label("Template", exact=True).select_option("poster")
    page.get_by_label("Headline").fill("SALE")
    expect(page.locator(".rendered")).to_contain_text('capitals reads "SALE" and nothing else')
    page.get_by_role("button", name="No box").click()
    frame = page.locator("pc-box .frame")
    frame.scroll_into_view_if_needed()
    drag(page, frame, (0.1, 0.1), (0.9, 0.4))
    expect(page.get_by_label("width in percent")).to_have_value("80")
    page.get_by_role("button", name="Roll").click()
    expect(page.get_by_label("Seed", exact=True)).to_have_value(re.compile(r"^\d+$"))
    page.get_by_label("Seed", exact=True).fill("42")
    page.get_by_role("button", name="Draft 3 sheets").click()

    # Three drafts: the second it is.
    expect(page.get_by_text("Which one goes to print?")).to_be_visible()
    expect(page.locator("label.shot img")).to_have_count(3)
    page.locator("label.shot").nth(1).click()
    page.get_by_role("button", name="Print the final").click()
    expect(page.locator(".jobhead .strip")).to_have_text("Done")

    # The final, read back letter by letter, and how it was made.
    job_id = page.url.rpartition("/")[2]
    job = stack.api.get(f"/v1/jobs/{job_id}").json()
    expect(page.locator(".verdict")).to_contain_text("Passed")
    expect(page.locator(".pane.right .seen.good").first).to_be_visible()
    expect(page.locator(".pane.right .seen.asked")).to_have_count(1)
    for fact in ("poster@2", "honoured, exact", job["final"]["model_revision"], job["final"]["image"]["sha256"][:16]):
        expect(page.locator(".facts")).to_contain_text(fact)
    assert job["input"]["text_box"] == [0.1, 0.1, 0.8, 0.3]
    assert job["chosen_draft"] == 2
    photograph(page, "studio-job", height=1345)

    # A rating, on record; the chain of everything that happened; then draft and final held against each other.
    page.locator("label:has(#star-4)").click()
    page.get_by_label("Colour", exact=True).check()
    page.get_by_label("Note").fill("Warmer next time")
    page.get_by_role("button", name="Rate", exact=True).click()
    expect(page.get_by_role("button", name="Rate anew")).to_be_visible()
    rated = stack.api.get(f"/v1/jobs/{job_id}").json()["ratings"][0]
    assert (rated["stars"], rated["flaws"], rated["note"]) == (4, ["colour"], "Warmer next time")
    expect(page.locator(".seal")).to_contain_text("Unbroken")
    page.locator("#to-compare").click()
    expect(page.locator("#headline")).to_contain_text("came with")
    expect(page.locator(".figures")).to_contain_text("Pixels changed")
    page.get_by_role("button", name="Difference").click()
    expect(page.locator("pc-proof .panes")).to_have_attribute("data-mode", "difference")
    page.get_by_role("button", name="Side by side").click()
    page.get_by_role("button", name="Zoom in").click()
    left, right = (page.locator(f".pane.{side} .plate").bounding_box() for side in ("left", "right"))
    assert (
        left and right and (left["width"], left["height"], left["y"]) == (right["width"], right["height"], right["y"])
    )

    page.get_by_role("link", name="Board").click()
    expect(page.locator(f".card[data-job='{job_id}'] .strip")).to_have_text("Done")
    photograph(page, "studio-board", height=810)


def test_what_is_downloaded_is_the_stored_picture_and_its_record(
    studio: Callable[[str], Page], printed: dict[str, object]
) -> None:
    page = studio(f"jobs/{printed['id']}")

    with page.expect_download() as saved:
        page.locator("#download").click()

    final = printed["final"]
    assert isinstance(final, dict)
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        record = json.loads(archive.read(names[1]))
        assert sha256_hex(archive.read(names[0])) == final["image"]["sha256"]
    assert record["render"]["fingerprint"] == final["fingerprint"]
    assert record["audit"]["intact"] is True
    assert "url" not in record["render"]["image"]


@pytest.mark.parametrize("form", ["curl", "Python", "CLI"])
def test_the_same_again_as_a_command_is_the_same_again(studio: Callable[[str], Page], stack: Stack, form: str) -> None:
    """Pasted into a shell as it stands, each form asks for the picture that is there already."""
    wish = {"template": "banner", "variables": {"headline": 'It\'s "50%" off', "action": "2026"}, "seed": "brand@1"}
    box = {"text_box": [0.05, 0.1, 0.6, 0.7], "expected_text": ['It\'s "50%" off']}
    asked = {"use_case": "banner", "size": "768x512", "drafts": 1, "finalize": "draft_only", "tags": ["spring sale"]}
    first = stack.finished(stack.api.post("/v1/jobs", json=wish | box | asked).raise_for_status().json()["id"])
    page = studio(f"jobs/{first['id']}")

    page.get_by_role("group", name="As", exact=True).get_by_role("button", name=form).click()
    text = page.locator(".along pre").inner_text()
    job_id = _pasted(text, form=form, stack=stack)

    again = stack.finished(job_id)
    assert again["drafts"][0]["cached"] is True
    assert again["drafts"][0]["image"]["sha256"] == first["drafts"][0]["image"]["sha256"]
    assert again["input"] == first["input"] | {"template": "banner@1", "seed": 1337, "size": "768x512"}


def _pasted(text: str, *, form: str, stack: Stack) -> str:
    """Run it as a user would; the id of the job it made."""
    keys = {"PRESSCHECK_API_URL": stack.api_url, "PRESSCHECK_API_KEY": stack.api_key, "NO_PROXY": "127.0.0.1"}
    shell = ["bash", "-c", text]
    if form == "Python":
        shell = [sys.executable, "-c", text]
    elif form == "CLI":
        run = "from shared.cli.main import run; run()"
        shell[-1] = f"presscheck() {{ '{sys.executable}' -c '{run}' \"$@\"; }}; {text} --no-wait --json"
    elif shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    said = subprocess.run(shell, env=os.environ | keys, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout.split()[0] if form == "Python" else str(json.loads(said.stdout)["id"])


def test_nobody_needs_a_mouse(page: Page, stack: Stack) -> None:
    """The whole way with Tab, arrows, space and Enter."""
    keys = page.keyboard
    page.goto(stack.api_url)
    keys.type(stack.api_key)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Board")).to_be_focused()

    tab_to(page, page.get_by_role("link", name="New render").last)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="New render")).to_be_focused()
    tab_to(page, page.get_by_label("Template", exact=True))
    keys.type("Sale")
    tab_to(page, page.get_by_label("Headline"))
    keys.type("SALE")
    tab_to(page, page.locator("pc-box .area"))
    for key in ("ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight"):
        keys.press(key)
    expect(page.get_by_label("y in percent")).to_have_value("7")
    expect(page.get_by_label("width in percent")).to_have_value("86")
    tab_to(page, page.locator("#submit"))
    keys.press("Enter")

    expect(page.get_by_text("Which one goes to print?")).to_be_visible()
    tab_to(page, page.get_by_role("radio", name="Draft 1 of"))
    keys.press("ArrowRight")
    expect(page.locator("#draft-2")).to_be_checked()
    tab_to(page, page.get_by_role("button", name="Print the final"))
    keys.press("Enter")
    expect(page.locator(".jobhead .strip")).to_have_text(re.compile("Done|Failed"))

    tab_to(page, page.locator("input.wipe"))
    keys.press("ArrowLeft")
    expect(page.locator("input.wipe")).to_have_js_property("value", "27.5")


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it is there; what cannot be reached so cannot be used."""
    expect(wanted).to_be_visible()
    for _ in range(90):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never came to {wanted}")


def drag(page: Page, place: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Between two points in fractions of an element."""
    box = place.bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()
