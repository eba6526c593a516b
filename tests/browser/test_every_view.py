"""Every view, in both themes and on a phone, to people who cannot see it as it was drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.local.running import Stack

VIEWS = {
    "board": ("", ".card:not(.ghost)"),
    "new render": ("new?template=banner", "#submit"),
    "contact sheet": ("jobs/{waiting}", "#approve"),
    "job": ("jobs/{printed}", ".seal"),
    "compare": ("compare?left={printed}:d1-1&right={printed}:f-1", "#headline"),
    "choosing": ("compare", ".shelf"),
    "insight": ("insight", ".plot"),
    "batches": ("batches", ".drop"),
    "not there": ("jobs/nobody", ".blank"),
}


@pytest.fixture
def visit(studio: Callable[[str], Page], printed: dict[str, Any], waiting: str) -> Callable[[str], Page]:
    """Open a view by name and wait until it is whole."""

    def open_view(name: str) -> Page:
        path, sign = VIEWS[name]
        page = studio(path.format(printed=printed["id"], waiting=waiting)) if name != "not there" else _lost(studio)
        expect(page.locator(sign).first).to_be_visible()
        return page

    return open_view


def _lost(studio: Callable[[str], Page]) -> Page:
    page = studio("")
    page.goto(page.url.partition("#")[0] + "#/jobs/nobody")
    return page


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_in_either_theme(visit: Callable[[str], Page], name: str) -> None:
    page = visit(name)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)

        found = Axe().run(page)

        assert found.violations_count == 0, f"{theme}:\n{found.generate_report()}"


def test_the_gate_is_as_accessible(page: Page, stack: Stack) -> None:
    page.goto(stack.api_url)
    expect(page.get_by_label("API key")).to_be_focused()

    assert Axe().run(page).violations_count == 0


def test_nothing_is_wider_than_a_phone(browser: Browser, stack: Stack, printed: dict[str, Any], waiting: str) -> None:
    """390 px, touch. Wide tables scroll in their own frame."""
    phone = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    phone.add_init_script(f"sessionStorage.setItem('presscheck.key', '{stack.api_key}')")
    page = phone.new_page()

    for name, (path, sign) in VIEWS.items():
        page.goto(f"{stack.api_url}/#/{path.format(printed=printed['id'], waiting=waiting)}")
        expect(page.locator(sign).first).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, f"{name} is {wide} px wide"
    page.goto(f"{stack.api_url}/#/jobs/{printed['id']}")
    page.locator("#views").get_by_role("link", name="Insight").tap()
    expect(page.get_by_role("heading", name="Insight")).to_be_visible()
    phone.close()
