"""What the first view costs: bytes, time, and whether anything jumps."""

from __future__ import annotations

import os
from typing import Any

from playwright.sync_api import Browser, expect

from tests.local.running import Stack

BUDGET_BYTES = 150_000
READY_MS = 1_000
"""Alone on the machine. Beside other tests three times as long is let pass: their load is not Studio's."""
SHIFT = """() => new Promise(done => {
  let sum = 0;
  const add = each => { if (!each.hadRecentInput) sum += each.value; };
  new PerformanceObserver(list => list.getEntries().forEach(add)).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(sum), 300);
})"""


def test_the_first_view_is_light_quick_and_still(
    browser: Browser, stack: Stack, printed: dict[str, Any], record_property: Any
) -> None:
    """Of a browser that was never here, with jobs on the board, from a warm API. The quickest of five views counts:
    the machine has other tests to run.
    """
    views = [_first_view(browser, stack) for _ in range(5)]
    measured = min(views, key=lambda view: view["ready_ms"])

    for name, value in measured.items():
        record_property(name, value)
    print(measured)
    assert measured["bytes"] + measured["pictures_bytes"] < BUDGET_BYTES, measured
    assert measured["shift"] < 0.01, measured
    alone = os.getloadavg()[0] < (os.cpu_count() or 1)
    assert measured["ready_ms"] < READY_MS * (1 if alone else 3), measured


def test_a_second_visit_loads_no_file_again(browser: Browser, stack: Stack, printed: dict[str, Any]) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(stack.api_url)
    expect(page.get_by_label("API key")).to_be_visible()
    asked: list[str] = []
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    wire.on("Network.responseReceived", lambda it: asked.append(it["response"]["url"]) if not _kept(it) else None)

    page.goto("about:blank")
    page.goto(stack.api_url)
    expect(page.get_by_label("API key")).to_be_visible()

    assert [url for url in asked if "/static/" in url] == []
    context.close()


def _kept(message: dict[str, Any]) -> bool:
    reply = message["response"]
    return bool(reply.get("fromDiskCache") or reply.get("fromPrefetchCache") or message.get("type") == "Other")


def _first_view(browser: Browser, stack: Stack) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1360, "height": 900})
    context.add_init_script(f"sessionStorage.setItem('presscheck.key', '{stack.api_key}')")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("Network.enable")
    sizes: dict[str, int] = {}
    pictures: set[str] = set()
    wire.on(
        "Network.responseReceived",
        lambda it: pictures.add(it["requestId"]) if it["response"]["mimeType"] in {"image/png", "image/webp"} else None,
    )
    wire.on("Network.loadingFinished", lambda it: sizes.update({it["requestId"]: int(it["encodedDataLength"])}))
    page.goto(stack.api_url)
    expect(page.locator(".card:not(.ghost)").first).to_be_visible()
    shift = page.evaluate(SHIFT)
    ready = page.evaluate("performance.getEntriesByName('studio-shown')[0].startTime")
    context.close()
    return {
        "bytes": sum(size for request, size in sizes.items() if request not in pictures),
        "pictures_bytes": sum(size for request, size in sizes.items() if request in pictures),
        "shift": round(shift, 4),
        "ready_ms": round(ready),
    }
