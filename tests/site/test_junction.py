"""The live junction on the built landing page: what a reader sees first."""

import gzip
from pathlib import Path

import pytest

from .conftest import Watched

pytestmark = pytest.mark.site
LANDING = "book/index.html"


def test_it_is_alive_within_two_seconds_and_works(watched: Watched) -> None:
    watched.open(LANDING)
    figure = watched.page.locator("[data-figure='junction']").first
    figure.locator(".mj-picture").wait_for(timeout=2000)
    cars = figure.locator(".mj-car")
    assert cars.count() > 2  # it opens at a moment worth seeing
    before = figure.locator(".mj-field .mj-value").first.inner_text()
    figure.get_by_role("button", name="Step", exact=True).click()
    assert figure.locator(".mj-field .mj-value").first.inner_text() != before
    assert "#junction-0?" in watched.page.url
    assert watched.wrong == []


def test_the_page_stays_small(html: Path) -> None:
    assert len(gzip.compress((html / LANDING).read_bytes())) < 400_000


def test_the_promise_under_the_picture_is_kept(watched: Watched) -> None:
    """Mute the car coming from the left, go on: the next step is a crash."""
    watched.open(LANDING)
    figure = watched.page.locator("[data-figure='junction']").first
    figure.locator(".mj-picture").wait_for()
    heard = figure.locator(".mj-picture").get_attribute("aria-label").split("It heard car ")[1]
    figure.locator(".mj-mute input").nth(int(heard[0])).check()
    figure.get_by_role("button", name="Step", exact=True).click()
    assert "Crash" in figure.locator(".mj-picture").get_attribute("aria-label")
    figure.get_by_role("button", name="Reset", exact=True).click()
    figure.get_by_role("button", name="Step", exact=True).click()
    assert "Crash" not in figure.locator(".mj-picture").get_attribute("aria-label")
    assert watched.wrong == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_stands_on_the_page_itself(watched: Watched, theme: str) -> None:
    """Not on the light card that the theme puts under what a cell displays."""
    watched.open(LANDING)
    watched.set_theme(theme)
    card = watched.page.locator(".text_html:has(> [data-figure='junction'])").first
    assert card.evaluate("e => getComputedStyle(e).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_without_javascript_it_is_a_picture_with_numbers(browser, html: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((html / LANDING).as_uri())
    figure = page.locator("[data-figure='junction']").first
    assert figure.locator("svg[role=img]").is_visible()
    assert "%" in figure.locator("table").inner_text()
    context.close()
