"""A real browser on the real page: headless Chromium, driven by Playwright, on the session's local stack.

Where the machine has no Chromium these tests are left out, and pytest says so at its end. To run them:
`apt-get install chromium`, or name another one in PRESSCHECK_CHROMIUM.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.local.running import Stack

CHROMIUM = os.environ.get("PRESSCHECK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 45_000
_seeds = itertools.count(7_000_000)

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if CHROMIUM is None and here in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile: nobody is signed in. Motion is reduced, so that nothing is photographed half way."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that may not complain: an error of a script, or a breach of its policy, fails the test."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: wrong.append(said.text) if said.type == "error" and "Content Security" in said.text else None,
    )
    yield page
    assert wrong == []


@pytest.fixture
def studio(page: Page, stack: Stack) -> Callable[[str], Page]:
    """Open a view of Studio as somebody who is signed in."""
    page.add_init_script(f"sessionStorage.setItem('presscheck.key', '{stack.api_key}')")

    def open_view(view: str) -> Page:
        page.goto(f"{stack.api_url}/#/{view}")
        expect(page.locator("h1")).to_be_visible()
        return page

    return open_view


def submit(stack: Stack, **fields: Any) -> str:
    """A small job nobody asked for before; its id."""
    wish = {"prompt": "A lighthouse on a rocky coast", "use_case": "hero", "size": "512x512", "seed": next(_seeds)}
    reply = stack.api.post("/v1/jobs", json=wish | fields)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


@pytest.fixture(scope="session")
def printed(stack: Stack) -> dict[str, Any]:
    """A job with three drafts and a verified final."""
    return stack.finished(submit(stack, expected_text="SALE", drafts=3, tags=["spring"]))


@pytest.fixture(scope="session")
def waiting(stack: Stack) -> str:
    """Id of a job whose three drafts wait for somebody to pick."""
    job_id = submit(stack, drafts=3, finalize="on_approval")
    stack.until(lambda: stack.api.get(f"/v1/jobs/{job_id}").json()["stage"] == "awaiting_approval")
    return job_id
