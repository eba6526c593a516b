"""A file goes in, results come out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

ROWS = """prompt,use_case,size,seed
A fox in the snow,thumbnail,512x512,8100001
A fox in the rain,thumbnail,512x512,8100002
A fox in the dark,thumbnail,13x13,8100003
"""


def test_a_file_dropped_becomes_jobs_and_its_bad_row_is_explained(
    studio: Callable[[str], Page], tmp_path: Path
) -> None:
    file = tmp_path / "foxes.csv"
    file.write_text(ROWS, encoding="utf-8")
    page = studio("batches")

    page.get_by_label("Choose a file").set_input_files(file)
    expect(page.locator(".seenfile")).to_contain_text("3 rows")
    expect(page.locator(".seenfile td").first).to_have_text("A fox in the snow")
    page.get_by_label("Finals").select_option("draft_only")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("heading", name="foxes.csv")).to_be_visible()
    expect(page.locator(".meta .chip").first).to_have_text("Completed")
    expect(page.locator(".files")).to_contain_text("size.width")
    expect(page.locator(".files a[href^='#/jobs/']")).to_have_count(2)
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
        assert Axe().run(page).violations_count == 0
    page.get_by_role("link", name="Batches").first.click()
    expect(page.locator(".batch").first).to_contain_text("2 of 3")
    assert Axe().run(page).violations_count == 0


def test_a_file_that_is_no_batch_is_told_so_before_it_is_sent(studio: Callable[[str], Page], tmp_path: Path) -> None:
    file = tmp_path / "sizes.csv"
    file.write_text("width,height\n1,2\n", encoding="utf-8")
    page = studio("batches")

    page.get_by_label("Choose a file").set_input_files(file)

    expect(page.get_by_role("alert")).to_contain_text("“prompt” or “template”")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
