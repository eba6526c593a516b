"""What the form of a new render shows is what the API is asked for, and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.local.running import Stack


def test_a_seed_set_is_the_number_it_stands_for_and_survives_an_edit(
    studio: Callable[[str], Page], stack: Stack
) -> None:
    page = studio("new?use_case=thumbnail")
    page.get_by_role("button", name="Free prompt").click()
    page.get_by_label("Prompt", exact=True).fill("Terraced hills in morning fog")
    expect(page.get_by_label("Size", exact=True)).to_have_value("512x512")
    seed, sets = page.get_by_label("Seed", exact=True), page.get_by_label("Named seed set")

    page.get_by_role("button", name="Roll").click()
    expect(seed).to_have_value(re.compile(r"^\d{1,10}$"))
    sets.select_option("brand@2")
    expect(seed).to_have_value("brand@2")
    seed.fill("7")
    expect(sets).to_have_value("")
    sets.select_option("brand@3")
    page.get_by_role("group", name="How many drafts").get_by_role("button", name="1", exact=True).click()
    page.get_by_role("radio", name="Drafts only").check()
    expect(page.locator(".ticket")).to_contain_text("Altogether")
    page.locator("#submit").click()

    expect(page.locator(".jobhead .strip")).to_have_text("Done")
    job = _shown(page, stack)
    assert (job["seed"], job["seed_set"], job["size"], job["use_case"]) == (42, "brand@3", "512x512", "thumbnail")
    assert [draft["seed"]["sent"] for draft in job["drafts"]] == [42]

    page.get_by_role("link", name="Change and render").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Terraced hills in morning fog")
    expect(seed).to_have_value("brand@3")
    expect(sets).to_have_value("brand@3")
    page.get_by_label("Use case", exact=True).select_option("feed")
    expect(page.get_by_label("Size", exact=True)).to_have_value("512x512")
    page.locator("#submit").click()
    expect(page.get_by_role("heading", name="Terraced hills in morning fog")).to_be_visible()
    edited = _shown(page, stack)
    assert edited["id"] != job["id"]
    assert (edited["seed"], edited["size"], edited["use_case"]) == (42, "512x512", "feed")


def test_the_estimate_and_the_prompt_shown_are_the_apis_own(studio: Callable[[str], Page], stack: Stack) -> None:
    page = studio("new?template=banner")
    with page.expect_response("**/v1/estimate") as answered:
        page.get_by_label("Headline").fill("Open late")

    estimate = answered.value.json()
    expect(page.locator(".rendered")).to_have_text(estimate["prompt"])
    asked = json.loads(answered.value.request.post_data or "")
    assert (asked["template"], asked["use_case"], asked["size"]) == ("banner@1", "banner", "1536x640")


def _shown(page: Page, stack: Stack) -> dict[str, Any]:
    """The job of the page, as the API has it."""
    page.wait_for_url(re.compile(r"#/jobs/"))
    return dict(stack.api.get(f"/v1/jobs/{page.url.rpartition('/')[2]}").json())
