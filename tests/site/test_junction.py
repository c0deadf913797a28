"""The live junction on the built landing page: what a reader sees first."""

import re
from pathlib import Path

import pytest
import yaml

from .conftest import HTML, Watched

pytestmark = pytest.mark.site
LANDING = "book/index.html"
CONTENTS = yaml.safe_load((HTML.parents[1] / "_toc.yml").read_text(encoding="utf-8"))


def test_it_is_alive_within_two_seconds_and_works(watched: Watched) -> None:
    watched.open(LANDING)
    figure = watched.page.locator("[data-figure='junction']").first
    figure.locator(".mj-picture").wait_for(timeout=2000)
    cars = figure.locator(".mj-car")
    assert cars.count() > 2  # it opens at a moment worth seeing
    before = figure.locator(".mj-clock").text_content()
    figure.get_by_role("button", name="Step", exact=True).click()
    assert figure.locator(".mj-clock").text_content() != before
    assert "#junction-0?" in watched.page.url
    assert watched.wrong == []


@pytest.mark.parametrize("size", [(375, 740), (1280, 800)])
def test_one_screen_says_what_it_is_and_shows_the_figure(
    watched: Watched, size: tuple[int, int]
) -> None:
    """What it is, the two ways in, the whole picture, and what is pressed while watching it."""
    width, height = size
    watched.page.set_viewport_size({"width": width, "height": height})
    watched.open(LANDING)
    article = watched.page.locator("article")
    figure = article.locator("[data-figure='junction']")
    parts = [
        article.locator("h1"),
        article.locator(".marl-lead"),
        article.get_by_role("link", name="Begin"),
        article.get_by_role("link", name="Interview").first,
        figure.locator(".mj-picture"),
        *(figure.get_by_role("button", name=name, exact=True) for name in ("Play", "Step")),
        figure.locator(".mj-mute"),
    ]
    for part in parts:
        box = part.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= height, (part, box)
    assert figure.locator(".mj-picture").bounding_box()["width"] >= 220


def test_cards_stand_in_reading_order(html: Path) -> None:
    """The tour, then the chapters with their numbers, as the table of contents has them."""
    page = (html / LANDING).read_text(encoding="utf-8")
    chapters = [
        f"{part['file'].removeprefix('book/')}.html"
        for part in next(part for part in CONTENTS["parts"] if part.get("numbered"))["chapters"]
    ]
    cards = re.findall(r'<div class="sd-card .*?</a>', page, re.DOTALL)
    links = [re.search(r'href="([^"]+)"', card)[1] for card in cards]
    assert links[: len(chapters) + 1] == ["tour.html", *chapters]
    numbers = [re.search(r"(\d+)\. ", card) for card in cards[1 : len(chapters) + 1]]
    assert [int(number[1]) for number in numbers] == list(range(1, len(chapters) + 1))


def test_the_promise_under_the_picture_is_kept(watched: Watched) -> None:
    """Mute the car that the page names, go on: the next step is a crash, counted in the picture."""
    watched.open(LANDING)
    figure = watched.page.locator("[data-figure='junction']").first
    figure.locator(".mj-picture").wait_for()
    heard = figure.locator(".mj-picture").get_attribute("aria-label").split("It heard car ")[1]
    assert f"mute car {heard[0]}," in figure.locator(".mj-try").inner_text()
    figure.locator(".mj-mute input").nth(int(heard[0])).check()
    figure.get_by_role("button", name="Step", exact=True).click()
    assert "Crash" in figure.locator(".mj-picture").get_attribute("aria-label")
    assert figure.locator(".mj-score").inner_text().endswith("0 of 1 (with a change midway)")
    counted = figure.locator(".mj-count").text_content().split()
    assert " ".join(counted) == "0 of 1 without a crash"
    outlined = figure.locator(".mj-car circle[stroke='var(--bad)']")
    assert outlined.count() == 2
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
