"""When things are not as they should be: no key, no network, no picture, nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import submit
from tests.local.running import Stack


def test_a_wrong_key_is_told_so_and_kept_nowhere(page: Page, stack: Stack) -> None:
    page.goto(stack.api_url)
    page.get_by_label("API key").fill("pc_live_nobody")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert").filter(has_text="No such key")).to_be_visible()
    assert page.evaluate("JSON.stringify([sessionStorage, localStorage])") == "[{},{}]"


def test_a_key_revoked_meanwhile_leads_back_to_the_gate_and_then_to_the_same_page(
    studio: Callable[[str], Page], stack: Stack
) -> None:
    page = studio("insight")
    page.route("**/v1/jobs?**", lambda route: route.fulfill(status=401, json={"detail": "no"}))

    page.get_by_role("link", name="Board").click()

    expect(page.get_by_label("API key")).to_be_focused()
    page.unroute("**/v1/jobs?**")
    page.get_by_label("API key").fill(stack.api_key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Board")).to_be_visible()


def test_a_lost_network_is_said_and_everything_stays_until_it_is_back(
    studio: Callable[[str], Page], context: BrowserContext, printed: dict[str, Any]
) -> None:
    page = studio("")
    expect(page.locator(f".card[data-job='{printed['id']}']")).to_be_visible()

    context.set_offline(True)

    expect(page.get_by_text("Nobody answers.")).to_be_visible()
    expect(page.locator(f".card[data-job='{printed['id']}']")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_text("Nobody answers.")).to_be_hidden()


def test_a_job_that_fails_says_why_and_what_now(studio: Callable[[str], Page], stack: Stack) -> None:
    with stack.faults({"action": "fail", "status": 500}):
        job = stack.finished(submit(stack))

    page = studio(f"jobs/{job['id']}")

    assert job["stage"] == "failed"
    expect(page.locator(".failure")).to_contain_text("The model answered")
    expect(page.locator(".rung .chip.bad").first).to_be_visible()
    expect(page.get_by_role("link", name="Change and render")).to_be_visible()


def test_a_final_turned_down_shows_what_was_tried_and_can_be_taken_as_it_is(
    studio: Callable[[str], Page], stack: Stack
) -> None:
    """No reader can tell these letters apart, and the ceiling leaves money for one cheap repair only."""
    job = stack.finished(submit(stack, expected_text="Il1lI|I", max_cost_usd_micros=3_500))
    assert job["error_detail"]["code"] == "rendered_text_mismatch"

    page = studio(f"jobs/{job['id']}")

    expect(page.locator(".failure")).to_contain_text("The final does not say what was asked")
    expect(page.locator(".rung")).to_have_count(2)
    expect(page.locator(".rung").nth(1)).to_contain_text("Lettering under a mask")
    passed_over = page.locator(".ladder").get_by_role("list", name="Steps passed over").last
    expect(passed_over).to_contain_text('Words set in type use case "hero" wants its words painted')
    expect(page.locator(".rung .misread").first).to_be_visible()
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert Axe().run(page).violations_count == 0

    page.get_by_label("Which attempt").select_option("1")
    page.get_by_label("Why it will do").fill("The bars are the logo")
    page.get_by_role("button", name="Accept it").click()

    expect(page.locator(".jobhead .strip")).to_have_text("Done")
    expect(page.locator(".failure")).to_contain_text("took it as it is: “The bars are the logo”")
    expect(page.locator(".events")).to_contain_text("Accepted as it is")
    taken = stack.api.get(f"/v1/jobs/{job['id']}").json()
    assert (taken["stage"], taken["final"]["attempt"]) == ("done", 1)


def test_a_wish_the_api_refuses_is_shown_at_its_field(studio: Callable[[str], Page]) -> None:
    page = studio("new")
    page.get_by_role("button", name="Free prompt").click()
    page.get_by_label("Prompt", exact=True).fill("A fox")
    page.get_by_label("Seed", exact=True).fill("no seed of ours")

    page.locator("#submit").click()

    expect(page.get_by_label("Seed", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[data-param=seed] .wrong")).to_contain_text("seed")
    assert "#/new" in page.url


def test_a_board_without_jobs_says_what_to_do(studio: Callable[[str], Page]) -> None:
    page = studio("?tag=nobody-ever-used-this")

    expect(page.get_by_role("heading", name="Nothing like that")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(".card:not(.ghost)").first).to_be_visible()


def test_a_picture_that_is_gone_leaves_a_note_and_no_hole(
    studio: Callable[[str], Page], page: Page, printed: dict[str, Any]
) -> None:
    page.route("**/images/**", lambda route: route.fulfill(status=403))

    studio(f"jobs/{printed['id']}")

    expect(page.get_by_text("This picture cannot be loaded.").first).to_be_visible()
